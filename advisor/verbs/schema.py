"""The published JSON Schemas: of the outputs, and of the files that people edit (`file-NAME`)."""

import json
from pathlib import Path
from typing import Any

from advisor.catalog.source import source_folder
from advisor.report.schemas import document_names, document_schema

FILE_PREFIX = "file-"


def _files() -> dict[str, Path]:
    return {f"{FILE_PREFIX}{path.stem}": path for path in sorted((source_folder() / "schemas").glob("*.json"))}


def schema_names() -> tuple[str, ...]:
    """Every schema's name."""
    return (*document_names(), *_files())


def schema(name: str) -> dict[str, Any]:
    """One JSON Schema. Raises UnknownName with suggestions."""
    files = _files()
    if name in files:
        found: dict[str, Any] = json.loads(files[name].read_text(encoding="utf-8"))
        return found
    return document_schema(name)
