"""One host as a flat inventory tells of it, made a machine with the hardware catalog's help. Unknown stays unknown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from advisor.catalog.hardware import HardwareCatalog
from advisor.catalog.machines import accelerator_of, cpu_of
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.machine import Accelerator, Cpu, HostMemory, Machine
from advisor.errors import UnknownName, UsageError

NO_GPU = frozenset(("none", "no", "-", "n/a", "na", "0", "false"))
"""What people write where there is no card."""
_NOT_CARDS = re.compile(
    r"\b(?:uhd|iris|hd graphics|basic (?:render|display)|remote display|displaylink|virtual|vmware|qxl|aspeed|matrox"
    r"|hyper-v|virtio|cirrus|mirage|radeon(?:\(tm\))? (?:vega )?graphics|llvmpipe)\b",
    re.IGNORECASE,
)
"""Display adapters that run no model faster than the processor beside them, or are no hardware at all."""
MAX_CARDS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Facts of one host; None: not told. `gpus` is empty where the source says that there is none."""

    cpu: str | None = None
    cores: int | None = None
    threads: int | None = None
    sockets: int | None = None
    ram_bytes: int | None = None
    bandwidth_bytes_per_s: float | None = None
    gpus: tuple[str, ...] | None = None
    vram_bytes: int | None = None
    model: str | None = None
    os: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """The machine, what is missing of it, and the values that were not understood (column, value)."""

    machine: Machine
    missing: tuple[str, ...]
    unread: tuple[tuple[str, str], ...]


def machine_of(row: Row, hardware: HardwareCatalog) -> Read:
    """The machine of a row: figures of the catalog for what it names, the row's own where it states them."""
    unread: list[tuple[str, str]] = []
    spec = _processor(row, hardware)
    cpu = _cpu(row, spec)
    memory = HostMemory(
        total_bytes=row.ram_bytes,
        bandwidth_bytes_per_s=row.bandwidth_bytes_per_s or (spec.bandwidth_bytes_per_s if spec else None),
        kind=spec.memory_kind if spec else None,
    )
    devices = [*_cards(row, hardware, unread), *_shared(spec, row.ram_bytes)]
    devices = [replace(device, index=i) for i, device in enumerate(devices)]
    os = row.os or ("darwin" if spec and spec.vendor == "Apple" else None)
    machine = Machine(name="host", origin="file", os=os, cpu=cpu, memory=memory, accelerators=tuple(devices))
    threads = cpu.physical_cores or cpu.logical_cores
    told = {"memory": row.ram_bytes, "cores": threads, "gpu": row.gpus if row.gpus is not None else devices or None}
    return Read(machine=machine, missing=tuple(n for n, v in told.items() if v is None), unread=tuple(unread))


def _processor(row: Row, hardware: HardwareCatalog) -> DeviceSpec | None:
    """The processor or SoC by its name, else the SoC of the machine's own name."""
    for name in (row.cpu, row.model):
        if not name or not any(c.isdigit() for c in name):
            continue  # "AMD EPYC" names no product
        found = [s for s in hardware.candidates(name) if s.kind in (DeviceKind.CPU, DeviceKind.SOC)]
        variants = {(s.bandwidth_bytes_per_s, s.backend) for s in found}
        if len(found) == 1 or len(variants) == 1:
            return min(found, key=lambda s: (s.cores or 0, s.id))
        if found and all(s.kind is DeviceKind.SOC for s in found):
            return min(found, key=lambda s: (s.bandwidth_bytes_per_s or 0.0, s.cores or 0, s.id))
    return None


def _cpu(row: Row, spec: DeviceSpec | None) -> Cpu:
    """The processor as named, with cores where the row or the catalog tells them; none are assumed."""
    known = cpu_of(spec) if spec else Cpu()
    listed = spec.cpu_cores * (row.sockets or 1) if spec and spec.cpu_cores else None
    halved = row.threads // 2 if row.threads and row.threads > 2 else row.threads
    cores = row.cores or listed or halved
    return replace(
        known,
        name=row.cpu or known.name,
        physical_cores=cores,
        logical_cores=row.threads or cores,
        performance_cores=known.performance_cores if cores == listed else None,
        clusters=known.clusters if cores == listed or len(known.clusters) == 1 else (),
        usable_threads=row.threads or cores,
        sockets=row.sockets,
        sources={},
    )


def _shared(spec: DeviceSpec | None, ram_bytes: int | None) -> Iterator[Accelerator]:
    """The graphics of a SoC, on the host's memory."""
    if spec is not None and spec.kind is DeviceKind.SOC and spec.backend not in (None, "cpu") and ram_bytes:
        yield accelerator_of(spec, pool_bytes=ram_bytes)


def _cards(row: Row, hardware: HardwareCatalog, unread: list[tuple[str, str]]) -> Iterator[Accelerator]:
    """Cards that the catalog knows, each as often as it is named, with the catalog's memory.

    What a table says of it only tells variants apart: Windows counts it in 32 bits, so that 12 GiB read as 4.
    """
    for name in row.gpus or ():
        if name.strip().lower() in NO_GPU:
            continue
        if _NOT_CARDS.search(name):
            continue
        try:
            count, spec = hardware.parse_gpu(name, memory_bytes=row.vram_bytes)
        except (UnknownName, UsageError):
            unread.append(("gpu", name))
            continue
        if spec.kind in (DeviceKind.GPU, DeviceKind.NPU):
            for _ in range(min(count, MAX_CARDS)):
                yield accelerator_of(spec)
        elif spec.kind is not DeviceKind.SOC:
            unread.append(("gpu", name))
