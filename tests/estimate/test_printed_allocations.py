"""What llama-fit-params prints of models whose scratch is not held elsewhere (b11434, CPU, Q4_K_M), in whole MiB.

Kimi K3 and Qwen3.8 Flash Next are held to weights and cache alone: what their residual streams take in scratch is not
laid out, a third and a seventh of it.
"""

import pytest

from advisor.catalog.source import load_catalog
from advisor.estimate.compute_buffer import compute_bytes
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile

ONE = CacheLayout(context=4096)
FOUR = CacheLayout(context=16384, sequences=4, unified=False)
PRINTED = [
    ("moonshotai/Kimi-K3", ONE, (1413473, 551, None)),
    ("moonshotai/Kimi-K3", FOUR, (1413473, 2204, None)),
    ("Qwen/Qwen3.8-Flash-Next", ONE, (113657, 232, None)),
    ("Qwen/Qwen3.8-Flash-Next", FOUR, (113657, 930, None)),
    ("poolside/Laguna-M.1", ONE, (129760, 1120, 276)),
]


@pytest.mark.parametrize(("model", "layout", "printed"), PRINTED)
def test_weights_cache_and_scratch_are_what_is_printed(model, layout, printed):
    catalog = load_catalog()
    a = catalog.model(model).architecture
    shape = shape_of(a)
    ours = (
        weight_profile(a, "Q4_K_M").tensor_bytes,
        cache_bytes(shape, layout) + state_bytes(shape, layout),
        compute_bytes(shape, layout, catalog.constants.engine("llama.cpp")),
    )
    assert [n >> 20 for n, said in zip(ours, printed, strict=True) if said is not None] == [
        said for said in printed if said is not None
    ]


def test_a_table_of_ngrams_is_not_at_work_for_a_token():
    model = load_catalog().model("Qwen/Qwen3.8-Flash-Next")
    shape = shape_of(model.architecture)
    assert 6e9 < shape.active_params < 8e9 < shape.total_params
    assert shape.dense_params < 6e9
