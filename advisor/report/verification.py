"""What an installed build says of an estimate: the `verified` field, and the same for people."""

from typing import Any

from advisor.domain.estimate import PartBytes
from advisor.domain.units import format_size
from advisor.domain.verification import Verification, difference_pct
from advisor.report.text_table import Column, table

PARTS = (("weights", "weights"), ("kv_cache", "KV cache"), ("compute", "compute"), ("total", "total"))


def _bytes_document(part: PartBytes) -> dict[str, int]:
    return {name: getattr(part, name) for name, _ in PARTS}


def _difference_document(estimated: PartBytes, engine: PartBytes) -> dict[str, float | None]:
    differences = {name: difference_pct(getattr(estimated, name), getattr(engine, name)) for name, _ in PARTS}
    return {name: None if value is None else round(value, 3) for name, value in differences.items()}


def verification_document(found: Verification) -> dict[str, Any]:
    """The `verified` field of an estimate."""
    return {
        "engine": found.engine,
        "version": found.version,
        "placed": found.placed,
        **_bytes_document(found.engine_bytes),
        "estimated": _bytes_document(found.estimated_bytes),
        "difference_pct": _difference_document(found.estimated_bytes, found.engine_bytes),
        "devices": [
            {
                "device": check.device,
                **_bytes_document(check.engine),
                "estimated": _bytes_document(check.estimated),
                "difference_pct": _difference_document(check.estimated, check.engine),
            }
            for check in found.devices
        ],
        "corrections": [{"name": c.name, "bytes": c.bytes, "why": c.why} for c in found.corrections],
        "resolution": found.resolution_bytes,
    }


def verification_lines(found: Verification, width: int) -> list[str]:
    """A table a device and part, then what was corrected."""
    columns = (
        Column("device"), Column("part"), Column("estimated", right=True), Column("llama.cpp", right=True),
        Column("difference", right=True),
    )  # fmt: skip
    rows = [
        (check.device, label, *_compared(getattr(check.estimated, name), getattr(check.engine, name)))
        for check in found.devices
        for name, label in PARTS
    ]
    if len(found.devices) > 1:
        ours, theirs = found.estimated_bytes, found.engine_bytes
        rows += [("all", label, *_compared(getattr(ours, name), getattr(theirs, name))) for name, label in PARTS]
    where = "" if found.placed == "gpu" else "; this build places everything in main memory"
    lines = [f"Verified: {found.engine} {found.version or 'of unknown version'} would allocate{where}"]
    lines += [f"  {line}" for line in table(columns, rows, width - 2)]
    for c in found.corrections:
        sign = "+" if c.bytes > 0 else "−"
        lines.append(f"  Corrected: {c.name} {sign}{format_size(abs(c.bytes))}: {c.why}")
    return [*lines, f"  It prints whole {format_size(found.resolution_bytes)}, rounded down."]


def _compared(ours: int, theirs: int) -> tuple[str, str, str]:
    difference = difference_pct(ours, theirs)
    return format_size(ours), format_size(theirs), "–" if difference is None else f"{difference:+.2f} %"
