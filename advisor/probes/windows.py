"""Windows: adapters by DXGI, else by WMI through PowerShell. Untested on real systems.

WMI's AdapterRAM is 32 bits wide: any value near its end means "4 GB or more", which is unknown, never a size.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from advisor.domain.device import HardwareLookup
from advisor.domain.machine import Accelerator, HostMemory
from advisor.probes.host import Host
from advisor.probes.pci import ARC_INTEGRATED, VENDORS
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import clean

SOFTWARE_FLAG = 2
"""DXGI_ADAPTER_FLAG_SOFTWARE."""
WMI_LIMIT = 4_293_918_720
"""4 GiB less 1 MiB: what AdapterRAM says of any card with 4 GB or more."""
MAX_MEMORY = 1 << 43
LIMIT_S = 5.0
_QUERY = "Get-CimInstance Win32_VideoController | Select-Object Name,AdapterRAM,PNPDeviceID | ConvertTo-Json"


def read_adapters(
    host: Host, memory: HostMemory, lookup: HardwareLookup | None = None, *, beside: Iterable[Sighting] = ()
) -> Findings:
    """Adapters with a real PCI maker, those left out that a better source (`beside`) already has.

    `lookup` tells which of them are integrated: those may take of `memory` besides what is set aside for them.
    """
    known = {s.device.pci_id for s in beside}
    found: dict[str, Sighting] = {}
    answer = host.ask("dxgi")
    for source, entries in (("dxgi", answer if isinstance(answer, list) else []), ("wmi", None)):
        if source == "wmi" and found:
            break
        for entry in _wmi(host) if entries is None else entries:
            sighting = _sighting(entry, source)
            if sighting is None or sighting.device.pci_id in known or _for_a_screen(sighting.device, entry):
                continue
            found.setdefault(sighting.uuid or "", _with_shared(sighting, entry, memory, lookup))
    return Findings(sightings=tuple(found.values()))


LEAST_CARD = 3 << 30
"""Bytes: the smallest discrete Arc has 4 GiB; integrated graphics show 128 MiB by DXGI and 1 or 2 GiB by WMI."""


def _is_arc_integrated(device: Accelerator) -> bool:
    return device.vendor == "intel" and int((device.pci_id or "0:0")[5:], 16) in ARC_INTEGRATED


def _for_a_screen(device: Accelerator, entry: dict[str, Any]) -> bool:
    """Intel's integrated graphics below Arc class: slower than the CPU, and without memory of its own."""
    if device.vendor != "intel" or _is_arc_integrated(device):
        return False
    size = device.memory_total_bytes
    return entry.get("dedicated_bytes") == 0 or (size is not None and size < LEAST_CARD)


def _with_shared(
    sighting: Sighting, entry: dict[str, Any], memory: HostMemory, lookup: HardwareLookup | None
) -> Sighting:
    """An integrated GPU with its part of the host's memory: Windows counts what is set aside apart from its own."""
    device = sighting.device
    shares = lookup is not None and lookup.shares_memory(device.pci_id or "") is True
    if not shares and not _is_arc_integrated(device):
        return sighting
    own, shared = device.memory_total_bytes, entry.get("shared_bytes")
    if own is None or type(shared) is not int or not 0 <= shared < MAX_MEMORY:
        return replace(sighting, device=replace(device, unified=True, carve_out_bytes=own))
    total = own + min(shared, shared if memory.total_bytes is None else memory.total_bytes)
    free = None if memory.available_bytes is None else own + min(shared, memory.available_bytes)
    values: dict[str, Any] = {"memory_total_bytes": total, "memory_available_bytes": free, "carve_out_bytes": own}
    return replace(sighting, device=replace(device, unified=True, **values))


def _wmi(host: Host) -> list[dict[str, Any]]:
    """Adapters as PowerShell's JSON has them: one object comes without a list around it."""
    answer = host.run(["powershell", "-NoProfile", "-Command", _QUERY], LIMIT_S)
    try:
        document = json.loads(answer.out) if answer.out else []
    except (ValueError, RecursionError):
        return []
    found: list[dict[str, Any]] = []
    for index, entry in enumerate(document if isinstance(document, list) else [document]):
        if not isinstance(entry, dict):
            continue
        place = re.search(r"VEN_([0-9A-Fa-f]{4})&DEV_([0-9A-Fa-f]{4})", str(entry.get("PNPDeviceID")))
        if place is not None:
            ids = {"vendor_id": int(place[1], 16), "device_id": int(place[2], 16)}
            found.append({"name": entry.get("Name"), "adapter_ram": entry.get("AdapterRAM"), "index": index, **ids})
    return found


def wmi_bytes(value: Any) -> int | None:
    """AdapterRAM as bytes, None where it is cut off, negative, zero or no number."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < WMI_LIMIT else None


def _sighting(entry: Any, source: str) -> Sighting | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("vendor_id"), int):
        return None
    vendor, device_id = entry["vendor_id"], entry.get("device_id")
    flags = entry.get("flags", 0)
    if vendor not in VENDORS or not isinstance(device_id, int) or (isinstance(flags, int) and flags & SOFTWARE_FLAG):
        return None
    size = entry.get("adapter_ram" if source == "wmi" else "dedicated_bytes")
    if source == "wmi":
        size = wmi_bytes(size)
    elif isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < MAX_MEMORY:
        size = None
    accelerator = Accelerator(
        index=0,
        name=clean(str(entry.get("name") or "")),
        vendor=VENDORS[vendor],
        memory_total_bytes=size or None,
        backend="vulkan",
        pci_id=f"{vendor:04x}:{device_id:04x}",
    )
    place = entry.get("luid") or f"{accelerator.pci_id} {entry.get('index', 0)}"
    return Sighting(source=source, device=accelerator, uuid=clean(f"adapter {place}"))
