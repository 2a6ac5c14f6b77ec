"""Inspections as text and as `advisor.inspection/1`."""

from dataclasses import asdict
from typing import Any

from advisor.domain.architecture import Architecture
from advisor.domain.units import format_count, format_size
from advisor.hub.inspection import Inspection

SCHEMA = "advisor.inspection/1"


def inspection_document(result: Inspection) -> dict[str, Any]:
    """Every figure, exact. `architecture` is null where the file holds no language model that is known."""
    held = result.holdings
    return {
        "schema": SCHEMA,
        "target": result.target,
        "source": result.source,
        "format": held.format,
        "version": held.version,
        "name": held.name,
        "files": [{"path": path, "bytes": size} for path, size in held.files],
        "file_bytes": sum(size for _, size in held.files),
        "preset": held.preset,
        "architecture_name": held.architecture_name,
        "architecture": asdict(held.architecture) if held.architecture else None,
        "context": held.context,
        "params": result.parameters,
        "tensors": len(held.tensors),
        "tensor_bytes": result.tensor_bytes,
        "bits_per_weight": result.bits_per_weight,
        "types": [
            {"type": share.type_name, "tensors": share.tensors, "params": share.elements, "bytes": share.bytes}
            for share in result.mix
        ],
        "kv_type": result.kv_type,
        "footprints": [_footprint(result, index) for index in range(len(result.caches))],
        "chat_template_bytes": held.template_bytes,
        "fetched_bytes": result.fetched_bytes,
        "warnings": list(held.warnings),
    }


def _footprint(result: Inspection, index: int) -> dict[str, Any]:
    need = result.caches[index]
    weights = result.tensor_bytes
    known = None if weights is None else weights + need.kv_cache_bytes + need.state_bytes + need.compute_bytes
    return {
        "context": need.context,
        "weights": weights,
        "kv_cache": need.kv_cache_bytes,
        "state": need.state_bytes,
        "compute": need.compute_bytes,
        "total": known,
    }


def inspection_text(result: Inspection, width: int) -> str:
    """A short sheet: what it is, its types, its memory by context."""
    held = result.holdings
    size = sum(size for _, size in held.files)
    bits = "?" if result.bits_per_weight is None else f"{result.bits_per_weight:.3f}"
    several = f" in {len(held.files)} files" if len(held.files) > 1 else ""
    version = f" version {held.version}" if held.version else ""
    lines = [
        f"{held.name or held.files[0][0]}"[:width],
        f"source        {result.source}",
        f"format        {held.format}{version}, {format_size(size)}{several}",
        f"architecture  {_architecture_line(held.architecture_name, held.architecture)}",
        f"context       {held.context if held.context is not None else '?'} tokens",
        f"parameters    {result.parameters:,} ({format_count(result.parameters)}) in {len(held.tensors)} tensors",
        f"tensor bytes  {'?' if result.tensor_bytes is None else f'{result.tensor_bytes:,}'}, {bits} bits per weight"
        + (f", preset {held.preset}" if held.preset else ""),
        *_type_lines(result),
        *_cache_lines(result),
        *(f"warning: {warning}" for warning in held.warnings),
    ]
    return "\n".join(lines)


def _architecture_line(name: str | None, a: Architecture | None) -> str:
    if a is None:
        return f"{name or '?'} (layers not known)"
    m = a.attention
    parts = [f"{name or a.gguf_arch}", f"{a.n_layers} layers", f"hidden {a.hidden}", f"vocabulary {a.vocab}"]
    if m.n_heads:
        parts.append(f"{m.n_heads} heads, {m.n_kv_heads} KV" if m.kind == "gqa" else f"{m.n_heads} heads, MLA")
    if m.window:
        parts.append(f"window {m.window}")
    if a.moe:
        parts.append(f"{a.moe.n_used} of {a.moe.n_experts} experts")
    if a.linear:
        parts.append(a.linear.kind)
    return ", ".join(parts)


def _type_lines(result: Inspection) -> list[str]:
    lines = ["", f"{'type':<10} {'tensors':>8} {'parameters':>16} {'bytes':>18}"]
    for share in result.mix:
        size = "?" if share.bytes is None else f"{share.bytes:,}"
        lines.append(f"{share.type_name:<10} {share.tensors:>8} {share.elements:>16,} {size:>18}")
    return lines


def _cache_lines(result: Inspection) -> list[str]:
    if not result.caches:
        return ["", "cache: the layout of this architecture is not known, so no figure is given"]
    lines = ["", f"{'context':<10} {f'KV cache ({result.kv_type})':>18} {'state':>12} {'scratch':>12} {'in all':>12}"]
    for need in result.caches:
        beside = need.kv_cache_bytes + need.state_bytes + need.compute_bytes
        total = None if result.tensor_bytes is None else result.tensor_bytes + beside
        lines.append(
            f"{need.context:<10} {format_size(need.kv_cache_bytes):>18} {format_size(need.state_bytes):>12} "
            f"{format_size(need.compute_bytes):>12} {format_size(total):>12}"
        )
    return lines
