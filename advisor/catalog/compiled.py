"""Compiles a catalog folder to JSON files that load fast: the same input gives the same bytes, named by their hash.

`index.json` holds one row a model, all that ranking reads; `models.jsonl` whole models and `evidence.jsonl` their
results, one line each, found by offset; the rest are small tables. Imports the standard library, PyYAML and pure rooms
only, since the build hook runs it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.catalog import names
from advisor.catalog.folder import RawCatalog, Record, read_folder, text_or_none
from advisor.catalog.hardware_schema import compile_hardware
from advisor.catalog.precomputed import published_formats, shape_rows
from advisor.catalog.records import describe_source
from advisor.errors import BadDocument

FORMAT = 4
"""Raised when a reader of an older compiled catalog would misread the new one."""
MODES = {"reasoning": "thinking", "non-reasoning": "non-thinking"}
"""Evidence's words for the domain's."""


def _context_max(record: Record) -> int | None:
    context = record.get("context") or {}
    known = [context[key] for key in ("native", "extended") if context.get(key)]
    return max(known) if known else None


def _quality(rows: list[Record]) -> dict[str, dict[str, list[Any]]]:
    """[score, sd, grade] by mode and task."""
    found: dict[str, dict[str, list[Any]]] = {}
    for row in rows:
        try:
            cell = [round(float(row["score"]), 2), round(float(row["sd"]), 2), str(row["grade"])]
        except (KeyError, TypeError, ValueError):
            raise BadDocument(f"catalog/quality/scores.csv: {row.get('model')}: a score that is no number") from None
        found.setdefault(str(row.get("mode") or "non-thinking"), {})[str(row["task"])] = cell
    return found


def _entry(record: Record) -> list[Any]:
    """The row of `index.json`: fields of `library.CatalogEntry`, in its order."""
    params = record.get("params") or {}
    licence = record.get("licence") or {}
    return [
        record["id"],
        record["name"],
        record["family"],
        record["vendor"],
        record["category"],
        record.get("thinking") or "never",
        licence.get("commercial"),
        licence.get("id"),
        record.get("official", True),
        record.get("downloadable", True),
        record.get("released"),
        _context_max(record),
        record.get("engines") or [],
        record.get("modalities") or ["text"],
        record.get("capabilities") or [],
        record.get("domain"),
        params.get("total"),
        params.get("active"),
        record.get("training_tokens"),
        published_formats(record),
        record.get("quality") or {},
        record.get("tuning"),
    ]


def _evidence_row(row: Record) -> Record:
    mode = text_or_none(row, "mode")
    try:
        score = float(row["score"])
    except (KeyError, TypeError, ValueError):
        raise BadDocument(f"catalog/evidence: {row.get('model')}: a score that is no number") from None
    kept = {
        "benchmark": row.get("benchmark"),
        "task": row.get("task"),
        "score": score,
        "unit": row.get("unit"),
        "date": text_or_none(row, "date"),
        "source": text_or_none(row, "source") or "",
        "locator": text_or_none(row, "locator"),
        "mode": MODES.get(mode, mode) if mode else None,
        "self_reported": str(row.get("self_reported") or "").lower() in ("1", "true", "yes"),
        "quant": text_or_none(row, "quant"),
        "fitted": False if row.get("fitted") is False else None,
    }
    return {key: value for key, value in kept.items() if value is not None}


def _dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _lines(rows: Mapping[str, Any]) -> tuple[bytes, dict[str, list[int]]]:
    """One JSON line a row, and where each line stands: [offset, length]."""
    out, places, at = [], {}, 0
    for key, value in rows.items():
        line = _dumps(value)
        out.append(line)
        places[key] = [at, len(line)]
        at += len(line)
    return b"".join(out), places


def _with_quality(raw: RawCatalog) -> dict[str, Record]:
    records = {}
    for model_id in sorted(raw.models):
        record = dict(raw.models[model_id])
        if model_id in raw.quality:
            record["quality"] = _quality(raw.quality[model_id])
        records[model_id] = record
    return records


def _hardware_rows(raw: RawCatalog) -> list[Any]:
    return list(compile_hardware(raw.hardware))


def build(raw: RawCatalog, left_out: Sequence[str] = ()) -> dict[str, bytes]:
    """Every compiled file by name, `manifest.json` with the hash of the others included.

    `left_out`: entries of overlays that are not in it, and why.
    """
    records = _with_quality(raw)
    models, model_places = _lines(records)
    evidence = {m: [_evidence_row(r) for r in rows] for m, rows in sorted(raw.evidence.items()) if m in records}
    evidence_lines, evidence_places = _lines(evidence)
    shapes = shape_rows(records, raw.quantizations)
    shape_lines, shape_places = _lines({str(i): row for i, row in enumerate(shapes["rows"])})
    files = {
        "index.json": _dumps([_entry(record) for record in records.values()]),
        "models.jsonl": models,
        "evidence.jsonl": evidence_lines,
        "places.json": _dumps({"models": model_places, "evidence": evidence_places, "shapes": shape_places}),
        "names.json": _dumps(
            {
                "exact": names.name_index(records.values(), names.exact_key),
                "models": names.name_index(records.values()),
                "quantizations": names.quant_index(raw.quantizations),
                "never_published": raw.never_published,
            }
        ),
        "repositories.json": _dumps(names.repository_index(records.values())),
        "sources.json": _dumps({key: describe_source(source) for key, source in sorted(raw.sources.items())}),
        "quantizations.json": _dumps(raw.quantizations),
        "shapes.jsonl": shape_lines,
        "sizes.json": _dumps({"models": shapes["models"], "rows": shapes["sizes"]}),
        "hardware.json": _dumps(_hardware_rows(raw)),
        **{f"{table}.json": _dumps(value) for table, value in sorted(raw.tables.items())},
    }
    return _sealed(files, len(records), left_out)


def _sealed(files: Mapping[str, bytes], models: int, left_out: Sequence[str] = ()) -> dict[str, bytes]:
    """The files with the manifest that names them."""
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(name.encode() + b"\0" + data)
    manifest = {"format": FORMAT, "sha256": digest.hexdigest(), "models": models}
    said = {"left_out": list(left_out)} if left_out else {}
    return {**files, "manifest.json": _dumps({**manifest, **said})}


def with_hardware(folder: Path, documents: Iterable[Mapping[str, Any]]) -> dict[str, bytes]:
    """A compiled catalog with more devices or prices, as `build` would make it: in a moment, since no model changes."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    models = int(json.loads(files.pop("manifest.json"))["models"])
    rows = compile_hardware(documents, base=json.loads(files["hardware.json"]))
    return _sealed({**files, "hardware.json": _dumps(rows)}, models)


def write_files(files: Mapping[str, bytes], target: Path) -> None:
    """Write into a folder, the manifest last: a folder with a manifest is complete."""
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(files, key=lambda name: (name == "manifest.json", name)):
        (target / name).write_bytes(files[name])


def compile_to_folder(source: Path, target: Path) -> str:
    """Compile the catalog folder `source` into `target`. Returns the content's sha256. Raises `BadDocument`."""
    files = build(read_folder(source))
    write_files(files, target)
    return str(json.loads(files["manifest.json"])["sha256"])
