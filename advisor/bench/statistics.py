"""Turns repeated measurements into one figure and says how far it can be trusted."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

NORMAL_MAD = 1.4826
"""Median absolute deviation times this is the standard deviation of a normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Median and extremes of `count` values, in their unit. `spread` is relative: 0.05 is 5 % of the median."""

    median: float
    low: float
    high: float
    spread: float
    count: int


def summarize(values: Iterable[float | None]) -> Summary | None:
    """Median, extremes and relative spread; None where there is no value.

    The spread is the scaled median absolute deviation, and never less than a third of the relative range: with three
    values the former is blind to one of them.
    """
    known = sorted(v for v in values if v is not None)
    if not known:
        return None
    middle = median(known)
    deviation = NORMAL_MAD * median(abs(v - middle) for v in known)
    span = (known[-1] - known[0]) / 3
    spread = max(deviation, span) / middle if middle else 0.0
    return Summary(median=middle, low=known[0], high=known[-1], spread=spread, count=len(known))


def error_percent(predicted: float | None, measured: float | None) -> float | None:
    """How far a prediction was off, in percent of what was measured; positive: predicted too much."""
    if predicted is None or not measured:
        return None
    return 100.0 * (predicted / measured - 1.0)
