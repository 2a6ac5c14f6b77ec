"""A machine as `advisor.machine/1`, and as text for a person. Every fact with its source; unknown is null or `?`."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any

from advisor.domain.machine import Accelerator, Machine
from advisor.domain.units import format_rate, format_size

SCHEMA = "advisor.machine/1"


def machine_document(machine: Machine) -> dict[str, Any]:
    """All of a machine, field names as in `advisor.domain.machine`, tuples as lists."""
    return {"schema": SCHEMA, **_plain(asdict(machine))}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def machine_text(machine: Machine, width: int = 80, *, sources: bool = False) -> str:
    """A page of label and fact, wrapped at `width`; with `sources`, each line says where it was read."""
    from textwrap import wrap

    rows = [*_host_rows(machine, sources), *_accelerator_rows(machine, sources), *_rest_rows(machine, sources)]
    indent = max(len(label) for label, _ in rows) + 2
    lines: list[str] = []
    for label, text in rows:
        wrapped = wrap(text, max(20, width - indent)) or [""]
        lines.append(f"{label:<{indent}}{wrapped[0]}")
        lines.extend(" " * indent + part for part in wrapped[1:])
    return "\n".join(lines) + "\n"


def _from(source: str | None, shown: bool) -> str:
    return f"  [{source}]" if shown and source else ""


def _host_rows(machine: Machine, sources: bool) -> list[tuple[str, str]]:
    cpu, memory = machine.cpu, machine.memory
    system = ", ".join(part for part in (machine.os_version or machine.os, _surrounding(machine)) if part)
    rows = [("machine", machine.name), ("system", system or "?")]
    rows.append(("cpu", (cpu.name or "?") + _from(cpu.sources.get("name"), sources)))
    rows.append(("cores", _cores(machine) + _from(cpu.sources.get("usable_threads"), sources)))
    if cpu.instruction_sets:
        rows.append(("", " ".join(cpu.instruction_sets)))
    if cpu.f32_flops is not None:
        rows.append(("", f"{cpu.f32_flops / 1e9:.0f} GFLOP/s FP32" + _from(cpu.sources.get("f32_flops"), sources)))
    size = f"{format_size(memory.total_bytes)}, {format_size(memory.available_bytes)} free"
    size += f", limited to {format_size(memory.limit_bytes)}" if memory.limit_bytes is not None else ""
    rows.append(("memory", size + _from(memory.sources.get("available_bytes"), sources)))
    rate = format_rate(memory.bandwidth_bytes_per_s)
    told = _from(memory.sources.get("bandwidth_bytes_per_s"), memory.bandwidth_bytes_per_s is not None)
    rows.append(("bandwidth", (f"{rate}{told}" if told else "? (measure it with --measure)")))
    return rows


def _surrounding(machine: Machine) -> str:
    parts = [
        {"container": "in a container", "wsl": "in WSL", "vm": "in a virtual machine"}.get(machine.virtualization or "")
    ]
    parts.append("on battery" if machine.on_battery else None)
    return ", ".join(part for part in parts if part)


def _cores(machine: Machine) -> str:
    cpu = machine.cpu
    parts = [f"{cpu.physical_cores or '?'} physical", f"{cpu.logical_cores or '?'} threads"]
    if cpu.performance_cores and cpu.physical_cores and cpu.performance_cores < cpu.physical_cores:
        parts[0] += f" ({cpu.performance_cores} fast)"
    if (cpu.sockets or 1) > 1:
        parts.append(f"{cpu.sockets} sockets")
    if (cpu.numa_nodes or 1) > 1:
        parts.append(f"{cpu.numa_nodes} memory nodes")
    if cpu.usable_threads != cpu.logical_cores:
        parts.append(f"{cpu.usable_threads or '?'} usable")
    return ", ".join(parts)


def _accelerator_rows(machine: Machine, sources: bool) -> list[tuple[str, str]]:
    if not machine.accelerators:
        return [("accelerator", "none found")]
    rows: list[tuple[str, str]] = []
    for _, group in groupby(machine.accelerators, key=lambda device: _told(device, sources)):
        device, *others = group
        state = "" if device.usable else " (not usable)"
        many, last = (f"{len(others) + 1}x ", f"-{others[-1].index}") if others else ("", "")
        rows.append((f"gpu{device.index}{last}", many + device.name + state))
        rows.append(("", _accelerator_facts(device) + (" each" if others else "")))
        rows.extend(("", f"[{line}]") for line in _told_by(device.sources) if sources)
        rows.extend(("", f"- {note}") for note in device.notes)
    return rows


def _told(device: Accelerator, sources: bool) -> tuple[object, ...]:
    """All that is said of a device: neighbours of which the same is said are counted, not repeated."""
    return (
        device.name,
        device.usable,
        _accelerator_facts(device),
        device.notes,
        sources and tuple(device.sources.items()),
    )


_FACT_WORDS = {
    "memory_total_bytes": "memory", "memory_available_bytes": "free memory", "bandwidth_bytes_per_s": "bandwidth",
    "f16_flops": "FP16", "f32_flops": "FP32", "int8_ops": "INT8", "fp8_flops": "FP8", "fp4_flops": "FP4",
    "compute_capability": "capability",
    "power_limit_w": "power", "pcie_bytes_per_s": "PCIe", "link_bytes_per_s": "link", "pci_id": "PCI id",
    "pci_address": "PCI address", "carve_out_bytes": "set aside", "shared_with": "sharing",
}  # fmt: skip
"""Short words for facts whose names are long."""


def _told_by(sources: Mapping[str, str]) -> list[str]:
    """For each source, the facts it told."""
    facts: dict[str, list[str]] = {}
    for fact, source in sources.items():
        if fact != "vendor":
            facts.setdefault(source, []).append(_FACT_WORDS.get(fact, fact))
    return [f"{source}: {', '.join(told)}" for source, told in facts.items()]


def _accelerator_facts(device: Accelerator) -> str:
    total, free = format_size(device.memory_total_bytes), format_size(device.memory_available_bytes)
    parts = [f"{total}, {free} free" if free != "?" else total]
    parts.append("shared with the host" if device.unified else "")
    parts.append(format_rate(device.bandwidth_bytes_per_s) if device.bandwidth_bytes_per_s else "bandwidth ?")
    parts.append(f"{device.f16_flops / 1e12:.0f} TFLOP/s FP16" if device.f16_flops else "")
    parts += [device.backend or "", device.compute_capability or ""]
    parts.append(f"PCIe {format_rate(device.pcie_bytes_per_s)}" if device.pcie_bytes_per_s else "")
    parts.append(f"link {format_rate(device.link_bytes_per_s)}" if device.link_bytes_per_s else "")
    parts.append(f"{device.power_limit_w:.0f} W" if device.power_limit_w else "")
    return ", ".join(part for part in parts if part)


def _rest_rows(machine: Machine, sources: bool) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for disk in machine.disks:
        size = f"{format_size(disk.free_bytes)} free of {format_size(disk.total_bytes)}"
        rows.append(("disk", f"{disk.path}: {size}" + (f", {disk.kind}" if disk.kind else "")))
    names = [f"{e.name}{' (running)' if e.running else ''}" + _from(e.source, sources) for e in machine.engines]
    rows.append(("engines", ", ".join(dict.fromkeys(names)) or "none found"))
    for note in machine.notes:
        rows.append(("note", note.message + (f": {note.hint}" if note.hint else "")))
    return rows
