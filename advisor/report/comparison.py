"""`advisor.comparison/1`, and the same for people."""

from typing import Any

from advisor.decide.choice import Choice
from advisor.decide.comparison import Comparison, Difference
from advisor.domain.units import format_count, format_duration, format_size
from advisor.report.estimate import choice_fields
from advisor.report.machine import machine_document
from advisor.report.recommendation import machine_line, question_line, request_document
from advisor.report.text_table import Column, table


def comparison_document(result: Comparison) -> dict[str, Any]:
    """Choices in the order given; differences between neighbours by size."""
    first = result.choices[0]
    return {
        "schema": "advisor.comparison/1",
        "machine": machine_document(first.machine),
        "request": request_document(first.question),
        "choices": [choice_fields(choice) for choice in result.choices],
        "differences": [
            {
                "smaller": d.smaller,
                "larger": d.larger,
                "points": None if d.points is None else round(d.points, 2),
                "p_better": None if d.p_better is None else round(d.p_better, 4),
                "memory_ratio": round(d.memory_ratio, 3),
                "time_ratio": None if d.time_ratio is None else round(d.time_ratio, 3),
                "energy_ratio": None if d.energy_ratio is None else round(d.energy_ratio, 3),
                "text": difference_text(d),
            }
            for d in result.differences
        ],
    }


def difference_text(d: Difference) -> str:
    """What the larger one buys and costs, in one sentence."""
    if d.points is None or d.p_better is None:
        gain = f"{d.larger}: quality cannot be compared, one of the two has no score"
    elif d.p_better >= 0.5:
        gain = f"{d.larger} buys {d.points:+.1f} points and is better with probability {d.p_better:.0%}"
    else:
        gain = f"{d.larger} is larger but not better: {d.points:+.1f} points, better with probability {d.p_better:.0%}"
    cost = [f"{d.memory_ratio:.1f}× the memory"]
    if d.time_ratio is not None:
        cost.append(f"{d.time_ratio:.1f}× the time")
    if d.energy_ratio is not None:
        cost.append(f"{d.energy_ratio:.1f}× the energy")
    return f"{gain}, for {', '.join(cost)} of {d.smaller}"


def _column(choice: Choice) -> list[str]:
    estimate, model, speed, quality = choice.estimate, choice.model, choice.estimate.speed, choice.quality
    return [
        f"{format_count(model.total_params)} / {format_count(model.active_params)}",
        estimate.quant,
        model.released or "?",
        f"{quality.score:.0f} ± {1.28 * quality.sd:.0f} ({quality.grade})" if quality else "no score",
        format_size(estimate.footprint.total_bytes) + ("" if estimate.fits else " (does not fit)"),
        format_duration(speed.ttft_s.p50) if speed else "?",
        f"{speed.decode_tokens_per_s.p50:.1f}" if speed else "?",
        format_duration(speed.latency_s.p50) if speed else "?",
        f"{estimate.joules_per_answer.p50:.0f} J" if estimate.joules_per_answer else "?",
        str(estimate.placement.kind).replace("_", " "),
        "meets" if choice.verdict.meets and estimate.fits else "misses",
        model.licence.id or "?",
    ]


ROWS = (
    "Parameters / active",
    "Quantization",
    "Released",
    "Quality (80 %)",
    "Memory",
    "First token",
    "Tokens/s",
    "Whole answer",
    "Energy an answer",
    "Runs on",
    "Budget",
    "Licence",
)


def comparison_text(result: Comparison, width: int) -> str:
    """A table with the choices as columns, then what each larger one buys."""
    first = result.choices[0]
    columns = [Column(""), *(Column(choice.model.name) for choice in result.choices)]
    cells = [_column(choice) for choice in result.choices]
    rows = [(title, *(column[i] for column in cells)) for i, title in enumerate(ROWS)]
    lines = [machine_line(first.machine), question_line(first.question), "", *table(columns, rows, width)]
    return "\n".join([*lines, "", *(difference_text(d) for d in result.differences)])
