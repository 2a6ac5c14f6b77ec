"""Joins all sources into one `Machine`. Reads only; never raises for what a machine does or fails to do.

On Linux everything comes from the kernel's own files; a child with NVML starts only where something shows an NVIDIA
device, so a machine without one is known in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor.domain.machine import Accelerator, Cpu, Disk, EngineFound, HostMemory, Machine, ProbeNote
from advisor.probes.accelerators import find_accelerators
from advisor.probes.cpu import read_cpu
from advisor.probes.disk import disk_notes, model_folders, read_disks
from advisor.probes.engines_found import find_engines
from advisor.probes.host import Host
from advisor.probes.limits import Limits, read_limits
from advisor.probes.memory import read_memory
from advisor.probes.system import System, read_system

if TYPE_CHECKING:
    from advisor.domain.device import HardwareLookup
    from advisor.probes.merge import Merged
    from advisor.probes.sighting import Conflict, Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A machine and how it was found: what `advisor doctor` shows."""

    machine: Machine
    conflicts: tuple[Conflict, ...] = ()
    merged: tuple[Merged, ...] = ()
    limits: Limits | None = None


def probe_machine(
    lookup: HardwareLookup | None,
    *,
    root: Path | None = None,
    host: Host | None = None,
    models: Path | None = None,
    engines: bool = True,
) -> Machine:
    """The machine this runs on, or the one recorded below `root`.

    `lookup` fills data-sheet figures; `models` is the folder downloads go to; `engines=False` leaves out the search
    for inference engines.
    """
    chosen = host if host is not None else _host(root)
    return probe(lookup, chosen, models=models, engines=engines).machine


def _host(root: Path | None) -> Host:
    if root is None or str(root) == "/":
        from advisor.probes.live import LiveHost

        return LiveHost()
    from advisor.probes.tree import TreeHost

    return TreeHost(root)


def probe(lookup: HardwareLookup | None, host: Host, *, models: Path | None = None, engines: bool = True) -> Probe:
    """Everything found, with the conflicts between sources."""
    basics = _read_basics(host)
    findings = find_accelerators(host, basics.memory, lookup)
    if findings is not None:
        basics = replace(basics, notes=(*basics.notes, *findings.notes))
    basics, devices, merged = _with_accelerators(basics, findings.sightings if findings else (), lookup, host)
    basics = replace(basics, notes=(*basics.notes, *disk_notes(host, str(models) if models else None)))
    machine = _machine(
        basics,
        devices,
        read_disks(host, model_folders(host, str(models) if models else None)),
        find_engines(host) if engines else (),
    )
    conflicts = tuple(c for m in merged for c in m.conflicts)
    return Probe(machine=machine, conflicts=conflicts, merged=merged, limits=basics.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basics:
    cpu: Cpu
    memory: HostMemory
    system: System
    limits: Limits
    notes: tuple[ProbeNote, ...]


def _read_basics(host: Host) -> _Basics:
    if host.platform != "linux":
        from advisor.probes.portable import read_portable

        cpu, memory, system = read_portable(host)
        return _Basics(cpu=cpu, memory=memory, system=system, limits=Limits(), notes=system.notes)
    limits = read_limits(host)
    memory, notes = read_memory(host, limits)
    system, cpu = read_system(host), read_cpu(host, limits)
    return _Basics(
        cpu=cpu, memory=_with_sticks(host, memory, cpu), system=system, limits=limits, notes=(*notes, *system.notes)
    )


def _with_sticks(host: Host, memory: HostMemory, cpu: Cpu) -> HostMemory:
    """Main memory with what the firmware tells of its modules, to those who may read it."""
    if not host.accessible("/sys/firmware/dmi/tables/DMI"):
        return memory
    from advisor.probes.sticks import read_sticks

    sticks = read_sticks(host, cpu.sockets)
    if sticks is None:
        return memory
    rate = sticks.bandwidth_bytes_per_s
    told = ("kind", "bandwidth_bytes_per_s") if rate is not None else ("kind",)
    sources = {**memory.sources, **dict.fromkeys(told, sticks.source)}
    return replace(memory, kind=sticks.kind, bandwidth_bytes_per_s=rate, sources=sources)


def _with_accelerators(
    basics: _Basics, sightings: tuple[Sighting, ...], lookup: HardwareLookup | None, host: Host
) -> tuple[_Basics, tuple[Accelerator, ...], tuple[Merged, ...]]:
    """Sightings joined and filled, and the host's own gaps filled with what they told of the board."""
    if not sightings:
        return _with_host_filled(basics, lookup, ()), (), ()
    from advisor.probes.datasheet import fill_accelerator, share_bandwidth
    from advisor.probes.merge import merge
    from advisor.probes.visibility import apply_visibility

    merged = merge(sightings)
    filled = tuple(_share_host(fill_accelerator(m, lookup, basics.cpu.name), basics.memory) for m in merged)
    devices, hidden = apply_visibility(filled, tuple(m.uuid for m in merged), host)
    boards = tuple(name for m in merged if m.device.unified for name in (*m.other_names, m.device.name) if name)
    memory = share_bandwidth(basics.memory, devices)
    basics = replace(basics, memory=memory, notes=(*basics.notes, *hidden))
    return _with_host_filled(basics, lookup, boards), devices, merged


def _with_host_filled(basics: _Basics, lookup: HardwareLookup | None, boards: tuple[str, ...]) -> _Basics:
    if lookup is None:
        return basics
    from advisor.probes.datasheet import fill_host

    cpu, memory = fill_host(basics.cpu, basics.memory, lookup, boards)
    return replace(basics, cpu=cpu, memory=memory)


def _share_host(device: Accelerator, memory: HostMemory) -> Accelerator:
    """A device on the host's memory whose driver names no bounds of its own can have what the host has."""
    if not device.unified or device.memory_total_bytes is not None:
        return device
    known: dict[str, Any] = {"memory_total_bytes": memory.total_bytes, "memory_available_bytes": memory.available_bytes}
    return replace(device, **known, sources={**device.sources, **dict.fromkeys(known, "host memory")})


def _machine(
    basics: _Basics, devices: tuple[Accelerator, ...], disks: tuple[Disk, ...], engines: tuple[EngineFound, ...]
) -> Machine:
    import time

    system = basics.system
    return Machine(
        name=system.name,
        origin="probed",
        os=system.os,
        os_version=system.os_version,
        cpu=basics.cpu,
        memory=basics.memory,
        accelerators=devices,
        disks=disks,
        engines=engines,
        on_battery=system.on_battery,
        virtualization=system.virtualization,
        notes=basics.notes,
        probed_at=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        sources=system.sources,
    )
