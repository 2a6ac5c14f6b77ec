"""Slices keep a model's kinds of layer in their order and grow by whole periods."""

import pytest

from advisor.bench.slicing import STEP_BYTES, first_layers, period, slice_depths
from advisor.domain.architecture import Architecture, Attention, Moe
from advisor.estimate.weighing import weight_profile


def model(n=36, **changes):
    values = {
        "gguf_arch": "llama", "n_layers": n, "hidden": 2048, "vocab": 32000, "ffn": 8192, "tied": True,
        "attention": Attention(n_heads=16, n_kv_heads=8, k_dim=128, v_dim=128),
    }  # fmt: skip
    return Architecture(**(values | changes))


@pytest.mark.parametrize(
    ("layers", "moe", "length"),
    [("", None, 1), ("SSSSSF" * 6, None, 6), ("LLLF" * 9, None, 4), ("SSSSSF" * 5 + "SS", None, 6),
     ("F" * 36, Moe(n_experts=8, n_used=2, ffn=512, step=2), 2),
     ("F" + "SF" * 17 + "S", Moe(n_experts=8, n_used=2, ffn=512, first_dense=1), 2)],
)  # fmt: skip
def test_the_period_of_a_pattern(layers, moe, length):
    assert period(model(n=len(layers) or 36, layers=layers, moe=moe)) == length


def test_the_larger_slice_outgrows_every_cache():
    whole = model(layers="SSSSSF" * 6)
    small, large = slice_depths(whole, "Q4_K_M")
    assert (small, large % 6) == (6, 0)
    sizes = [weight_profile(first_layers(whole, n), "Q4_K_M").tensor_bytes for n in (small, large)]
    assert sizes[1] - sizes[0] >= STEP_BYTES
    assert first_layers(whole, small).layers == "SSSSSF"


def test_a_model_of_few_layers_is_measured_whole():
    assert slice_depths(model(n=1), "Q4_K_M") == (1,)
    assert slice_depths(model(n=3, layers="SSF"), "Q4_K_M") == (3,)


def test_what_is_told_layer_by_layer_is_cut_too():
    heads = Attention(n_heads=16, k_dim=128, v_dim=128, kv_heads_by_layer=(8, 4, 2, 1))
    part = first_layers(model(n=4, attention=heads, ffn_by_layer=(1, 2, 3, 4), nextn_layers=1), 2)
    assert (part.n_layers, part.attention.kv_heads_by_layer, part.ffn_by_layer, part.nextn_layers) == (
        2,
        (8, 4),
        (1, 2),
        0,
    )
