"""Where a filter rules everything out before any arithmetic: what would be offered with one filter less."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from advisor.decide.assessment import Assessment
from advisor.decide.counterfactual import Need
from advisor.decide.question import Question
from advisor.decide.ranking import Ranking

MANY = 200
"""Rows looked at for those of the highest quality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """One filter taken away, and what a choice found without it would need instead."""

    question: Question
    need: Callable[[Assessment], Need]


def relaxed(question: Question, ranked: Callable[[Question], Ranking]) -> tuple[tuple[Assessment, Need], ...]:
    """Choices that meet all but one filter, nearest first, with the value of that filter that lets each in.

    Empty where no single filter is to blame.
    """
    for lighter in _filters(question):
        picks = ranked(replace(lighter.question, limit=MANY)).picks
        if picks:
            nearest = sorted(picks, key=lambda a: -a.candidate.score) if question.min_quality is not None else picks
            return tuple((a, lighter.need(a)) for a in nearest[: question.limit])
    return ()


def _filters(question: Question) -> Iterator[_Filter]:
    if question.min_quality is not None:
        yield _Filter(question=replace(question, min_quality=None), need=lambda a: _quality(a, question))
    if question.licence != "any":
        yield _Filter(question=replace(question, licence="any"), need=lambda a: _licence(a, question))
    if question.quant is not None:
        yield _Filter(
            question=replace(question, quant=None), need=lambda a: _named("quant", question.quant, a.candidate.quant)
        )
    if question.engine is not None:
        yield _Filter(
            question=replace(question, engine=None),
            need=lambda a: _named("engine", question.engine, a.candidate.engine),
        )
    if question.context_stated:
        yield _Filter(question=replace(question, context_stated=False), need=lambda a: _context(a, question))


def _quality(assessment: Assessment, question: Question) -> Need:
    reached = math.floor(assessment.candidate.score)
    return _need("quality", "min_quality", question.min_quality, float(reached), f"--min-quality {reached}")


def _licence(assessment: Assessment, question: Question) -> Need:
    own = assessment.candidate.system.entry.licence or "unknown"
    return _need("licence", "license", question.licence, "any", f"--license any (it is under {own})")


def _named(flag: str, asked: str | None, own: str) -> Need:
    return _need("quantization" if flag == "quant" else flag, flag, asked, own, f"--{flag} {own}")


def _context(assessment: Assessment, question: Question) -> Need:
    held = assessment.workload.context
    return _need("context", "context", float(question.workload.context), float(held), f"--context {held}")


def _need(lever: str, field: str, current: float | str | None, needed: float | str, flag: str) -> Need:
    shown = f"{current:.0f}" if isinstance(current, float) and current.is_integer() else current
    return Need(lever=lever, field=field, current=current, needed=needed, text=f"{flag} instead of {shown}")
