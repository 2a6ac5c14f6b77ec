"""Why a model is not the pick: the fact that keeps it out, or what it does here and how it compares."""

from dataclasses import dataclass

from advisor.decide.assessment import Assessment
from advisor.decide.candidates import Reason
from advisor.decide.counterfactual import Need
from advisor.decide.explanation import GRADE_WORDS, LIMIT_NAMES
from advisor.decide.quality import probability_better, verdict
from advisor.decide.question import Question
from advisor.domain.entry import CatalogEntry
from advisor.domain.quantity import Z90
from advisor.domain.units import format_count, format_duration, format_size

REASON_WORDS = {
    Reason.NOT_FOR_TASK: "it is not made for this task",
    Reason.NO_QUALITY: "nothing is known of its quality on this task",
    Reason.LICENCE: "its licence does not allow the use that was asked for",
    Reason.NOT_DOWNLOADABLE: "no files of it are known that an engine here loads",
    Reason.NO_ENGINE: "no engine on offer loads it",
    Reason.CONTEXT: "its context does not hold the window that was asked for",
    Reason.DERIVATIVE: "it is a finetune, merge or unofficial copy (--all offers those too)",
    Reason.QUALITY: "it stays below the quality that was asked for",
    Reason.TIER: "it is too large for the class of machine that was asked for",
    Reason.ENERGY: "an answer takes more energy than it may, or nobody knows how much",
    Reason.POWER: "it draws more power than it may, or nobody knows how much",
    Reason.ARCHITECTURE: "its architecture is not known, so its memory cannot be computed",
    Reason.MEMORY: "it does not fit into the memory that is available",
    Reason.SLOW: "it is too slow for the budget",
    Reason.SPEED_UNKNOWN: "its speed here is unknown",
    Reason.OUTRANKED: "it works here, and others are worth more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyNot:
    """One model that somebody asked about. `reason` None: it is among the picks, at `rank`."""

    model_id: str
    name: str
    reason: Reason | None
    rank: int | None = None
    lines: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    """What would have to change for it to work."""


def fact_line(entry: CatalogEntry, reason: Reason, question: Question) -> str:
    """The fact behind a reason, with its figures."""
    kinds = ", ".join(question.task.categories)
    facts = {
        Reason.NOT_FOR_TASK: f"its kind is {entry.category}; {question.task.name} takes {kinds}",
        Reason.LICENCE: f"licence {entry.licence or 'unknown'}, asked for: {question.licence}",
        Reason.NOT_DOWNLOADABLE: None if entry.downloadable else "its weights were not published: in the cloud at most",
        Reason.NO_ENGINE: f"known to run on {', '.join(entry.engines)}" if entry.engines else "none is known",
        Reason.CONTEXT: f"{entry.context_max or 'an unknown number of'} tokens of {question.least_context}",
    }
    fact = facts.get(reason)
    return REASON_WORDS[reason] + (f" ({fact})" if fact else "")


def here_line(own: Assessment) -> str:
    """What its best choice would take and do on this machine."""
    c, e = own.candidate, own.estimate
    speed = e.speed
    times = (
        f", first token after {format_duration(speed.ttft_s.p50)}, {speed.decode_tokens_per_s.p50:.1f} tokens/s, "
        f"answer in {format_duration(speed.latency_s.p50)}"
        if speed
        else ""
    )
    params = format_count(c.system.entry.total_params)
    return (
        f"{c.quant} ({params} parameters): {format_size(e.footprint.total_bytes)} on "
        f"{str(e.placement.kind).replace('_', ' ')}{times}"
    )


def against_line(own: Assessment, pick: Assessment) -> str:
    """Its quality against the pick's, its foundation, and what it would cost beside it."""
    a, b = own.candidate, pick.candidate
    p = probability_better(a.score, a.sd, b.score, b.sd)
    sizes = own.estimate.footprint.total_bytes / max(pick.estimate.footprint.total_bytes, 1)
    return (
        f"quality {a.score:.0f}±{Z90 * a.sd:.0f} ({GRADE_WORDS[a.system.grade]}) against "
        f"{b.score:.0f}±{Z90 * b.sd:.0f} of {b.system.entry.name} {b.quant}: "
        f"{verdict(p)} ({p:.0%}), at {sizes:.1f}× the memory"
    )


def miss_line(own: Assessment) -> str | None:
    """The limits that it misses."""
    parts = [
        f"{LIMIT_NAMES[m.limit]} {format_duration(m.needed_s)} against "
        f"{format_duration(m.allowed_s)} (met with {m.probability:.0%})"
        for m in own.verdict.misses
        if m.needed_s < 1e12
    ]
    return f"misses {', '.join(parts)}" if parts else None


def why_not(
    entry: CatalogEntry,
    reason: Reason,
    question: Question,
    *,
    own: Assessment | None = None,
    pick: Assessment | None = None,
    needs: tuple[Need, ...] = (),
) -> WhyNot:
    """All there is to say. `own`: the model's best choice here, `pick`: the first pick; None where there is none.

    A model that others outranked before anybody looked at it here has its true reason in `own`, and so has one of which
    most quantizations do not fit, where the one that is shown does.
    """
    if own is not None and reason in (Reason.OUTRANKED, Reason.MEMORY) and not own.works:
        reason = own.reason or reason
    lines = [fact_line(entry, reason, question)]
    if own is not None:
        lines += [line for line in (here_line(own), miss_line(own)) if line]
        if pick is not None:
            lines.append(against_line(own, pick))
    return WhyNot(model_id=entry.id, name=entry.name, reason=reason, lines=tuple(lines), needs=needs)
