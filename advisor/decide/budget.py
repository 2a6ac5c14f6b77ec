"""Whether a predicted speed meets a budget, with what probability, and what is missing.

Times are treated as log-normal with the p10, p50 and p90 of the estimate. The limits of one budget rise and
fall together (all are set by the same machine), so the probability of meeting all is the smallest of the single ones.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from advisor.domain.estimate import Speed
from advisor.domain.quantity import Z90, Quantity
from advisor.domain.workload import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """One limit that is not met: its name (max_ttft_s ...), the limit and what would be needed instead (s)."""

    limit: str
    allowed_s: float
    needed_s: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a speed stands against a budget."""

    probability: float
    meets: bool
    misses: tuple[Miss, ...]
    surely: bool = True
    """As probably as a stated limit must be met: what meets a task's own target may do so less surely."""
    lateness: float = 0.0
    """Doublings of time by which a target is expected to be overshot, early answers counting nothing; at least those at
    the quantile that is required of it. 0 for stated limits, which are met or not; inf where the speed is unknown."""

    @property
    def word(self) -> str:
        """meets, likely (a target that is more likely met than missed) or misses."""
        return "misses" if not self.meets else "meets" if self.surely else "likely"

    @property
    def overshoot(self) -> float:
        """Largest factor by which a limit is missed (1.0: none is)."""
        return max((m.needed_s / m.allowed_s for m in self.misses), default=1.0)


def probability_within(time: Quantity, limit_s: float) -> float:
    """P(time ≤ limit). Each side of the median has its own spread."""
    spread = math.log(time.p90 / time.p50) if limit_s >= time.p50 else math.log(time.p50 / time.p10)
    if spread <= 0:
        return 1.0 if limit_s >= time.p50 else 0.0
    z = math.log(limit_s / time.p50) / (spread / Z90)
    return 0.5 * math.erfc(-z / math.sqrt(2))


def doublings_over(time: Quantity, limit_s: float) -> float:
    """E[max(0, log2(time / limit))]. Each side of the median has its own spread and half of the probability."""
    over = math.log(time.p50 / limit_s)
    up, down = math.log(time.p90 / time.p50) / Z90, math.log(time.p50 / time.p10) / Z90
    if over <= 0:
        return _mean_excess(over, up) / math.log(2)
    mean = over + (up - down) / math.sqrt(2 * math.pi)
    return (mean + _mean_excess(-over, down)) / math.log(2)


def _mean_excess(mean: float, sigma: float) -> float:
    """E[max(0, X)] of a normal X whose mean is not above 0."""
    if sigma <= 0:
        return 0.0
    z = mean / sigma
    return sigma * math.exp(-z * z / 2) / math.sqrt(2 * math.pi) + mean * 0.5 * math.erfc(-z / math.sqrt(2))


def quantile(time: Quantity, probability: float) -> float:
    """The time that is not exceeded with this probability (0.5 to 0.99)."""
    sigma = math.log(time.p90 / time.p50) / Z90
    return time.p50 * math.exp(sigma * _normal_quantile(probability))


@lru_cache(maxsize=64)
def _normal_quantile(p: float) -> float:
    """Inverse standard normal by bisection of erfc, |error| < 1e-9: p is between 0.001 and 0.999."""
    low, high = -3.2, 3.2
    for _ in range(40):
        middle = (low + high) / 2
        if 0.5 * math.erfc(-middle / math.sqrt(2)) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def first_answer_token(speed: Speed, thinking_tokens: int) -> Quantity:
    """Time to the first token of the answer itself (s): thinking tokens come before it."""
    if not thinking_tokens:
        return speed.ttft_s
    t, p = speed.ttft_s, speed.tpot_s
    return Quantity(t.p10 + thinking_tokens * p.p10, t.p50 + thinking_tokens * p.p50, t.p90 + thinking_tokens * p.p90)


def judge(speed: Speed | None, budget: Budget, thinking_tokens: int = 0) -> Verdict:
    """Hold a speed against a budget. An unknown speed meets nothing that has a limit.

    Thinking tokens are paid for in the time of the whole answer; in a budget without a limit on that, they must fit
    into the time to the first token, or they would cost nothing.
    """
    unpaid = 0 if budget.max_latency_s is not None else thinking_tokens
    limits = (
        ("max_ttft_s", budget.max_ttft_s, first_answer_token(speed, unpaid) if speed else None),
        ("max_tpot_s", budget.max_tpot_s, speed.tpot_s if speed else None),
        ("max_latency_s", budget.max_latency_s, speed.latency_s if speed else None),
    )
    probability, lateness, misses = 1.0, 0.0, []
    for name, allowed, time in limits:
        if allowed is None:
            continue
        single = probability_within(time, allowed) if time else 0.0
        probability = min(probability, single)
        if not budget.stated:
            lateness = max(lateness, doublings_over(time, allowed) if time else math.inf)
        if single < budget.required:
            needed = quantile(time, budget.required) if time else math.inf
            misses.append(Miss(limit=name, allowed_s=allowed, needed_s=needed, probability=single))
            lateness = lateness if budget.stated else max(lateness, math.log2(needed / allowed))
    surely = probability >= budget.confidence
    return Verdict(
        probability=probability, meets=not misses, misses=tuple(misses), surely=surely, lateness=lateness
    )  # fmt: skip
