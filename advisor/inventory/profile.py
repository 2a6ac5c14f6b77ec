"""What lasts of a machine: its hardware without what changes from hour to hour, so that equal hosts count as one.

Free memory is not what a probe saw but what an idle host leaves: the total (a container's limit, where one binds) less
a reserve for the system. Totals are rounded down a little, since firmware and drivers take a few MiB more or less of
equal parts; down, so that nothing is promised that is not there. Engines, notes and places in the bus are left out.
"""

import hashlib
import re
from dataclasses import asdict, replace
from typing import Any

from advisor.catalog.machines import host_available
from advisor.domain.machine import Accelerator, Cpu, HostMemory, Machine
from advisor.domain.units import GIB, format_size

HOST_STEPS = 32
"""Steps to which main memory is rounded between two powers of two: 0.25 GiB for 8 to 16 GiB. Equal laptops differ by
some 100 MiB, sizes on sale by a quarter at least."""
DEVICE_STEPS = 128
"""The same for a card's own memory, which drivers tell to within a few MiB: 0.125 GiB for 16 to 32 GiB."""
RATE_STEPS = 16
"""The same for rates that were measured: runs differ by some percent."""
SHARED_LIMIT = 0.95
"""A device on the host's memory that has less than this share of it in all has been given a limit of its own."""


def rounded_down(value: float, steps: int) -> int:
    """The largest of `steps` equal steps between two powers of two that is not above `value`. Never falls with it."""
    whole = int(value)
    step = (1 << max(whole.bit_length() - 1, 0)) // steps
    return whole // step * step if step > 0 else whole


def lasting(machine: Machine, reserve_bytes: int | None = None) -> Machine:
    """The machine idle, reduced to what estimates rest on. `reserve_bytes` of main memory stay with the system.

    Without a stated reserve a tenth is kept, at least 2 and at most 8 GiB. Where main memory is unknown none is free.
    """
    memory = _memory(machine.memory, reserve_bytes)
    devices = tuple(_device(a, i, memory) for i, a in enumerate(machine.accelerators))
    cpu = _cpu(machine.cpu)
    return Machine(
        name=describe(cpu, memory, devices),
        origin="file",
        os=machine.os,
        cpu=cpu,
        memory=memory,
        accelerators=devices,
        idle_power_w=machine.idle_power_w,
        max_power_w=machine.max_power_w,
    )


def _memory(memory: HostMemory, reserve_bytes: int | None) -> HostMemory:
    total, limit = (
        None if n is None else rounded_down(n, HOST_STEPS) for n in (memory.total_bytes, memory.limit_bytes)
    )
    usable = total if limit is None or total is None else min(total, limit)
    free = host_available(usable or 0) if reserve_bytes is None else max(0, (usable or 0) - reserve_bytes)
    measured = memory.sources.get("bandwidth_bytes_per_s", "").startswith("measured")
    rate = memory.bandwidth_bytes_per_s
    return HostMemory(
        total_bytes=total,
        available_bytes=free,
        limit_bytes=limit,
        bandwidth_bytes_per_s=float(rounded_down(rate, RATE_STEPS)) if measured and rate else rate,
        kind=memory.kind,
        sources={"bandwidth_bytes_per_s": "measured"} if measured else {},
    )


def _device(device: Accelerator, index: int, host: HostMemory) -> Accelerator:
    total, available = device.memory_total_bytes, None
    if total is not None:
        total = rounded_down(total, HOST_STEPS if device.unified else DEVICE_STEPS)
        limited = device.unified and host.total_bytes is not None and total < SHARED_LIMIT * host.total_bytes
        available = total if limited else None
    return replace(
        device,
        index=index,
        memory_total_bytes=total,
        memory_available_bytes=available,
        pci_address=None,
        driver=None,
        notes=(),
        sources={},
    )


def _cpu(cpu: Cpu) -> Cpu:
    measured = cpu.sources.get("f32_flops", "").startswith("measured")
    rate = cpu.f32_flops
    return replace(cpu, f32_flops=float(rounded_down(rate, RATE_STEPS)) if measured and rate else rate, sources={})


def describe(cpu: Cpu, memory: HostMemory, devices: tuple[Accelerator, ...]) -> str:
    """A machine in a few words, what decides first: `RTX 4090 · AMD Ryzen 9 7950X · 64 GiB`."""
    counted: dict[str, int] = {}
    for device in devices:
        if device.usable:
            counted[device.name] = counted.get(device.name, 0) + 1
    cards = [f"{n}x {name}" if n > 1 else name for name, n in counted.items()]
    threads = cpu.performance_cores or cpu.physical_cores or cpu.usable_threads
    processor = _short(cpu.name) or (f"CPU with {threads} cores" if threads else "CPU ?")
    parts = cards if any(processor.lower() in card.lower() for card in cards) else [*cards, processor]
    return " · ".join([*parts, _size_on_the_label(memory.total_bytes)])


def _short(name: str | None) -> str:
    """A processor's name without trade marks, clock and words that every name has."""
    text = re.sub(
        r"\((?:R|TM)\)|@.*|\bCPU\b|\bProcessor\b|\b\d+-Core\b|\bw/.*|\bwith Radeon.*|\d+th Gen\b", "", name or ""
    )
    return " ".join(text.split())


def _size_on_the_label(total_bytes: int | None) -> str:
    """Firmware keeps a part of what is built in: 15.5 GiB are sold as 16."""
    if total_bytes is None:
        return "? GiB"
    gib = total_bytes / GIB
    label = next((n for n in _LABELS if n * 0.93 <= gib <= n), None)
    return f"{label} GiB" if label else format_size(total_bytes)


_LABELS = (4, 8, 12, 16, 18, 20, 24, 32, 36, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)


def key_of(machine: Machine, *more: object) -> str:
    """The same eight characters for equal hardware, in every run."""
    return hashlib.sha256(repr((_plain(asdict(machine)), more)).encode()).hexdigest()[:8]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, _plain(item)) for key, item in value.items() if key != "name" or item)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
