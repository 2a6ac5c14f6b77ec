"""Windows: adapters by DXGI, else by WMI through PowerShell. Untested on real systems.

WMI's AdapterRAM is 32 bits wide: any value near its end means "4 GB or more", which is unknown, never a size.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from advisor.domain.machine import Accelerator
from advisor.probes.host import Host
from advisor.probes.pci import VENDORS
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import clean

SOFTWARE_FLAG = 2
"""DXGI_ADAPTER_FLAG_SOFTWARE."""
WMI_LIMIT = 4_293_918_720
"""4 GiB less 1 MiB: what AdapterRAM says of any card with 4 GB or more."""
MAX_MEMORY = 1 << 43
LIMIT_S = 5.0
_QUERY = "Get-CimInstance Win32_VideoController | Select-Object Name,AdapterRAM,PNPDeviceID | ConvertTo-Json"


def read_adapters(host: Host, *, beside: Iterable[Sighting] = ()) -> Findings:
    """Adapters with a real PCI maker, those left out that a better source (`beside`) already has."""
    known = {s.device.pci_id for s in beside}
    found: dict[str, Sighting] = {}
    answer = host.ask("dxgi")
    for entry in answer if isinstance(answer, list) else []:
        sighting = _sighting(entry, "dxgi", "dedicated_bytes")
        if sighting is not None and sighting.device.pci_id not in known:
            found.setdefault(sighting.uuid or "", sighting)
    if not found:
        for entry in _wmi(host):
            sighting = _sighting(entry, "wmi", "adapter_ram")
            if sighting is not None and sighting.device.pci_id not in known:
                found.setdefault(sighting.uuid or "", sighting)
    return Findings(sightings=tuple(found.values()))


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


def _sighting(entry: Any, source: str, size_key: str) -> Sighting | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("vendor_id"), int):
        return None
    vendor, device_id = entry["vendor_id"], entry.get("device_id")
    flags = entry.get("flags", 0)
    if vendor not in VENDORS or not isinstance(device_id, int) or (isinstance(flags, int) and flags & SOFTWARE_FLAG):
        return None
    size = entry.get(size_key)
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
    return Sighting(source=source, device=accelerator, uuid=f"adapter {place}")
