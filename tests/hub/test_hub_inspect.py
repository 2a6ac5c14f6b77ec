"""Inspecting files, folders and repositories; of a repository only headers travel."""

import json
import os

import pytest

from advisor.errors import BadDocument, NetworkError, Offline, UnknownName, UsageError
from advisor.hub.download import download
from advisor.hub.plan import Wanted, plan_download
from advisor.report.inspect import inspection_document, inspection_text
from advisor.verbs.download import open_store
from advisor.verbs.inspect import InspectRequest, inspect_target
from tests.hub.fakehub import Content, Fault
from tests.hub.gguf_files import gguf_bytes, safetensors_bytes

MODEL = {
    "general.architecture": "llama", "general.name": "Tiny", "general.file_type": 7, "llama.block_count": 1,
    "llama.context_length": 4096, "llama.embedding_length": 64, "llama.feed_forward_length": 128,
    "llama.attention.head_count": 2, "llama.attention.head_count_kv": 1,
}  # fmt: skip
SHAPES = {
    "token_embd.weight": (64, 100), "output.weight": (64, 100), "output_norm.weight": (64,),
    "blk.0.attn_norm.weight": (64,), "blk.0.attn_q.weight": (64, 64), "blk.0.attn_k.weight": (64, 32),
    "blk.0.attn_v.weight": (64, 32), "blk.0.attn_output.weight": (64, 64), "blk.0.ffn_norm.weight": (64,),
    "blk.0.ffn_gate.weight": (64, 128), "blk.0.ffn_up.weight": (64, 128), "blk.0.ffn_down.weight": (128, 64),
}  # fmt: skip


def tensors(names=SHAPES):
    made = []
    for name in names:
        count = SHAPES[name][0] * (SHAPES[name][1] if len(SHAPES[name]) > 1 else 1)
        kind, size = (8, count // 32 * 34) if len(SHAPES[name]) > 1 else (0, 4 * count)
        made.append((name, SHAPES[name], kind, bytes(size)))
    return made


def nobody(text):
    raise UnknownName(f"no {text}")


def look(target, **options):
    request = {key: options.pop(key) for key in ("contexts", "kv_type", "revision") if key in options}
    return inspect_target(InspectRequest(target=str(target), **request), nobody, **options)


def test_a_file_is_measured_to_the_byte(tmp_path):
    path = tmp_path / "tiny.bin"
    path.write_bytes(gguf_bytes(MODEL, tensors()))
    result = look(path, contexts=(1000,))
    elements = 2 * 64 * 100 + 3 * 64 + 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128
    assert result.parameters == elements
    assert result.tensor_bytes == 3 * 64 * 4 + (elements - 3 * 64) // 32 * 34
    assert result.holdings.preset == "Q8_0"
    # 1024 cells (padded), one layer, K and V of 2 heads x 16 elements of 2 bytes
    assert [(c.context, c.kv_cache_bytes) for c in result.caches] == [(1000, 1024 * 2 * 32 * 2)]
    document = inspection_document(result)
    assert next(iter(document)) == "schema"
    need = json.loads(json.dumps(document))["footprints"][0]
    # 512 tokens: gate and up of 128, their product in a gap, five hidden states of 64 with two masks' places between,
    # nine positions and indices; masks of 1024 cells
    assert need["compute"] == 512 * 4 * (2 * 128 + 5 * 64 + 2 + 9) + 512 * 1024 * 2
    assert need["total"] == result.tensor_bytes + 1024 * 2 * 32 * 2 + need["compute"]
    assert "Tiny" in inspection_text(result, 80)


def test_a_quantized_cache_is_smaller_and_an_unknown_one_refused(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf_bytes(MODEL, tensors()))
    (need,) = look(path, contexts=(1024,), kv_type="q8_0").caches
    assert need.kv_cache_bytes == 1024 * 2 * 34
    with pytest.raises(UsageError, match="cache type"):
        look(path, kv_type="q99")


def test_split_files_are_one_model_whichever_part_is_named(tmp_path):
    names = list(SHAPES)
    for part, chosen in (("00001", names[:5]), ("00002", names[5:])):
        data = gguf_bytes(MODEL if part == "00001" else {"split.no": 1}, tensors(chosen))
        (tmp_path / f"tiny-{part}-of-00002.gguf").write_bytes(data)
    whole = look(tmp_path / "tiny-00002-of-00002.gguf")
    assert (len(whole.holdings.tensors), whole.holdings.architecture_name) == (len(SHAPES), "llama")
    assert look(tmp_path).parameters == whole.parameters
    (tmp_path / "tiny-00001-of-00002.gguf").unlink()
    with pytest.raises(UsageError, match="missing"):
        look(tmp_path / "tiny-00002-of-00002.gguf")


def test_a_folder_of_shards_with_its_configuration(tmp_path):
    for index in (1, 2):
        header = {f"w{index}": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]}}
        (tmp_path / f"model-0000{index}-of-00002.safetensors").write_bytes(safetensors_bytes(header, bytes(64)))
    config = {"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 64, "vocab_size": 100,
              "intermediate_size": 128, "num_attention_heads": 4, "max_position_embeddings": 2048}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    result = look(tmp_path)
    assert (result.parameters, result.tensor_bytes, result.bits_per_weight) == (64, 128, 16.0)
    assert (result.holdings.context, result.holdings.architecture.n_layers) == (2048, 1)
    (tmp_path / "config.json").write_text("[" * 100_000)
    with pytest.raises(BadDocument, match=r"config\.json"):
        look(tmp_path)


def test_an_index_says_which_shards_belong_together(tmp_path):
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for index, name in enumerate(names):
        header = {f"w{index}": {"dtype": "BF16", "shape": [4, 8], "data_offsets": [0, 64]}}
        (tmp_path / name).write_bytes(safetensors_bytes(header, bytes(64)))
    (tmp_path / "adapter.safetensors").write_bytes((tmp_path / names[0]).read_bytes())
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w0": names[0], "w1": names[1]}}))
    for target in (tmp_path, index):
        assert look(target).tensor_bytes == 128
    (tmp_path / names[1]).unlink()
    with pytest.raises(UsageError, match="1 of 2 shards"):
        look(tmp_path)
    assert look(tmp_path / names[0]).tensor_bytes == 64
    for bad in ("[]", "{", '{"weight_map": {"w": "../x"}}', '{"weight_map": {"w": 1}}', '{"weight_map": {}}'):
        index.write_text(bad)
        with pytest.raises(BadDocument, match="index"):
            look(tmp_path)


def test_a_repository_is_read_by_ranges(hub, patience):
    padding = ("payload", (3_000_000,), 24, bytes(3_000_000))
    data = gguf_bytes(MODEL, [*tensors(), padding])
    hub.commit("org/tiny-GGUF", {"tiny-Q8_0.gguf": Content(data)})
    result = look("org/tiny-GGUF:Q8_0", patience=patience)
    assert result.parameters == 3_000_000 + sum(t[1][0] * (t[1][1] if len(t[1]) > 1 else 1) for t in tensors())
    assert result.fetched_bytes <= 1 << 20
    assert result.source.startswith("org/tiny-GGUF@")


def test_a_header_longer_than_one_range_is_read_on(hub, patience):
    tokens = [f"token number {i}" for i in range(100_000)]
    data = gguf_bytes({**MODEL, "tokenizer.ggml.tokens": tokens}, tensors())
    hub.commit("org/tiny-GGUF", {"tiny-Q8_0.gguf": Content(data)})
    hub.faults.storage = [Fault("end", 1, 0.05), Fault("status", 1, arg=503), Fault("wrong_range", 1, arg=64)]
    result = look("org/tiny-GGUF", patience=patience)
    assert result.holdings.name == "Tiny"
    ranges = [request.headers["range"] for request in hub.log if request.where == "storage"]
    assert len(set(ranges)) == 2


def test_a_repository_of_shards_needs_only_headers(hub, patience):
    header = {"w": {"dtype": "F8_E4M3", "shape": [2_000_000], "data_offsets": [0, 2_000_000]}}
    weights = safetensors_bytes(header, bytes(2_000_000))
    config = b'{"model_type": "llama", "quantization_config": {"quant_method": "fp8"}}'
    hub.commit("org/plain", {"model.safetensors": Content(weights), "config.json": Content(config, lfs=False)})
    result = look("org/plain", patience=patience)
    assert (result.bits_per_weight, result.holdings.preset, result.holdings.architecture) == (8.0, "fp8", None)
    assert result.caches == ()
    assert "not known" in inspection_text(result, 80)


def test_a_malformed_remote_file_is_one_error(hub, patience):
    hub.commit("org/evil-GGUF", {"evil-Q8_0.gguf": Content(b"GGUF" + bytes(100))})
    with pytest.raises(BadDocument):
        look("org/evil-GGUF", patience=patience)


def test_a_hub_that_drops_every_connection_is_one_error(hub, patience):
    hub.commit("org/tiny-GGUF", {"tiny-Q8_0.gguf": Content(gguf_bytes(MODEL, tensors()))})
    hub.faults.storage = [Fault("reset")]
    with pytest.raises(NetworkError, match="without progress"):
        look("org/tiny-GGUF", patience=patience)


def test_a_downloaded_model_is_read_from_disk(hub, patience):
    hub.commit("org/tiny-GGUF", {"tiny-Q8_0.gguf": Content(gguf_bytes(MODEL, tensors()))})
    store = open_store()
    plan = plan_download(Wanted(model="org/tiny-GGUF", repo="org/tiny-GGUF"), store, patience=patience)
    download(plan, store, patience=patience)
    asked = len(hub.log)
    assert look("org/tiny-GGUF", offline=True).source.endswith("tiny-Q8_0.gguf")
    assert len(hub.log) == asked


def test_offline_and_missing_files_say_so(tmp_path):
    with pytest.raises(Offline):
        look("org/tiny-GGUF", offline=True)
    with pytest.raises(UsageError, match="no file"):
        look(tmp_path / "absent.gguf")
    with pytest.raises(UsageError, match="no file ~nobody/x"):
        look("~nobody/x")
    for odd in ("tiny", "x" * 5000, "a\0b"):
        with pytest.raises(UnknownName):
            look(odd, offline=True)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither"):
        look(tmp_path / "pipe")
    (tmp_path / "pipe").unlink()
    with pytest.raises(UsageError, match="no GGUF and no safetensors"):
        look(tmp_path)


@pytest.mark.parametrize(("template", "warned"), [
    ("{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}", False),
    ("{{ ''.__class__.__mro__[1].__subclasses__() }}", True),
    ("{{ x|attr('y') }}", True),
    ("{{ lipsum.f }}", True),
    ("a" * 300_000, True),
])  # fmt: skip
def test_a_chat_template_that_could_attack_is_pointed_out(tmp_path, template, warned):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf_bytes({**MODEL, "tokenizer.chat_template": template}, tensors()))
    assert bool(look(path).holdings.warnings) is warned


def test_bytes_behind_the_last_tensor_are_pointed_out(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(gguf_bytes(MODEL, tensors()) + b"PK" * 5000)
    assert "behind its last tensor" in look(path).holdings.warnings[0]
