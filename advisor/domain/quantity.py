"""A predicted quantity with its interval, and where a number comes from."""

from dataclasses import dataclass
from enum import StrEnum

Z90 = 1.2815515655446004
"""Standard normal quantile of 0.9: an 80 % interval reaches as many standard deviations to each side."""


class Basis(StrEnum):
    """Where a number comes from, best first."""

    MEASURED = "measured"
    """This very choice was run on this machine."""
    CALIBRATED = "calibrated"
    """Predicted with constants learned from runs on this machine."""
    ESTIMATED = "estimated"
    """Predicted from specifications and published measurements of other machines."""
    REPORTED = "reported"
    """Said by somebody else: a vendor, a leaderboard, a card."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """An 80 % interval and its median. The unit is in the name of the field that holds it."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def exact(cls, value: float) -> "Quantity":
        """A quantity known without doubt."""
        return cls(value, value, value)

    def inverse(self, numerator: float = 1.0) -> "Quantity":
        """`numerator / self`, with the ends swapped so that p10 stays the smaller."""
        return Quantity(numerator / self.p90, numerator / self.p50, numerator / self.p10)

    def scaled(self, factor: float) -> "Quantity":
        """All three values times a positive `factor`."""
        return Quantity(self.p10 * factor, self.p50 * factor, self.p90 * factor)
