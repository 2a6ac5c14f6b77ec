"""The strict safetensors reader."""

import io
import json
import random
import struct

import pytest

from advisor.errors import BadDocument
from advisor.hub.safetensors_header import read_safetensors_header
from tests.hub.gguf_files import safetensors_bytes

SOUND = {"__metadata__": {"format": "pt\x1b"}, "a": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]},
         "b": {"dtype": "F4", "shape": [8], "data_offsets": [12, 16]}}  # fmt: skip


def read(data, size=None):
    return read_safetensors_header(io.BytesIO(data), len(data) if size is None else size)


def tensor(dtype="F16", shape=(2,), span=(0, 4), **more):
    return {"t": {"dtype": dtype, "shape": list(shape), "data_offsets": list(span), **more}}


def test_a_sound_file_is_read_in_full():
    header = read(safetensors_bytes(SOUND, bytes(16)))
    assert [(t.name, t.dtype, t.elements, t.bytes) for t in header.tensors] == [("a", "F16", 6, 12), ("b", "F4", 8, 4)]
    assert header.metadata == {"format": "pt"}


HOSTILE = {
    "empty": b"",
    "no header": struct.pack("<Q", 0),
    "a header of 2^60": struct.pack("<Q", 1 << 60) + b"{}",
    "a header over the cap": struct.pack("<Q", 25_000_001) + b"{}",
    "cut short": struct.pack("<Q", 100) + b"{}",
    "not JSON": safetensors_bytes(b"{'a'}"),
    "a list": safetensors_bytes(b"[]"),
    "deep": safetensors_bytes(b'{"a":' * 100_000),
    "a number beyond reading": safetensors_bytes(b'{"a": ' + b"9" * 5000 + b"}"),
    "a key twice": safetensors_bytes(b'{"a": {"dtype": "U8", "dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}'),
    "an unknown type": safetensors_bytes(tensor(dtype="F99")),
    "a type that is a list": safetensors_bytes(tensor(dtype=["F16"])),
    "a negative shape": safetensors_bytes(tensor(shape=(-2,)), bytes(4)),
    "a true shape": safetensors_bytes(tensor(shape=(True,)), bytes(4)),
    "a huge shape": safetensors_bytes(tensor(shape=(1 << 50, 1 << 50)), bytes(4)),
    "a place backwards": safetensors_bytes(tensor(span=(4, 0)), bytes(4)),
    "a place of three": safetensors_bytes(tensor(span=(0, 4, 8)), bytes(4)),
    "a place too small": safetensors_bytes(tensor(span=(0, 2)), bytes(4)),
    "a place behind the end": safetensors_bytes(tensor(), bytes(3)),
    "no name": safetensors_bytes({"": SOUND["a"]}, bytes(12)),
    "metadata that is a list": safetensors_bytes({"__metadata__": []}),
    "overlap": safetensors_bytes({**tensor(), "u": tensor(span=(2, 6))["t"]}, bytes(6)),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_malformed_or_hostile_header_is_refused(data):
    with pytest.raises(BadDocument) as caught:
        read(data, size=max(len(data), 1 << 40) if data[:8] == struct.pack("<Q", 25_000_001) else None)
    assert caught.value.message.isprintable()


def fuzz(seed, count):
    chance = random.Random(seed)
    text = json.dumps(SOUND).encode()
    for _ in range(count):
        data = bytearray(text)
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(data))
            piece = chance.choice((b"", b"[", b'"', b"-", b"9" * 30, b"null", b"{}", b"\xff", b"1e999", b","))
            data[at : at + chance.randrange(3)] = piece
        try:
            header = read(safetensors_bytes(bytes(data), bytes(16)))
        except BadDocument:
            continue
        assert all(t.offset + t.bytes <= 16 for t in header.tensors)


@pytest.mark.parametrize("seed", range(2))
def test_any_mutation_is_read_or_refused(seed):
    fuzz(seed, 5000)


@pytest.mark.long
def test_millions_of_mutations_are_read_or_refused():
    for _ in range(100):
        seed = random.randrange(1 << 32)
        print("seed", seed)
        fuzz(seed, 50_000)
