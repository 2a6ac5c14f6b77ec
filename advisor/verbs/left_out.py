"""When nothing can be offered for a task: the models made for it that cannot be estimated here, best first."""

from collections.abc import Sequence

from advisor.decide.candidates import Reason
from advisor.decide.question import Question
from advisor.decide.ranking import NEAR_MISSES, Ranking
from advisor.decide.recommendation import LeftOut
from advisor.decide.why_not import fact_line
from advisor.domain.entry import CatalogEntry

_TOLD = (Reason.NO_ENGINE, Reason.ARCHITECTURE, Reason.NOT_DOWNLOADABLE, Reason.NO_QUALITY, Reason.SPEED_UNKNOWN)
"""What is no judgement on the model: another engine, or a look into its files, would do."""


def left_out(question: Question, ranking: Ranking, entries: Sequence[CatalogEntry]) -> tuple[LeftOut, ...]:
    """Up to five models for the task with why they were left out and the engines that run them."""
    found = [
        _left_out(entry, question, ranking.excluded[entry.id])
        for entry in entries
        if ranking.excluded.get(entry.id) in _TOLD and entry.downloadable and entry.category in question.task.categories
    ]
    found.sort(key=lambda one: (-(one.score or 0.0), one.entry.id))
    return tuple(found[:NEAR_MISSES])


def _left_out(entry: CatalogEntry, question: Question, reason: Reason) -> LeftOut:
    cells = [tasks[question.task.name] for tasks in entry.quality.values() if question.task.name in tasks]
    score, sd, _ = max(cells, key=lambda cell: cell[0], default=(None, None, None))
    engines = f"; it runs on {', '.join(entry.engines)}" if entry.engines and reason is not Reason.NO_ENGINE else ""
    return LeftOut(entry=entry, reason=reason, score=score, sd=sd, text=fact_line(entry, reason, question) + engines)
