"""Evaluation results that the hub keeps beside a model: one request a repository, every entry checked on its own.

An entry that cannot be used is named with its reason; it never costs the others. The form is that of the files under
`.eval_results/` in a model's repository, as the hub's documentation gives it.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from advisor.errors import NetworkError
from advisor.hub.api import get_json
from advisor.hub.endpoint import endpoint
from advisor.hub.names import check_repo_id, clean_text, is_repo_id
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.progress import Progress, Silent

MAX_RESULTS = 1000
"""Entries looked at; models have at most dozens."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubResult:
    """One result as stated. `value` has no unit; `verified`: the hub says that it can be reproduced."""

    dataset: str
    task_id: str
    value: float
    date: str | None
    file: str
    source: str | None
    notes: str | None
    verified: bool
    pending: bool
    """Proposed in a pull request that nobody has merged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubResults:
    """The results of one repository, and why the others are not among them, by file."""

    repo: str
    results: tuple[HubResult, ...]
    refused: Mapping[str, str]


def read_results(repo: str, *, patience: Patience = DEFAULT_PATIENCE, progress: Progress | None = None) -> HubResults:
    """What the hub knows of `repo`; empty where it has no results. Raises UnknownName or NetworkError."""
    check_repo_id(repo)
    url = f"{endpoint()}/api/models/{repo}?expand[]=evalResults"
    return parse_results(repo, get_json(url, what=repo, patience=patience, progress=progress or Silent()))


def parse_results(repo: str, document: Any) -> HubResults:
    """The answer taken apart. Raises NetworkError for one that is no answer about a model."""
    entries = document.get("evalResults") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(entries, list | None):
        raise NetworkError(f"the hub's answer about the results of {repo} is not understood")
    results: list[HubResult] = []
    refused: dict[str, str] = {}
    for number, entry in enumerate((entries or [])[:MAX_RESULTS]):
        name = _text(entry, "filename") or f"entry {number + 1}"
        try:
            results.append(_result(entry, name))
        except _Unusable as reason:
            refused[_label(name, refused)] = str(reason)
    return HubResults(repo=repo, results=tuple(results), refused=refused)


class _Unusable(Exception):
    """One entry that cannot be used, and why."""


def _label(name: str, taken: Mapping[str, str]) -> str:
    return name if name not in taken else f"{name} ({len(taken)})"


def _text(entry: Any, key: str, limit: int = 120) -> str | None:
    value = entry.get(key) if isinstance(entry, Mapping) else None
    return clean_text(value, limit) or None if isinstance(value, str) else None


def _result(entry: Any, name: str) -> HubResult:
    if not isinstance(entry, Mapping):
        raise _Unusable("not understood")
    if "error" in entry:
        raise _Unusable(f"the hub finds it invalid: {_text(entry, 'error', 80) or 'no reason given'}")
    inner = entry.get("data", entry)
    data: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    dataset = data.get("dataset")
    dataset_id = _text(dataset, "id")
    if dataset_id is None or not is_repo_id(dataset_id):
        raise _Unusable("it names no dataset")
    source = data.get("source")
    where = " ".join(part for part in (_text(source, "name"), _text(source, "url", 200)) if part)
    return HubResult(
        dataset=dataset_id,
        task_id=_text(dataset, "task_id") or "default",
        value=_value(data.get("value")),
        date=_date(data.get("date")),
        file=name,
        source=where or None,
        notes=_text(data, "notes", 100),
        verified=entry.get("verified") is True,
        pending=entry.get("pullRequest") is not None,
    )


def _value(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unusable("its value is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Unusable("its value is no finite number")
    return number


def _date(value: Any) -> str | None:
    """The day of an ISO 8601 date or time; None for anything else."""
    found = _DAY.match(value) if isinstance(value, str) else None
    try:
        return None if found is None else date.fromisoformat(found[0]).isoformat()
    except ValueError:
        return None
