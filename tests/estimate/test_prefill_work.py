"""Prompt tokens whose output nobody asks for skip the last layer's feed-forward block."""

import pytest

from advisor.catalog.source import load_catalog
from advisor.estimate.flops import prefill_work, prompt_work, token_work
from advisor.estimate.shaping import shape_of
from tests.estimate import models


@pytest.mark.parametrize("architecture", [models.LLAMA_8B, models.GEMMA3_4B])
def test_all_tokens_but_the_last_skip_it(architecture):
    shape = shape_of(architecture)
    block = 3 * architecture.hidden * architecture.ffn
    assert block <= shape.last_ffn_params <= block + 8 * architecture.hidden
    skipped = prompt_work(shape, 512).dense - prefill_work(shape, 512).dense
    assert skipped == 2 * 511 * shape.last_ffn_params
    assert prefill_work(shape, 1, 100) == token_work(shape, 100)


def test_experts_of_the_last_layer_are_skipped_by_their_share():
    architecture = models.QWEN3_30B
    shape = shape_of(architecture)
    whole, done = prompt_work(shape, 101), prefill_work(shape, 101)
    assert whole.experts - done.experts == pytest.approx(whole.experts / shape.n_layers * 100 / 101)


def test_layers_that_reuse_caches_run_for_the_last_token_alone():
    """Gemma 4 E2B: 20 of 35 layers reuse caches, with feed-forward blocks twice as wide: most is skipped."""
    shape = shape_of(load_catalog().model("google/gemma-4-E2B-it").architecture)
    whole, done = prefill_work(shape, 1000), prefill_work(shape, 1000, caches_alone=True)
    assert 0.3 < done.total / whole.total < 0.6
    assert done.attention < whole.attention
    assert prefill_work(shape, 1, 100, caches_alone=True) == token_work(shape, 100)
    llama = shape_of(models.LLAMA_8B)
    assert prefill_work(llama, 1000, caches_alone=True) == prefill_work(llama, 1000)
