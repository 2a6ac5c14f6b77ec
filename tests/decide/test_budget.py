import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.decide.budget import doublings_over, judge, probability_within, quantile
from advisor.domain.estimate import Speed
from advisor.domain.quantity import Z90, Quantity
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


@pytest.mark.parametrize("limit", [0.5, 0.9, 1.0, 1.1, 1.9])
def test_expected_doublings_are_the_mean_over_all_times(limit):
    """Against a sum over quantiles: the half below the median with its own spread, the half above with its own."""
    time, steps = Quantity(0.7, 1.0, 1.3), 20_000

    up, down = math.log(1.3) / Z90, math.log(1 / 0.7) / Z90
    z = [NormalDist().inv_cdf((i + 0.5) / steps) for i in range(steps)]
    late = [max(0.0, math.log2(math.exp(x * (up if x > 0 else down)) / limit)) for x in z]
    assert doublings_over(time, limit) == pytest.approx(sum(late) / steps, abs=2e-4)


def test_only_a_target_is_overshot_by_degrees():
    near, far = (judge(speed(1.0, tpot), Budget(max_tpot_s=0.1)) for tpot in (0.09, 0.2))
    assert 0.0 < near.lateness < 0.2
    assert far.lateness == pytest.approx(1.0, abs=0.01)
    sure = judge(speed(1.0, 0.09), Budget(max_tpot_s=0.1, target_confidence=0.99))
    assert sure.lateness > near.lateness
    assert judge(speed(1.0, 0.2), Budget(max_tpot_s=0.1, stated=True)).lateness == 0.0
    assert judge(None, Budget(max_tpot_s=0.1)).lateness == math.inf


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
