"""NVIDIA's own program, asked where the library cannot be loaded: CSV cells, each of which may be a text."""

import csv

from advisor.domain.machine import Accelerator
from advisor.probes.host import Host
from advisor.probes.nvidia_devices import is_unified
from advisor.probes.pci import normal_address
from advisor.probes.sighting import NOTHING, Findings, Sighting
from advisor.probes.text import clean, positive, whole

SOURCE = "nvidia-smi"
LIMIT_S = 5.0
COLUMNS = ("index", "uuid", "pci.bus_id", "name", "memory.total", "memory.free", "compute_cap")
MIB = 1 << 20


def read_nvidia_smi(host: Host) -> Findings:
    """One sighting a line. Old drivers refuse the whole query for one unknown column: it is asked again without."""
    if host.which("nvidia-smi") is None:
        return NOTHING
    for columns in (COLUMNS, COLUMNS[:-1]):
        query = ["nvidia-smi", f"--query-gpu={','.join(columns)}", "--format=csv,noheader,nounits"]
        answer = host.run(query, LIMIT_S)
        if answer.code == 0:
            return Findings(sightings=tuple(s for line in answer.out.splitlines() if (s := _line(line, columns))))
        if answer.failure:
            return NOTHING
    return NOTHING


def _line(line: str, columns: tuple[str, ...]) -> Sighting | None:
    """A line with all its cells whose first is a number; anything else is a banner or a warning."""
    try:
        cells = [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return None
    if len(cells) != len(columns) or whole(cells[0]) is None:
        return None
    row = dict(zip(columns, cells, strict=True))
    name = clean(row["name"]) if not row["name"].startswith("[") else ""
    capability = row.get("compute_cap")
    total, free = positive(row["memory.total"]), whole(row["memory.free"])
    known = total is not None and total < 1 << 28
    device = Accelerator(
        index=0,
        name=name,
        vendor="nvidia",
        memory_total_bytes=total * MIB if known and total else None,
        memory_available_bytes=free * MIB if known and free is not None and 0 <= free <= (total or 0) else None,
        unified=is_unified(name, capability),
        compute_capability=capability if capability and capability.replace(".", "", 1).isdigit() else None,
        backend="cuda",
        pci_address=normal_address(row["pci.bus_id"]),
    )
    uuid = clean(row["uuid"]) if row["uuid"].startswith("GPU-") else None
    return Sighting(source=SOURCE, device=device, uuid=uuid)
