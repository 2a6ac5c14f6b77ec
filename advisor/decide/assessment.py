"""One candidate on one machine: its estimates over the placements that come into question, and the best of them."""

import math
from dataclasses import dataclass
from typing import Protocol

from advisor.decide.budget import Verdict, judge, quantile
from advisor.decide.candidates import Candidate, Reason
from advisor.decide.efficiency import mean_watts
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
class Excess:
    """A limit on energy (J) or power (W) that is broken; `needed` None: unknown, and unknown meets no limit."""

    reason: Reason
    allowed: float
    needed: float | None

    @property
    def factor(self) -> float:
        """How many times too much."""
        return math.inf if self.needed is None else self.needed / self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A candidate with its best estimate and how that stands against the budget."""

    candidate: Candidate
    workload: Workload
    estimate: Estimate
    verdict: Verdict
    excess: Excess | None = None

    @property
    def works(self) -> bool:
        """It fits, meets the budget, and takes no more energy than it may."""
        return self.estimate.fits and self.verdict.meets and self.excess is None

    @property
    def reason(self) -> Reason | None:
        """Why it does not work."""
        if not self.estimate.fits:
            return Reason.MEMORY
        if self.estimate.speed is None and not self.verdict.meets:
            return Reason.SPEED_UNKNOWN
        if not self.verdict.meets:
            return Reason.SLOW
        return self.excess.reason if self.excess else None


SURE = 0.99
"""Probability of meeting a budget beyond which the faster placement is better than the surer one."""


def _order(assessment: Assessment) -> tuple[bool, bool, float, float]:
    """Fitting and quick enough first, then likelier as far as it matters, then faster."""
    speed = assessment.estimate.speed
    return (
        not assessment.estimate.fits,
        not assessment.verdict.meets or assessment.excess is not None,
        -min(round(assessment.verdict.probability, 2), SURE),
        speed.latency_s.p50 if speed else float("inf"),
    )


def _excess(estimate: Estimate, question: Question) -> Excess | None:
    """A limit on energy must be met as surely as one on time; what is unknown meets none."""
    joules, most = estimate.joules_per_answer, question.max_energy_j
    if most is not None:
        needed = quantile(joules, question.budget.confidence) if joules else None
        if needed is None or needed > most:
            return Excess(reason=Reason.ENERGY, allowed=most, needed=needed)
    if question.max_watts is not None:
        watts = mean_watts(estimate, question.workload.users)
        if watts is None or watts > question.max_watts:
            return Excess(reason=Reason.POWER, allowed=question.max_watts, needed=watts)
    return None


def assessments(candidate: Candidate, question: Question, estimator: Estimator) -> tuple[Assessment, ...]:
    """One for each placement that comes into question, the best first."""
    workload = question.workload_for(candidate.system.thinking_tokens, candidate.system.entry.context_max)
    found = [
        Assessment(
            candidate=candidate,
            workload=workload,
            estimate=estimate,
            verdict=judge(estimate.speed, question.budget, workload.thinking_tokens),
            excess=_excess(estimate, question),
        )
        for estimate in estimator(candidate, workload, question.kv_type)
    ]
    return tuple(sorted(found, key=_order))


def assess(candidate: Candidate, question: Question, estimator: Estimator) -> Assessment:
    """Estimate every placement and keep the one that answers the question best."""
    return assessments(candidate, question, estimator)[0]
