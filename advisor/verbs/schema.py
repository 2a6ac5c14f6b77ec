"""The published JSON Schemas: of the outputs, and of the files that people edit."""

from typing import Any

from advisor.report.schemas import document_names, document_schema


def schema_names() -> tuple[str, ...]:
    """Every schema's name."""
    return document_names()


def schema(name: str) -> dict[str, Any]:
    """One JSON Schema. Raises UnknownName with suggestions."""
    return document_schema(name)
