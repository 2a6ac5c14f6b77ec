"""Scratch memory against what llama.cpp (b11434, CPU, flash attention) reserves when it logs every token of a batch."""

from dataclasses import replace

import pytest

from advisor.catalog.source import load_catalog
from advisor.domain.architecture import Moe
from advisor.estimate.arena import DEVICE, Arena
from advisor.estimate.compute_buffer import (
    boundary_bytes,
    compute_bytes,
    head_bytes,
    host_buffer_bytes,
    mask_bytes,
    output_bytes,
    pipeline_bytes,
)
from advisor.estimate.kv_cache import CacheLayout
from advisor.estimate.shaping import shape_of
from tests.estimate import models

MIB = 1 << 20
QWEN35_35B = models.delta(
    "qwen35moe", 248320, 2048, 40, 16, 2, 256, None, 128, 16, 32,
    moe=Moe(n_experts=256, n_used=8, ffn=512, shared_ffn=512),
)  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "at_4k", "at_32k"),
    [
        (models.LLAMA_8B, 294, 330), (models.GEMMA3_4B, 542, 575), (models.GPT_OSS_20B, 425, 453),
        (models.QWEN3_30B, 320, 348), (models.QWEN36_27B, 539, 567), (models.QWEN3_06B, 312, 338),
        (QWEN35_35B, 509, 537),
    ],
)  # fmt: skip
def test_within_three_percent(constants, architecture, at_4k, at_32k):
    engine = replace(constants.engine("llama.cpp"), all_outputs=True)
    shape = shape_of(architecture)
    for context, expected in ((4096, at_4k), (32768, at_32k)):
        assert compute_bytes(shape, CacheLayout(context=context), engine) / MIB == pytest.approx(expected, rel=0.03)


def test_a_server_needs_logits_of_its_slots_alone(constants):
    shape = shape_of(models.LLAMA_8B)
    engine = constants.engine("llama.cpp")
    assert compute_bytes(shape, CacheLayout(context=4096), engine) / MIB == pytest.approx(128, abs=1)


def test_a_pipeline_holds_masks_and_hidden_states_of_every_batch_in_flight(constants):
    """As two remote devices and main memory were given (b11434), 8192 tokens."""
    engine, layout = constants.engine("llama.cpp"), CacheLayout(context=8192)
    for architecture, first, later, host in (
        (models.QWEN3_30B, 176218112, 155230336, 75571328),
        (models.GEMMA3_4B, 185696256, 159457408, 92389504),
    ):  # fmt: skip
        shape = shape_of(architecture)
        single = compute_bytes(shape, layout, engine, place=DEVICE)
        main = host_buffer_bytes(shape, layout, engine) - output_bytes(shape, layout)
        extra = {place: pipeline_bytes(shape, layout, engine, place) for place in ("first", "later", "host")}
        assert extra["first"] > extra["later"] > 3 * mask_bytes(shape, layout)
        assert single + extra["first"] == pytest.approx(first, rel=0.06)
        assert single + extra["later"] == pytest.approx(later, rel=0.06)
        assert main + extra["host"] == pytest.approx(host, rel=0.06)


def test_without_flash_attention_scores_are_held(constants):
    shape, layout = shape_of(models.LLAMA_8B), CacheLayout(context=32768)
    engine = replace(constants.engine("llama.cpp"), flash_attention=False)
    assert compute_bytes(shape, layout, engine) > 4 * 512 * 32 * 32768


@pytest.mark.parametrize(("backend", "copy"), [("cuda", 2 * 8192 * 2048), ("", 0), ("metal", 0)])
def test_a_quantized_cache_is_unpacked_one_layer_at_a_time(constants, backend, copy):
    shape, engine = shape_of(models.LLAMA_8B), constants.engine("llama.cpp")
    layout = CacheLayout(context=8192, k_type="q8_0", v_type="q8_0")
    there, plain = (compute_bytes(shape, layout, engine, backend=name) for name in (backend, "vulkan"))
    assert there - plain == copy


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        (models.LLAMA_70B, 213919776), (models.GEMMA3_4B, 79185952), (models.QWEN3_30B, 100689952),
        (models.GPT_OSS_20B, 105277472),
    ],
    ids=["dense", "windowed", "experts", "wide experts"],
)  # fmt: skip
def test_half_of_the_layers_on_an_accelerator(constants, architecture, expected):
    """As a remote device was given with half of the layers (b11434), 4096 tokens."""
    shape, engine, layout = shape_of(architecture), constants.engine("llama.cpp"), CacheLayout(context=4096)
    assert boundary_bytes(shape, layout, engine, shape.n_layers // 2) == pytest.approx(expected, rel=0.001)
    assert head_bytes(shape, layout) < 1.1 * 4 * shape.vocab


def test_a_buffer_takes_the_tightest_gap():
    arena = Arena()
    first, second, third, last = (arena.take(size) for size in (30, 1, 20, 1))
    arena.give(first, third)
    assert arena.take(20) == third
    assert arena.take(21) == (0, 21)
    arena.give(second, last)
    assert arena.take(25) == (51, 76), "freed at the end, room grows from there"
    assert arena.peak == 76


def test_an_indexer_chooses_no_more_positions_than_a_stream_has(constants):
    """llama-fit-params: 16 streams of 1024 cells need less scratch than one of 4096 (DeepSeek V3.2)."""
    shape = shape_of(load_catalog().model("deepseek-ai/DeepSeek-V3.2").architecture)
    engine = constants.engine("llama.cpp")
    many = CacheLayout(context=16384, sequences=16, unified=False)
    spared = compute_bytes(shape, CacheLayout(context=4096), engine) - compute_bytes(shape, many, engine)
    assert spared > 4 * 512 * 1024 * shape.n_layers * 0.5


@pytest.mark.parametrize("flash_attention", [True, False])
def test_every_model_of_the_catalog_has_scratch(constants, flash_attention):
    catalog = load_catalog()
    engine = replace(constants.engine("llama.cpp"), flash_attention=flash_attention)
    layouts = [
        CacheLayout(context=4096, flash_attention=flash_attention),
        CacheLayout(context=16384, sequences=4, unified=False, flash_attention=flash_attention),
    ]
    seen = 0
    for entry in catalog.entries():
        shape = catalog.shape(entry.id)
        if shape is not None and shape.known:
            seen += 1
            assert all(compute_bytes(shape, layout, engine) > 0 for layout in layouts), entry.id
            assert boundary_bytes(shape, layouts[0], engine, shape.n_layers // 2) > 0, entry.id
    assert seen > 500
