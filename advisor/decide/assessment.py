"""One candidate on one machine: its estimates over the placements that come into question, and the best of them."""

from dataclasses import dataclass
from typing import Protocol

from advisor.decide.budget import Verdict, judge
from advisor.decide.candidates import Candidate, Reason
from advisor.decide.question import Question
from advisor.domain.estimate import Estimate
from advisor.domain.workload import Workload


class Estimator(Protocol):
    """Estimates a candidate on the machine in question, one estimate for each sensible placement."""

    mixed: bool
    """The machine has accelerators beside the host: choices sit on different kinds of memory."""

    def __call__(self, candidate: Candidate, workload: Workload, kv_type: str) -> tuple[Estimate, ...]:
        """Best placement first where that is known; never empty."""
        ...

    def cannot_fit(self, candidate: Candidate) -> int | None:
        """Bytes that the weights alone exceed all memory of the machine by; None when they may fit."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A candidate with its best estimate and how that stands against the budget."""

    candidate: Candidate
    workload: Workload
    estimate: Estimate
    verdict: Verdict

    @property
    def works(self) -> bool:
        """It fits and meets the budget."""
        return self.estimate.fits and self.verdict.meets

    @property
    def reason(self) -> Reason | None:
        """Why it does not work."""
        if not self.estimate.fits:
            return Reason.MEMORY
        if self.estimate.speed is None and not self.verdict.meets:
            return Reason.SPEED_UNKNOWN
        return None if self.verdict.meets else Reason.SLOW


def _order(assessment: Assessment) -> tuple[bool, bool, float, float]:
    """Fitting and quick enough first, then likelier, then faster."""
    speed = assessment.estimate.speed
    return (
        not assessment.estimate.fits,
        not assessment.verdict.meets,
        -round(assessment.verdict.probability, 3),
        speed.latency_s.p50 if speed else float("inf"),
    )


def assess(candidate: Candidate, question: Question, estimator: Estimator) -> Assessment:
    """Estimate every placement and keep the one that answers the question best."""
    workload = question.workload_for(candidate.system.thinking_tokens, candidate.system.entry.context_max)
    found = [
        Assessment(
            candidate=candidate,
            workload=workload,
            estimate=estimate,
            verdict=judge(estimate.speed, question.budget, workload.thinking_tokens),
        )
        for estimate in estimator(candidate, workload, question.kv_type)
    ]
    return min(found, key=_order)
