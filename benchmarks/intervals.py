"""Noise and spread that make intervals honest: found from predictions of what was left out of each fit.

`Judged` holds one such prediction. The noise of a backend is what is left between models on devices whose rows are
known; the spread of a class is what is left, beyond that, between devices.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.estimate.calibration import Posterior, quadratic
from benchmarks.fitting import terms_of
from benchmarks.measurements import DECODE, Case

FACTOR = 1.5332
"""Student-t with four degrees of freedom: p10 and p90 in standard deviations."""

TARGET = 0.8


@dataclass(slots=True)
class Judged:
    """A case, the seconds expected, and the log variance that the parameters give it."""

    case: Case
    seconds: float
    variance: float
    """From what is uncertain about the class, or about the device where it has rows of its own."""
    between: float
    """From how far devices of the class lie apart; 0 where the device has rows of its own."""
    noise: float
    spread: float = 1.0
    """Factor on `between`."""

    @property
    def residual(self) -> float:
        """Logarithm of actual over expected seconds."""
        return math.log(self.case.seconds / self.seconds)

    def inside(self) -> bool:
        """Whether the 80 % interval holds the actual time."""
        sd = math.sqrt(self.variance + self.between * self.spread + self.noise**2)
        return abs(self.residual) <= FACTOR * sd


def judge(posterior: Posterior, case: Case, spread: Sequence[float] = ()) -> Judged:
    """Hold a posterior against a case it has not seen; `spread` is how far devices lie from the posterior's class."""
    own, link = terms_of(case)
    parts = [x * math.exp(m) for x, m in zip(own, posterior.mean, strict=True)]
    total = sum(parts) + link
    shares = [p / total for p in parts]
    between = sum((share * sd) ** 2 for share, sd in zip(shares, spread, strict=True)) if spread else 0.0
    variance = quadratic(shares, posterior.covariance) + _stated(case, total)
    if case.phase == DECODE and case.parts:
        variance += sum((share * sd) ** 2 for share, sd in zip(shares, case.parts[0].scatter, strict=True))
    return Judged(case, total, variance, between, posterior.noise_sd[case.phase])


def _stated(case: Case, total: float) -> float:
    """Log variance that is stated and not fitted: of the links, and of what the parameters have not seen."""
    variance = 0.0
    for part in case.parts:
        terms, extra = (part.decode, part.decode_variance) if case.phase == DECODE else (part.prefill, 0.0)
        if part.posterior.backend == "link":
            own = [x * math.exp(m) / total for x, m in zip(terms, part.posterior.mean, strict=True)]
            variance += (
                quadratic(own, part.posterior.covariance) + (sum(own) * part.posterior.noise_sd[case.phase]) ** 2
            )
        elif part is case.parts[0]:
            variance += extra
    return variance


def coverage(groups: Sequence[Sequence[Judged]], **values: float) -> float:
    """Mean over the groups of the share of cases inside their intervals, with these values set on each."""
    shares = []
    for group in groups:
        for judged in group:
            for name, value in values.items():
                setattr(judged, name, value)
        shares.append(sum(j.inside() for j in group) / len(group))
    return sum(shares) / len(shares)


def value_for(name: str, groups: Sequence[Sequence[Judged]], low: float, high: float) -> float:
    """The noise or spread at which 80 % of the cases fall inside, each group counting alike; it is left set on them."""
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if coverage(groups, **{name: middle}) < TARGET else (low, middle)
    coverage(groups, **{name: high})
    return high
