"""The hardware catalog as JSON (`advisor.hardware/1`) and as text."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from advisor.domain.device import DeviceSpec, Price
from advisor.domain.units import format_rate, format_size

SCHEMA = "advisor.hardware/1"


def device_document(device: DeviceSpec) -> dict[str, Any]:
    """One device: bytes, bytes/s and FLOP/s; null where unknown."""
    return asdict(device)


def hardware_document(devices: Sequence[DeviceSpec]) -> dict[str, Any]:
    """`hardware list --json`."""
    return {"schema": SCHEMA, "devices": [device_document(d) for d in devices]}


def hardware_device_document(device: DeviceSpec) -> dict[str, Any]:
    """`hardware show NAME --json`."""
    return {"schema": SCHEMA, **device_document(device)}


def _flops(value: float | None) -> str:
    return "?" if value is None else f"{value / 1e12:.4g} TFLOPS"


def _memory(device: DeviceSpec) -> str:
    if device.memory_bytes is None and device.memory_options_bytes:
        sizes = "/".join(f"{b / 1024**3:g}" for b in device.memory_options_bytes)
        return f"{sizes} GiB"
    return format_size(device.memory_bytes)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def hardware_text(devices: Sequence[DeviceSpec], total: int, width: int = 100) -> str:
    """A table of devices out of `total`, cut to `width` columns."""
    if not devices:
        return "no device matches"
    head = ("NAME", "KIND", "MEMORY", "BANDWIDTH", "FP16", "POWER")
    rows = [
        (
            d.name,
            d.kind.value,
            _memory(d),
            format_rate(d.bandwidth_bytes_per_s) if d.bandwidth_bytes_per_s else _parts(d),
            _flops(d.f16_flops),
            "?" if d.power_w is None else f"{d.power_w:.0f} W",
        )
        for d in devices
    ]
    lines = [line[:width] for line in _columns([head, *rows])]
    shown = f"{len(devices)} of {total} devices"
    return "\n".join([*lines, "", f"{shown}; peak dense rates from data sheets; `?` is unknown"])


def _parts(device: DeviceSpec) -> str:
    return ", ".join(f"{p.count}x {p.device.partition('/')[2]}" for p in device.parts) or "?"


def _price(price: Price) -> str:
    return f"{price.usd:,.0f} USD, {price.kind}, {price.date}: {price.source}"


def _facts(d: DeviceSpec) -> list[tuple[str, str, str]]:
    """Label, value and the field whose source stands behind it."""
    rates = [("FP16", d.f16_flops), ("FP32", d.f32_flops), ("FP8", d.fp8_flops), ("FP4", d.fp4_flops)]
    facts = [
        ("kind", ", ".join(x for x in (d.kind.value, d.form, d.architecture, d.chip) if x), ""),
        ("released", d.released or "?", ""),
        ("memory", f"{_memory(d)} {d.memory_kind or ''}".strip(), "memory_bytes"),
        ("as the driver shows it", format_size(d.driver_visible_bytes), "driver_visible_bytes"),
        ("bandwidth", format_rate(d.bandwidth_bytes_per_s), "bandwidth_bytes_per_s"),
        *[(f"{name}, dense", _flops(value), f"{name.replace('FP', 'f').lower()}_flops") for name, value in rates],
        ("INT8, dense", "?" if d.int8_ops is None else f"{d.int8_ops / 1e12:.4g} TOPS", "int8_ops"),
        ("PCIe, one direction", format_rate(d.pcie_bytes_per_s), "pcie_bytes_per_s"),
        ("GPU link, one direction", format_rate(d.link_bytes_per_s), "link_bytes_per_s"),
        ("power", "?" if d.power_w is None else f"{d.power_w:.0f} W", "power_w"),
        ("runs with", d.backend or "?", ""),
        ("parts", _parts(d) if d.parts else "?", ""),
        ("PCI ids", ", ".join(d.pci_ids) or "?", "pci_ids"),
        ("known as", "; ".join(d.aliases) or "?", ""),
    ]
    return [fact for fact in facts if fact[1] != "?"]


def hardware_device_text(device: DeviceSpec, width: int = 100) -> str:
    """One device with the sources of its figures."""
    facts = _facts(device)
    label = max(len(name) for name, _, _ in facts)
    lines = [f"{device.name}  ({device.id})", ""]
    lines += [f"  {name.ljust(label)}  {value}"[:width] for name, value, _ in facts]
    lines += [f"  {'price'.ljust(label)}  {_price(p)}" for p in device.prices]
    if not device.prices:
        lines.append(f"  {'price'.ljust(label)}  unknown: add a quote with --catalog FILE")
    if device.note:
        lines += ["", f"  note: {device.note}"]
    sources = sorted({device.sources[field] for _, _, field in facts if field in device.sources})
    if sources:
        lines += ["", f"  confidence {device.confidence or '?'}; sources:", *(f"    {s}" for s in sources)]
    return "\n".join(lines)
