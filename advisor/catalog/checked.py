"""pydantic at the border: documents against their form, every mistake with file, line and reason."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from advisor.catalog.evidence_rows import evidence_problems, result_key
from advisor.catalog.folder import Record, models_in
from advisor.catalog.strict_yaml import Document
from advisor.errors import BadDocument

_SHOWN = 3
"""Mistakes named in one message."""


@cache
def _adapter(form: str) -> Any:
    from pydantic import TypeAdapter

    from advisor.catalog import schema
    from advisor.catalog.evidence_schema import EvidenceForm

    forms = {**schema.FILE_FORMS, "model": schema.ModelForm, "evidence": EvidenceForm}
    return TypeAdapter(forms[form])


def mistakes(document: Document, form: str, *, at: Sequence[str | int] = (), value: Any = None) -> list[str]:
    """What keeps a document (or the `value` at a path of it) from its form: `file:line: where: reason`, in order."""
    from pydantic import ValidationError

    try:
        _adapter(form).validate_python(document.value if value is None else value)
    except ValidationError as error:
        return [_line(document, [*at, *problem["loc"]], problem["msg"]) for problem in error.errors(include_url=False)]
    return []


def _line(document: Document, path: Sequence[str | int], reason: str) -> str:
    where = ".".join(str(step) for step in path)
    return f"{document.name}:{document.line_of(path)}: {where}: {reason[:1].lower()}{reason[1:]}"


def _partial(record: Record) -> Record:
    """An overlay may leave out what the model below already says."""
    return {"name": "-", "category": "llm", **record}


def checked_overlay(document: Document) -> dict[str, Record]:
    """The overlay's partial records by id. Raises `BadDocument` that names the first mistakes."""
    if not (document.value or {}).get("models"):
        return {}
    found: dict[str, Record] = {}
    problems: list[str] = []
    for number, (model_id, record) in enumerate(models_in(document)):
        own = {key: value for key, value in record.items() if key not in ("family", "vendor")}
        problems += mistakes(document, "model", at=["models", number], value=_partial(own))
        found[model_id] = {key: value for key, value in record.items() if value is not None}
    if problems:
        raise BadDocument("; ".join(problems[:_SHOWN]))
    return found


def checked_evidence(document: Document) -> dict[tuple[str, ...], Record]:
    """The overlay's benchmark results by key. Raises `BadDocument` that names the first mistakes."""
    rows = (document.value or {}).get("evidence")
    if rows is None:
        return {}
    if not isinstance(rows, list):
        raise BadDocument(f"{document.name}:{document.line_of(['evidence'])}: evidence must be a list of results")
    found: dict[tuple[str, ...], Record] = {}
    problems: list[str] = []
    for number, row in enumerate(rows):
        at: list[str | int] = ["evidence", number]
        wrong = mistakes(document, "evidence", at=at, value=row if isinstance(row, dict) else {})
        problems += wrong or [f"{document.name}:{document.line_of(at)}: {why}" for why in evidence_problems(row)]
        if not wrong:
            found[result_key(row)] = {key: value for key, value in row.items() if value is not None}
    if problems:
        raise BadDocument("; ".join(problems[:_SHOWN]))
    return found
