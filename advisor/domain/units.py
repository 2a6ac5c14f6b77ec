"""Sizes and durations as people write them. GiB and ms appear only at the edges; inside, bytes and seconds."""

import math
import re

from advisor.errors import UsageError

KIB = 1024
MIB = 1024**2
GIB = 1024**3

_SIZE_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": KIB, "mib": MIB, "gib": GIB, "tib": 1024**4,
    "k": KIB, "m": MIB, "g": GIB, "t": 1024**4,
}  # fmt: skip
_DURATION_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)\s*")

MAX_BYTES = 1 << 60
"""Larger than any memory that is sold; a larger figure is a slip of the hand."""
MAX_DURATION_S = 7 * 86400.0


def _split(text: str, what: str, example: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise UsageError(f"{what} `{text}` is not understood", hint=f"write it like {example}")
    return float(match[1]), match[2].lower()


def parse_size(text: str, what: str = "size") -> int:
    """Bytes of `64GiB`, `24 GB`, `512MB`, `8G` (a bare letter is a power of 1024). Raises UsageError.

    A number without a unit is bytes; one below a mebibyte is refused, for no memory is that small.
    """
    number, unit = _split(text, what, "64GiB or 24GB")
    if unit not in _SIZE_UNITS:
        raise UsageError(f"{what} `{text}` has an unknown unit", hint="use B, KB, MB, GB, KiB, MiB or GiB")
    size = number * _SIZE_UNITS[unit]
    if not unit and 0 < size < MIB:
        raise UsageError(f"{what} `{text}` has no unit: that would be bytes", hint=f"write {text.strip()}GiB")
    if not 0 < size <= MAX_BYTES:
        raise UsageError(f"{what} `{text}` is out of range", hint="give a positive size, e.g. 64GiB")
    return int(size)


def parse_duration(text: str, what: str = "duration") -> float:
    """Seconds of `800ms`, `2s`, `1m`. Raises UsageError unless it is positive and at most a week."""
    number, unit = _split(text, what, "800ms, 2s or 1m")
    if unit not in _DURATION_UNITS:
        raise UsageError(f"{what} `{text}` has an unknown unit", hint="use ms, s, m or h")
    seconds = number * _DURATION_UNITS[unit]
    if not 0 < seconds <= MAX_DURATION_S:
        raise UsageError(f"{what} `{text}` is out of range", hint="give a positive time, e.g. 500ms")
    return seconds


def format_size(size_bytes: float | None) -> str:
    """`12.3 GiB`, `640 MiB`; `?` for unknown."""
    if size_bytes is None:
        return "?"
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if abs(size_bytes) >= unit:
            value = size_bytes / unit
            return f"{value:.0f} {name}" if abs(value) >= 100 else f"{value:.1f} {name}"
    return f"{size_bytes:.0f} B"


def format_duration(seconds: float | None) -> str:
    """`85 ms`, `2.4 s`, `3 min 20 s`; `?` for unknown."""
    if seconds is None or math.isnan(seconds):
        return "?"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def format_energy(joules: float | None) -> str:
    """`85 J`, `4.2 kJ`, `1.3 MJ`; `?` for unknown."""
    if joules is None or math.isnan(joules):
        return "?"
    for unit, name in ((1e6, "MJ"), (1e3, "kJ")):
        if joules >= unit:
            value = joules / unit
            return f"{value:.0f} {name}" if value >= 100 else f"{value:.1f} {name}"
    return f"{joules:.0f} J"


def format_count(count: float | None) -> str:
    """`270M`, `8.0B`, `1.0T`; `?` for unknown."""
    if count is None:
        return "?"
    for unit, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= unit:
            value = count / unit
            return f"{value:.0f}{name}" if value >= 100 else f"{value:.1f}{name}"
    return f"{count:.0f}"


def format_rate(bytes_per_s: float | None) -> str:
    """`1008 GB/s`, powers of 1000 as data sheets write it; `?` for unknown."""
    return "?" if bytes_per_s is None else f"{bytes_per_s / 1e9:.0f} GB/s"
