"""The model catalog as JSON (`advisor.catalog/1`, `advisor.model/1`) and as text."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from advisor.catalog.sheet import PROMPT_TOKENS, ModelListing, ModelSheet, Size, best_mode
from advisor.decide.quality import interval
from advisor.domain.entry import CatalogEntry
from advisor.domain.model import Artifact
from advisor.domain.quantity import Z90
from advisor.domain.units import format_count, format_size
from advisor.domain.workload import Task
from advisor.report.text_table import Column, table

LIST_SCHEMA = "advisor.catalog/1"
MODEL_SCHEMA = "advisor.model/1"


def _score(cell: tuple[float, float, str]) -> dict[str, Any]:
    score, sd, grade = cell
    low, high = interval(score, sd)
    return {"score": score, "p10": round(low, 2), "p90": round(high, 2), "grade": grade}


def _quality(entry: CatalogEntry) -> dict[str, Any]:
    names = dict.fromkeys(task for tasks in entry.quality.values() for task in tasks)
    best = {task: best_mode(entry, task) for task in names}
    return {task: _score(cell) for task, cell in best.items() if cell is not None}


def entry_document(entry: CatalogEntry) -> dict[str, Any]:
    """One model of a listing; null is unknown."""
    return {
        "model": entry.id,
        "name": entry.name,
        "family": entry.family,
        "vendor": entry.vendor,
        "category": entry.category,
        "released": entry.released,
        "params": {"total": entry.total_params, "active": entry.active_params},
        "context": entry.context_max,
        "license": entry.licence,
        "commercial": entry.commercial,
        "modalities": list(entry.modalities),
        "capabilities": list(entry.capabilities),
        "thinking": entry.thinking,
        "tuning": entry.tuning,
        "engines": list(entry.engines),
        "downloadable": entry.downloadable,
        "official": entry.official,
        "published": {kind: list(quants) for kind, quants in entry.published.items()},
        "quality": _quality(entry),
    }


def catalog_document(listing: ModelListing) -> dict[str, Any]:
    """`catalog list --json`."""
    return {
        "schema": LIST_SCHEMA,
        "sha256": listing.sha256,
        "total": listing.total,
        "task": listing.task.name if listing.task else None,
        "models": [entry_document(entry) for entry in listing.entries],
    }


def tasks_document(tasks: Sequence[Task]) -> dict[str, Any]:
    """`catalog list --tasks --json`."""
    return {"schema": "advisor.tasks/1", "tasks": [asdict(task) for task in tasks]}


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {**asdict(artifact), "files": [asdict(file) for file in artifact.files], "bytes": artifact.bytes}


def _footprint(size: Size) -> dict[str, Any]:
    return {
        "quant": size.quant,
        "context": size.context,
        "weights": size.weights_bytes,
        "kv_cache": size.kv_cache_bytes,
        "total": size.weights_bytes + size.kv_cache_bytes,
        "bits_per_weight": round(size.bits_per_weight, 3),
        "published": size.published,
    }


def tokens_per_parameter(sheet: ModelSheet) -> float | None:
    """Training tokens for each parameter: 20 is compute-optimal (Hoffmann et al. 2022), small models get thousands."""
    model = sheet.model
    return model.training_tokens / model.total_params if model.training_tokens and model.total_params else None


def model_document(sheet: ModelSheet) -> dict[str, Any]:
    """`catalog show MODEL --json`."""
    model = sheet.model
    ratio = tokens_per_parameter(sheet)
    flops = None
    if sheet.flops_per_token is not None and sheet.flops_per_prompt is not None:
        flops = {
            "per_output_token": round(sheet.flops_per_token),
            "prompt": round(sheet.flops_per_prompt),
            "prompt_tokens": PROMPT_TOKENS,
        }
    return {
        "schema": MODEL_SCHEMA,
        **entry_document(sheet.entry),
        "kind": model.kind,
        "languages": list(model.languages),
        "licence": asdict(model.licence),
        "contexts": asdict(model.context),
        "aliases": list(model.aliases),
        "domain": model.domain,
        "note": model.note,
        "training_tokens": model.training_tokens,
        "tokens_per_parameter": None if ratio is None else round(ratio, 1),
        "architecture": asdict(model.architecture) if model.architecture else None,
        "artifacts": [_artifact(artifact) for artifact in model.artifacts],
        "footprints": [_footprint(size) for size in sheet.sizes],
        "cache_layout_known": sheet.cache_known,
        "flops": flops,
        "evidence": [asdict(row) for row in sheet.evidence],
        "lineage": asdict(model.lineage),
        "sources": dict(model.sources),
    }


def _params(entry: CatalogEntry) -> str:
    total, active = entry.total_params, entry.active_params
    if total and active and active < 0.95 * total:
        return f"{format_count(total)} ({format_count(active)} active)"
    return format_count(total)


def _tokens(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count // 1024}K" if count % 1024 == 0 and count >= 1024 else f"{count / 1000:g}K"


def catalog_text(listing: ModelListing, width: int) -> str:
    """A table of models; with a task, its scores first."""
    if not listing.entries:
        return f"no model matches ({listing.total} in the catalog)"
    task = listing.task.name if listing.task else None
    columns = [
        Column("MODEL", grow=True),
        Column("PARAMETERS"),
        Column("CONTEXT", right=True),
        Column("RELEASED"),
        Column("LICENCE"),
        Column("FILES", right=True),
    ]
    rows = [
        [
            entry.id,
            _params(entry),
            _tokens(entry.context_max),
            entry.released or "?",
            (entry.licence or "?")[:24],
            str(sum(len(quants) for quants in entry.published.values())) if entry.downloadable else "closed",
        ]
        for entry in listing.entries
    ]
    if task is not None:
        columns.insert(1, Column(task.upper()))
        for row, entry in zip(rows, listing.entries, strict=True):
            row.insert(1, _cell(best_mode(entry, task)))
    lines = table(columns, rows, width)
    lines.append(f"{len(listing.entries)} of {listing.total} models")
    return "\n".join(lines)


def _cell(cell: tuple[float, float, str] | None) -> str:
    return "no evidence" if cell is None else f"{cell[0]:.0f} ± {Z90 * cell[1]:.0f} {cell[2]}"


def tasks_text(tasks: Sequence[Task], width: int) -> str:
    """A table of tasks with their usual lengths."""
    columns = [Column("TASK"), Column("WHAT", grow=True), Column("PROMPT", right=True), Column("ANSWER", right=True)]
    rows = [[task.name, task.title, str(task.prompt_tokens), str(task.output_tokens)] for task in tasks]
    return "\n".join(table(columns, rows, width))


def size_text(size: Size) -> str:
    """One cell of the memory table."""
    return format_size(size.weights_bytes + size.kv_cache_bytes)
