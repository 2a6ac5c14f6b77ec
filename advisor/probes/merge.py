"""Joins what several sources saw into devices: by PCI address, then UUID, never by name or order alone.

The first source to know a fact gives it; later ones fill gaps and, where they differ, leave a conflict. Two equal
cards at two addresses stay two; one card seen five times stays one.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from advisor.domain.machine import Accelerator
from advisor.probes.sighting import Conflict, Sighting

_NOT_FACTS = {"index", "notes", "sources", "usable", "unified"}
_FACTS = tuple(f.name for f in fields(Accelerator) if f.name not in _NOT_FACTS)
_COMPARED = {"memory_total_bytes": 0.08, "bandwidth_bytes_per_s": 0.15}
"""Facts worth comparing, and how far apart is still the same: a label of 24 GB and 24564 MiB are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """One device with all that was seen of it."""

    device: Accelerator
    uuid: str | None
    revision: str | None
    other_names: tuple[str, ...]
    compute_share: float
    memory_share: float
    conflicts: tuple[Conflict, ...] = ()
    seen_by: tuple[str, ...] = ()


def merge(sightings: Iterable[Sighting]) -> tuple[Merged, ...]:
    """Devices, discrete before integrated, then by address. Give the sightings best source first."""
    groups: dict[str, list[Sighting]] = {}
    homeless: list[Sighting] = []
    for sighting in sightings:
        key = _key(sighting)
        if key is None:
            homeless.append(sighting)
        else:
            groups.setdefault(key, []).append(sighting)
    for number, sighting in enumerate(homeless):
        _house(sighting, groups, number)
    _absorb_bare_hardware(groups)
    joined = [_join(group) for group in groups.values()]
    joined.sort(key=_order)
    return tuple(replace(m, device=replace(m.device, index=i)) for i, m in enumerate(joined))


def _key(sighting: Sighting) -> str | None:
    device = sighting.device
    if device.shared_with and sighting.uuid and sighting.uuid.startswith("MIG"):
        return sighting.uuid
    return device.pci_address or sighting.uuid


def _house(sighting: Sighting, groups: dict[str, list[Sighting]], number: int) -> None:
    """A sighting without address or UUID is hardware of its maker that no driver vouched for, if there is any left."""
    for group in groups.values():
        if all(s.present_only for s in group) and group[0].device.vendor == sighting.device.vendor:
            group.insert(0, sighting)
            return
    groups[f"nowhere {number}"] = [sighting]


def _absorb_bare_hardware(groups: dict[str, list[Sighting]]) -> None:
    """A device whose driver does not tell its place takes one of its maker's places on the bus that nobody claims."""
    for key in [k for k, group in groups.items() if all(s.present_only for s in group)]:
        bare = groups[key]
        for group in groups.values():
            unplaced = all(s.device.pci_address is None for s in group) and any(s.device.usable for s in group)
            if unplaced and group[0].device.vendor == bare[0].device.vendor:
                group.extend(bare)
                del groups[key]
                break


def _order(merged: Merged) -> tuple[bool, bool, str, str]:
    device = merged.device
    return (device.unified, bool(device.shared_with), device.pci_address or "~", merged.uuid or "")


def _join(group: list[Sighting]) -> Merged:
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for sighting in group:
        for fact in _FACTS:
            value = getattr(sighting.device, fact)
            if value in (None, ""):
                continue
            if fact not in values:
                values[fact] = value
                sources[fact] = sighting.device.sources.get(fact, sighting.source)
            elif _differs(fact, values[fact], value):
                conflicts.append(_conflict(group, fact, (values[fact], sources[fact]), (value, sighting.source)))
    vouched = [s for s in group if not s.present_only]
    device = Accelerator(
        index=0,
        usable=bool(vouched) and all(s.device.usable for s in group),
        unified=any(s.device.unified for s in group),
        notes=tuple(dict.fromkeys(note for s in group for note in s.device.notes)),
        sources=sources,
        **{"name": "", **values},
    )
    return Merged(
        device=device,
        uuid=next((s.uuid for s in group if s.uuid), None),
        revision=next((s.revision for s in group if s.revision), None),
        other_names=tuple(dict.fromkeys(name for s in group for name in s.other_names)),
        compute_share=group[0].compute_share,
        memory_share=group[0].memory_share,
        conflicts=tuple(conflicts),
        seen_by=tuple(dict.fromkeys(s.source for s in group)),
    )


def _differs(fact: str, first: Any, second: Any) -> bool:
    tolerance = _COMPARED.get(fact)
    return tolerance is not None and abs(first - second) > tolerance * max(abs(first), abs(second))


def _conflict(group: list[Sighting], fact: str, kept: tuple[Any, str], other: tuple[Any, str]) -> Conflict:
    names = (s.device.name or s.device.pci_address or s.device.vendor for s in group)
    return Conflict(
        device=next(iter(names)),
        fact=fact,
        kept=str(kept[0]),
        kept_source=kept[1],
        other=str(other[0]),
        other_source=other[1],
    )
