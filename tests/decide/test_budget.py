import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.decide.budget import judge, probability_within, quantile
from advisor.domain.estimate import Speed
from advisor.domain.quantity import Quantity
from advisor.domain.workload import Budget


def speed(ttft, tpot, output_tokens=100):
    spread = Quantity(0.8, 1.0, 1.25)
    return Speed(
        load_s=Quantity.exact(1.0),
        ttft_s=spread.scaled(ttft),
        tpot_s=spread.scaled(tpot),
        prefill_tokens_per_s=Quantity.exact(100.0),
        decode_tokens_per_s=spread.scaled(tpot).inverse(),
        latency_s=spread.scaled(ttft + output_tokens * tpot),
    )


def test_p90_on_the_limit_is_met_with_ninety_percent():
    time = Quantity(0.8, 1.0, 1.25)
    assert probability_within(time, 1.25) == pytest.approx(0.9, abs=1e-6)
    assert probability_within(time, 0.8) == pytest.approx(0.1, abs=1e-6)
    assert quantile(time, 0.9) == pytest.approx(1.25, rel=1e-6)


def test_a_budget_is_judged_by_its_worst_limit():
    verdict = judge(speed(1.0, 0.1), Budget(max_ttft_s=10, max_tpot_s=0.1, stated=True))
    assert verdict.probability == pytest.approx(0.5)
    assert [m.limit for m in verdict.misses] == ["max_tpot_s"]
    assert verdict.misses[0].needed_s == pytest.approx(0.125, rel=1e-6)


def test_a_target_is_met_when_likelier_than_not_and_says_how_surely():
    likely = judge(speed(1.0, 0.09), Budget(max_tpot_s=0.1))
    assert (likely.word, likely.misses) == ("likely", ())
    assert 0.5 < likely.probability < 0.9
    assert judge(speed(1.0, 0.07), Budget(max_tpot_s=0.1)).word == "meets"
    late = judge(speed(1.0, 0.11), Budget(max_tpot_s=0.1))
    assert (late.word, late.misses[0].needed_s) == ("misses", pytest.approx(0.11))
    stated = judge(speed(1.0, 0.09), Budget(max_tpot_s=0.1, stated=True))
    assert (stated.word, stated.misses[0].needed_s) == ("misses", pytest.approx(0.1125))


def test_thinking_tokens_are_paid_for_in_the_whole_answer_or_else_before_it():
    fast = speed(0.1, 0.01)
    assert judge(fast, Budget(max_ttft_s=1.0, max_latency_s=100.0), thinking_tokens=1000).meets
    assert judge(fast, Budget(max_ttft_s=1.0)).meets
    assert not judge(fast, Budget(max_ttft_s=1.0), thinking_tokens=1000).meets


def test_unknown_speed_meets_no_limit_but_no_limit_is_always_met():
    assert not judge(None, Budget(max_ttft_s=100)).meets
    assert judge(None, Budget()).meets


@given(st.floats(0.01, 100), st.floats(1.01, 5), st.floats(0.01, 100), st.floats(1.0, 10))
def test_a_looser_limit_is_never_less_likely(median, spread, limit, factor):
    time = Quantity(median / spread, median, median * spread)
    assert probability_within(time, limit * factor) >= probability_within(time, limit)
    assert not math.isnan(probability_within(time, limit))
