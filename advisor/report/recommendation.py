"""`advisor.recommendation/1`, and the same for people."""

from collections import Counter
from typing import Any

from advisor.decide.assessment import Assessment
from advisor.decide.counterfactual import need_lines
from advisor.decide.efficiency import mean_watts, tier_of
from advisor.decide.question import Question
from advisor.decide.recommendation import LeftOut, NearMiss, Pick, Recommendation
from advisor.domain.machine import Machine
from advisor.domain.quantity import Z90
from advisor.domain.units import format_count, format_duration, format_energy, format_rate, format_size
from advisor.domain.workload import Budget
from advisor.report.machine import machine_document
from advisor.report.pick import choice_document
from advisor.report.text_table import Column, table

LIMITS = ("max_ttft_s", "max_tpot_s", "max_latency_s")


def request_document(question: Question) -> dict[str, Any]:
    """The question with every default filled in."""
    workload, budget = question.workload, question.budget
    return {
        "task": question.task.name,
        "prompt_tokens": workload.prompt_tokens,
        "output_tokens": workload.output_tokens,
        "thinking_tokens": workload.thinking_tokens,
        "cached_tokens": workload.cached_tokens,
        "context": workload.context,
        "users": workload.users,
        **{limit: getattr(budget, limit) for limit in LIMITS},
        "budget": "stated" if budget.stated else "task",
        "confidence": budget.required,
        "license": question.licence,
        "engine": question.engine,
        "quant": question.quant,
        "kv_type": question.kv_type,
        "min_quality": question.min_quality,
        "max_energy_j": question.max_energy_j,
        "max_watts": question.max_watts,
        "tier": str(question.tier) if question.tier else None,
        "limit": question.limit,
    }


def pick_document(pick: Pick) -> dict[str, Any]:
    """A pick of the contract."""
    choice = choice_document(pick.model, pick.assessment, pick.evidence)
    return {"rank": pick.rank, **choice, "why": list(pick.why)}


def near_miss_document(miss: NearMiss) -> dict[str, Any]:
    """A choice that does not work, with what it would need."""
    return {
        **choice_document(miss.model, miss.assessment, ()),
        "fits": miss.assessment.estimate.fits,
        "needs": [
            {
                "lever": n.lever,
                "field": n.field,
                "current": n.current,
                "needed": n.needed,
                "alone": n.alone,
                "text": n.text,
            }
            for n in miss.needs
        ],
    }


def left_out_document(one: LeftOut) -> dict[str, Any]:
    """A model for the task of which nothing can be estimated here."""
    entry = one.entry
    return {
        "model": entry.id,
        "name": entry.name,
        "params": {"total": entry.total_params, "active": entry.active_params},
        "license": entry.licence,
        "engines": list(entry.engines),
        "quality": None if one.score is None else {"score": one.score, "sd": one.sd},
        "reason": str(one.reason),
        "text": one.text,
    }


def recommendation_document(result: Recommendation) -> dict[str, Any]:
    """The whole answer."""
    return {
        "schema": "advisor.recommendation/1",
        "machine": machine_document(result.machine),
        "request": request_document(result.question),
        "catalog": {"models": result.catalog_models, "sha256": result.catalog_sha256},
        "picks": [pick_document(pick) for pick in result.picks],
        "near_misses": [near_miss_document(miss) for miss in result.near_misses],
        "left_out": [left_out_document(one) for one in result.left_out],
        "rejected": dict(result.rejected),
    }


def _assumed(source: str | None) -> str:
    return " (assumed)" if source is not None and source.startswith("assumed") else ""


def machine_line(machine: Machine) -> str:
    """The machine in one line; accelerators that are alike are counted."""
    alike = Counter(
        (a.name, format_size(a.memory_available_bytes or a.memory_total_bytes), format_rate(a.bandwidth_bytes_per_s))
        for a in machine.usable_accelerators()
    )
    parts = [
        f"{n}x {name} ({free} free each, {rate})" if n > 1 else f"{name} ({free} free, {rate})"
        for (name, free, rate), n in alike.items()
    ]
    cpu = machine.cpu
    parts.append(
        f"{cpu.name or 'CPU'}, {cpu.usable_threads or cpu.physical_cores or '?'} threads"
        + _assumed(cpu.sources.get("usable_threads"))
    )
    host = machine.memory
    size = f"{format_size(host.available_bytes)} of {format_size(host.total_bytes)} memory free"
    parts.append(size + _assumed(host.sources.get("total_bytes")))
    return " · ".join(parts)


def budget_words(budget: Budget) -> str:
    """The limits in words."""
    names = (("first token", budget.max_ttft_s), ("per token", budget.max_tpot_s), ("answer", budget.max_latency_s))
    words = ", ".join(f"{name} ≤ {format_duration(limit)}" for name, limit in names if limit is not None)
    return words or "no limit"


def question_line(question: Question) -> str:
    """The question in one line."""
    workload = question.workload
    users = f", {workload.users} users" if workload.users > 1 else ""
    source = "" if question.budget.stated else " (the task's target, not a limit)"
    return (
        f"{question.task.title}: {workload.prompt_words} and {workload.output_tokens} answer tokens{users}; "
        f"{budget_words(question.budget)}{source}"
    )


COLUMNS = (
    Column("#", right=True),
    Column("Model", grow=True),
    Column("Quant"),
    Column("Size", right=True, drop=3),
    Column("Memory", right=True),
    Column("First", right=True),
    Column("Tok/s", right=True),
    Column("Answer", right=True, drop=1),
    Column("Quality", right=True),
    Column("Runs on", drop=2),
    Column("Budget"),
)
EFFICIENCY = (Column("Energy", right=True), Column("Power", right=True), Column("Tier"))
"""Instead of the file's size, where somebody asked for one of them."""


def asks_efficiency(question: Question) -> bool:
    """Energy, power or class of machine were limited."""
    return question.max_energy_j is not None or question.max_watts is not None or question.tier is not None


def columns_for(question: Question) -> tuple[Column, ...]:
    """The columns of the table of picks."""
    return (*COLUMNS[:3], *EFFICIENCY, *COLUMNS[4:]) if asks_efficiency(question) else COLUMNS


def _efficiency(a: Assessment) -> tuple[str, ...]:
    joules, watts = a.estimate.joules_per_answer, mean_watts(a.estimate, a.workload.users)
    return (
        format_energy(joules.p50) if joules else "?",
        f"{watts:.0f} W" if watts else "?",
        str(tier_of(a.candidate.size.file_bytes)),
    )


def _row(number: str, item: Pick | NearMiss, question: Question) -> tuple[str, ...]:
    a = item.assessment
    speed, candidate = a.estimate.speed, a.candidate
    thinking = " +think" if a.workload.thinking_tokens else ""
    return (
        number,
        candidate.system.entry.name + thinking,
        candidate.quant,
        *(_efficiency(a) if asks_efficiency(question) else (format_size(candidate.size.file_bytes),)),
        format_size(a.estimate.footprint.total_bytes),
        format_duration(speed.ttft_s.p50) if speed else "?",
        f"{speed.decode_tokens_per_s.p50:.1f}" if speed else "?",
        format_duration(speed.latency_s.p50) if speed else "?",
        f"{candidate.score:.0f}±{Z90 * candidate.sd:.0f}",
        str(a.estimate.placement.kind).replace("_", " "),
        a.verdict.word if a.works else "misses",
    )


def recommendation_text(result: Recommendation, width: int, *, explain: bool = False) -> str:
    """Machine, question, ranked table, the reasons for the first, near misses and what to type next."""
    lines = [machine_line(result.machine), question_line(result.question), ""]
    if result.picks:
        lines += table(
            columns_for(result.question), [_row(str(p.rank), p, result.question) for p in result.picks], width
        )
        shown = result.picks if explain else result.picks[:1]
        for pick in shown:
            lines += ["", f"Why #{pick.rank}, {pick.model.name} {pick.assessment.candidate.quant}:"]
            lines += [f"  {line}" for line in pick.why]
    else:
        lines.append("Nothing meets the request.")
    if result.near_misses and (explain or not result.picks):
        lines += ["", "Nearest misses:"]
        for miss in result.near_misses:
            lines += _miss_lines(miss)
    if result.left_out:
        lines += ["", "Made for this task, but nothing of them can be estimated here, best first:"]
        lines += [f"  {_left_out_line(one)}" for one in result.left_out]
    return "\n".join([*lines, "", *_closing(result, explain)])


def _left_out_line(one: LeftOut) -> str:
    quality = f", quality {one.score:.0f}±{Z90 * (one.sd or 0.0):.0f}" if one.score is not None else ""
    return f"{one.entry.name} ({format_count(one.entry.total_params)} parameters{quality}): {one.text}"


def _miss_lines(miss: NearMiss) -> list[str]:
    head = f"  {miss.model.name} {miss.assessment.candidate.quant}"
    return [head, *(f"    {line}" for line in need_lines(miss.needs))]


def _closing(result: Recommendation, explain: bool) -> list[str]:
    excluded = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in result.rejected.items())
    lines = [f"{result.catalog_models} models considered; not offered: {excluded or 'none'}"]
    if result.picks:
        first = result.picks[0]
        quant = first.assessment.candidate.quant
        lines.append(f"Next: advisor download {first.model.id}:{quant}")
    if not explain:
        lines.append("More: --explain, --json, --limit N")
    return lines
