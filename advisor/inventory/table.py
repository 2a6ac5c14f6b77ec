"""Hosts from a table: CSV of whatever tool, or rows of JSON objects (osquery, Intune, Jamf, Lansweeper ...).

Columns are known by their headings; those without a meaning here are left out, and values that are not understood are
counted and named.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from advisor.catalog.hardware import HardwareCatalog
from advisor.inventory.columns import SIZES, Heading, count_of, roles_of, size_of
from advisor.inventory.form import form_of, stated_form
from advisor.inventory.host import Host
from advisor.inventory.profile import lasting
from advisor.inventory.row import Read, Row, machine_of
from advisor.probes.text import clean

_OS = (("darwin", "darwin"), ("mac", "darwin"), ("os x", "darwin"), ("win", "windows"))
_SEPARATORS = re.compile(r"\s*[;|\n]\s*|\s+\+\s+|,\s+")
NAMELESS = frozenset(("", "localhost", "localhost.localdomain", "host", "unknown", "null", "none", "n/a", "-"))
"""Names that many hosts have."""
MAX_READ = 20_000
"""Different rows that are remembered, so that equal ones are read once."""


@dataclass(slots=True)
class TableReader:
    """Makes hosts of rows; remembers rows of equal hardware, units that were assumed, and what was not understood."""

    hardware: HardwareCatalog
    reserve_bytes: int | None = None
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    assumed: dict[str, str] = field(default_factory=dict)
    _known: dict[Row, Read] = field(default_factory=dict)
    _headings: dict[tuple[str, ...], dict[str, tuple[str, Heading]]] = field(default_factory=dict)

    def host(self, cells: Mapping[str, str], source: str, kind: str = "table") -> Host:
        """The host of one row: texts by heading."""
        columns = tuple(cells)
        if columns not in self._headings:
            self._headings[columns] = roles_of(columns)
        roles = self._headings[columns]
        told = {role: cells[column].strip() for role, (column, _) in roles.items() if cells[column].strip()}
        sizes = {role: self._size(role, told[role], roles[role]) for role in SIZES & set(told)}
        name = clean(told.get("host", ""))
        row = self._row(told, sizes)
        read = self._read(row)
        named = name.lower() not in NAMELESS
        return Host(
            id=name if named else source,
            machine=read.machine,
            source=source,
            kind=kind,
            probed_at=clean(told["date"]) if "date" in told else None,
            disk_free_bytes=sizes.get("disk_free"),
            form=stated_form(told.get("form")) or form_of(read.machine),
            missing=read.missing,
            named=named,
        )

    def _read(self, row: Row) -> Read:
        if row not in self._known:
            if len(self._known) >= MAX_READ:
                self._known.clear()
            read = machine_of(row, self.hardware)
            self._known[row] = Read(
                machine=lasting(read.machine, self.reserve_bytes), missing=read.missing, unread=read.unread
            )
        read = self._known[row]
        self.unread.update(read.unread)
        return read

    def _size(self, role: str, text: str, column: tuple[str, Heading]) -> int | None:
        size, assumed = size_of(text, role, column[1].unit_bytes)
        if assumed:
            self.assumed.setdefault(column[0], assumed)
        if size is None:
            self.unread[(clean(column[0], 40), clean(text, 40))] += 1
        return size

    def _row(self, told: Mapping[str, str], sizes: Mapping[str, int | None]) -> Row:
        cards = tuple(clean(part) for part in _SEPARATORS.split(told.get("gpu", "")) if part.strip())
        count = self._count(told, "gpu_count")
        if count and len(cards) == 1:
            cards = (f"{count}x {cards[0]}",)
        lowered = told.get("os", "").lower()
        return Row(
            cpu=clean(told["cpu"]) if "cpu" in told else None,
            cores=self._count(told, "cores"),
            threads=self._count(told, "threads"),
            ram_bytes=sizes.get("ram"),
            bandwidth_bytes_per_s=self._rate(told),
            gpus=cards if cards else None,
            vram_bytes=sizes.get("vram"),
            model=clean(told["model"]) if "model" in told else None,
            os=next((os for start, os in _OS if start in lowered), "linux") if lowered else None,
        )

    def _count(self, told: Mapping[str, str], role: str) -> int | None:
        if role not in told:
            return None
        count = count_of(told[role])
        if count is None:
            self.unread[(role, clean(told[role], 40))] += 1
        return count

    def _rate(self, told: Mapping[str, str]) -> float | None:
        """GB/s, as data sheets have it."""
        match = re.fullmatch(r"([0-9]{1,5}(?:\.[0-9]+)?)\s*(?:gb/s|gbps|gb)?", told.get("bandwidth", "").lower())
        if "bandwidth" in told and (match is None or float(match[1]) <= 0):
            self.unread[("bandwidth", clean(told["bandwidth"], 40))] += 1
            return None
        return float(match[1]) * 1e9 if match else None
