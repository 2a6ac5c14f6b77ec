"""Ranks systems by utility among those that fit and meet the budget; keeps what failed and why.

Candidates are assessed in order of utility (`order`), and the search stops when enough models work: most are never
estimated.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from advisor.decide.assessment import Assessment, Estimator, assess
from advisor.decide.candidates import Candidate, Reason, Shelf, unwanted
from advisor.decide.order import Order
from advisor.decide.pruning import TooSlow
from advisor.decide.question import Question
from advisor.domain.entry import CatalogEntry

SOFT_POINTS_PER_DOUBLING = 12.0
"""When nothing meets a task's own target: points that a doubling of the overshoot costs. Twice too slow is worth a
whole size class (about 10 points from 4B to 14B)."""
NEAR_MISSES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Picks best first, the failures worth explaining, and how many models fell to which reason."""

    picks: tuple[Assessment, ...]
    misses: tuple[Assessment, ...]
    rejected: Mapping[Reason, int]
    excluded: Mapping[str, Reason] = field(default_factory=dict)
    """Reason by model id."""
    considered: int = 0

    @property
    def met(self) -> bool:
        """At least one pick meets the budget."""
        return any(p.works for p in self.picks)


@dataclass(slots=True)
class _Search:
    """State of one search: what has come of the candidates so far."""

    question: Question
    estimator: Estimator
    too_slow: TooSlow
    works: dict[str, Assessment] = field(default_factory=dict)
    failed: dict[str, Assessment] = field(default_factory=dict)
    too_large: dict[str, Candidate] = field(default_factory=dict)
    reasons: dict[str, Reason] = field(default_factory=dict)

    def fail(self, model_id: str, reason: Reason) -> None:
        """Keep the first reason that was found for a model: it belongs to its best candidate."""
        self.reasons.setdefault(model_id, reason)

    def note_too_large(self, candidate: Candidate) -> None:
        """Keep the smallest choice of each model whose weights alone are more than all memory."""
        known = self.too_large.get(candidate.model_id)
        if known is None or candidate.size.tensor_bytes < known.size.tensor_bytes:
            self.too_large[candidate.model_id] = candidate

    def try_candidate(self, candidate: Candidate) -> None:
        """Assess one candidate unless a better one of its model already works."""
        model_id = candidate.model_id
        if model_id in self.works:
            return
        reason = unwanted(candidate, self.question)
        if reason is not None:
            self.fail(model_id, reason)
            return
        if self.estimator.cannot_fit(candidate) is not None:
            self.fail(model_id, Reason.MEMORY)
            self.note_too_large(candidate)
            return
        if self.too_slow.rules_out(candidate):
            self.fail(model_id, Reason.SLOW)
            return
        assessment = assess(candidate, self.question, self.estimator)
        if assessment.works:
            self.works[model_id] = assessment
            self.reasons.pop(model_id, None)
            return
        self.too_slow.remember(assessment)
        self.fail(model_id, assessment.reason or Reason.SLOW)
        known = self.failed.get(model_id)
        if known is None or nearness(assessment) < nearness(known):
            self.failed[model_id] = assessment


def closeness(assessment: Assessment) -> float:
    """How far a failure is from working: doublings, over all limits that are exceeded."""
    far = sum(math.log2(min(m.needed_s / m.allowed_s, 1e6)) for m in assessment.verdict.misses)
    if assessment.excess is not None:
        far += math.log2(min(assessment.excess.factor, 1e6))
    for device in assessment.estimate.footprint.devices:
        headroom = device.headroom_bytes
        if headroom is not None and headroom < 0:
            far += math.log2(device.total_bytes / max(device.available_bytes or 1, 1))
    return far


def nearness(assessment: Assessment) -> tuple[float, float, float]:
    """Order of near misses: the points that may be expected of it all the same, then how far it is from working."""
    possible = assessment.estimate.fits and assessment.excess is None
    chance = assessment.verdict.probability if possible else 0.0
    candidate = assessment.candidate
    return (-round(chance * candidate.score, 1), closeness(assessment), -candidate.utility)


def soft_utility(assessment: Assessment) -> float:
    """Utility less what the overshoot costs, for when nothing meets a target."""
    overshoot = min(assessment.verdict.overshoot, 1e6)
    return assessment.candidate.utility - SOFT_POINTS_PER_DOUBLING * math.log2(overshoot)


def rank(
    question: Question, entries: Sequence[CatalogEntry], shelf: Shelf, estimator: Estimator, offered: Sequence[str]
) -> Ranking:
    """The best `question.limit` models, one row each. `offered`: engines that are there or may be installed."""
    order = Order(question, entries, shelf, offered)
    search = _Search(question, estimator, TooSlow(estimator.mixed, offered[0] if offered else ""))
    for candidate in order:
        search.try_candidate(candidate)
        if len(search.works) >= question.limit:
            break
    for model_id, reason in order.excluded.items():
        search.fail(model_id, reason)
    for model_id in order.rest():
        if model_id not in search.works:
            search.fail(model_id, Reason.OUTRANKED)
    return _conclude(search, len(entries))


def _too_large(search: _Search, count: int) -> list[Assessment]:
    """So that there is always an answer: where too few choices come near, those that need the least more memory."""
    missing = [c for model_id, c in search.too_large.items() if model_id not in search.failed]
    nearest = sorted(missing, key=lambda c: (c.size.tensor_bytes, -c.utility))[: max(count, 0)]
    return [assess(candidate, search.question, search.estimator) for candidate in nearest]


def _conclude(search: _Search, considered: int) -> Ranking:
    picks = list(search.works.values())
    misses = [a for a in search.failed.values() if a.candidate.model_id not in search.works]
    if not picks and not search.question.budget.stated:
        fitting = [a for a in misses if a.estimate.fits and a.estimate.speed is not None and a.excess is None]
        picks = sorted(fitting, key=soft_utility, reverse=True)[: search.question.limit]
        chosen = {a.candidate.model_id for a in picks}
        misses = [a for a in misses if a.candidate.model_id not in chosen]
    for assessment in picks:
        search.reasons.pop(assessment.candidate.model_id, None)
    if not picks:
        misses += _too_large(search, NEAR_MISSES - len(misses))
    misses.sort(key=nearness)
    return Ranking(
        picks=tuple(picks),
        misses=tuple(misses[:NEAR_MISSES]),
        rejected=dict(Counter(search.reasons.values()).most_common()),
        excluded=search.reasons,
        considered=considered,
    )
