"""Benchmark results as rows: which units there are, what range each has, and what makes two rows the same result."""

from collections.abc import Iterator, Mapping
from typing import Any

Record = Mapping[str, Any]

UNITS: dict[str, tuple[float, float]] = {
    "frac": (0, 1),
    "pct": (-100, 100),
    "pct_lower_better": (0, 100),
    "wer_pct": (0, 200),
    "bleu": (0, 100),
    "bt_rating": (0, 4000),
    "rating": (0, 4000),
    "points": (-1000, 1000),
}
"""Units of evidence rows and their ranges; a wrong unit shows as a value out of range."""


def result_key(row: Record) -> tuple[str, ...]:
    """Rows with the same key are the same result, read twice."""
    return tuple(str(row.get(part) or "") for part in ("model", "benchmark", "mode", "quant", "source", "locator"))


def evidence_problems(row: Record) -> Iterator[str]:
    """(f) Why a result cannot be accepted: its unit, its value, its date."""
    unit = row.get("unit")
    if unit not in UNITS:
        yield f"unit {unit!r} is not one of {', '.join(UNITS)}"
    try:
        score = float(row.get("score") or "")
    except ValueError:
        yield f"score {row.get('score')!r} is no number"
        return
    low, high = UNITS.get(str(unit), (-1e6, 1e6))
    if not low <= score <= high:
        yield f"score {score} is outside {low:g} to {high:g} {unit}"
    if not row.get("source"):
        yield "no source"
