"""The hardware catalog: devices and whole machines by PCI id, by name, or by what a person types, never by a guess.

`by_pci` and `by_name` serve probes: None unless exactly one device is meant. `find` and `parse_gpu` serve people: a
name that several memory sizes share means the one released first; an unknown or ambiguous one raises UnknownName.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from advisor.catalog.hardware_names import OPTIONAL, Name, cpu_key, name_of, parse_name, readings, telling_part, words
from advisor.domain.device import DeviceKind, DeviceSpec, Part, Price
from advisor.domain.machine import CoreCluster, Machine
from advisor.domain.units import GIB
from advisor.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from advisor.catalog.machines import Stated

MEMORY_TOLERANCE = 0.08
"""A driver shows up to 6.3 % less than the label (ECC takes 1/16 of GDDR); sizes on sale differ by 12 % or more."""
BANDWIDTH_TOLERANCE = 0.03
"""Memory clock x bus width against the data sheet; 4070 with GDDR6 and GDDR6X lie 5 % apart."""
NEAR = 0.62
"""Likeness from which a device is suggested: 4909 and 4090 have 0.75, two names of nothing in common under 0.5."""
SWAPPED = 0.1
"""Likeness that the same characters in another order add: 4900 is rather 4090 than 4060 or A400."""
MAX_COUNT = 64
"""More GPUs than any one machine has."""

_FIELDS = words(
    "name vendor architecture chip form released compute_capability backend memory_bytes driver_visible_bytes "
    "memory_kind bus_bits bandwidth_bytes_per_s f32_flops f16_flops fp8_flops fp4_flops int8_ops pcie_bytes_per_s "
    "link_bytes_per_s power_w max_per_node cores confidence note"
)
_RATES = frozenset({"f16_flops", "fp8_flops", "fp4_flops", "int8_ops"})
_BRANDING = OPTIONAL | {"laptop"}
_COUNT_FIRST = re.compile(r"\s*(\d{1,9})\s*[xX×*]\s*(\D.*|\d{3,}.*)")
_COUNT_LAST = re.compile(r"(.*\S)\s+[xX×*]\s*(\d{1,9})\s*")


def _sources(row: Mapping[str, Any]) -> dict[str, str]:
    """A source for each figure: its own, that of the rates, or the device's default."""
    stated: Mapping[str, str] = row.get("sources", {})
    found: dict[str, str] = {}
    for field in (*_FIELDS[8:21], "memory_options_bytes", "pci_ids"):
        if row.get(field):
            rates = stated.get("rates") if field in _RATES else None
            source = stated.get(field) or rates or stated.get("default")
            if source:
                found[field] = source
    return found


def device_of(row: Mapping[str, Any]) -> DeviceSpec:
    """The noun of one compiled row."""
    figures: dict[str, Any] = {field: row[field] for field in _FIELDS if field in row}
    return DeviceSpec(
        id=row["id"],
        kind=DeviceKind(row["kind"]),
        aliases=tuple(row.get("aliases", ())),
        pci_ids=tuple(row.get("pci_ids", ())),
        memory_options_bytes=tuple(row.get("memory_options_bytes", ())),
        unified=row.get("unified", False),
        instruction_sets=tuple(row.get("instruction_sets", ())),
        cpu_cores=row.get("cpu_cores"),
        performance_cores=row.get("performance_cores"),
        clusters=tuple(CoreCluster(cores=n, kind=kind, max_hz=hz) for n, kind, hz in row.get("clusters", ())),
        parts=tuple(Part(device=device, count=count) for device, count in row.get("parts", ())),
        prices=tuple(Price(**p) for p in row.get("prices", ())),
        sources=_sources(row),
        **figures,
    )


def _names(pattern: str, key: str) -> bool:
    """Whether a processor's name (see `cpu_key`) has this pattern as whole words."""
    return re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", key) is not None


def _of_processor(spec: DeviceSpec, processors: Iterable[Sequence[Any]], name: str) -> DeviceSpec:
    """The family's entry with the cores of the processor that the name says."""
    key = cpu_key(name) if processors and name != spec.name else ""
    found = next(((total, fast) for pattern, total, fast in processors if _names(pattern, key)), None)
    return spec if found is None else replace(spec, cpu_cores=found[0], performance_cores=found[1])


def _close(spec: DeviceSpec, memory_bytes: float) -> bool:
    """Whether a size that a driver or a person gives is one of this device's sizes."""
    if spec.memory_bytes is None and not spec.memory_options_bytes:
        return True
    sizes = (spec.memory_bytes, spec.driver_visible_bytes, *spec.memory_options_bytes)
    return any(s is not None and abs(memory_bytes - s) <= MEMORY_TOLERANCE * s for s in sizes)


def _runnable(spec: DeviceSpec) -> DeviceSpec:
    """The device, unless nothing can run on it. Raises UsageError."""
    if spec.kind is DeviceKind.MEMORY:
        raise UsageError(f"{spec.name} is no device that runs models", hint="give main memory with --ram")
    return spec


def _near(known: float | None, read: float) -> bool:
    return known is not None and abs(read - known) <= BANDWIDTH_TOLERANCE * known


def _age(spec: DeviceSpec) -> tuple[bool, str, int, float, int]:
    """Sorts variants of one name: desktop before laptop, first released, then the smaller."""
    return (
        spec.form == "laptop",
        spec.released or "9999",
        spec.memory_bytes or min(spec.memory_options_bytes, default=0),
        spec.bandwidth_bytes_per_s or 0.0,
        spec.cores or 0,
    )


class HardwareCatalog:
    """All catalogued devices. Cheap to make; names and devices are built when first asked for."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = {str(row["id"]): row for row in rows}
        self._specs: dict[str, DeviceSpec] = {}
        self._names: list[tuple[str, Name, bool]] | None = None
        self._pci: dict[str, list[str]] | None = None

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]]) -> "HardwareCatalog":
        """From the rows that `compile_hardware` made."""
        return cls(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, device_id: str) -> DeviceSpec:
        """The device with this id. Raises UnknownName."""
        if device_id not in self._rows:
            raise self._unknown(device_id)
        if device_id not in self._specs:
            self._specs[device_id] = device_of(self._rows[device_id])
        return self._specs[device_id]

    def devices(self, kind: DeviceKind | None = None) -> tuple[DeviceSpec, ...]:
        """All devices, or those of one kind, in order of id."""
        return tuple(self.get(i) for i, row in self._rows.items() if kind is None or row["kind"] == kind)

    def by_pci(self, pci_id: str, *, memory_bytes: int | None = None, revision: str | None = None) -> DeviceSpec | None:
        """The device with this vendor:device id; revision, then memory, decide between cards that share it."""
        found = self.pci_candidates(pci_id, memory_bytes=memory_bytes, revision=revision)
        return found[0] if len(found) == 1 else None

    def pci_candidates(
        self, pci_id: str, *, memory_bytes: int | None = None, revision: str | None = None
    ) -> tuple[DeviceSpec, ...]:
        """Every device that this id, revision and memory size may be."""
        if self._pci is None:
            self._pci = {}
            for device_id, row in self._rows.items():
                for known in row.get("pci_ids", ()):
                    self._pci.setdefault(known[:9], []).append(device_id)
        key = pci_id.strip().lower().replace("0x", "")[:9]
        ids = dict.fromkeys(self._pci.get(key, ()))
        if revision is not None:
            exact = f"{key}:{revision.strip().lower().replace('0x', '').zfill(2)}"
            by_revision = [i for i in ids if exact in self._rows[i]["pci_ids"]]
            plain = [i for i in ids if key in self._rows[i]["pci_ids"]]
            ids = dict.fromkeys(by_revision or plain)
        return self._fitting([self.get(i) for i in ids], memory_bytes)

    def shares_memory(self, pci_id: str) -> bool | None:
        """Whether devices with this id work on the host's memory; None where that is not known of all of them."""
        told = {spec.unified for spec in self.pci_candidates(pci_id)}
        return told.pop() if len(told) == 1 else None

    def by_name(self, name: str, *, memory_bytes: int | None = None) -> DeviceSpec | None:
        """The device that goes by this name, whole tokens only; None when none or several do."""
        found = self.candidates(name, memory_bytes=memory_bytes)
        return found[0] if len(found) == 1 else None

    def identify(
        self,
        *,
        pci_id: str | None,
        name: str | None,
        memory_bytes: int | None = None,
        revision: str | None = None,
        bandwidth_bytes_per_s: float | None = None,
    ) -> DeviceSpec | None:
        """PCI id first, name second; where both are shared (GTX 1650 with GDDR5 or GDDR6), the bandwidth decides."""
        by_id = self.pci_candidates(pci_id, memory_bytes=memory_bytes, revision=revision) if pci_id else ()
        if len(by_id) == 1:
            return by_id[0]
        named = self.candidates(name, memory_bytes=memory_bytes) if name else ()
        ids = {spec.id for spec in by_id}
        both = [spec for spec in named if not ids or spec.id in ids] or list(by_id)
        if len(both) > 1 and bandwidth_bytes_per_s is not None:
            both = [s for s in both if _near(s.bandwidth_bytes_per_s, bandwidth_bytes_per_s)]
        return both[0] if len(both) == 1 else None

    def candidates(self, name: str, *, memory_bytes: int | None = None) -> tuple[DeviceSpec, ...]:
        """Every device that this name may mean, after memory, memory kind and GPU cores have decided.

        A processor's entry covers a family: what the name tells of its cores is filled in.
        """
        text = name.strip()
        if text.lower() in self._rows:
            return (self.get(text.lower()),)
        found = self._candidates(text, memory_bytes)
        return tuple(_of_processor(spec, self._rows[spec.id].get("processors", ()), text) for spec in found)

    def _candidates(self, text: str, memory_bytes: int | None) -> tuple[DeviceSpec, ...]:
        whole, *parts = readings(text) or [parse_name(text)]
        found = self._match(whole) or self._by_pattern(text)
        # "AMD Ryzen 7 5700G with Radeon Graphics": the processor names it, not the graphics that many share
        found = found or next((match for part in parts if (match := self._match(part))), [])
        return self._fitting(found, memory_bytes)

    def find(self, name: str, *, memory_bytes: int | None = None) -> DeviceSpec:
        """What a person means by `name`. Raises UnknownName, with up to three suggestions, rather than guess."""
        found = self.candidates(name, memory_bytes=memory_bytes)
        if not found:
            raise self._unknown(name)
        if len({self._model(spec) for spec in found}) > 1:
            some = tuple(spec.name for spec in sorted(found, key=_age)[:3])
            raise UnknownName(f"`{name[:80]}` may mean {len(found)} devices", suggestions=some)
        return min(found, key=_age)

    def parse_gpu(self, text: str, *, memory_bytes: int | None = None) -> tuple[int, DeviceSpec]:
        """`RTX 4090`, `2x RTX 3090`, `RTX 3090 x2` to a count and a device. Raises UnknownName, UsageError."""
        first, last = _COUNT_FIRST.fullmatch(text), _COUNT_LAST.fullmatch(text)
        counted = [(int(m[n]), m[3 - n]) for m, n in ((first, 1), (last, 2)) if m is not None]
        for count, name in counted:
            if 1 <= count <= MAX_COUNT:
                return count, _runnable(self.find(name, memory_bytes=memory_bytes))
        try:  # "6700xt" begins like a count of 6700
            return 1, _runnable(self.find(text.strip(), memory_bytes=memory_bytes))
        except UnknownName:
            if not counted:
                raise
        hint = f'give 1 to {MAX_COUNT}, e.g. "2x RTX 3090"'
        raise UsageError(f"{counted[0][0]} GPUs are not possible", hint=hint)

    def machine(self, what: DeviceSpec | str, *, ram_bytes: int | None = None) -> Machine:
        """An idle machine: a whole one, a SoC's, or one around a single GPU or CPU. Raises UnknownName, UsageError."""
        from advisor.catalog.machines import Stated, soc_machine, whole_machine

        spec = _runnable(self._machine_spec(what) if isinstance(what, str) else what)
        if spec.kind is DeviceKind.MACHINE:
            return whole_machine(spec, [(part.count, self.get(part.device)) for part in spec.parts])
        if spec.kind is DeviceKind.SOC:
            return soc_machine(spec, ram_bytes=ram_bytes)
        if spec.kind is DeviceKind.CPU:
            return self.stated(Stated(cpu=spec, ram_bytes=ram_bytes))
        return self.stated(Stated(gpus=((1, spec),), ram_bytes=ram_bytes))

    def stated(self, stated: "Stated") -> Machine:
        """The machine that the user states piece by piece; what is not stated is assumed and noted."""
        from advisor.catalog.machines import ASSUMED_CPU, stated_machine

        return stated_machine(stated, self.get(ASSUMED_CPU) if ASSUMED_CPU in self._rows else None)

    def _machine_spec(self, name: str) -> DeviceSpec:
        found = [s for s in self.devices(DeviceKind.MACHINE) if name.strip().lower() in (s.id, s.name.lower())]
        return found[0] if found else self.find(name)

    def suggestions(self, name: str) -> tuple[str, ...]:
        """Up to three devices of which some name comes close: what tells devices apart first, then shared words."""
        from difflib import SequenceMatcher

        wanted, telling = parse_name(name).tokens, telling_part(name)
        best: dict[str, float] = {}
        for row in self._rows.values():
            for text in (row["name"], *row.get("aliases", ())):
                own = parse_name(text).tokens
                known_by = telling_part(text)
                spelled = SequenceMatcher(None, telling, known_by).ratio()
                swapped = SWAPPED if sorted(telling) == sorted(known_by) else 0.0
                score = spelled + swapped + 0.3 * len(wanted & own) / (len(wanted | own) or 1)
                best[row["name"]] = max(score, best.get(row["name"], 0.0))
        ranked = sorted(best, key=lambda known: (-best[known], known))
        return tuple(known for known in ranked[:3] if best[known] >= NEAR)

    def _unknown(self, name: str) -> UnknownName:
        near = self.suggestions(name[:80])
        return UnknownName(
            f"no device called `{name[:80]}` in the hardware catalog",
            suggestions=near,
            hint=None if near else "see `advisor hardware list`, or describe it in --catalog FILE",
        )

    def _all_names(self) -> Iterable[tuple[str, Name, bool]]:
        if self._names is None:
            self._names = [
                (device_id, name_of(compact), position == 0)
                for device_id, row in self._rows.items()
                for position, compact in enumerate(row["names"])
            ]
        return self._names

    def _match(self, wanted: Name) -> list[DeviceSpec]:
        """Devices in the best tier: the very name; an alias; a name with branding left out; with branding added.

        A device that bears the name goes before one that old drivers report under it (laptop GPUs without the suffix).
        """
        tiers: tuple[list[str], ...] = ([], [], [], [])
        for device_id, own, primary in self._all_names():
            tier = _tier(wanted, own, primary)
            if tier is not None and self._agrees(wanted, own, device_id):
                tiers[tier].append(device_id)
        ids = next((t for t in tiers if t), [])
        devices = [i for i in dict.fromkeys(ids) if self._rows[i]["kind"] != DeviceKind.MACHINE]
        return [self.get(i) for i in devices or dict.fromkeys(ids)]

    def _agrees(self, wanted: Name, own: Name, device_id: str) -> bool:
        """Vendor, memory, memory kind and cores that the name states are this device's."""
        row = self._rows[device_id]
        if wanted.vendor not in (None, row["vendor"]) and row["vendor"] not in ("generic", "AWS"):
            return bool(row["kind"] == DeviceKind.MACHINE)
        if wanted.gpu_cores is not None and row.get("cores") not in (None, wanted.gpu_cores):
            return False
        kinds = re.findall(r"[a-z0-9]+", row.get("memory_kind", "").lower())
        if wanted.memory_kind and wanted.memory_kind != own.memory_kind and wanted.memory_kind not in kinds:
            return False
        if wanted.memory_gib is None or wanted.memory_gib == own.memory_gib:
            return True
        stated_bytes: float = wanted.memory_gib * GIB
        return _close(self.get(device_id), stated_bytes)

    def _by_pattern(self, text: str) -> list[DeviceSpec]:
        """Devices of which a pattern names this processor."""
        key = cpu_key(text)
        found = [
            device_id
            for device_id, row in self._rows.items()
            for pattern in (*row.get("patterns", ()), *(processor[0] for processor in row.get("processors", ())))
            if _names(pattern, key)
        ]
        return [self.get(i) for i in dict.fromkeys(found)]

    def _fitting(self, found: Sequence[DeviceSpec], memory_bytes: int | None) -> tuple[DeviceSpec, ...]:
        """Those of this memory size, or all where the size decides nothing."""
        if memory_bytes is None:
            return tuple(found)
        return tuple(spec for spec in found if _close(spec, memory_bytes)) or tuple(found)

    def _model(self, spec: DeviceSpec) -> frozenset[str]:
        """What names a model apart from its variants."""
        return name_of(self._rows[spec.id]["names"][0]).tokens - _BRANDING


def _tier(wanted: Name, own: Name, primary: bool) -> int | None:
    """How well `wanted` is `own`: 0 the very name, 1 an alias, 2 branding left out, 3 branding added; None: not."""
    if wanted.tokens == own.tokens:
        return 0 if primary else 1
    if not any(c.isdigit() for token in wanted.tokens for c in token):
        return None  # "Radeon" or "TITAN" alone names no device
    missing, added = own.tokens - wanted.tokens, wanted.tokens - own.tokens
    if not missing <= OPTIONAL or not added <= OPTIONAL or not own.tokens & wanted.tokens:
        return None
    return 3 if added else 2
