"""Asks every source of accelerators that this machine has a reason to ask, best source first."""

from advisor.domain.machine import HostMemory, ProbeNote
from advisor.probes.host import Host
from advisor.probes.pci import PciDevice, pci_devices, read_pci
from advisor.probes.sighting import NOTHING, Findings


def find_accelerators(host: Host, memory: HostMemory) -> Findings:
    """All sightings and notes. Expensive sources are asked only where something shows such a device."""
    on_bus = pci_devices(host)
    found = [_nvidia(host, on_bus, memory), read_pci(host, on_bus)]
    return Findings(
        sightings=tuple(s for f in found for s in f.sightings),
        notes=tuple(n for f in found for n in f.notes),
    )


def shows_nvidia(host: Host, on_bus: tuple[PciDevice, ...]) -> bool:
    """A card on the bus, a loaded driver, a device file, WSL's bridge, or a Jetson."""
    if any(device.vendor == "nvidia" for device in on_bus):
        return True
    paths = ("/proc/driver/nvidia", "/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/etc/nv_tegra_release")
    if any(host.exists(path) for path in paths):
        return True
    return "nvidia,tegra" in (host.read("/proc/device-tree/compatible") or "")


def _nvidia(host: Host, on_bus: tuple[PciDevice, ...], memory: HostMemory) -> Findings:
    if not shows_nvidia(host, on_bus):
        return NOTHING
    from advisor.probes.nvidia_devices import read_nvml

    found = read_nvml(host.ask("nvml"), memory)
    cards = [device for device in on_bus if device.vendor == "nvidia"]
    if found.sightings or not cards:
        return found
    return Findings(notes=(*found.notes, *_unusable_notes(host, cards)))


def _unusable_notes(host: Host, cards: list[PciDevice]) -> list[ProbeNote]:
    """Why NVIDIA cards on the bus cannot be used."""
    drivers = {card.driver for card in cards}
    if "nouveau" in drivers:
        message, hint = "an NVIDIA GPU runs on nouveau, which cannot do CUDA", "install NVIDIA's own driver"
    elif "vfio-pci" in drivers:
        message, hint = "an NVIDIA GPU is handed to a virtual machine", "release it from vfio-pci to use it here"
    elif "nvidia" in drivers and not host.exists("/dev/nvidia0"):
        message = "an NVIDIA GPU is on the host but not accessible from here"
        hint = "give the container access, e.g. `docker run --gpus all`"
    else:
        message, hint = "an NVIDIA GPU is present but its driver is not usable", "install or load the NVIDIA driver"
    return [ProbeNote(source="pci", message=message, hint=hint)]
