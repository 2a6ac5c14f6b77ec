"""Memory modules from the firmware's tables: kind, speed they run at, channels in use. Mostly readable by root alone.

Layout of the tables: DMTF DSP0134 (SMBIOS), structure type 17. No serial numbers are taken from them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from advisor.probes.host import Host
from advisor.probes.text import clean

TABLES = "/sys/firmware/dmi/tables/DMI"
MAX_TABLES = 1 << 18
MEMORY_DEVICE = 17
_KINDS = {0x18: "DDR3", 0x1A: "DDR4", 0x1D: "LPDDR3", 0x1E: "LPDDR4", 0x22: "DDR5", 0x23: "LPDDR5"}
"""SMBIOS memory types; virtual machines say others."""
_CHANNELS = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (r"chan(?:nel)?[ _-]?([a-z0-9])", r"dimm[ _-]?([a-p])\d?", r"\b([a-l])\d\b")
)
"""How slots name their channel, the clearest first."""
_PLACE = re.compile(r"(?:controller|imc|mc|p(?:roc)?|cpu|node|socket)[ _-]?(\d)", re.IGNORECASE)
MAX_SPEED = 20_000
"""MT/s; no module comes near it."""
MAX_BITS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticks:
    """What the modules in use tell together."""

    kind: str
    """DDR5-5600: kind and the speed that the slowest runs at, in MT/s."""
    bandwidth_bytes_per_s: float | None
    """Of one socket: channels in use × their width × transfers; None where the channels are not named."""
    source: str


def read_tables(_: str = "") -> Any:
    """`[{"mib", "bits", "mts", "type", "slot"}]` of each slot; None where this user may not read the tables."""
    try:
        with open(TABLES, "rb") as file:
            return list(memory_devices(file.read(MAX_TABLES)))
    except OSError:
        return None


def memory_devices(raw: bytes) -> Iterator[dict[str, Any]]:
    """Every structure of type 17, whatever stands between them; ends where the tables do not make sense."""
    place = 0
    while place + 4 <= len(raw):
        kind, length = raw[place], raw[place + 1]
        end = raw.find(b"\0\0", place + length)
        if length < 4 or end < 0:
            return
        if kind == MEMORY_DEVICE and length >= 0x15:
            yield _device(raw[place : place + length], raw[place + length : end].split(b"\0"))
        place = end + 2


def _device(body: bytes, strings: list[bytes]) -> dict[str, Any]:
    def number(at: int, size: int = 2) -> int:
        return int.from_bytes(body[at : at + size], "little") if at + size <= len(body) else 0

    def text(at: int) -> str:
        index = number(at, 1)
        return clean(strings[index - 1].decode("utf-8", "replace")) if 0 < index <= len(strings) else ""

    size = number(0x0C)
    mebibytes = number(0x1C, 4) if size == 0x7FFF else 0 if size == 0xFFFF else size >> 10 if size >> 15 else size
    speed = number(0x20) or number(0x15)  # the speed it is set to, not the one it could have
    return {
        "mib": mebibytes,
        "bits": number(0x0A),
        "mts": number(0x58, 4) if speed == 0xFFFF else speed,
        "type": number(0x12, 1),
        "slot": f"{text(0x11)} {text(0x10)}".strip(),
    }


def read_sticks(host: Host, sockets: int | None) -> Sticks | None:
    """The modules in use; None where they are not told, or not of a known kind and speed."""
    answer = host.ask("memory_devices")
    rows = [row for row in answer if isinstance(row, Mapping)] if isinstance(answer, list) else []
    used = [row for row in rows[:1024] if _within(row, "mib", 1 << 24)]
    kinds = {_KINDS.get(_within(row, "type", 256) or 0) for row in used}
    speeds = [speed for row in used if (speed := _within(row, "mts", MAX_SPEED))]
    if len(kinds) != 1 or None in kinds or len(speeds) != len(used):
        return None
    kind, speed, bits = f"{kinds.pop()}-{min(speeds)}", min(speeds), _bits(used)
    rate = speed * 1e6 * bits / 8 / (sockets or 1) if bits else None
    width = f", {bits} bits wide" if bits else ", channels unknown"
    return Sticks(kind=kind, bandwidth_bytes_per_s=rate, source=f"SMBIOS: {len(used)} modules of {kind}{width}")


def _within(row: Mapping[str, Any], key: str, most: int) -> int | None:
    value = row.get(key)
    return value if type(value) is int and 0 < value < most else None


def _bits(used: list[Mapping[str, Any]]) -> int | None:
    """Width of all channels together: two modules of one channel take turns.

    Soldered memory has one device for each narrow channel, often without a name for it.
    """
    channels: dict[str, int] = {}
    for number, row in enumerate(used):
        bits, slot = _within(row, "bits", 1 << 10), row.get("slot")
        if bits is None:
            return None
        key = _channel(slot if isinstance(slot, str) else "")
        if key is None and bits > 32 and len(used) > 1:
            return None
        name = key or f"device {number}"
        channels[name] = max(channels.get(name, 0), bits)
    return min(sum(channels.values()), MAX_BITS) or None


def _channel(slot: str) -> str | None:
    """Socket, controller and channel of a slot's name, e.g. `P0 CHANNEL A DIMM 1` or `Controller1-ChannelB-DIMM0`."""
    found = next((match for pattern in _CHANNELS if (match := pattern.search(slot))), None)
    return None if found is None else " ".join([*_PLACE.findall(slot), found[1].lower()])
