"""Vulkan's view of GPUs whose memory nobody else told, and of APUs, where it differs: `vulkaninfo` in a bounded child.

A device's capacity is its largest device-local heap, not the sum: resizable BAR repeats it. Software devices are no
GPUs. One card under two drivers is one card.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from advisor.domain.machine import Accelerator
from advisor.probes.host import Host
from advisor.probes.pci import VENDORS, PciDevice
from advisor.probes.sighting import NOTHING, Findings, Sighting
from advisor.probes.text import clean, whole

SOURCE = "vulkan"
LIMIT_S = 5.0
_HEAP = re.compile(r"memoryHeaps\[\d+\]:(.*?)(?=memoryHeaps\[|memoryTypes|\Z)", re.DOTALL)
MAX_MEMORY = 1 << 43


def read_vulkan(host: Host, on_bus: Sequence[PciDevice], seen: Iterable[Sighting]) -> Findings:
    """Sightings of cards on the bus that lack a memory size or are APUs. Nothing where no card needs it."""
    told = {s.device.pci_address: s for s in seen}
    open_questions = [c for c in on_bus if _needs(told.get(c.address))]
    if not open_questions or host.which("vulkaninfo") is None:
        return NOTHING
    if any(host.read(f"{card.path}/power/runtime_status") == "suspended" for card in on_bus):
        return NOTHING  # it opens every GPU, and would wake the sleeping one
    text = host.run(["vulkaninfo"], LIMIT_S).out
    sightings: list[Sighting] = []
    for pci_id, name, heap in devices(text):
        match = next((c for c in open_questions if c.pci_id == pci_id), None)
        if match is not None and heap is not None:
            open_questions.remove(match)
            sightings.append(_sighting(match, name, heap, told.get(match.address)))
    return Findings(sightings=tuple(sightings))


def _needs(sighting: Sighting | None) -> bool:
    return sighting is None or sighting.device.memory_total_bytes is None or sighting.device.unified


def _sighting(card: PciDevice, name: str, heap: int, known: Sighting | None) -> Sighting:
    device = Accelerator(
        index=0, name=name, vendor=card.vendor, backend="vulkan", pci_id=card.pci_id, pci_address=card.address
    )
    if known is not None and known.device.unified:
        note = f"Vulkan offers {heap / (1 << 30):.2f} GiB in its largest heap"
        return Sighting(source=SOURCE, device=replace(device, notes=(note,)), present_only=True)
    return Sighting(source=SOURCE, device=replace(device, memory_total_bytes=heap))


def devices(text: str) -> list[tuple[str, str, int | None]]:
    """PCI id, name and largest device-local heap (bytes) of each hardware device in vulkaninfo's output."""
    starts = [m.start() for m in re.finditer(r"^GPU\d+:\s*$", text, re.MULTILINE)]
    blocks = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=False)]
    found: list[tuple[str, str, int | None]] = []
    for block in blocks:
        vendor, device = _hex(block, "vendorID"), _hex(block, "deviceID")
        if "PHYSICAL_DEVICE_TYPE_CPU" in block or vendor not in VENDORS or device is None:
            continue
        name = re.search(r"deviceName\s*=\s*(.+)", block)
        found.append((f"{vendor:04x}:{device:04x}", clean(name[1]) if name else "", _largest_heap(block)))
    return found


def _hex(block: str, key: str) -> int | None:
    match = re.search(rf"{key}\s*=\s*(0x[0-9a-fA-F]{{1,8}})", block)
    return int(match[1], 16) if match else None


def _largest_heap(block: str) -> int | None:
    sizes: list[int] = []
    for heap in _HEAP.findall(block):
        size = re.search(r"size\s*=\s*(\d{1,20})", heap)
        value = whole(size[1]) if size and "DEVICE_LOCAL" in heap else None
        if value is not None and 0 < value < MAX_MEMORY:
            sizes.append(value)
    return max(sizes, default=None)
