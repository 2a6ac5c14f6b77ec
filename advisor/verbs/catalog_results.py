"""Results that the hub states as evidence rows of an overlay: known benchmarks alone, in percent, with their source."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from advisor.hub.results import HubResult, HubResults

_TOOLS = re.compile(r"\btools?\b", re.IGNORECASE)
_NO_TOOLS = re.compile(r"\b(no|without|w/o)[ -]?tools?\b", re.IGNORECASE)
PERCENT = 100.0

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Rows to write, and what was kept out with the reason, by file of the repository."""

    rows: tuple[Row, ...]
    kept_out: Mapping[str, str]


class _KeptOut(Exception):
    """One result that is not taken, and why."""


def _known(result: HubResult, benchmarks: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    for row in benchmarks:
        if row["dataset"] == result.dataset:
            if row.get("only") and result.task_id not in row["only"]:
                raise _KeptOut(f"{result.dataset} task {result.task_id} is not a benchmark of the catalog")
            return row
    raise _KeptOut(f"{result.dataset} is not a benchmark of the catalog")


def _percent(value: float, chance: float) -> float:
    """A value in percent. The hub states no unit: some files give 0.41 for what others give as 41."""
    if not 0 <= value <= PERCENT:
        raise _KeptOut(f"{value:g} is outside 0 to 100")
    if value > 1 or value == 0:
        return value
    if chance > 1:
        return round(value * PERCENT, 6)
    raise _KeptOut(f"{value:g} may be a share or a percentage")


def _row(model: str, result: HubResult, benchmarks: Iterable[Mapping[str, Any]]) -> Row:
    if result.pending:
        raise _KeptOut("proposed in a pull request that is not merged")
    known = _known(result, benchmarks)
    notes = result.notes or ""
    tools = " (with tools)" if _TOOLS.search(notes) and not _NO_TOOLS.search(notes) else ""
    locator = "; ".join(part for part in (result.file, result.source, notes) if part)
    row: Row = {
        "model": model,
        "benchmark": known["benchmark"] + tools,
        "task": known["task"],
        "score": _percent(result.value, known.get("chance", 0)),
        "unit": "pct",
        "date": result.date,
        "source": "hub",
        "locator": locator[:300],
        "self_reported": not result.verified,
    }
    return {key: value for key, value in row.items() if value is not None}


def evidence_of_results(model: str, found: HubResults, benchmarks: Iterable[Mapping[str, Any]]) -> Evidence:
    """Evidence rows on `model`. `benchmarks`: rows of hub_benchmarks.yaml."""
    table, rows, kept_out = tuple(benchmarks), [], dict(found.refused)
    for result in found.results:
        try:
            rows.append(_row(model, result, table))
        except _KeptOut as reason:
            name = result.file if result.file not in kept_out else f"{result.file}, {result.dataset} {result.task_id}"
            kept_out[name] = str(reason)
    return Evidence(rows=tuple(rows), kept_out=kept_out)
