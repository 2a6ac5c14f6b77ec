"""Bytes that llama.cpp allocates in main memory for a model of each architecture, against the formulas.

allocations.json holds what its own memory breakdown said of files without weights (build b11434, CPU, Q4_K_M,
micro-batch 512, logits of one token a sequence): weights, then cache with states and scratch in each setting. Rows
whose scratch is no multiple of 32 were logged to a hundredth of a MiB.
"""

import json
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from advisor.bench.sparse import SparseModel, listed_twice_bytes
from advisor.catalog.source import load_catalog
from advisor.estimate.compute_buffer import compute_bytes
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile

ALLOCATIONS = json.loads(Path(__file__).with_name("allocations.json").read_text(encoding="utf-8"))
LAYOUTS = {
    "4096": CacheLayout(context=4096),
    "32768": CacheLayout(context=32768),
    "32768 q8_0": CacheLayout(context=32768, k_type="q8_0", v_type="q8_0"),
    "4 x 4096": CacheLayout(context=16384, sequences=4, unified=False),
    "4 of 16384": CacheLayout(context=16384, sequences=4),
    "16 of 16384": CacheLayout(context=16384, sequences=16),
    "4096 without flash attention": CacheLayout(context=4096, flash_attention=False),
    "32768 without flash attention": CacheLayout(context=32768, flash_attention=False),
}


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture(scope="module")
def compared(catalog):
    """(architecture, setting, our weights, cache, compute, llama.cpp's)."""
    rows = []
    for arch, row in ALLOCATIONS.items():
        a = catalog.model(row["model"]).architecture
        shape, ours = shape_of(a), weight_profile(a, "Q4_K_M").tensor_bytes
        theirs = row["weights"] - listed_twice_bytes(SparseModel(architecture=a, preset="Q4_K_M"))
        for name, layout in LAYOUTS.items():
            if name not in row:
                continue
            engine = replace(catalog.constants.engine("llama.cpp"), flash_attention=layout.flash_attention)
            cache = cache_bytes(shape, layout) + state_bytes(shape, layout)
            rows.append((arch, name, (ours, cache, compute_bytes(shape, layout, engine)), (theirs, *row[name])))
    return rows


def test_nearly_every_architecture_of_the_catalog_is_held(catalog):
    models = [catalog.model(e.id).architecture for e in catalog.entries()]
    names = {a.gguf_arch for a in models if a is not None and a.gguf_arch is not None}
    assert len(names & set(ALLOCATIONS)) >= 0.9 * len(names), names - set(ALLOCATIONS)


def test_weights_and_cache_are_exact(compared):
    assert [(arch, name) for arch, name, ours, theirs in compared if ours[:2] != theirs[:2]] == []


def errors_of(compared, part, wanted):
    """Relative errors by architecture and setting; part 2 is the scratch, None the whole."""
    return {
        (arch, name): (ours[part] / theirs[part] if part is not None else sum(ours) / sum(theirs)) - 1
        for arch, name, ours, theirs in compared
        if wanted(name)
    }


def beyond(errors, bound):
    return {key: round(error, 4) for key, error in errors.items() if abs(error) > bound}


@pytest.mark.parametrize(
    ("wanted", "middle", "bound"),
    [
        (lambda name: "without" not in name and "q8_0" not in name, 0.0005, 0.05),
        (lambda name: "q8_0" in name, 0.002, 0.1),
        (lambda name: "without" in name, 0.03, 0.08),
    ],
    ids=["defaults", "quantized cache", "without flash attention"],
)
def test_scratch_is_close(compared, wanted, middle, bound):
    errors = errors_of(compared, 2, wanted)
    assert median(abs(e) for e in errors.values()) < middle
    assert beyond(errors, bound) == {}


def test_the_whole_is_within_a_tenth_of_a_percent(compared):
    errors = errors_of(compared, None, lambda name: "without" not in name)
    assert median(abs(e) for e in errors.values()) < 0.0001
    assert beyond(errors, 0.003) == {}


def test_the_whole_without_flash_attention(compared):
    errors = errors_of(compared, None, lambda name: "without" in name)
    assert median(abs(e) for e in errors.values()) < 0.002
    assert beyond(errors, 0.035) == {}
