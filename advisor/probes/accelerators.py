"""Asks every source of accelerators that this machine has a reason to ask, best source first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.domain.machine import HostMemory, ProbeNote
from advisor.probes.host import Host

if TYPE_CHECKING:
    from advisor.domain.device import HardwareLookup
    from advisor.probes.pci import PciDevice
    from advisor.probes.sighting import Findings


def find_accelerators(host: Host, memory: HostMemory, lookup: HardwareLookup | None) -> Findings | None:
    """All sightings and notes, None where nothing hints at an accelerator and no reader was even loaded."""
    if host.platform == "linux" and not _bus_has_some(host) and not shows_nvidia(host, ()):
        return None
    return _read_all(host, memory, lookup)


def _bus_has_some(host: Host) -> bool:
    """A display controller (03) or processing accelerator (12) on the PCI bus."""
    base = "/sys/bus/pci/devices"
    return any((host.read(f"{base}/{name}/class") or "")[:4] in ("0x03", "0x12") for name in host.names(base))


def _read_all(host: Host, memory: HostMemory, lookup: HardwareLookup | None) -> Findings:
    if host.platform == "darwin":
        from advisor.probes.apple import read_apple

        return read_apple(host, memory)
    if host.platform == "win32":
        return _read_windows(host, memory, lookup)
    from advisor.probes.pci import counts, pci_devices, read_pci
    from advisor.probes.sighting import join
    from advisor.probes.vulkan import read_vulkan

    on_bus = tuple(device for device in pci_devices(host) if counts(device))
    found = [_nvidia(host, on_bus, memory), *_other_makers(host, on_bus, memory, lookup)]
    found.append(read_vulkan(host, on_bus, [s for f in found for s in f.sightings]))
    return join([*found, read_pci(host, on_bus)])


def _other_makers(
    host: Host, on_bus: tuple[PciDevice, ...], memory: HostMemory, lookup: HardwareLookup | None
) -> Iterator[Findings]:
    makers = {device.vendor for device in on_bus}
    if "amd" in makers:
        from advisor.probes.amd import read_amd

        yield read_amd(host, on_bus, memory, lookup)
    if "intel" in makers:
        from advisor.probes.intel import read_intel

        yield read_intel(host, on_bus)
    if "huawei" in makers:
        from advisor.probes.ascend import read_ascend

        yield read_ascend(host)


def _read_windows(host: Host, memory: HostMemory, lookup: HardwareLookup | None) -> Findings:
    """NVML first, then what DXGI lists of other makers."""
    from advisor.probes.nvidia_devices import read_nvml
    from advisor.probes.sighting import join
    from advisor.probes.windows import read_adapters

    nvidia = read_nvml(host.ask("nvml"), memory)
    return join([nvidia, read_adapters(host, memory, lookup, beside=nvidia.sightings)])


def shows_nvidia(host: Host, on_bus: tuple[PciDevice, ...]) -> bool:
    """A card on the bus, a loaded driver, a device file, WSL's bridge, or a Jetson."""
    if any(device.vendor == "nvidia" for device in on_bus):
        return True
    paths = ("/proc/driver/nvidia", "/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/etc/nv_tegra_release")
    if any(host.exists(path) for path in paths):
        return True
    return "nvidia,tegra" in (host.read("/proc/device-tree/compatible") or "")


def _nvidia(host: Host, on_bus: tuple[PciDevice, ...], memory: HostMemory) -> Findings:
    from advisor.probes.sighting import NOTHING, Findings, join

    if not shows_nvidia(host, on_bus):
        return NOTHING
    from advisor.probes.nvidia_devices import read_nvml
    from advisor.probes.text import clean_or_none

    found = read_nvml(host.ask("nvml"), memory, lambda pid: clean_or_none(host.read(f"/proc/{pid}/comm", 64)))
    if not found.sightings:
        from advisor.probes.nvidia_smi import read_nvidia_smi
        from advisor.probes.tegra import read_tegra

        found = join([found, read_nvidia_smi(host), read_tegra(host)])
    if any(s.device.unified for s in found.sightings):
        from advisor.probes.tegra import board_names

        names = board_names(host)
        found = replace(found, sightings=tuple(replace(s, other_names=names) for s in found.sightings))
    cards = [device for device in on_bus if device.vendor == "nvidia"]
    if found.sightings or not cards:
        return found
    explained = any(note.source == "nvml" and note.hint for note in found.notes)
    return Findings(notes=(*found.notes, *_unusable_notes(host, cards, explained=explained)))


def _unusable_notes(host: Host, cards: list[PciDevice], *, explained: bool) -> list[ProbeNote]:
    """Why NVIDIA cards on the bus cannot be used. `explained`: the driver itself has said it."""
    drivers = {card.driver for card in cards}
    if "nouveau" in drivers:
        message, hint = "an NVIDIA GPU runs on nouveau, which cannot do CUDA", "install NVIDIA's own driver"
    elif "vfio-pci" in drivers:
        message, hint = "an NVIDIA GPU is handed to a virtual machine", "release it from vfio-pci to use it here"
    elif explained:
        return []
    elif "nvidia" in drivers and not host.exists("/dev/nvidia0"):
        message = "an NVIDIA GPU is on the host but not accessible from here"
        hint = "give the container access, e.g. `docker run --gpus all`"
    else:
        message, hint = "an NVIDIA GPU is present but its driver is not usable", "install or load the NVIDIA driver"
    return [ProbeNote(source="pci", message=message, hint=hint)]
