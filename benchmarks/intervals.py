"""Noise and spread that make intervals honest: found from predictions of what was left out of each fit.

`Judged` holds one such prediction. The noise of a backend is what is left between models on devices whose rows are
known; the spread of a class is what is left, beyond that, between devices.
"""

import math
from dataclasses import dataclass, replace

from advisor.estimate.calibration import Posterior, quadratic
from benchmarks.fitting import terms_of
from benchmarks.measurements import Case

FACTOR = 1.5332
"""Student-t with four degrees of freedom: p10 and p90 in standard deviations."""


@dataclass(slots=True)
class Judged:
    """A case, the seconds expected, and the log variance that the parameters give it."""

    case: Case
    seconds: float
    variance: float
    noise: float

    @property
    def residual(self) -> float:
        """Logarithm of actual over expected seconds."""
        return math.log(self.case.seconds / self.seconds)

    def inside(self, noise: float | None = None, factor: float = 1.0) -> bool:
        """Whether the 80 % interval holds the actual time."""
        sd = math.sqrt(self.variance * factor + (self.noise if noise is None else noise) ** 2)
        return abs(self.residual) <= FACTOR * sd


def judge(posterior: Posterior, case: Case) -> Judged:
    """Hold a posterior against a case it has not seen."""
    own, link = terms_of(case)
    parts = [x * math.exp(m) for x, m in zip(own, posterior.mean, strict=True)]
    total = sum(parts) + link
    return Judged(
        case, total, quadratic([p / total for p in parts], posterior.covariance), posterior.noise_sd[case.phase]
    )


def coverage(judged: list[Judged], **how) -> float:
    """Share of cases inside their interval."""
    return sum(j.inside(**how) for j in judged) / len(judged)


def noise_for(judged: list[Judged], target: float = 0.8) -> float:
    """The noise at which `target` of the cases fall inside (0.03 to 1.2)."""
    low, high = 0.03, 1.2
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if coverage(judged, noise=middle) < target else (low, middle)
    return high


def spread_for(judged: list[Judged], target: float = 0.8) -> float:
    """The factor on the parameters' variance at which `target` of the cases fall inside (0.25 to 25)."""
    low, high = 0.25, 25.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if coverage(judged, factor=middle) < target else (low, middle)
    return high


def scaled(posterior: Posterior, factor: float) -> Posterior:
    """The same means with variances times `factor`."""
    return replace(posterior, covariance=tuple(tuple(v * factor for v in row) for row in posterior.covariance))
