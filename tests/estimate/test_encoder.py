"""An encoder of images or sound takes its time before the first token, at the pace of the model's own products."""

import pytest

from advisor.estimate.encoder import with_encoder
from advisor.estimate.flops import prefill_work
from tests.estimate import models
from tests.estimate.test_candidate import prepared, run


@pytest.mark.parametrize("share", [0.0, 1.0, 4.0])
def test_as_much_work_as_the_prompt_takes_as_long(gaming_pc, chat, constants, share):
    shape, _ = prepared(models.LLAMA_8B, "Q4_K_M")
    found = run(models.LLAMA_8B, gaming_pc, chat, constants)
    products = sum(t.seconds for t in found.speed.terms if t.phase == "prefill" and t.name == "matrix products")
    flops = share * prefill_work(shape, chat.prompt_tokens).dense
    seen = with_encoder(found, shape, flops, chat.prompt_tokens)
    assert seen.speed.ttft_s.p50 == pytest.approx(found.speed.ttft_s.p50 + share * products)
    assert seen.speed.latency_s.p50 - found.speed.latency_s.p50 == pytest.approx(share * products)
    assert seen.speed.tpot_s == found.speed.tpot_s
    assert (seen.speed.ttft_s.p90 - seen.speed.ttft_s.p50 > found.speed.ttft_s.p90 - found.speed.ttft_s.p50) is (
        share > 0
    )
    assert seen.footprint == found.footprint
