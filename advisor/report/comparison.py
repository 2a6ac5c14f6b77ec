"""`advisor.comparison/1`, and the same for people."""

from typing import Any

from advisor.decide.choice import Choice
from advisor.decide.comparison import Comparison, Difference
from advisor.decide.quality import FOUNDED, verdict
from advisor.domain.quantity import Z90
from advisor.domain.units import format_count, format_duration, format_energy, format_size
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
                "points_interval": _interval(d),
                "p_better": None if d.p_better is None else round(d.p_better, 4),
                "verdict": None if d.p_better is None else verdict(d.p_better),
                "memory_ratio": round(d.memory_ratio, 3),
                "time_ratio": None if d.time_ratio is None else round(d.time_ratio, 3),
                "energy_ratio": None if d.energy_ratio is None else round(d.energy_ratio, 3),
                "text": difference_text(d),
            }
            for d in result.differences
        ],
    }


def _interval(d: Difference) -> dict[str, float] | None:
    """The 80 % interval of the points."""
    if d.points is None or d.points_sd is None:
        return None
    reach = Z90 * d.points_sd
    return {"p10": round(d.points - reach, 2), "p50": round(d.points, 2), "p90": round(d.points + reach, 2)}


def _chance(probability: float) -> str:
    """A probability in words that never claims certainty."""
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


def _gain(d: Difference) -> str:
    interval = _interval(d)
    if interval is None or d.points is None or d.p_better is None:
        return f"{d.larger} is larger; quality cannot be compared, for one of the two has no score"
    word = verdict(d.p_better)
    joined = f", and there is {word}" if word.startswith("no ") else f" {'and' if d.p_better > 0.5 else 'but'} {word}"
    spread = f"80 %: {interval['p10']:+.0f} to {interval['p90']:+.0f}"
    gain = f"{d.points:+.1f} points ({spread}), better with probability {_chance(d.p_better)}"
    return f"{d.larger} is larger{joined}: {gain}"


def difference_text(d: Difference) -> str:
    """Whether the larger one is better, by how much and how surely, and what it costs, in two sentences."""
    cost = [f"{d.memory_ratio:.1f}× the memory"]
    if d.time_ratio is not None:
        cost.append(f"{d.time_ratio:.1f}× the time of an answer")
    if d.energy_ratio is not None:
        cost.append(f"{d.energy_ratio:.1f}× the energy")
    return f"{_gain(d)}. It takes {', '.join(cost)} of {d.smaller}."


def _footing(result: Comparison) -> list[str]:
    """What a point is, and which scores do not rest on results of their own on the task."""
    found = [f"A point is one percent of the scale: {result.choices[0].question.task.scale}."]
    for choice in result.choices:
        if choice.quality and choice.quality.grade != "measured":
            found.append(f"{choice.model.name}: {FOUNDED[choice.quality.grade]}.")
    return found


def _column(choice: Choice) -> list[str]:
    estimate, model, speed, quality = choice.estimate, choice.model, choice.estimate.speed, choice.quality
    return [
        f"{format_count(model.total_params)} / {format_count(model.active_params)}",
        estimate.quant,
        model.released or "?",
        f"{quality.score:.0f} ± {Z90 * quality.sd:.0f} ({quality.grade})" if quality else "no score",
        format_size(estimate.footprint.total_bytes) + ("" if estimate.fits else " (does not fit)"),
        format_duration(speed.ttft_s.p50) if speed else "?",
        f"{speed.decode_tokens_per_s.p50:.1f}" if speed else "?",
        format_duration(speed.latency_s.p50) if speed else "?",
        format_energy(estimate.joules_per_answer.p50) if estimate.joules_per_answer else "?",
        str(estimate.placement.kind).replace("_", " "),
        choice.verdict.word if estimate.fits else "misses",
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
    texts = [difference_text(d) for d in result.differences]
    return "\n".join([*lines, "", *texts, *_footing(result)])
