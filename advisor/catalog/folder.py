"""Reads a catalog folder into plain mappings: models by id, sources, tables. Strict YAML and shape, no more checks.

What is read here is merged (`overlay`), compiled (`compiled`) and checked (`validate`); everything stays as written.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advisor.catalog.strict_yaml import Document, read_yaml
from advisor.errors import BadDocument

Record = dict[str, Any]
MAX_CSV_BYTES = 16 << 20
"""Largest table of evidence or scores."""
TABLES = ("tasks", "engines", "calibration", "benchmarks", "serving", "hub_benchmarks")
"""YAML files handed on as they are."""


@dataclass(slots=True, kw_only=True)
class RawCatalog:
    """A catalog as written: `models` by id, each with its family and vendor; other files as plain values."""

    models: dict[str, Record] = field(default_factory=dict)
    sources: dict[str, Record] = field(default_factory=dict)
    quantizations: list[Record] = field(default_factory=list)
    never_published: list[Record] = field(default_factory=list)
    tables: dict[str, Any] = field(default_factory=dict)
    hardware: list[Any] = field(default_factory=list)
    evidence: dict[str, list[Record]] = field(default_factory=dict)
    quality: dict[str, list[Record]] = field(default_factory=dict)


def model_files(root: Path) -> list[Path]:
    """Every family file, in a fixed order."""
    return sorted((root / "models").glob("*/*.yaml"))


def shown(path: Path, root: Path) -> str:
    """A file's name in messages: relative to the catalog."""
    return path.relative_to(root.parent).as_posix() if path.is_relative_to(root.parent) else str(path)


def mapping_of(document: Document) -> Record:
    """The document's top level, which must be a mapping."""
    if not isinstance(document.value, dict):
        raise BadDocument(f"{document.name}:1: a mapping is needed at the top level")
    return document.value


def list_under(document: Document, key: str) -> list[Record]:
    """The list of mappings under `key`. Raises `BadDocument` where it is missing or of another kind."""
    rows = mapping_of(document).get(key)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadDocument(f"{document.name}:{document.line_of([key])}: {key} must be a list of mappings")
    return rows


def models_in(document: Document) -> Iterator[tuple[str, Record]]:
    """Id and record of each model of a family file, with the file's family and vendor filled in."""
    top = mapping_of(document)
    for number, record in enumerate(list_under(document, "models")):
        model_id = record.get("id")
        if not isinstance(model_id, str):
            raise BadDocument(f"{document.name}:{document.line_of(['models', number])}: a model without an id")
        yield model_id, {"family": top.get("family"), "vendor": top.get("vendor"), **record}


def read_csv(path: Path, name: str) -> list[Record]:
    """Rows of a table with a header line. Raises `BadDocument` where it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadDocument(f"{name}: {error.strerror or 'cannot be read'}") from None
    if len(data) > MAX_CSV_BYTES:
        raise BadDocument(f"{name}: {len(data)} bytes, more than {MAX_CSV_BYTES}")
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadDocument(f"{name}: {error}") from None
    return [{str(key): value for key, value in row.items()} for row in rows]


def _optional(root: Path, name: str) -> Document | None:
    path = root / name
    return read_yaml(path, shown(path, root)) if path.is_file() else None


def _read_models(raw: RawCatalog, root: Path) -> None:
    for path in model_files(root):
        document = read_yaml(path, shown(path, root))
        for model_id, record in models_in(document):
            if model_id in raw.models:
                raise BadDocument(f"{document.name}: {model_id} stands in two files")
            raw.models[model_id] = record


def _by_model(rows: list[Record], into: dict[str, list[Record]]) -> None:
    for row in rows:
        into.setdefault(str(row.get("model", "")), []).append(row)


def read_folder(root: Path) -> RawCatalog:
    """Read a whole catalog folder. Parts that a folder lacks stay empty. Raises `BadDocument`."""
    if not root.is_dir():
        raise BadDocument(f"{root}: no such catalog folder")
    raw = RawCatalog()
    _read_models(raw, root)
    if document := _optional(root, "sources.yaml"):
        raw.sources = {str(row.get("id")): row for row in list_under(document, "sources")}
    if document := _optional(root, "quantizations.yaml"):
        raw.quantizations = list_under(document, "quantizations")
    if document := _optional(root, "never_published.yaml"):
        raw.never_published = list_under(document, "models")
    for table in TABLES:
        if document := _optional(root, f"{table}.yaml"):
            raw.tables[table] = document.value
    for path in sorted((root / "hardware").rglob("*.yaml")):
        raw.hardware.append(read_yaml(path, shown(path, root)).value)
    _read_tables(raw, root)
    return raw


def _read_tables(raw: RawCatalog, root: Path) -> None:
    for path in sorted((root / "evidence").glob("*.csv")):
        _by_model([row for row in read_csv(path, shown(path, root)) if "benchmark" in row], raw.evidence)
    if document := _optional(root, "evidence/sources.yaml"):
        raw.tables["evidence_sources"] = document.value
    scores = root / "quality" / "scores.csv"
    if scores.is_file():
        _by_model(read_csv(scores, shown(scores, root)), raw.quality)


def text_or_none(row: Mapping[str, Any], key: str) -> str | None:
    """A CSV cell; empty is unknown."""
    value = row.get(key)
    return value if isinstance(value, str) and value else None
