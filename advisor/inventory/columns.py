"""Which column of a table tells what, by its heading in any common spelling, and how its figures are to be read.

`Total Memory (GB)`, `physical_memory` and `TotalPhysicalMemory` are all main memory. Memory is sold in powers of two:
GB of it mean GiB here. A figure without any unit is read in the largest unit that gives a size on sale.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from advisor.domain.units import GIB, KIB, MIB

ROLES: Mapping[str, frozenset[str]] = {
    role: frozenset(names.split())
    for role, names in {
        "host": "host hostname computername devicename computer device machinename machine name fqdn node "
        "inventoryhostname assettag systemname servername dnshostname",
        "cpu": "cpu processor cpubrand cpumodel cpuname processorname processormodel processortype cputype chip "
        "processorbrand cpumodelname",
        "cores": "cores cpucores physicalcores cpuphysicalcores numberofcores corecount processorcores numcores "
        "totalnumberofcores cpucorecount",
        "threads": "threads logicalcores cpulogicalcores logicalprocessors numberoflogicalprocessors vcpus vcpu "
        "processorvcpus logicalprocessorcount",
        "ram": "ram memory physicalmemory totalmemory totalphysicalmemory memtotal memorytotal installedmemory "
        "installedram totalram ramtotal installedphysicalmemory totalvisiblememorysize memorysize ramsize",
        "bandwidth": "bandwidth memorybandwidth rambandwidth",
        "gpu": "gpu gpus graphics graphicscard graphicscards graphicsadapter videocontroller videocard videoadapter "
        "accelerator accelerators gpuname gpumodel gpuproduct displayadapter videocontrollername videomodel",
        "gpu_count": "gpucount numberofgpus numgpus gpuquantity",
        "vram": "vram gpumemory videomemory adapterram gpuram graphicsmemory gpuvram videoram dedicatedvideomemory",
        "disk_free": "freedisk diskfree freespace freestorage freestoragespace storagefree freediskspace diskfreespace "
        "diskspaceavailable availablestorage freediskspacesystemdrive",
        "model": "model hardwaremodel machinemodel productname systemmodel devicemodel modelname computermodel",
        "os": "os operatingsystem osname osplatform platform distribution osfamily",
        "form": "form formfactor chassis chassistype chassistypes devicetype computertype",
        "date": "date probedat lastseen lastcheckin lastsync lastinventory collectedat inventorydate timestamp "
        "lastreportedtime lastcontact lastupdate reportdate lastsyncdatetime detailupdatedat",
    }.items()
}  # fmt: skip
"""Headings by what they tell, without case, blanks, punctuation and units."""
_UNITS = {
    "b": 1, "byte": 1, "bytes": 1, "kb": KIB, "kib": KIB, "mb": MIB, "mib": MIB, "gb": GIB, "gib": GIB, "g": GIB,
    "tb": 1024 * GIB, "tib": 1024 * GIB,
}  # fmt: skip
_PLAUSIBLE = {"ram": 2048 * GIB, "vram": 512 * GIB, "disk_free": 65536 * GIB}
"""Largest size that is on sale: what decides the unit of a figure that has none."""
_NUMBER = re.compile(r"([0-9]+(?:[.,][0-9]+)*)\s*([a-z]*)\.?")
_ONE_WORD = re.compile(r"vCPU|GHz|[KMGT]iB")
"""Spellings whose capitals begin no word."""
SIZES = frozenset(_PLAUSIBLE)
FEWEST = ("cpu", "ram", "gpu", "model")
"""A table tells of machines where it has one of these beside a host's name, or two of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What a column tells, and the unit its heading states: bytes in one."""

    role: str
    unit_bytes: int | None = None


def heading_of(text: str) -> Heading | None:
    """The meaning of a heading; None where it has none here."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", _ONE_WORD.sub(lambda m: m[0].lower(), text[:200]))
    words = re.findall(r"[a-z0-9]+", spaced.lower())
    unit = next((w for w in reversed(words[1:]) if w in _UNITS), None)
    kept = [w for w in words if (w != unit and w not in ("in", "ansible", "total")) or len(words) == 1]
    name = "".join(kept)
    for candidate in (name, "total" + name, "".join(w for w in words if w != unit)):
        for role, names in ROLES.items():
            if candidate in names:
                return Heading(role=role, unit_bytes=_UNITS[unit] if unit and role in SIZES else None)
    return None


def roles_of(headings: Iterable[str]) -> dict[str, tuple[str, Heading]]:
    """The column that tells each thing: the first where several do."""
    found: dict[str, tuple[str, Heading]] = {}
    for text in headings:
        heading = heading_of(text)
        if heading is not None:
            found.setdefault(heading.role, (text, heading))
    return found


def tells_of_machines(roles: Iterable[str]) -> bool:
    """Whether a table with these columns is an inventory at all."""
    known = set(roles)
    return len(known & set(FEWEST)) + ("host" in known) >= 2


def size_of(text: str, role: str, unit_bytes: int | None) -> tuple[int | None, str | None]:
    """Bytes of a cell, and the unit that was assumed where none is stated. (None, None) where it is no size."""
    match = _NUMBER.fullmatch(text.strip().lower())
    if match is None:
        return None, None
    number = _decimal(match[1])
    stated = _UNITS.get(match[2]) if match[2] else unit_bytes
    if number is None or number <= 0 or (match[2] and stated is None):
        return None, None
    if stated is not None:
        size = round(number * stated)
        return (size, None) if size <= 1 << 60 else (None, None)
    most = _PLAUSIBLE[role]
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"), (1, "bytes")):
        if number * unit <= most:
            return round(number * unit), name
    return None, None


def _decimal(text: str) -> float | None:
    """`15.9`, `15,9`, `16,384` and `1.024,5` as they are meant."""
    separators = [c for c in text if c in ".,"]
    if not separators:
        return float(text) if len(text) < 300 else None
    last = separators[-1]
    whole, _, rest = text.rpartition(last)
    grouped = len(separators) > 1 and last in separators[:-1]
    thousands = last == "," and len(rest) == 3 and len(separators) == 1
    if grouped or thousands:
        return float(re.sub("[.,]", "", text))
    return float(re.sub("[.,]", "", whole) + "." + rest)


def count_of(text: str) -> int | None:
    """A count of cores or cards: `8`, `8.0`, `8 cores`."""
    match = re.fullmatch(r"\s*([0-9]{1,5})(?:\.0+)?\s*[a-z]*\s*", text.lower())
    return int(match[1]) if match is not None and int(match[1]) > 0 else None
