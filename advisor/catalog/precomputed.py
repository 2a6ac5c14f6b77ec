"""What the estimate room derives from a model's architecture, computed once when the catalog is compiled.

Models with the same integers share their rows, so that fine-tunes cost nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from advisor.catalog.recipes import computed
from advisor.catalog.records import architecture_of, artifacts_of
from advisor.domain.sizes import QuantSize
from advisor.estimate.formats import in_format
from advisor.estimate.shape import ModelShape
from advisor.estimate.shaping import shape_of
from advisor.estimate.weights import WeightProfile

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


def _wanted(record: Record, offered: frozenset[str]) -> Iterable[str]:
    for form, quants in published_formats(record).items():
        usual = [quant for quant in quants if quant in offered]
        yield from (in_format(quant, (form,)) for quant in usual or quants)


def shape_rows(records: Mapping[str, Record], quantizations: list[dict[str, Any]]) -> dict[str, Any]:
    """`models`: row number by id; `rows`: [shape, {quantization: weights}]; `sizes`: what ranking needs of each row.

    Unknown architectures are absent.
    """
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
        weights, artifacts = rows[numbers[key]][1], artifacts_of(record.get("artifacts") or [], {})
        for quant in _wanted(record, offered):
            if quant not in weights:
                profile = computed(architecture, quant, artifacts)
                weights[quant] = profile.to_row() if profile else None
    kept: list[tuple[list[Any], dict[str, Any]]] = [
        (shape, {q: w for q, w in weights.items() if w}) for shape, weights in rows
    ]
    return {"models": models, "rows": kept, "sizes": [_sizes(shape, weights) for shape, weights in kept]}


def size_of(profile: WeightProfile) -> QuantSize:
    """What ranking needs of one profile."""
    return QuantSize(
        bits_per_weight=round(profile.bits_per_weight, 4),
        file_bytes=profile.file_bytes,
        tensor_bytes=profile.tensor_bytes,
        dense_bytes=profile.dense_bytes + profile.head_bytes,
        expert_bytes=profile.expert_bytes,
    )


def _sizes(shape_row: list[Any], weights: Mapping[str, list[Any]]) -> list[Any]:
    shape = ModelShape.from_row(shape_row)
    profiles = {quant: list(size_of(WeightProfile.from_row(row))) for quant, row in weights.items()}
    return [shape.total_params, shape.expert_share, profiles]
