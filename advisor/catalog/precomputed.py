"""What the estimate room derives from a model's architecture, computed once when the catalog is compiled.

Models with the same integers share their rows, so that fine-tunes cost nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from advisor.catalog.records import architecture_of
from advisor.domain.architecture import Architecture
from advisor.estimate.shape import shape_of
from advisor.estimate.weights import weight_profile

Record = Mapping[str, Any]


def published_formats(record: Record) -> dict[str, list[str]]:
    """Quantizations with files on the hub, by format, in the order of the first repository that has them."""
    found: dict[str, dict[str, None]] = {}
    for artifact in record.get("artifacts") or ():
        if artifact.get("role", "model") != "model" or artifact["format"] == "ollama":
            continue
        known = found.setdefault(artifact["format"], {})
        for file in artifact["files"]:
            known.setdefault(file["quant"], None)
    return {kind: list(quants) for kind, quants in found.items()}


def _profile(architecture: Architecture, quant: str) -> list[Any] | None:
    try:
        return weight_profile(architecture, quant).to_row()
    except KeyError:
        return None


def _wanted(record: Record, offered: frozenset[str]) -> Iterable[str]:
    return (quant for quants in published_formats(record).values() for quant in quants if quant in offered)


def shape_rows(records: Mapping[str, Record], quantizations: list[dict[str, Any]]) -> dict[str, Any]:
    """`models`: row number by id; `rows`: [shape, {quantization: weights}]. Unknown architectures are absent."""
    offered = frozenset(str(q["name"]) for q in quantizations if q.get("offered", True))
    numbers: dict[str, int] = {}
    models: dict[str, int] = {}
    rows: list[tuple[list[Any], dict[str, Any]]] = []
    for model_id, record in records.items():
        architecture = architecture_of(record.get("architecture"))
        if architecture is None:
            continue
        key = json.dumps(record["architecture"], sort_keys=True)
        if key not in numbers:
            numbers[key] = len(rows)
            rows.append((shape_of(architecture).to_row(), {}))
        models[model_id] = numbers[key]
        weights = rows[numbers[key]][1]
        for quant in _wanted(record, offered):
            if quant not in weights:
                weights[quant] = _profile(architecture, quant)
    return {"models": models, "rows": [[shape, {q: w for q, w in weights.items() if w}] for shape, weights in rows]}
