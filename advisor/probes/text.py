"""Text from drivers, firmware and tools: numbers, lists and names read with no trust in what they hold."""

import re
import unicodedata

MAX_NAME = 120
"""Longest name kept; the longest in the PCI database is shorter."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def clean(text: str, limit: int = MAX_NAME) -> str:
    """One printable line: no control, escape, bidi or surrogate characters, blanks joined, cut at `limit`."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:limit]
    without_codes = _ANSI.sub("", text)
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in without_codes)
    return " ".join(kept.split())[:limit]


def clean_or_none(text: object) -> str | None:
    """`clean`, with nothing left, or no text at all, being unknown."""
    return (clean(text) or None) if isinstance(text, str) else None


def whole(text: str | None, base: int = 10) -> int | None:
    """A whole number, or None for anything else (`N/A`, empty, more than 20 digits)."""
    if text is None or len(text) > 22:
        return None
    try:
        return int(text, base)
    except ValueError:
        return None


def positive(text: str | None, base: int = 10) -> int | None:
    """A whole number above zero, or None."""
    value = whole(text, base)
    return value if value is not None and value > 0 else None


def fields(text: str | None, separator: str | None = ":") -> dict[str, str]:
    """`key<separator>value` lines as a mapping; the first of two equal keys is kept."""
    found: dict[str, str] = {}
    for line in (text or "").splitlines():
        parts = line.split(separator, 1)
        if len(parts) == 2:
            found.setdefault(parts[0].strip(), parts[1].strip())
    return found


def number_set(text: str | None, most: int = 1 << 14) -> frozenset[int]:
    """The numbers of a kernel list such as `0-3,8,10-11`; parts that make no sense are left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.strip().partition("-")
        low = whole(first)
        high = whole(last) if last else low
        if low is not None and high is not None and 0 <= low <= high < most:
            found.update(range(low, high + 1))
    return frozenset(found)


def kib(text: str | None) -> int | None:
    """Bytes of a /proc/meminfo value, `24684092 kB`."""
    value = whole((text or "").split(" ")[0]) if text else None
    return value * 1024 if value is not None and 0 <= value < 1 << 50 else None
