"""The frontier of quality against latency and against memory: what each step up really costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from advisor.decide.assessment import Assessment


class Axis(StrEnum):
    """What quality is set against."""

    LATENCY = "latency"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontierPoint:
    """One choice: its cost on the axis (s or bytes) and its quality. `on_frontier`: nothing cheaper is better."""

    assessment: Assessment
    cost: float
    score: float
    on_frontier: bool


def cost_of(assessment: Assessment, axis: Axis) -> float | None:
    """Seconds of a whole answer, or bytes of memory; None where unknown."""
    if axis is Axis.MEMORY:
        return float(assessment.estimate.footprint.total_bytes)
    speed = assessment.estimate.speed
    return None if speed is None else speed.latency_s.p50


def frontier(assessments: Sequence[Assessment], axis: Axis) -> tuple[FrontierPoint, ...]:
    """All choices that fit, cheapest first, with those marked that nothing cheaper equals."""
    costed = [(cost_of(a, axis), a) for a in assessments if a.estimate.fits]
    known = sorted(((c, a) for c, a in costed if c is not None), key=lambda item: (item[0], -item[1].candidate.score))
    best = -1.0
    points = []
    for cost, assessment in known:
        score = assessment.candidate.score
        points.append(FrontierPoint(assessment=assessment, cost=cost, score=score, on_frontier=score > best))
        best = max(best, score)
    return tuple(points)
