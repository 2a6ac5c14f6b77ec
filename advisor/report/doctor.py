"""A diagnosis as `advisor.doctor/1`, and as text: sources, devices, conflicts, what failed with a hint each."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from advisor.report.machine import machine_document, machine_text

if TYPE_CHECKING:
    from advisor.verbs.doctor import Diagnosis

SCHEMA = "advisor.doctor/1"


def doctor_document(diagnosis: "Diagnosis") -> dict[str, Any]:
    """Everything in a diagnosis; the machine is an `advisor.machine/1` document inside."""
    return {
        "schema": SCHEMA,
        "machine": machine_document(diagnosis.machine),
        "sources": [asdict(source) for source in diagnosis.sources],
        "conflicts": [asdict(conflict) for conflict in diagnosis.conflicts],
        "folders": [asdict(folder) for folder in diagnosis.folders],
        "versions": dict(diagnosis.versions),
    }


def doctor_text(diagnosis: "Diagnosis", width: int = 80) -> str:
    """A page for a person or a bug report."""
    parts = ["machine", _indented(machine_text(diagnosis.machine, width - 2, sources=True))]
    sources = [(s.source, f"{s.state}: {s.detail}" + (f" ({s.hint})" if s.hint else "")) for s in diagnosis.sources]
    parts += ["sources", *_rows(sources, width)]
    conflicts = [
        (c.device, f"{c.fact}: {c.kept} by {c.kept_source} kept, {c.other} by {c.other_source} not")
        for c in diagnosis.conflicts
    ]
    parts += ["conflicts between sources", *(_rows(conflicts, width) or ["  none"])]
    folders = [(f.name, f.path + ("" if f.writable else " (not writable)")) for f in diagnosis.folders]
    parts += ["folders", *_rows(folders, width)]
    parts += ["versions", *_rows([(n, v or "not installed") for n, v in diagnosis.versions.items()], width)]
    return "\n".join(parts) + "\n"


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.rstrip("\n").split("\n"))


def _rows(rows: list[tuple[str, str]], width: int) -> list[str]:
    from textwrap import wrap

    indent = min(28, max((len(label) for label, _ in rows), default=0)) + 4
    lines: list[str] = []
    for label, text in rows:
        wrapped = wrap(text, max(20, width - indent)) or [""]
        lines.append(f"  {label[: indent - 4]:<{indent - 2}}{wrapped[0]}")
        lines.extend(" " * indent + part for part in wrapped[1:])
    return lines
