"""NVML's raw answers read as devices: memory, bandwidth from clock and bus, links, MIG slices, unified machines.

A refusal is unknown, never zero, and means "unified memory" only on a machine known to be one.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from advisor.domain.machine import Accelerator, HostMemory, ProbeNote
from advisor.probes.nvidia_child import NVML_LIMIT_S
from advisor.probes.pci import GENERATION_GT, lane_bytes_per_s, normal_address
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import clean

SOURCE = "nvml"
UNIFIED_CAPABILITIES = {"7.2", "8.7", "11.0", "12.1"}
"""Xavier, Orin, Thor and GB10: compute capabilities that only chips with one memory have."""
_UNIFIED_NAME = re.compile(r"\b(GB10|Orin|Xavier|Thor|Tegra)\b")
_VGPU_NAME = re.compile(r"^GRID |-\d+[QCAB]$")
MIG_COMPUTE_SLICES = 7
"""Compute slices of a whole A100, H100 or B200 (NVIDIA MIG user guide)."""
MAX_MEMORY = 1 << 50
MAX_HOLDERS = 3
"""Processes that are named; the rest are only counted."""

_INIT_HELP: dict[int, tuple[str, str]] = {
    4: ("the NVIDIA driver refuses this user", "add the user to the group that owns /dev/nvidia0"),
    9: ("the NVIDIA driver is not loaded", "load it with `modprobe nvidia` or restart after installing it"),
    12: ("the NVIDIA library libnvidia-ml is not installed", "install the NVIDIA driver"),
    18: ("the NVIDIA driver was updated and its library no longer matches", "restart the machine"),
    999: (
        "the NVIDIA driver gives an unknown error, as it does in a container that lost its devices",
        "restart the container; see nvidia-container-toolkit issue 48",
    ),
}
"""NVML's return codes at start (nvml.h), in words."""


ProgramName = Callable[[int], str | None]
"""From a process id to the name of its program, where it is known."""


def read_nvml(answer: Any, memory: HostMemory, program: ProgramName = lambda _: None) -> Findings:
    """Devices and notes from what the child said; an answer of any other shape is an empty one."""
    if not isinstance(answer, Mapping):
        return Findings()
    raw = answer.get("lines")
    lines = [line for line in raw if isinstance(line, Mapping)] if isinstance(raw, list) else []
    system: Mapping[str, Any] = next((line for line in lines if line.get("kind") == "system"), {})
    driver = _string(system.get("driver"))
    notes = [*_start_notes(lines), *_failure_notes(answer, len([x for x in lines if x.get("kind") == "device"]))]
    cards = {
        line["index"]: line for line in lines if line.get("kind") == "device" and _number(line.get("index")) is not None
    }
    sightings = [_card(line, driver, memory, program) for line in cards.values() if "lost" not in line]
    sightings += [_slice(line, cards, driver, memory) for line in lines if line.get("kind") == "slice"]
    sightings += [_lost(line) for line in cards.values() if "lost" in line]
    return Findings(sightings=tuple(sightings), notes=tuple(notes))


def _start_notes(lines: list[Mapping[str, Any]]) -> list[ProbeNote]:
    notes: list[ProbeNote] = []
    for line in lines:
        if line.get("kind") != "init_error":
            continue
        code = line.get("value")
        message, hint = _INIT_HELP.get(code, (None, None)) if isinstance(code, int) else (None, None)
        message = (
            message or f"NVML does not start: {clean(str(line.get('error')))} {clean(str(line.get('text') or ''))}"
        )
        notes.append(ProbeNote(source=SOURCE, message=message.strip(), hint=hint))
    return notes


def _failure_notes(answer: Mapping[str, Any], devices: int) -> list[ProbeNote]:
    failure = answer.get("failure")
    if not failure:
        return []
    got = f"; {devices} device{'s' if devices != 1 else ''} answered before" if devices else ""
    if failure == "timeout":
        message = f"the NVIDIA driver did not answer within {NVML_LIMIT_S:.0f} s and was left alone{got}"
        return [ProbeNote(source=SOURCE, message=message, hint="see `dmesg` for Xid errors; a restart often helps")]
    message = f"reading the NVIDIA driver failed ({clean(str(failure))}){got}"
    return [ProbeNote(source=SOURCE, message=message, hint="run `nvidia-smi` and see what it says")]


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_MEMORY else None


def _string(value: Any) -> str | None:
    return (clean(value) or None) if isinstance(value, str) else None


def _capability(value: Any) -> str | None:
    if isinstance(value, list | tuple) and len(value) == 2 and all(_number(v) is not None for v in value):
        return f"{value[0]}.{value[1]}"
    return None


def _pci_id(value: Any) -> str | None:
    """NVML packs device and vendor into one word."""
    number = _number(value)
    return f"{number & 0xFFFF:04x}:{number >> 16 & 0xFFFF:04x}" if number else None


def _memory(line: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Total and free bytes. Free is taken as it is: what `used` includes differs between drivers."""
    memory = line.get("memory")
    if not isinstance(memory, Mapping):
        return None, None
    total, free = _number(memory.get("total")), _number(memory.get("free"))
    if not total or (free is not None and free > total):
        return None, None
    return total, free


def is_unified(name: str, capability: str | None) -> bool:
    """A chip whose GPU has no memory of its own."""
    return capability in UNIFIED_CAPABILITIES or bool(_UNIFIED_NAME.search(name))


def _card(
    line: Mapping[str, Any], driver: str | None, memory: HostMemory, program: ProgramName = lambda _: None
) -> Sighting:
    name, capability = _string(line.get("name")) or "", _capability(line.get("compute_capability"))
    total, free = _memory(line)
    unified = is_unified(name, capability)
    if unified and (total is None or memory.total_bytes is None or total >= 0.9 * memory.total_bytes):
        total, free = memory.total_bytes, memory.available_bytes
    cut = _cut(line)
    virtual = line.get("virtualization") == 2 or bool(_VGPU_NAME.search(name))
    device = Accelerator(
        index=0,
        name=name,
        vendor="nvidia",
        memory_total_bytes=total,
        memory_available_bytes=free,
        unified=unified,
        bandwidth_bytes_per_s=bandwidth_bytes_per_s(line),
        compute_capability=capability,
        backend="cuda",
        pci_id=_pci_id(line.get("pci_id")),
        pci_address=normal_address(_string(line.get("pci"))),
        power_limit_w=_watts(line.get("power_mw")),
        pcie_bytes_per_s=None if unified else _pcie_bytes_per_s(line),
        link_bytes_per_s=_link_bytes_per_s(line),
        driver=driver,
        shared_with="a physical GPU, in time slices (vGPU)" if virtual else None,
        usable=not cut,
        notes=(*_card_notes(line, cut=cut, unified=unified), *_holder_notes(line, program)),
    )
    return Sighting(source=SOURCE, device=device, uuid=_string(line.get("uuid")))


def _cut(line: Mapping[str, Any]) -> bool:
    mig = line.get("mig")
    return isinstance(mig, list) and bool(mig) and mig[0] == 1


def bandwidth_bytes_per_s(line: Mapping[str, Any]) -> float | None:
    """Peak memory bandwidth: largest memory clock × 2 transfers × bus bits / 8.

    Gives the data-sheet figures: RTX 4090 10501 MHz × 2 × 384 / 8 = 1008 GB/s, H100 SXM 2619 × 2 × 5120 / 8 = 3352.
    """
    clock, bits = _number(line.get("memory_mhz")), _number(line.get("bus_bits"))
    if not clock or not bits or clock > 100_000 or bits > 1 << 16:
        return None
    return clock * 1e6 * 2 * bits / 8


def _watts(value: Any) -> float | None:
    milliwatts = _number(value)
    return milliwatts / 1000 if milliwatts and milliwatts < 10_000_000 else None


def _pcie_bytes_per_s(line: Mapping[str, Any]) -> float | None:
    """Of the lanes in use: an idle card lowers its generation, but keeps its width."""
    generation, lanes = _number(line.get("pcie_generation")), _number(line.get("pcie_lanes"))
    now = _number(line.get("pcie_lanes_now"))
    if not generation or not lanes:
        return None
    return lane_bytes_per_s(GENERATION_GT.get(generation), min(lanes, now) if now else lanes)


def _link_bytes_per_s(line: Mapping[str, Any]) -> float | None:
    links = line.get("links")
    if not isinstance(links, Mapping):
        return None
    active, speed = _number(links.get("active")), _number(links.get("mb_per_s"))
    return active * speed * 1e6 if active and speed and active < 64 else None


def _card_notes(line: Mapping[str, Any], *, cut: bool, unified: bool) -> list[str]:
    notes: list[str] = []
    if cut:
        notes.append("cut into MIG slices: only the slices can be used")
    error = line.get("memory")
    if not unified and isinstance(error, Mapping) and "error" in error:
        notes.append(f"the driver does not tell its memory ({clean(str(error['error']))})")
    lanes, now = _number(line.get("pcie_lanes")), _number(line.get("pcie_lanes_now"))
    if not unified and lanes and now and now < lanes:
        notes.append(f"uses {now} of {lanes} PCIe lanes")
    limit, default = _watts(line.get("power_mw")), _watts(line.get("power_default_mw"))
    if limit and default and limit < default:
        notes.append(f"power limited to {limit:.0f} W of {default:.0f} W: prefill is slower")
    return notes


def _holder_notes(line: Mapping[str, Any], program: ProgramName) -> list[str]:
    """Who holds memory, largest first, where the driver tells; under WSL and WDDM it does not."""
    held: dict[int, int] = {}
    processes = line.get("processes")
    for entry in processes if isinstance(processes, list) else []:
        if isinstance(entry, list) and len(entry) == 2:
            pid, size = _number(entry[0]), _number(entry[1])
            if pid is not None and size is not None:
                held[pid] = max(held.get(pid, 0), size)
    total = sum(held.values())
    if total < 1 << 20:
        return []
    count = f"{len(held)} process{'es' if len(held) > 1 else ''}"
    largest = sorted(held, key=lambda pid: -held[pid])[:MAX_HOLDERS]
    names = [f"{name} {held[pid] / (1 << 20):.0f} MiB (pid {pid})" for pid in largest if (name := program(pid))]
    who = f": {', '.join(names)}" if names else ""
    return [f"{count} hold{'s' if len(held) == 1 else ''} {total / (1 << 20):.0f} MiB of it{who}"]


def _slices_of(name: str | None) -> int | None:
    """Compute slices by the profile in the name, `MIG 3g.40gb`, where the driver refuses the attributes."""
    profile = re.search(r"MIG (\d)g\.", name or "")
    return int(profile[1]) if profile else None


def _slice(
    line: Mapping[str, Any], cards: Mapping[int, Mapping[str, Any]], driver: str | None, memory: HostMemory
) -> Sighting:
    parent = cards.get(_number(line.get("parent")) or 0, {})
    whole = _card(parent, driver, memory).device
    total, free = _memory(line)
    if total is None:
        megabytes = _number(line.get("memory_mib"))
        total = megabytes * (1 << 20) if megabytes else None
    parts = _number(line.get("slices")) or _slices_of(_string(line.get("name")))
    share = total / whole.memory_total_bytes if total and whole.memory_total_bytes else 0.0
    bandwidth = whole.bandwidth_bytes_per_s
    device = Accelerator(
        index=0,
        name=_string(line.get("name")) or f"{whole.name} MIG slice",
        vendor="nvidia",
        memory_total_bytes=total,
        memory_available_bytes=free,
        bandwidth_bytes_per_s=bandwidth * share if bandwidth and share else None,
        compute_capability=whole.compute_capability,
        backend="cuda",
        pci_id=whole.pci_id,
        pci_address=whole.pci_address,
        pcie_bytes_per_s=whole.pcie_bytes_per_s,
        driver=driver,
        shared_with=f"{whole.name} (MIG)",
    )
    return Sighting(
        source="nvml MIG",
        device=device,
        other_names=(whole.name,),
        uuid=_string(line.get("uuid")) or f"MIG slot {line.get('parent')}/{line.get('slot')}",
        compute_share=min(1.0, parts / MIG_COMPUTE_SLICES) if parts else 0.0,
        memory_share=share,
    )


def _lost(line: Mapping[str, Any]) -> Sighting:
    reason = clean(str(line.get("lost")))
    device = Accelerator(
        index=0,
        name="",
        vendor="nvidia",
        usable=False,
        notes=(f"NVML device {line.get('index')} does not answer ({reason}): a restart may bring it back",),
    )
    return Sighting(source=SOURCE, device=device)
