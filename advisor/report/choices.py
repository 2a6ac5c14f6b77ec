"""The `choices` of a recommendation: every quantization, mode and placement of one model."""

from collections.abc import Sequence
from typing import Any

from advisor.decide.assessment import Assessment
from advisor.domain.quantity import Z90
from advisor.domain.units import format_duration, format_size
from advisor.report.quantities import estimate_fields
from advisor.report.recommendation import COLUMNS
from advisor.report.text_table import Column, table

CHOICE_COLUMNS = (Column("Quant", grow=True), Column("Mode"), Column("Runs on"), *COLUMNS[3:9], Column("Budget"))
"""As in the table of picks, with what tells the choices of one model apart in front."""


def choices_document(choices: Sequence[Assessment]) -> list[dict[str, Any]]:
    """Those that work first."""
    return [
        {
            "model": a.candidate.model_id,
            "mode": a.candidate.system.mode,
            "thinking_tokens": a.workload.thinking_tokens,
            **estimate_fields(a.estimate, a.workload.users),
            "quality": {"score": round(a.candidate.score, 2), "sd": round(a.candidate.sd, 2)},
            "fits": a.estimate.fits,
            "meets_budget": a.works,
            "p_meets_budget": round(a.verdict.probability, 4),
        }
        for a in choices
    ]


def choices_lines(choices: Sequence[Assessment], width: int) -> list[str]:
    """A table, one line a choice."""
    if not choices:
        return ["This model has no choice for the task: --why-not says why"]
    head = f"Every choice of {choices[0].candidate.system.entry.name} here:"
    return [head, *table(CHOICE_COLUMNS, [_row(a) for a in choices], width)]


def _row(a: Assessment) -> tuple[str, ...]:
    speed, candidate = a.estimate.speed, a.candidate
    verdict = a.verdict.word if a.works else "misses" if a.estimate.fits else "does not fit"
    return (
        candidate.quant,
        candidate.system.mode,
        str(a.estimate.placement.kind).replace("_", " "),
        format_size(candidate.size.file_bytes),
        format_size(a.estimate.footprint.total_bytes),
        format_duration(speed.ttft_s.p50) if speed else "?",
        f"{speed.decode_tokens_per_s.p50:.1f}" if speed else "?",
        format_duration(speed.latency_s.p50) if speed else "?",
        f"{candidate.score:.0f}±{Z90 * candidate.sd:.0f}",
        verdict,
    )
