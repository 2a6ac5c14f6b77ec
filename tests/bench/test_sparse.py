"""Files that are all header: kilobytes on disk, and the whole architecture in them, as our own reader sees it."""

from dataclasses import replace

import pytest

from advisor.bench.sparse import SparseModel, write_sparse
from advisor.catalog.source import load_catalog
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from advisor.hub.gguf_architecture import architecture_from_gguf
from advisor.hub.gguf_header import read_gguf_header
from tests.estimate import models


def read(path):
    with path.open("rb") as file:
        return read_gguf_header(file, path.stat().st_size)


KINDS = (
    "gemma3", "gemma3n", "gpt-oss", "deepseek2", "glm-dsa", "qwen35", "qwen3next", "kimi-linear", "lfm2",
    "granitehybrid", "nemotron_h", "falcon-h1", "mamba", "llama4", "bert", "modern-bert", "cohere2", "minimax-m2",
    "gptneox", "phi3",
)  # fmt: skip
"""One architecture of each kind of layer and tensor."""


def one_of_each():
    """The shallowest model of each."""
    catalog, found = load_catalog(), {}
    for entry in catalog.entries():
        a = catalog.model(entry.id).architecture
        if a is not None and a.gguf_arch in KINDS:
            found[a.gguf_arch] = min(found.get(a.gguf_arch, a), a, key=lambda one: one.n_layers)
    assert len(found) == len(KINDS)
    return found


def test_every_architecture_comes_back_from_its_header(tmp_path):
    path, layout, wrong = tmp_path / "x.gguf", CacheLayout(context=32768, sequences=2), {}
    for name, a in one_of_each().items():
        write_sparse(path, SparseModel(architecture=a, preset="Q4_K_M", context=131072))
        header = read(path)
        ours, theirs = shape_of(a), shape_of(architecture_from_gguf(header))
        same = {
            "weights": weight_profile(a, "Q4_K_M").tensor_bytes
            == sum((t.bytes + 31) // 32 * 32 for t in header.tensors),
            "cache": cache_bytes(ours, layout) == cache_bytes(theirs, layout),
            "state": state_bytes(ours, layout) == state_bytes(theirs, layout),
            "parameters": (ours.total_params, ours.active_params) == (theirs.total_params, theirs.active_params),
            "scratch": (ours.scratch, ours.recurrent) == (theirs.scratch, theirs.recurrent),
        }
        if not all(same.values()):
            wrong[name] = [key for key, value in same.items() if not value]
    assert wrong == {}


def test_it_takes_kilobytes_on_disk(tmp_path):
    path = tmp_path / "x.gguf"
    length = write_sparse(path, SparseModel(architecture=models.DEEPSEEK_V3, preset="Q4_K_M"))
    assert length == path.stat().st_size > 400e9
    assert path.stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("nextn", [False, True])
def test_prediction_blocks_are_counted_among_the_layers(tmp_path, nextn):
    path = tmp_path / "x.gguf"
    architecture = replace(models.QWEN36_27B, nextn_layers=1)
    write_sparse(path, SparseModel(architecture=architecture, preset="Q8_0", nextn=nextn))
    header = read(path)
    assert header.integer("qwen35.block_count") == 64 + nextn
    assert architecture_from_gguf(header).nextn_layers == nextn


def test_a_small_vocabulary_and_a_longer_window_change_nothing_else(tmp_path):
    model = SparseModel(architecture=models.GEMMA3_4B, preset="Q4_K_M")
    slim, wide = model.with_logits_of(1, 512).architecture, model.with_window(4).architecture
    assert (slim.vocab, slim.n_layers, slim.hidden) == (512, 34, 2560)
    assert 512 * slim.vocab == model.architecture.vocab
    assert model.with_logits_of(16, 8).architecture.vocab == model.architecture.vocab
    assert wide.attention.window == 4 * model.architecture.attention.window
