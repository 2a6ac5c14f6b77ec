"""KV cache and state, to the byte as llama.cpp allocates them (its own no-allocation runs, micro-batch 512)."""

import json

import pytest

from advisor.catalog.source import load_catalog
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, read_bytes, refusal, state_bytes, window_cells
from advisor.estimate.shape import ModelShape
from advisor.estimate.shaping import shape_of
from tests.estimate import models


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        (models.QWEN3_30B, 3_221_225_472),
        (models.GEMMA3_4B, 853_540_864),
        (models.GPT_OSS_20B, 824_180_736),
        (models.DEEPSEEK_V3, 2_302_672_896),
        (models.QWEN36_27B, 2_304_376_832),
    ],
    ids=["gqa", "window 1024", "window 128", "mla", "hybrid with state"],
)
def test_exact_at_32k(architecture, expected):
    shape = shape_of(architecture)
    layout = CacheLayout(context=32768)
    assert cache_bytes(shape, layout) + state_bytes(shape, layout) == expected


def test_four_sequences_add_exactly_three_states():
    shape = shape_of(models.QWEN36_27B)
    one, four = CacheLayout(context=32768), CacheLayout(context=32768, sequences=4)
    assert cache_bytes(shape, one) == cache_bytes(shape, four)
    assert state_bytes(shape, four) - state_bytes(shape, one) == 3 * 156_893_184


@pytest.mark.parametrize(("kind", "per_element"), [("q8_0", 34 / 32), ("q4_0", 18 / 32), ("f16", 2.0)])
def test_types_of_keys_and_values_are_independent(kind, per_element):
    shape = shape_of(models.QWEN3_30B)
    half = cache_bytes(shape, CacheLayout(context=4096)) // 2
    mixed = cache_bytes(shape, CacheLayout(context=4096, k_type=kind))
    assert mixed == half + half * per_element / 2


def test_context_is_padded_to_256_cells():
    shape = shape_of(models.LLAMA_8B)
    sizes = {cache_bytes(shape, CacheLayout(context=n)) for n in (257, 300, 512)}
    assert sizes == {512 * 32 * 2 * 1024 * 2}


def test_streams_of_their_own_are_padded_each():
    shape = shape_of(models.LLAMA_8B)
    layout = CacheLayout(context=1000, sequences=3, unified=False)
    assert cache_bytes(shape, layout) == 3 * 512 * 32 * 2 * 1024 * 2


def test_window_layers_keep_window_and_micro_batch():
    assert window_cells(CacheLayout(context=32768), 1024) == 1536
    assert window_cells(CacheLayout(context=1024), 1024) == 1024
    assert window_cells(CacheLayout(context=32768, full_window=True), 1024) == 32768
    assert window_cells(CacheLayout(context=32768, sequences=4), 1024) == 4 * 1024 + 512


def test_reading_stops_growing_at_the_window():
    shape = shape_of(models.GPT_OSS_20B)
    near, far = read_bytes(shape, 128), read_bytes(shape, 1128)
    assert near == 24 * 128 * 2048
    assert far - near == 12 * 1000 * 2048


def test_arithmetic_counts_beside_reading_by_query_heads():
    shape = shape_of(models.LLAMA_8B)
    read = read_bytes(shape, 1000)
    assert read_bytes(shape, 1000, flop_bytes=0.1) == pytest.approx(read + 0.1 * 1000 * 32 * 2 * 32 * 256)
    assert read_bytes(shape, 1000, "q8_0", "q8_0", flop_bytes=0.1) > 0.53 * read_bytes(shape, 1000, flop_bytes=0.1)


def test_rows_bring_the_shape_back():
    mixed = [
        load_catalog().model(name).architecture for name in ("deepseek-ai/DeepSeek-V4-Flash", "zai-org/GLM-5.3-Flash")
    ]
    for architecture in (models.QWEN36_27B, models.DEEPSEEK_V3, models.GEMMA3_270M, *mixed):
        shape = shape_of(architecture)
        assert ModelShape.from_row(json.loads(json.dumps(shape.to_row()))) == shape
        hash(shape.hyper)


@pytest.mark.parametrize(
    ("architecture", "layout", "words"),
    [
        (
            models.gqa("phi2", 51200, 2560, 32, 32, 32, 80, 10240),
            {"k_type": "q8_0", "v_type": "q8_0"},
            "multiple of 32",
        ),
        (models.gqa("phi2", 51200, 2560, 32, 32, 32, 80, 10240), {"k_type": "f16", "v_type": "bf16"}, None),
        (models.LLAMA_8B, {"k_type": "q8_0", "v_type": "q4_0"}, None),
        (models.LLAMA_8B, {"k_type": "q8_0", "flash_attention": False}, None),
        (models.LLAMA_8B, {"k_type": "q8_0", "v_type": "q8_0", "flash_attention": False}, "flash attention"),
        (models.DEEPSEEK_V3, {"k_type": "q8_0", "v_type": "q8_0"}, None),
        (models.DEEPSEEK_V3, {"k_type": "q8_0"}, "keys hold the values"),
    ],
)
def test_types_that_llama_cpp_refuses(architecture, layout, words):
    said = refusal(shape_of(architecture), CacheLayout(context=4096, **layout))
    assert said is None if words is None else words in said


def test_without_flash_attention_layers_that_do_not_attend_get_value_rows():
    """What llama.cpp allocates for Llama 3.3 Nemotron Super 49B: 49 of 80 layers attend, 248 MiB go to the others."""
    a = load_catalog().model("nvidia/Llama-3_3-Nemotron-Super-49B-v1_5").architecture
    shape = shape_of(a)
    with_flash = cache_bytes(shape, CacheLayout(context=4096))
    assert with_flash == 822083584
    assert cache_bytes(shape, CacheLayout(context=4096, flash_attention=False)) == with_flash + (248 << 20)
