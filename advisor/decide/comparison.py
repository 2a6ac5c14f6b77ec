"""Choices set against each other."""

from dataclasses import dataclass

from advisor.decide.choice import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What the larger of two choices changes. Ratios are larger over smaller; None where one side is unknown."""

    smaller: str
    larger: str
    points: float | None
    """Points of the task's scale that the larger one is better by."""
    points_sd: float | None
    p_better: float | None
    memory_ratio: float
    time_ratio: float | None
    energy_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The choices in the order given, and each pair of neighbours by size."""

    choices: tuple[Choice, ...]
    differences: tuple[Difference, ...]
