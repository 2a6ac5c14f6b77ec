"""Small tables of the compiled catalog into the domain's nouns."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from advisor.domain.workload import Task

_TASK_FIELDS = {field.name for field in fields(Task)}


def task_of(row: Mapping[str, Any]) -> Task:
    """One task. Keys that serve the fit of quality alone are left out."""
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Task(**{key: value for key, value in known.items() if key in _TASK_FIELDS})


def tasks_of(table: Mapping[str, Any] | None) -> tuple[Task, ...]:
    """The tasks of tasks.yaml, in its order."""
    return tuple(task_of(row) for row in (table or {}).get("tasks", ()))
