"""Where a filter rules everything out before any arithmetic: what would be offered with one filter less."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from advisor.decide.assessment import Assessment
from advisor.decide.counterfactual import Need
from advisor.decide.question import Question
from advisor.decide.ranking import Ranking
from advisor.verbs.levers import instead_of

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
            question=replace(question, quant=None),
            need=lambda a: instead_of("quantization", "quant", question.quant, a.candidate.quant, "--quant"),
        )
    if question.engine is not None:
        yield _Filter(
            question=replace(question, engine=None),
            need=lambda a: instead_of("engine", "engine", question.engine, a.candidate.engine, "--engine"),
        )
    if question.context_stated:
        yield _Filter(question=replace(question, context_stated=False), need=lambda a: _context(a, question))


def _quality(assessment: Assessment, question: Question) -> Need:
    reached = float(math.floor(assessment.candidate.score))
    return instead_of("quality", "min_quality", question.min_quality, reached, "--min-quality")


def _licence(assessment: Assessment, question: Question) -> Need:
    own = assessment.candidate.system.entry.licence or "unknown"
    need = instead_of("licence", "license", question.licence, "any", "--license")
    return replace(need, text=f"{need.text} (it is under {own})")


def _context(assessment: Assessment, question: Question) -> Need:
    asked, held = float(question.workload.context), float(assessment.workload.context)
    return instead_of("context", "context", asked, held, "--context")
