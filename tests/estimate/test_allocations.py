"""Bytes that llama.cpp allocates in main memory for a model of each architecture, against the formulas.

allocations.json holds what its own memory breakdown said of files without weights (build b11434, CPU, Q4_K_M,
micro-batch 512, logits of one token a sequence): weights, then cache with states and scratch in each setting, and the
scratch of an accelerator (a remote device) that has all layers or the later half. Rows whose scratch is no multiple of
32 were logged to a hundredth of a MiB.
"""

import json
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import pytest

from advisor.bench.sparse import SparseModel, listed_twice_bytes
from advisor.catalog.source import load_catalog
from advisor.estimate.arena import DEVICE
from advisor.estimate.compute_buffer import boundary_bytes, compute_bytes
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
    "2048": CacheLayout(context=2048),
    "32768 q8_0/f16": CacheLayout(context=32768, k_type="q8_0"),
    "32768 f16/q4_0": CacheLayout(context=32768, v_type="q4_0"),
    "16 x 1024": CacheLayout(context=16384, sequences=16, unified=False),
    "16 x 2048, micro-batch 128": CacheLayout(context=32768, sequences=16, unified=False, micro_batch=128),
    "131072, micro-batch 2048": CacheLayout(context=131072, micro_batch=2048),
    "2048 without flash attention": CacheLayout(context=2048, flash_attention=False),
    "16 x 1024 without flash attention": CacheLayout(context=16384, sequences=16, unified=False, flash_attention=False),
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
    ("wanted", "bound"),
    [
        (lambda name: "without" not in name and "q" not in name.split(",")[0], 0.035),
        (lambda name: "q" in name.split(",")[0], 0.045),
        (lambda name: "without" in name, 0.05),
    ],
    ids=["defaults", "quantized cache", "without flash attention"],
)
def test_scratch_is_close(compared, wanted, bound):
    errors = errors_of(compared, 2, wanted)
    assert median(abs(e) for e in errors.values()) < 0.0002
    assert quantiles([abs(e) for e in errors.values()], n=10)[-1] < 0.005
    assert beyond(errors, bound) == {}


def test_mixed_streams_are_laid_out_buffer_by_buffer(compared, accelerators):
    """Models whose layers mix several residual streams: every mask, index and row that an indexer looks up counts."""
    mixed = ("gemma3n", "deepseek4", "glm5-next")
    errors = errors_of([row for row in compared if row[0] in mixed], 2, lambda name: True)
    assert len(errors) == 3 * len(LAYOUTS) - 4
    assert beyond(errors, 0.001) == {}
    assert beyond({key: error for key, error in accelerators.items() if key[0] in mixed}, 0.013) == {}


@pytest.fixture(scope="module")
def accelerators(catalog):
    """Relative errors of the scratch of an accelerator, by architecture and what it has."""
    engine, errors = catalog.constants.engine("llama.cpp"), {}
    for arch, row in ALLOCATIONS.items():
        shape = shape_of(catalog.model(row["model"]).architecture)
        first = shape.n_layers - shape.n_layers // 2
        for context in (4096, 32768):
            layout, name = CacheLayout(context=context), f"half of the layers {context}"
            if name in row:
                errors[arch, name] = boundary_bytes(shape, layout, engine, first) / row[name] - 1
        if "accelerator 4096" in row:
            ours = compute_bytes(shape, CacheLayout(context=4096), engine, place=DEVICE)
            errors[arch, "all"] = ours / row["accelerator 4096"] - 1
    return errors


def test_scratch_of_an_accelerator_is_close(accelerators):
    assert median(abs(e) for e in accelerators.values()) < 0.0005
    assert quantiles([abs(e) for e in accelerators.values()], n=10)[-1] < 0.05
    # where states and layers without attention alternate, masks lie in gaps whose width the context decides
    uneven = ("nemotron_h", "granitehybrid")
    assert beyond({key: e for key, e in accelerators.items() if not key[0].startswith(uneven)}, 0.07) == {}
    assert beyond(accelerators, 0.15) == {}


def test_the_whole_is_close(compared):
    errors = errors_of(compared, None, lambda name: "without" not in name)
    assert median(abs(e) for e in errors.values()) < 0.00001
    assert beyond(errors, 0.003) == {}


def test_the_whole_without_flash_attention(compared):
    errors = errors_of(compared, None, lambda name: "without" in name)
    assert median(abs(e) for e in errors.values()) < 0.00001
    assert beyond(errors, 0.01) == {}
