"""Layers over the built-in catalog: a user's and an organisation's facts on top, and what they deny.

Merging is associative, (a + b) + c = a + (b + c): mappings merge key by key, artifacts by repository and role, results
by what makes them the same result, any other value of the upper layer replaces the lower one, and null says nothing.
Denials add up and win over every layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from advisor.catalog.evidence_rows import result_key
from advisor.catalog.folder import RawCatalog, Record, mapping_of
from advisor.catalog.strict_yaml import Document, read_yaml
from advisor.errors import BadDocument

DENIED_BY = ("models", "vendors", "licences")
_KEYS = {"schema", "family", "vendor", "models", "evidence", "deny"}
_MAX_FILES = 500
"""Files of one overlay folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one overlay says: partial records by id, patterns denied by kind, hardware documents, results by key."""

    models: dict[str, Record] = field(default_factory=dict)
    deny: dict[str, frozenset[str]] = field(default_factory=dict)
    hardware: tuple[Any, ...] = ()
    evidence: dict[tuple[str, ...], Record] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    """`file:line` of the last entry that speaks of a model."""


def merge_values(lower: Any, upper: Any) -> Any:
    """One value over another."""
    if upper is None:
        return lower
    if isinstance(lower, dict) and isinstance(upper, dict):
        return {**lower, **{key: merge_values(lower.get(key), value) for key, value in upper.items()}}
    return upper


def _artifact_key(artifact: Record) -> tuple[str, str]:
    return str(artifact.get("repo")), str(artifact.get("role", "model"))


def merge_records(lower: Record, upper: Record) -> Record:
    """One model's record over another. Artifacts of the same repository are replaced, others kept."""
    merged: Record = merge_values(lower, upper)
    if lower.get("artifacts") and upper.get("artifacts"):
        kept = {_artifact_key(a): a for a in [*lower["artifacts"], *upper["artifacts"]]}
        merged["artifacts"] = list(kept.values())
    return merged


def merge_layers(lower: Layer, upper: Layer) -> Layer:
    """Two layers as one. Associative."""
    models = dict(lower.models)
    for model_id, record in upper.models.items():
        models[model_id] = merge_records(models[model_id], record) if model_id in models else record
    deny = {kind: lower.deny.get(kind, frozenset()) | upper.deny.get(kind, frozenset()) for kind in DENIED_BY}
    return Layer(
        models=models,
        deny=deny,
        hardware=lower.hardware + upper.hardware,
        evidence={**lower.evidence, **upper.evidence},
        places={**lower.places, **upper.places},
    )


def _denied(record: Record, deny: dict[str, frozenset[str]]) -> bool:
    facts = {
        "models": record["id"],
        "vendors": record.get("vendor") or "",
        "licences": (record.get("licence") or {}).get("id") or "",
    }
    return any(
        fnmatchcase(str(facts[kind]).lower(), pattern.lower()) for kind in DENIED_BY for pattern in deny.get(kind, ())
    )


def apply_layer(raw: RawCatalog, layer: Layer) -> None:
    """Put a layer on a catalog, in place. Raises `BadDocument` for a new model that lacks what every model needs."""
    for model_id, record in layer.models.items():
        merged = merge_records(raw.models[model_id], record) if model_id in raw.models else dict(record)
        missing = [key for key in ("name", "category", "family", "vendor") if not merged.get(key)]
        if missing:
            raise BadDocument(f"overlay: new model {model_id} needs {', '.join(missing)}")
        raw.models[model_id] = merged
    for model_id in [m for m, record in raw.models.items() if _denied(record, layer.deny)]:
        del raw.models[model_id]
    raw.hardware.extend(layer.hardware)
    for key, row in layer.evidence.items():
        rows = raw.evidence.setdefault(str(row["model"]), [])
        rows[:] = [*(other for other in rows if result_key(other) != key), {**row, "fitted": False}]


def _patterns(document: Document, value: Any, kind: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(p, str) for p in value):
        raise BadDocument(f"{document.name}:{document.line_of(['deny', kind])}: deny.{kind} must be a list of patterns")
    return frozenset(value)


def layer_of(document: Document) -> Layer:
    """An overlay file as a layer, its form checked. Raises `BadDocument` with file and line."""
    top = mapping_of(document)
    if "devices" in top:
        return Layer(hardware=(top,))
    for key in top:
        if key not in _KEYS:
            raise BadDocument(f"{document.name}:{document.line_of([key])}: unknown key {key[:40]!r}")
    if top.get("schema", 1) != 1:
        stated = repr(top["schema"])[:20]
        raise BadDocument(f"{document.name}:{document.line_of(['schema'])}: schema {stated} is not known")
    deny = top.get("deny") or {}
    if not isinstance(deny, dict) or set(deny) - set(DENIED_BY):
        known = ", ".join(DENIED_BY)
        raise BadDocument(f"{document.name}:{document.line_of(['deny'])}: deny takes lists under {known}")
    from advisor.catalog.checked import checked_evidence, checked_overlay

    models = checked_overlay(document)
    lines = (document.line_of(["models", number]) for number in range(len(models)))
    return Layer(
        models=models,
        places={model_id: f"{document.name}:{line}" for model_id, line in zip(models, lines, strict=True)},
        deny={kind: _patterns(document, deny.get(kind), kind) for kind in DENIED_BY},
        evidence=checked_evidence(document),
    )


def overlay_files(path: Path) -> list[Path]:
    """The file itself, or every YAML file of a folder in a fixed order. Raises `BadDocument` where there is none."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BadDocument(f"{path}: no such overlay file or folder")
    files = sorted(p for p in path.rglob("*.yaml") if p.is_file())
    if len(files) > _MAX_FILES:
        raise BadDocument(f"{path}: more than {_MAX_FILES} files")
    return files


def read_layer(paths: Sequence[Path]) -> Layer:
    """All overlays as one layer, weakest first."""
    layer = Layer()
    for path in paths:
        for file in overlay_files(path):
            layer = merge_layers(layer, layer_of(read_yaml(file)))
    return layer
