"""Speculative decoding: a cheap draft proposes tokens, the model checks them all in one step.

A step yields E[n] = (1 - a^(g+1)) / (1 - a) tokens for g drafted ones that are each accepted with probability a, and
costs the step of g + 1 tokens and g steps of the draft.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from advisor.domain.estimate import Speculation, Speed
from advisor.domain.quantity import Quantity
from advisor.domain.workload import Workload


def tokens_per_step(acceptance: float, drafted: int) -> float:
    """Mean tokens that one checked step yields. Acceptance in 0 to 1, below 1."""
    return float((1.0 - acceptance ** (drafted + 1)) / (1.0 - acceptance))


def speedup(acceptance: float, drafted: int, check_cost: float, draft_cost: float) -> float:
    """Tokens a second against none drafted; costs in plain decode steps: one check, one drafted token."""
    return tokens_per_step(acceptance, drafted) / (check_cost + drafted * draft_cost)


def plan(
    draft: str, acceptance: float, check_cost: Callable[[int], float], draft_cost: float, *, most: int, width: float
) -> Speculation:
    """The best number of drafted tokens up to `most`. `check_cost` takes the tokens of a step.

    `width` is the factor between the median speed-up and each end of its 80 % interval.
    """
    costs = {drafted: check_cost(drafted + 1) for drafted in range(1, most + 1)}
    best = max(costs, key=lambda drafted: speedup(acceptance, drafted, costs[drafted], draft_cost))
    median = speedup(acceptance, best, costs[best], draft_cost)
    return Speculation(
        draft=draft,
        drafted_tokens=best,
        acceptance=acceptance,
        speedup=Quantity(median / width, median, median * width),
    )


def faster(speed: Speed, speculation: Speculation, workload: Workload, *, prompt_s: float) -> Speed:
    """Speeds with speculation: doubts of both are independent. `prompt_s`: the draft reads the prompt too."""
    gain = speculation.speedup
    low = math.hypot(math.log(speed.tpot_s.p50 / speed.tpot_s.p10), math.log(gain.p90 / gain.p50))
    high = math.hypot(math.log(speed.tpot_s.p90 / speed.tpot_s.p50), math.log(gain.p50 / gain.p10))
    median = speed.tpot_s.p50 / gain.p50
    tpot = Quantity(median * math.exp(-low), median, median * math.exp(high))
    first = speed.ttft_s
    ttft = Quantity(first.p10 + prompt_s, first.p50 + prompt_s, first.p90 + prompt_s)
    after = max(0, workload.thinking_tokens + workload.output_tokens - 1)
    whole = Quantity(ttft.p10 + after * tpot.p10, ttft.p50 + after * tpot.p50, ttft.p90 + after * tpot.p90)
    terms = tuple(
        replace(term, seconds=term.seconds / gain.p50) if term.phase == "decode" else term for term in speed.terms
    )
    return replace(speed, tpot_s=tpot, decode_tokens_per_s=tpot.inverse(), ttft_s=ttft, latency_s=whole, terms=terms)
