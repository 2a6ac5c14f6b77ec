"""What is free now, for a machine probed before: reads as little as it can and wakes no sleeping GPU."""

from dataclasses import replace

from advisor.domain.machine import Accelerator, HostMemory, Machine
from advisor.probes.amd import memory_bytes
from advisor.probes.host import Host
from advisor.probes.limits import read_limits
from advisor.probes.memory import read_memory
from advisor.probes.pci import DEVICES


def refresh(machine: Machine, host: Host) -> Machine:
    """The machine with today's free memory; whatever cannot be read, or sleeps, keeps its last figure."""
    memory = _host_memory(machine.memory, host)
    free = _nvidia_free(machine, host, memory)
    devices = tuple(_device(device, host, memory, free) for device in machine.accelerators)
    devices = tuple(_aged(d, machine.probed_at) if d.pci_address and is_asleep(d, host) else d for d in devices)
    return replace(machine, memory=memory, accelerators=devices)


def _aged(device: Accelerator, probed_at: str | None) -> Accelerator:
    """A sleeping device with its last figure, which says how old it is."""
    source = device.sources.get("memory_available_bytes", "probe").partition(", read at")[0]
    aged = f"{source}, read at {probed_at or 'an unknown time'}: it sleeps now"
    return replace(device, sources={**device.sources, "memory_available_bytes": aged})


def _host_memory(memory: HostMemory, host: Host) -> HostMemory:
    if host.platform == "linux":
        available = read_memory(host, read_limits(host))[0].available_bytes
    else:
        answer = host.ask("psutil")
        told = answer.get("available") if isinstance(answer, dict) else None
        available = told if type(told) is int else None
    return memory if available is None else replace(memory, available_bytes=available)


def is_asleep(device: Accelerator, host: Host) -> bool:
    """Whether the kernel has powered it down."""
    return host.read(f"{DEVICES}/{device.pci_address}/power/runtime_status") == "suspended"


_Free = dict[tuple[str | None, str], list[int | None]]
"""Free bytes by address and name. Equal MIG slices of one card share both, and stand in the order of a probe."""


def _nvidia_free(machine: Machine, host: Host, memory: HostMemory) -> _Free:
    """What the driver says now; empty where there is no such card or one sleeps: NVML wakes them all."""
    cards = [d for d in machine.accelerators if d.vendor == "nvidia" and d.usable and not d.unified]
    if not cards or any(is_asleep(card, host) for card in cards):
        return {}
    from advisor.probes.merge import merge
    from advisor.probes.nvidia_devices import read_nvml

    free: _Free = {}
    for merged in merge(read_nvml(host.ask("nvml"), memory).sightings):
        device = merged.device
        free.setdefault((device.pci_address, device.name), []).append(device.memory_available_bytes)
    return free


def _device(device: Accelerator, host: Host, memory: HostMemory, free: _Free) -> Accelerator:
    told = free.get((device.pci_address, device.name))
    now = told.pop(0) if told else None
    if device.vendor == "amd" and device.pci_address and not is_asleep(device, host):
        now = memory_bytes(host, f"{DEVICES}/{device.pci_address}", memory if device.unified else None)[1]
    elif device.unified and memory.available_bytes is not None and device.memory_total_bytes is not None:
        now = min(device.memory_total_bytes, memory.available_bytes)
    return device if now is None else replace(device, memory_available_bytes=now)
