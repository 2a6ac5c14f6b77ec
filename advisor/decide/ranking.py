"""Ranks systems by utility among those that fit and meet the budget; keeps what failed and why.

What meets the budget comes first. A task's own target is what somebody would like, not what anybody asked for: it is
met when it is likelier met than missed, what overshooting it may cost is counted in points, and where nothing meets it
the least bad is given all the same.

Candidates are assessed in order of utility (`order`), and the search stops when nothing that is left can be worth more
than what was found: most are never estimated.
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

SOFT_POINTS_PER_DOUBLING = 24.0
"""Points that each doubling of the time beyond a task's own target costs: about four times what a doubling of the size
is worth (10 points from 4B to 14B)."""
MOST_LATE = 20.0
"""Doublings that are counted: a million times too slow."""
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


@dataclass(frozen=True, slots=True)
class _Found:
    """A choice that may be offered, and its worth as an answer (points)."""

    assessment: Assessment
    worth: float

    @property
    def order(self) -> tuple[bool, float]:
        """What meets the budget before what does not, then by worth; the highest is the best."""
        return self.assessment.works, self.worth


@dataclass(slots=True)
class _Search:
    """State of one search: what has come of the candidates so far."""

    question: Question
    estimator: Estimator
    too_slow: TooSlow
    found: dict[str, _Found] = field(default_factory=dict)
    """The best of each model that may be offered."""
    floor: float = -math.inf
    """Worth of the last of as many as are asked for that meet the budget; -inf as long as there are fewer."""
    last_resort: float = -math.inf
    """The same of all that may be offered."""
    desperate: bool = False
    """Nothing meets the target: what misses it by the least is looked for."""
    tried: set[tuple[str, str, str, str]] = field(default_factory=set)
    """Model, mode, quantization and engine of what was assessed."""
    failed: dict[str, Assessment] = field(default_factory=dict)
    too_large: dict[str, Candidate] = field(default_factory=dict)
    reasons: dict[str, Reason] = field(default_factory=dict)

    @property
    def working(self) -> list[_Found]:
        """What meets the budget."""
        return [one for one in self.found.values() if one.assessment.works]

    def done(self, candidate: Candidate) -> bool:
        """Neither this candidate nor any of those after it can be among the best."""
        return candidate.utility <= self.floor

    def fail(self, model_id: str, reason: Reason) -> None:
        """Keep the first reason that was found for a model: it belongs to its best candidate."""
        self.reasons.setdefault(model_id, reason)

    def note_too_large(self, candidate: Candidate) -> None:
        """Keep the smallest choice of each model whose weights alone are more than all memory."""
        known = self.too_large.get(candidate.model_id)
        if known is None or candidate.size.tensor_bytes < known.size.tensor_bytes:
            self.too_large[candidate.model_id] = candidate

    def try_candidate(self, candidate: Candidate) -> None:
        """Assess one candidate unless a better one of its model is known already."""
        model_id = candidate.model_id
        known = self.found.get(model_id)
        if known is not None and known.assessment.works and candidate.utility <= known.worth:
            return
        reason = unwanted(candidate, self.question)
        if reason is not None:
            self.fail(model_id, reason)
        elif self.estimator.cannot_fit(candidate) is not None:
            self.fail(model_id, Reason.MEMORY)
            self.note_too_large(candidate)
        elif self._too_slow(candidate, known):
            self.fail(model_id, Reason.SLOW)
        elif (key := (model_id, candidate.system.mode, candidate.quant, candidate.engine)) not in self.tried:
            self.tried.add(key)
            self._keep(assess(candidate, self.question, self.estimator), known)

    def _too_slow(self, candidate: Candidate, known: _Found | None) -> bool:
        """What was slow already shows that this one misses the budget, and that something better is known if it may."""
        overshoot = self.too_slow.least_overshoot(candidate)
        if overshoot < 1.0 or not self.desperate:
            return overshoot >= 1.0
        most = candidate.utility - SOFT_POINTS_PER_DOUBLING * math.log2(overshoot)
        return most <= max(self.last_resort, known.worth if known else -math.inf)

    def _keep(self, assessment: Assessment, known: _Found | None) -> None:
        model_id = assessment.candidate.model_id
        if not assessment.works:
            self.too_slow.remember(assessment)
            self.fail(model_id, assessment.reason or Reason.SLOW)
            nearest = self.failed.get(model_id)
            if nearest is None or nearness(assessment) < nearness(nearest):
                self.failed[model_id] = assessment
        if not may_be_offered(assessment, self.question):
            return
        found = _Found(assessment, soft_utility(assessment))
        if known is None or found.order > known.order:
            self.found[model_id] = found
            self._raise_floors()

    def _raise_floors(self) -> None:
        self.floor = self._last_of([one.worth for one in self.working])
        self.last_resort = self._last_of([one.worth for one in self.found.values()])

    def _last_of(self, worths: list[float]) -> float:
        limit = self.question.limit
        return sorted(worths, reverse=True)[limit - 1] if len(worths) >= limit else -math.inf


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


def may_be_offered(assessment: Assessment, question: Question) -> bool:
    """It works; or it misses no more than the task's own target, and is given where nothing meets that."""
    possible = assessment.estimate.fits and assessment.estimate.speed is not None and assessment.excess is None
    return assessment.works or (possible and not question.budget.stated)


def soft_utility(assessment: Assessment) -> float:
    """Utility less what overshooting a target costs, by how far it is to be expected: nobody knows times exactly."""
    return assessment.candidate.utility - SOFT_POINTS_PER_DOUBLING * min(assessment.verdict.lateness, MOST_LATE)


def _searched(search: _Search, order: Order) -> Order:
    """The order, after its candidates were tried as far as any may be among the best."""
    for candidate in order:
        search.try_candidate(candidate)
        if search.done(candidate):
            break
    return order


def rank(
    question: Question, entries: Sequence[CatalogEntry], shelf: Shelf, estimator: Estimator, offered: Sequence[str]
) -> Ranking:
    """The best `question.limit` models, one row each. `offered`: engines that are there or may be installed."""
    search = _Search(question, estimator, TooSlow(estimator.mixed, offered[0] if offered else ""))
    order = _searched(search, Order(question, entries, shelf, offered))
    if not question.budget.stated and not search.working:
        search.desperate = True
        order = _searched(search, Order(question, entries, shelf, offered))
    for model_id, reason in order.excluded.items():
        search.fail(model_id, reason)
    for model_id in order.rest():
        if model_id not in search.found:
            search.fail(model_id, Reason.OUTRANKED)
    return _conclude(search, len(entries))


def _too_large(search: _Search, count: int) -> list[Assessment]:
    """So that there is always an answer: where too few choices come near, those that need the least more memory."""
    missing = [c for model_id, c in search.too_large.items() if model_id not in search.failed]
    nearest = sorted(missing, key=lambda c: (c.size.tensor_bytes, -c.utility))[: max(count, 0)]
    return [assess(candidate, search.question, search.estimator) for candidate in nearest]


def _conclude(search: _Search, considered: int) -> Ranking:
    working = search.working
    best = sorted(working or search.found.values(), key=lambda one: -one.worth)
    picks = [one.assessment for one in best[: search.question.limit]]
    for one in best:
        search.reasons.pop(one.assessment.candidate.model_id, None)
    for one in best[search.question.limit :]:
        search.fail(one.assessment.candidate.model_id, one.assessment.reason or Reason.OUTRANKED)
    chosen = {one.assessment.candidate.model_id for one in working} | {a.candidate.model_id for a in picks}
    misses = [a for model_id, a in search.failed.items() if model_id not in chosen]
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
