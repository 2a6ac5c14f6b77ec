"""Hosts from what `advisor probe --json` and `advisor doctor --record` wrote, many equal ones read once.

What tells equal machines apart (name, date, what is free, places in the bus) is taken out before a document is checked
as any other; the rest is checked once for all documents that share it, so that a fleet is read in seconds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from advisor.catalog.hardware import HardwareCatalog
from advisor.domain.machine import Machine
from advisor.inventory.form import form_of
from advisor.inventory.host import Host
from advisor.inventory.profile import DEVICE_STEPS, HOST_STEPS, lasting, rounded_down
from advisor.inventory.table import NAMELESS
from advisor.probes.document import MAX_ITEMS, MAX_NUMBER, MAX_TEXT, RECORD_SCHEMA, SCHEMA, machine_of
from advisor.probes.text import clean

SCHEMAS = frozenset((SCHEMA, RECORD_SCHEMA))
MAX_KNOWN = 20_000
"""Different machines that are remembered: some KiB each."""
_DISK_FACTS = frozenset(("path", "free_bytes", "total_bytes", "read_bytes_per_s", "kind", "sources"))


@dataclass(frozen=True, slots=True)
class _Checked:
    machine: Machine
    form: str | None
    missing: tuple[str, ...]


@dataclass(slots=True)
class ProbeReader:
    """Makes hosts of documents; remembers machines by everything but what tells equal ones apart."""

    hardware: HardwareCatalog
    reserve_bytes: int | None = None
    _known: dict[str, _Checked] = field(default_factory=dict)

    def host(self, document: Mapping[str, Any], source: str) -> Host:
        """The host of a parsed document. Raises BadDocument."""
        if document.get("schema") == RECORD_SCHEMA:
            machine = machine_of(document, source, self.hardware)
            free = next((d.free_bytes for d in machine.disks), None)
            return self._host(self._checked(machine), machine.name, machine.probed_at, free, source)
        common, own = taken_apart(document)
        key = json.dumps(common)
        if key not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = self._checked(machine_of(common, source, self.hardware))
        return self._host(self._known[key], own.name, own.probed_at, own.disk_free_bytes, source)

    def _checked(self, machine: Machine) -> _Checked:
        cpu = machine.cpu
        cores = cpu.performance_cores or cpu.physical_cores or cpu.usable_threads or cpu.logical_cores
        told = {"memory": machine.memory.total_bytes, "cores": cores}
        missing = tuple(name for name, value in told.items() if value is None)
        return _Checked(lasting(machine, self.reserve_bytes), form_of(machine), missing)

    def _host(self, checked: _Checked, name: str, date: str | None, free: int | None, source: str) -> Host:
        shown = clean(name)
        named = shown.lower() not in NAMELESS
        return Host(
            id=shown if named else source,
            machine=checked.machine,
            source=source,
            kind="probe",
            probed_at=date,
            disk_free_bytes=free,
            form=checked.form,
            missing=checked.missing,
            named=named,
        )


@dataclass(slots=True)
class _Own:
    """What one machine does not share with equal ones."""

    name: str = ""
    probed_at: str | None = None
    disk_free_bytes: int | None = None


def taken_apart(document: Mapping[str, Any]) -> tuple[dict[str, Any], _Own]:
    """A document without what is the machine's own, and that. What is not of its kind stays, and fails the check."""
    common, own = dict(document), _Own()
    if type(common.get("name")) is str:
        own.name = common["name"][:MAX_TEXT]
        common["name"] = "host"
    if type(common.get("probed_at")) is str:
        own.probed_at = clean(common["probed_at"])
        common["probed_at"] = None
    if _plain_disks(common.get("disks")):
        own.disk_free_bytes = next((disk.get("free_bytes") for disk in common["disks"]), None)
        common["disks"] = []
    if "memory" in common:
        common["memory"] = _pool(common["memory"], ("available_bytes", "swap_bytes"), HOST_STEPS)
    devices = common.get("accelerators")
    if type(devices) is list and len(devices) <= MAX_ITEMS:
        common["accelerators"] = [_device(device) for device in devices]
    return common, own


def _device(device: Any) -> Any:
    if type(device) is not dict:
        return device
    steps = HOST_STEPS if device.get("unified") else DEVICE_STEPS
    reduced = _pool(device, ("memory_available_bytes",), steps, total="memory_total_bytes")
    for place in ("pci_address", "driver"):
        if type(reduced.get(place)) is str:
            reduced[place] = None
    return reduced


def _pool(pool: Any, own: Sequence[str], steps: int, *, total: str = "total_bytes") -> Any:
    """Memory without what is free now, its total rounded down: `lasting` does so too, here it makes equal ones meet."""
    if type(pool) is not dict:
        return pool
    reduced = {**pool, **{name: None for name in own if _is_size(pool.get(name))}}
    if type(pool.get(total)) is int and _is_size(pool[total]):
        reduced[total] = rounded_down(pool[total], steps)
    return reduced


def _is_size(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= MAX_NUMBER)


def _plain_disks(disks: Any) -> bool:
    """Whether disks need no further check."""
    return type(disks) is list and len(disks) <= MAX_ITEMS and all(_is_plain_disk(disk) for disk in disks)


def _is_plain_disk(disk: Any) -> bool:
    if type(disk) is not dict or not set(disk) <= _DISK_FACTS or type(disk.get("path")) is not str:
        return False
    sources, kind = disk.get("sources", {}), disk.get("kind")
    sizes = all(_is_size(disk.get(name)) for name in ("free_bytes", "total_bytes"))
    told = type(sources) is dict and all(type(text) is str for text in sources.values())
    plain = disk.get("read_bytes_per_s") is None and (kind is None or type(kind) is str)
    return sizes and told and plain and len(sources) <= MAX_ITEMS
