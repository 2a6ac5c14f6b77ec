"""Intel GPUs: memory by DRM queries, by the kernel's files where it has them, else from the data sheet.

An integrated GPU of Arc class works on host memory. Free memory is known only where the driver tells this user.
"""

from advisor.domain.machine import Accelerator, ProbeNote
from advisor.probes.host import Host
from advisor.probes.pci import ARC_INTEGRATED, PciDevice, closed_to_us, link_bytes_per_s, render_node
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import positive

SOURCE = "drm query"
_DRIVERS = ("xe", "i915")
MAX_MEMORY = 1 << 43


def read_intel(host: Host, on_bus: tuple[PciDevice, ...]) -> Findings:
    """Every Intel GPU that xe or i915 drives."""
    cards = [device for device in on_bus if device.vendor == "intel"]
    sightings = [_sighting(host, card) for card in cards if card.driver in _DRIVERS]
    notes: list[ProbeNote] = []
    if any(not s.device.unified and s.device.memory_total_bytes is None for s in sightings):
        message = "an Intel GPU does not tell its memory"
        hint = "add the user to the group render, or state it with --vram"
        notes.append(ProbeNote(source=SOURCE, message=message, hint=hint))
    return Findings(sightings=tuple(sightings), notes=tuple(notes))


def _sighting(host: Host, card: PciDevice) -> Sighting:
    unified = card.device_id in ARC_INTEGRATED
    total, free, source = (None, None, SOURCE) if unified else _memory(host, card)
    closed = closed_to_us(host, card)
    device = Accelerator(
        index=0,
        name="",
        vendor="intel",
        memory_total_bytes=total,
        memory_available_bytes=free,
        unified=unified,
        backend="vulkan",
        pci_id=card.pci_id,
        pci_address=card.address,
        pcie_bytes_per_s=None if unified else link_bytes_per_s(host, card),
        driver=card.driver,
        usable=closed is None,
        notes=(closed,) if closed else (),
    )
    return Sighting(source=source, device=device, revision=card.revision)


def _memory(host: Host, card: PciDevice) -> tuple[int | None, int | None, str]:
    """Total and free bytes of the card's own memory, and who said so."""
    render = render_node(host, card)
    regions = host.ask("drm_regions", f"{card.driver} {render}") if render else None
    total, used = _device_region(regions)
    if total:
        return total, total - used if used else None, SOURCE
    paths = [f"{card.path}/tile0/physical_vram_size_bytes"]
    paths += [
        f"{card.path}/drm/{name}/lmem_total_bytes" for name in host.names(f"{card.path}/drm") if name.startswith("card")
    ]
    for path in paths:
        size = positive(host.read(path), 0)
        if size is not None and size < MAX_MEMORY:
            return size, None, "sysfs"
    return None, None, SOURCE


def _device_region(regions: object) -> tuple[int, int]:
    """Sizes of all regions of the card's own memory, and their use (0 also where it is not told)."""
    total = used = 0
    for region in regions if isinstance(regions, list) else []:
        if isinstance(region, dict) and region.get("class") == 1:
            size, taken = region.get("total"), region.get("used")
            if isinstance(size, int) and isinstance(taken, int) and 0 <= taken <= size < MAX_MEMORY:
                total, used = total + size, used + taken
    return total, used
