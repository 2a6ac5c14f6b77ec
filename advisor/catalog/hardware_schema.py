"""The hardware catalog's files: parsed mappings in, compact JSON rows out (SI units, defaults merged, names read).

A file holds one family: `family`, `vendor`, `defaults`, `devices`. A device without name and kind amends one of another
file (a user's quotes: `devices: [{id: nvidia/l40s, prices: [...]}]`). A mistake is a BadDocument that names the device.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from advisor.catalog.hardware_names import parse_name, words
from advisor.domain.device import DeviceKind
from advisor.errors import BadDocument

GIB = 1024**3
MIB = 1024**2
_UNITS: dict[str, tuple[str, float]] = {
    "memory_gib": ("memory_bytes", GIB),
    "ram_gib": ("memory_bytes", GIB),
    "driver_visible_mib": ("driver_visible_bytes", MIB),
    "bandwidth_gb_s": ("bandwidth_bytes_per_s", 1e9),
    "link_gb_s": ("link_bytes_per_s", 1e9),
    "f32_tflops": ("f32_flops", 1e12),
    "f16_tflops": ("f16_flops", 1e12),
    "fp8_tflops": ("fp8_flops", 1e12),
    "fp4_tflops": ("fp4_flops", 1e12),
    "int8_tops": ("int8_ops", 1e12),
    "bus_bits": ("bus_bits", 1),
    "power_w": ("power_w", 1),
    "max_per_node": ("max_per_node", 1),
    "gpu_cores": ("cores", 1),
}
"""Numbers of a file: the row's field and the factor to its unit. Data sheets count rates in powers of 1000."""
_WHOLE = frozenset({"memory_bytes", "driver_visible_bytes", "bus_bits", "max_per_node", "cores"})
_TEXTS = frozenset(
    words("name kind form architecture chip compute_capability backend memory_kind released confidence note link")
)
_LISTS = frozenset({"aliases", "pci_ids", "patterns", "instruction_sets"})
_OTHER = frozenset(
    words("id memory_options_gib pcie_gen pcie_lanes unified parts prices sources cpu_cores processors clusters")
)
KEYS = frozenset(_UNITS) | _TEXTS | _LISTS | _OTHER
"""Every key that a device may have."""
_PCIE_LANE_BYTES_PER_S = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
"""Per lane and direction after line coding, from PCI-SIG's transfer rates."""
_PATTERN = re.compile(r"[a-z0-9 \[\]\-|(){},?]{1,120}")
"""Patterns have no unbounded repetition, so that no name can make them slow."""
_CORES = re.compile(r"(\d{1,3})(?:\+(\d{1,3}))?")
"""Cores of a processor; of one with two kinds, the fast ones first: 8+4."""
_CLUSTER = re.compile(r"(?:(\d{1,3})x )?([A-Za-z][A-Za-z0-9 -]{1,30}?)(?: @ (\d\.\d{1,3}) GHz)?")
"""Cores that are alike: `2x Cortex-A715 @ 2.8 GHz`; without a number in a family that has parts of several sizes."""
_PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}(?::[0-9a-f]{2})?")


def _fail(where: str, what: str) -> BadDocument:
    return BadDocument(f"hardware catalog, {where}: {what}", hint="see `advisor schema hardware`")


def _number(where: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise _fail(where, f"{key} must be a positive number")
    return value


def _text_list(where: str, key: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v.isprintable() for v in value):
        raise _fail(where, f"{key} must be a list of texts")
    return value


def _cores(where: str, value: object) -> list[int | None]:
    """All cores, and the fast ones where there are two kinds."""
    match = None if isinstance(value, bool) else _CORES.fullmatch(str(value))
    if match is None or int(match[1]) == 0:
        raise _fail(where, f"cores are written 6, or 8+4 for fast and slow ones, not {str(value)[:20]!r}")
    fast, slow = int(match[1]), int(match[2] or 0)
    return [fast + slow, fast if slow else None]


def _processors(where: str, value: object) -> list[list[Any]]:
    """Cores of single processors of a family: pattern of a name, all cores, fast ones."""
    if not isinstance(value, Mapping) or not value:
        raise _fail(where, "processors maps a name's pattern to its cores")
    _check_patterns(where, list(map(str, value)))
    return [[str(pattern), *_cores(where, cores)] for pattern, cores in value.items()]


def _clusters(where: str, value: object) -> list[list[Any]]:
    """Cores by kind: number (0: as many as the processor has of that kind), kind, highest clock in Hz."""
    rows: list[list[Any]] = []
    for text in _text_list(where, "clusters", value):
        match = _CLUSTER.fullmatch(text)
        if match is None or match[1] == "0":
            raise _fail(where, f"clusters are written `2x Cortex-A715 @ 2.8 GHz`, not {text[:40]!r}")
        rows.append([int(match[1] or 0), match[2], float(match[3]) * 1e9 if match[3] else None])
    numbers = [row[0] for row in rows]
    if not rows or (0 in numbers and (any(numbers) or len(rows) > 2)):
        raise _fail(where, "clusters have a number each, or none has one and there are at most two, the fast one first")
    return rows


def _check_cores(where: str, row: Mapping[str, Any]) -> None:
    """Clusters with numbers hold all the cores that are stated."""
    counted = sum(cores for cores, _, _ in row.get("clusters", ()))
    if counted and counted != row.get("cpu_cores", counted):
        raise _fail(where, f"its clusters have {counted} cores, but cpu_cores says {row['cpu_cores']}")


def _pcie(where: str, device: Mapping[str, Any]) -> float | None:
    generation, lanes = device.get("pcie_gen"), device.get("pcie_lanes")
    if generation is None or lanes is None:
        return None
    if generation not in _PCIE_LANE_BYTES_PER_S or lanes not in (1, 2, 4, 8, 16, 32):
        raise _fail(where, f"no such PCIe link: generation {generation}, {lanes} lanes")
    return _PCIE_LANE_BYTES_PER_S[generation] * int(lanes)


def _prices(where: str, value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise _fail(where, "prices must be a list")
    for price in value:
        if not isinstance(price, Mapping) or set(price) != {"usd", "date", "kind", "source"}:
            raise _fail(where, "a price needs usd, date, kind and source")
        _number(where, "usd", price["usd"])
        if not re.fullmatch(r"\d{4}(-\d\d){0,2}", str(price["date"])):
            raise _fail(where, "a price's date is written 2026-05-31")
        if price["kind"] not in ("launch", "street", "quote", "reseller") or not str(price["source"]).strip():
            raise _fail(where, "a price's kind is launch, street, quote or reseller, and its source is named")
    return [{**p, "date": str(p["date"]), "source": str(p["source"])} for p in value]


def _parts(where: str, value: object) -> list[list[Any]]:
    if not isinstance(value, list) or not value:
        raise _fail(where, "parts must be a list")
    rows: list[list[Any]] = []
    for part in value:
        if not isinstance(part, Mapping) or set(part) - {"device", "count"} or not isinstance(part.get("device"), str):
            raise _fail(where, "a part is {device: ID, count: N}")
        rows.append([part["device"], int(_number(where, "count", part.get("count", 1)))])
    return rows


def _lists(where: str, device: Mapping[str, Any]) -> dict[str, Any]:
    row = {key: _text_list(where, key, device[key]) for key in sorted(_LISTS) if key in device}
    for pci_id in row.get("pci_ids", ()):
        if not _PCI.fullmatch(pci_id):
            raise _fail(where, f"PCI id {pci_id[:20]!r} is not vendor:device[:revision] in lower-case hex")
    _check_patterns(where, row.get("patterns", []))
    return row


def _check_patterns(where: str, patterns: list[str]) -> None:
    for pattern in patterns:
        if not _PATTERN.fullmatch(pattern):
            raise _fail(where, f"pattern {pattern[:40]!r} uses more than letters, digits, classes, groups and ?")
        try:
            re.compile(pattern)
        except re.error as error:
            raise _fail(where, f"pattern {pattern[:40]!r}: {error}") from error


def _figures(where: str, device: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key, (field, factor) in _UNITS.items():
        if key in device:
            value = _number(where, key, device[key]) * factor
            row[field] = round(value) if field in _WHOLE else value
    options = device.get("memory_options_gib")
    if options is not None:
        row["memory_options_bytes"] = [round(_number(where, "memory_options_gib", o) * GIB) for o in options]
    pcie = _pcie(where, device)
    if pcie is not None:
        row["pcie_bytes_per_s"] = pcie
    return row


def _sources(where: str, device: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, str]:
    sources = device.get("sources", {})
    if not isinstance(sources, Mapping) or not all(isinstance(v, str) for v in sources.values()):
        raise _fail(where, "sources maps a figure to where it is written")
    if "default" not in sources and any(field in row for field, _ in _UNITS.values()):
        raise _fail(where, "figures need a source (sources: {default: ...})")
    return dict(sources)


def _texts(where: str, device: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for key in sorted(_TEXTS & set(device)):
        if not isinstance(device[key], str) or not device[key].isprintable():
            raise _fail(where, f"{key} must be a text (quote it)")
        row[key] = device[key]
    if row.get("kind") not in set(DeviceKind):
        raise _fail(where, f"kind must be one of {', '.join(DeviceKind)}")
    return row


def compact_name(text: str) -> list[Any]:
    """A name taken apart, as a JSON row: tokens, memory, memory kind, cores."""
    name = parse_name(text)
    return [sorted(name.tokens), name.memory_gib, name.memory_kind, name.gpu_cores]


def _device(vendor: str, device: Mapping[str, Any]) -> dict[str, Any]:
    where = str(device["id"])[:80]
    unknown = set(device) - KEYS
    if unknown:
        raise _fail(where, f"unknown key {min(map(str, unknown))[:40]!r}")
    row: dict[str, Any] = {"id": where, "vendor": vendor}
    row |= _texts(where, device) | _lists(where, device) | _figures(where, device)
    if device.get("unified", False) is not False:
        row["unified"] = True
    if "cpu_cores" in device:
        row["cpu_cores"], row["performance_cores"] = _cores(where, device["cpu_cores"])
    if "processors" in device:
        row["processors"] = _processors(where, device["processors"])
    if "clusters" in device:
        row["clusters"] = _clusters(where, device["clusters"])
    _check_cores(where, row)
    if "parts" in device:
        row["parts"] = _parts(where, device["parts"])
    if "prices" in device:
        row["prices"] = _prices(where, device["prices"])
    row["sources"] = _sources(where, device, row)
    row["names"] = [compact_name(n) for n in (row["name"], *row.get("aliases", ()))]
    row.pop("link", None)
    return row


def _amend(rows: dict[str, dict[str, Any]], device: Mapping[str, Any]) -> None:
    """Quotes and notes for a device that another file describes."""
    where = str(device["id"])[:80]
    if where not in rows:
        raise _fail(where, "is described nowhere: give it a name and a kind")
    if set(device) - {"id", "prices", "note"}:
        raise _fail(where, "only prices and note may be added to a device of another file")
    row = dict(rows[where])
    if "prices" in device:
        row["prices"] = [*row.get("prices", ()), *_prices(where, device["prices"])]
    if "note" in device:
        row["note"] = str(device["note"])
    rows[where] = row


def _document(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    devices = document.get("devices")
    family = str(document.get("family", "?"))[:60]
    if set(document) - {"family", "vendor", "defaults", "devices"} or not isinstance(devices, list):
        raise _fail(family, "a file has family, vendor, defaults and devices")
    for device in devices:
        if not isinstance(device, Mapping) or not re.fullmatch(r"[a-z0-9-]+/[a-z0-9.-]+", str(device.get("id"))):
            raise _fail(family, "every device needs an id such as nvidia/geforce-rtx-4090")
    return devices


def compile_hardware(
    documents: Iterable[Mapping[str, Any]], base: Iterable[Mapping[str, Any]] = ()
) -> list[dict[str, Any]]:
    """JSON rows of all files, by id; `base`: rows compiled before, which `documents` extend. Raises BadDocument."""
    rows: dict[str, dict[str, Any]] = {str(r["id"]): dict(r) for r in base}
    amendments: list[Mapping[str, Any]] = []
    for document in documents:
        defaults = document.get("defaults") or {}
        for device in _document(document):
            if "name" not in device and "kind" not in device:
                amendments.append(device)
                continue
            row = _device(str(document.get("vendor", "unknown")), {**defaults, **device})
            if row["id"] in rows:
                raise _fail(row["id"], "is described twice")
            rows[row["id"]] = row
    for device in amendments:
        _amend(rows, device)
    _check_parts(rows)
    return [rows[key] for key in sorted(rows)]


def _check_parts(rows: Mapping[str, Mapping[str, Any]]) -> None:
    for row in rows.values():
        for device, _ in row.get("parts", ()):
            if device not in rows:
                raise _fail(row["id"], f"part {device!r} is not in the catalog")
