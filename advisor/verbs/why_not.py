"""Why a model is not the pick of a recommendation: asked by name, or the neighbours of the first pick by size."""

from collections.abc import Sequence
from dataclasses import replace

from advisor.decide.assessment import Assessment, assess
from advisor.decide.candidates import Reason
from advisor.decide.order import Order
from advisor.decide.question import Question
from advisor.decide.ranking import rank
from advisor.decide.recommendation import Recommendation
from advisor.decide.why_not import WhyNot, why_not
from advisor.domain.entry import CatalogEntry
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.levers import Levers
from advisor.verbs.workspace import Workspace

NEIGHBOUR, FAR = 1.3, 4.0
"""A neighbour by size has at least so many times more or fewer parameters (closer ones are of the same size), and at
most so many where there is one."""
ASSESSED = frozenset({Reason.MEMORY, Reason.SLOW, Reason.SPEED_UNKNOWN, Reason.OUTRANKED, Reason.QUALITY})
"""Reasons that speak of a model on this machine, so that its best choice can be shown."""


def why_not_named(names: Sequence[str], result: Recommendation, workspace: Workspace) -> tuple[WhyNot, ...]:
    """One answer a name. Raises UnknownName for a model that the catalog does not have."""
    models = [workspace.catalog.resolve(name) for name in names]
    return tuple(_answer(workspace.catalog.entry(model.id), result, workspace) for model in models)


def why_not_neighbours(result: Recommendation, workspace: Workspace) -> tuple[WhyNot, ...]:
    """The best model next above the first pick in size, the best next below, and the one that everybody knows: why none
    of them was taken.
    """
    if not result.picks:
        return ()
    picked = result.picks[0].model
    size = picked.total_params or 0
    task = result.question.task.name
    known = [e for e in workspace.catalog.entries() if e.total_params and result.excluded.get(e.id) in ASSESSED]
    known += [workspace.catalog.entry(p.model.id) for p in result.picks[1:]]
    ratios = [((e.total_params or 1) / max(size, 1), e) for e in known]
    larger = [(r, e) for r, e in ratios if r >= NEIGHBOUR]
    smaller = [(1 / r, e) for r, e in ratios if r <= 1 / NEIGHBOUR]
    groups = [_near(group) for group in (larger, smaller) if group]
    found = [max(group, key=lambda e: (_score(e, task), e.id)) for group in groups]
    known_to_all = _most_reported(result, workspace)
    if known_to_all is not None and known_to_all not in found:
        found.append(known_to_all)
    return tuple(_answer(entry, result, workspace) for entry in found)


def _most_reported(result: Recommendation, workspace: Workspace) -> CatalogEntry | None:
    """Fame, as far as a catalog can tell: the model for this task of which most results are published."""
    first, catalog = result.picks[0].model.id, workspace.catalog
    kinds = (*ASSESSED, Reason.LICENCE, Reason.NO_ENGINE, Reason.CONTEXT)
    others = {p.model.id for p in result.picks[1:]}
    known = [e for e in catalog.entries() if result.excluded.get(e.id) in kinds or e.id in others]
    counted = [(len(catalog.evidence(e.id)), e.id, e) for e in known if e.id != first]
    return max(counted, key=lambda item: item[:2])[2] if counted else None


def _near(group: Sequence[tuple[float, CatalogEntry]]) -> list[CatalogEntry]:
    """Those not too far away in size; where all are, the nearest."""
    return [e for ratio, e in group if ratio <= FAR] or [min(group, key=lambda item: (item[0], item[1].id))[1]]


def _score(entry: CatalogEntry, task: str) -> float:
    return max((tasks[task][0] for tasks in entry.quality.values() if task in tasks), default=0.0)


def _smallest(question: Question, estimator: MachineEstimator, workspace: Workspace) -> Assessment | None:
    """The choice of a model that needs the least memory, where even its weights do not fit."""
    order = Order(
        question,
        (workspace.catalog.entry(question.model or ""),),
        workspace.catalog,
        estimator.offered(question.engine),
    )
    smallest = min(order, key=lambda candidate: candidate.size.tensor_bytes, default=None)
    return assess(smallest, question, estimator) if smallest else None


def _answer(entry: CatalogEntry, result: Recommendation, workspace: Workspace) -> WhyNot:
    pick = result.picks[0].assessment if result.picks else None
    place = next((p.rank for p in result.picks if p.model.id == entry.id), None)
    if place == 1:
        return WhyNot(model_id=entry.id, name=entry.name, reason=None, rank=1, lines=("it is the first pick",))
    reason = Reason.OUTRANKED if place else Reason(result.excluded.get(entry.id, Reason.ARCHITECTURE))
    if reason not in ASSESSED:
        return why_not(entry, reason, result.question)
    estimator = MachineEstimator(result.machine, workspace, assume_idle=result.question.assume_idle)
    alone = replace(result.question, model=entry.id, limit=1, min_quality=None)
    ranking = rank(alone, (entry,), workspace.catalog, estimator, estimator.offered(alone.engine))
    own = next(iter((*ranking.picks, *ranking.misses)), None)
    if own is None and reason is Reason.MEMORY:
        own = _smallest(alone, estimator, workspace)
    if own is None:
        return replace(why_not(entry, ranking.excluded.get(entry.id, reason), result.question), rank=place)
    helps = () if own.works else Levers(result.question, estimator).needs(own)
    answer = why_not(entry, reason, result.question, own=own, pick=pick, needs=helps)
    return replace(answer, rank=place)
