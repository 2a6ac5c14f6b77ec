"""Bench results as JSON text for the store, and back. Read by hand: a recommendation must not pay for pydantic."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from advisor.bench.conditions import Conditions
from advisor.bench.result import BenchResult, Prediction
from advisor.domain.architecture import Architecture, Attention, AttentionKind, LinearAttention, Moe
from advisor.domain.quantity import Quantity
from advisor.engines.protocol import RunSample
from advisor.errors import StoreError

T = TypeVar("T")


def to_text(result: BenchResult) -> str:
    """Canonical JSON: sorted keys, no spaces, so that a checksum is stable."""
    return json.dumps(asdict(result), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def from_text(text: str) -> BenchResult:
    """The result back. Unknown fields are left out, so that an older program reads a newer row. Raises StoreError."""
    try:
        values = json.loads(text)
        return _result(values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"a stored result cannot be read: {type(error).__name__}") from error


def _make(kind: type[T], values: Mapping[str, Any]) -> T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known})


def _result(values: Mapping[str, Any]) -> BenchResult:
    plain = _make(BenchResult, values)
    return replace(
        plain,
        samples=tuple(_make(RunSample, s) for s in values["samples"]),
        conditions=_make(Conditions, values.get("conditions") or {}),
        architecture=_architecture(values.get("architecture")),
        predicted=_prediction(values.get("predicted")),
    )


def _architecture(values: Mapping[str, Any] | None) -> Architecture | None:
    if values is None:
        return None
    attention = _make(Attention, values["attention"])
    return replace(
        _make(Architecture, values),
        attention=replace(attention, kind=AttentionKind(attention.kind)),
        linear=_make(LinearAttention, values["linear"]) if values.get("linear") else None,
        moe=_make(Moe, values["moe"]) if values.get("moe") else None,
    )


def _prediction(values: Mapping[str, Any] | None) -> Prediction | None:
    if values is None:
        return None
    return replace(
        _make(Prediction, values),
        ttft_s=Quantity(**values["ttft_s"]),
        prefill_tokens_per_s=Quantity(**values["prefill_tokens_per_s"]),
        decode_tokens_per_s=Quantity(**values["decode_tokens_per_s"]),
    )
