"""What a recommendation says beyond its picks when asked: a set together, a frontier, why not, and what is excluded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from advisor.decide.assessment import Assessment
from advisor.decide.counterfactual import need_lines
from advisor.decide.explanation import Explained
from advisor.decide.frontier import Axis, FrontierPoint
from advisor.decide.packing import Together
from advisor.decide.recommendation import Recommendation
from advisor.decide.why_not import WhyNot
from advisor.report.choices import choices_document, choices_lines
from advisor.report.explanation import explanation_lines, explanations_document
from advisor.report.frontier import frontier_document, frontier_lines
from advisor.report.together import together_document, together_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Answers to further questions; None or empty: not asked."""

    together: Together | None = None
    why_not: tuple[WhyNot, ...] = ()
    axis: Axis | None = None
    points: tuple[FrontierPoint, ...] = ()
    excluded: bool = False
    explained: tuple[Explained, ...] = ()
    choices: tuple[tuple[Assessment, ...], ...] = ()
    """Of each model that was asked about."""


def why_not_document(answer: WhyNot) -> dict[str, Any]:
    """One model that is not the pick."""
    return {
        "model": answer.model_id,
        "rank": answer.rank,
        "reason": str(answer.reason) if answer.reason else None,
        "text": list(answer.lines),
        "needs": [
            {
                "lever": n.lever,
                "field": n.field,
                "current": n.current,
                "needed": n.needed,
                "alone": n.alone,
                "text": n.text,
            }
            for n in answer.needs
        ],
    }


def extras_document(result: Recommendation, extras: Extras) -> dict[str, Any]:
    """The additional objects, those that were asked for only."""
    document: dict[str, Any] = {}
    if extras.together is not None:
        document["together"] = together_document(extras.together)
    if extras.choices:
        document["choices"] = [one for choices in extras.choices for one in choices_document(choices)]
    if extras.explained:
        document["explanations"] = explanations_document(extras.explained)
    if extras.why_not:
        document["why_not"] = [why_not_document(answer) for answer in extras.why_not]
    if extras.axis is not None:
        document["frontier"] = frontier_document(extras.points, extras.axis)
    if extras.excluded:
        document["excluded"] = dict(sorted(result.excluded.items()))
    return document


def extras_lines(result: Recommendation, extras: Extras, width: int) -> list[str]:
    """The additional sections, each after an empty line."""
    lines: list[str] = []
    if extras.together is not None:
        lines += ["", *together_lines(extras.together, width)]
    for choices in extras.choices:
        lines += ["", *choices_lines(choices, width)]
    if extras.explained:
        lines += ["", *explanation_lines(extras.explained)]
    for answer in extras.why_not:
        lines += ["", *_why_not_lines(answer)]
    if extras.axis is not None:
        lines += ["", *frontier_lines(extras.points, extras.axis, width)]
    if extras.excluded:
        lines += ["", *_excluded_lines(result)]
    return lines


def _why_not_lines(answer: WhyNot) -> Iterator[str]:
    place = f" (#{answer.rank})" if answer.rank else ""
    yield f"Why not {answer.name}{place}:"
    yield from (f"  {line}" for line in answer.lines)
    yield from (f"  {line}" for line in need_lines(answer.needs))


def _excluded_lines(result: Recommendation) -> Iterator[str]:
    """By reason, then by name; the id alone in its column, for scripts that cut."""
    yield f"Not offered ({len(result.excluded)}):"
    for model_id, reason in sorted(result.excluded.items(), key=lambda item: (item[1], item[0])):
        yield f"  {model_id}  {reason.replace('_', ' ')}"
