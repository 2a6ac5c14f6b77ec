"""Checks a catalog folder or an overlay: form, vocabulary, names, sources, and the gates.

Everything found is named with file, line and reason; nothing stops at the first mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.catalog import gates
from advisor.catalog.checked import mistakes
from advisor.catalog.evidence_rows import evidence_problems
from advisor.catalog.folder import RawCatalog, mapping_of, model_files, models_in, read_csv, shown
from advisor.catalog.hardware_schema import compile_hardware
from advisor.catalog.names import clashes, quant_index
from advisor.catalog.strict_yaml import Document, read_yaml
from advisor.errors import BadDocument

_FORMS = {
    "sources.yaml": "sources",
    "quantizations.yaml": "quantizations",
    "never_published.yaml": "never-published",
    "hub_benchmarks.yaml": "hub-benchmarks",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake: file, line (from 1), and why."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What was looked at and what is wrong with it."""

    files: int
    models: int
    evidence_rows: int
    findings: tuple[Finding, ...]


def _parsed(text: str) -> Finding:
    """A message `file:line: reason` taken apart again."""
    file, _, rest = text.partition(":")
    number, _, reason = rest.partition(":")
    return Finding(file=file, line=int(number) if number.strip().isdigit() else 1, reason=reason.strip() or text)


def _refusal(documents: Sequence[Document]) -> str | None:
    """Why hardware files cannot be compiled together; None where they can."""
    try:
        compile_hardware([mapping_of(document) for document in documents])
    except BadDocument as error:
        return error.message
    return None


class _Validator:
    """Collects findings over one catalog folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = 0
        self.findings: list[Finding] = []
        self.raw = RawCatalog()
        self.places: dict[str, tuple[Document, int]] = {}

    def read(self, path: Path) -> Document | None:
        self.files += 1
        try:
            return read_yaml(path, shown(path, self.root))
        except BadDocument as error:
            self.findings.append(_parsed(error.message))
            return None

    def form(self, document: Document, form: str) -> None:
        self.findings += [_parsed(text) for text in mistakes(document, form)]

    def tables(self) -> None:
        for name, form in _FORMS.items():
            path = self.root / name
            document = self.read(path) if path.is_file() else None
            if document is None:
                continue
            self.form(document, form)
            rows = document.value.get("sources") if isinstance(document.value, dict) else None
            if form == "sources" and isinstance(rows, list):
                self.raw.sources = {str(row.get("id")): row for row in rows if isinstance(row, dict)}
            quants = document.value.get("quantizations") if isinstance(document.value, dict) else None
            if isinstance(quants, list):
                self.raw.quantizations = [row for row in quants if isinstance(row, dict)]

    def hardware(self) -> None:
        """Form, vocabulary and sources of devices, as the compiler demands them."""
        read = [self.read(path) for path in sorted((self.root / "hardware").rglob("*.yaml"))]
        documents = [document for document in read if document is not None]
        reason = _refusal(documents)
        if reason is not None:
            alone = (document.name for document in documents if _refusal([document]) == reason)
            name = next(alone, shown(self.root / "hardware", self.root))
            self.findings.append(Finding(file=name, line=1, reason=reason))

    def models(self) -> None:
        for path in model_files(self.root):
            document = self.read(path)
            if document is None:
                continue
            self.form(document, "family")
            try:
                self._take(document)
            except BadDocument as error:
                self.findings.append(_parsed(error.message))

    def _take(self, document: Document) -> None:
        mapping_of(document)
        for number, (model_id, record) in enumerate(models_in(document)):
            if model_id in self.raw.models:
                self.at(document, ["models", number, "id"], f"{model_id} stands twice in the catalog")
            self.raw.models[model_id] = record
            self.places[model_id] = (document, number)

    def at(self, document: Document, path: Sequence[str | int], reason: str) -> None:
        self.findings.append(Finding(file=document.name, line=document.line_of(path), reason=reason))

    def evidence(self) -> int:
        count = 0
        for path in sorted((self.root / "evidence").glob("*.csv")):
            self.files += 1
            name = shown(path, self.root)
            try:
                rows = read_csv(path, name)
            except BadDocument as error:
                self.findings.append(_parsed(error.message))
                continue
            if not rows or "benchmark" not in rows[0]:
                continue  # a table of another kind, such as what quantization costs
            count += len(rows)
            for line, row in enumerate(rows, start=2):
                self.raw.evidence.setdefault(str(row.get("model")), []).append(row)
                self.findings += [Finding(file=name, line=line, reason=why) for why in evidence_problems(row)]
                if row.get("model") not in self.raw.models:
                    self.findings.append(Finding(file=name, line=line, reason=f"no model {row.get('model')}"))
        return count

    def gates(self) -> None:
        broken = {finding.file for finding in self.findings}
        quants = frozenset(quant_index(self.raw.quantizations))
        for model_id, record in self.raw.models.items():
            document, number = self.places[model_id]
            if document.name in broken:
                continue
            problems = gates.all_gates(record, self.raw.sources, self.raw.evidence.get(model_id, []))
            problems += gates.vocabulary_gate(record, quants) if quants else ()
            for problem in problems:
                where = ".".join(str(step) for step in problem.path)
                self.at(document, ["models", number, *problem.path], f"{model_id}: {where}: {problem.reason}")
        if not broken:
            self.names()

    def names(self) -> None:
        for alias, model_id, rival in clashes(self.raw.models.values()):
            document, number = self.places[model_id]
            self.at(document, ["models", number, "aliases"], f"{model_id}: the alias {alias} already means {rival}")


def validate_catalog(root: Path) -> Validation:
    """Check a whole catalog folder. Raises `BadDocument` only where there is no such folder."""
    if not (root / "models").is_dir():
        raise BadDocument(f"{root}: no catalog folder (it has no models/)")
    validator = _Validator(root)
    validator.tables()
    validator.models()
    validator.hardware()
    rows = validator.evidence()
    validator.gates()
    ordered = sorted(validator.findings, key=lambda finding: (finding.file, finding.line, finding.reason))
    return Validation(
        files=validator.files, models=len(validator.raw.models), evidence_rows=rows, findings=tuple(ordered)
    )


def validate_overlay(path: Path) -> Validation:
    """Check an overlay file or folder: form and vocabulary, and by the gates what it makes of the built-in models."""
    from advisor.catalog.folder import read_folder
    from advisor.catalog.overlay import Layer, layer_of, merge_layers, overlay_files
    from advisor.catalog.overlay_gates import apply_sound
    from advisor.catalog.source import source_folder

    findings: list[Finding] = []
    layer = Layer()
    files = overlay_files(path)
    for file in files:
        try:
            layer = merge_layers(layer, layer_of(read_yaml(file)))
        except BadDocument as error:
            findings += [_parsed(text) for text in error.message.split("; ")]
    if layer.models:
        try:
            findings += [_parsed(text) for text in apply_sound(read_folder(source_folder()), layer)]
        except BadDocument as error:
            findings.append(_parsed(error.message))
    return Validation(files=len(files), models=len(layer.models), evidence_rows=0, findings=tuple(findings))


def validate_path(path: Path) -> Validation:
    """A catalog folder (it has models/) or an overlay."""
    return validate_catalog(path) if (path / "models").is_dir() else validate_overlay(path)


def schema_documents() -> dict[str, Any]:
    """JSON Schema of each kind of catalog file, by name."""
    from pydantic import TypeAdapter

    from advisor.catalog.schema import FILE_FORMS

    return {name: TypeAdapter(form).json_schema() for name, form in FILE_FORMS.items()}
