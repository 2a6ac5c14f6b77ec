"""The `together` object of a recommendation, and the same for people."""

from typing import Any

from advisor.decide.packing import Together
from advisor.domain.quantity import Z90
from advisor.domain.units import format_duration, format_size
from advisor.report.quantities import estimate_fields
from advisor.report.text_table import Column, table

COLUMNS = (
    Column("Task"),
    Column("Model", grow=True),
    Column("Quant"),
    Column("Memory", right=True),
    Column("First", right=True),
    Column("Tok/s", right=True),
    Column("Quality", right=True),
    Column("Runs on"),
)


def together_document(together: Together) -> dict[str, Any]:
    """One choice a task, and each device's memory under all of them. Bytes."""
    return {
        "tasks": list(together.tasks),
        "fits": together.fits,
        "members": [
            {
                "task": m.question.task.name,
                "model": m.assessment.candidate.model_id,
                "mode": m.assessment.candidate.system.mode,
                **estimate_fields(m.assessment.estimate, m.assessment.workload.users),
                "quality": {"score": round(m.assessment.candidate.score, 2), "sd": round(m.assessment.candidate.sd, 2)},
                "p_meets_budget": round(m.assessment.verdict.probability, 4),
            }
            for m in together.members
        ],
        "memory": [
            {"device": p.device, "taken": p.taken_bytes, "available": p.available_bytes, "headroom": p.headroom_bytes}
            for p in together.pools
        ],
    }


def together_lines(together: Together, width: int) -> list[str]:
    """A section of the text."""
    head = f"Together in memory, for {' and '.join(together.tasks)}:"
    if not together.fits:
        return [head, "  no set of models fits that serves every task; ask for fewer tasks, or loosen a budget"]
    rows = []
    for m in together.members:
        a = m.assessment
        speed = a.estimate.speed
        rows.append(
            (
                m.question.task.name,
                a.candidate.system.entry.name,
                a.candidate.quant,
                format_size(a.estimate.footprint.total_bytes),
                format_duration(speed.ttft_s.p50) if speed else "?",
                f"{speed.decode_tokens_per_s.p50:.1f}" if speed else "?",
                f"{a.candidate.score:.0f}±{Z90 * a.candidate.sd:.0f}",
                str(a.estimate.placement.kind).replace("_", " "),
            )
        )
    pools = ", ".join(
        f"{format_size(p.taken_bytes)} of {format_size(p.available_bytes)} on {p.device}" for p in together.pools
    )
    return [head, *table(COLUMNS, rows, width), f"  memory: {pools}; they take turns at computing"]
