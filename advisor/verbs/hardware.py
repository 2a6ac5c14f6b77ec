"""List and show devices and whole machines of the hardware catalog."""

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.catalog.hardware import HardwareCatalog
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.errors import UnknownName


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareListing:
    """Devices that were asked for, and how many the catalog has."""

    devices: tuple[DeviceSpec, ...]
    total: int


def _one_of(value: str, known: Sequence[str], what: str) -> str:
    from difflib import get_close_matches

    found = next((k for k in known if k.lower() == value.strip().lower()), None)
    if found is None:
        by_key = {k.lower(): k for k in known}
        close = tuple(by_key[k] for k in get_close_matches(value.lower(), by_key, n=3))
        raise UnknownName(
            f"no {what} `{value[:40]}`", suggestions=close, hint=None if close else f"use one of {', '.join(known)}"
        )
    return found


def list_hardware(catalog: HardwareCatalog, *, kind: str | None = None, vendor: str | None = None) -> HardwareListing:
    """Devices of a kind and vendor, by vendor and name. Raises UnknownName where there is no such kind or vendor."""
    everything = catalog.devices()
    devices: Sequence[DeviceSpec] = everything
    if kind is not None:
        wanted = _one_of(kind, [k.value for k in DeviceKind], "kind of device")
        devices = [d for d in devices if d.kind.value == wanted]
    if vendor is not None:
        name = _one_of(vendor, sorted({d.vendor for d in everything}), "vendor")
        devices = [d for d in devices if d.vendor == name]
    ordered = sorted(devices, key=lambda d: (d.vendor.lower(), d.kind.value, d.released or "", d.name))
    return HardwareListing(devices=tuple(ordered), total=len(everything))


def show_hardware(catalog: HardwareCatalog, name: str) -> DeviceSpec:
    """The device that `name` means. Raises UnknownName with suggestions."""
    return catalog.find(name)
