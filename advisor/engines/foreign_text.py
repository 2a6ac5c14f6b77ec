"""Cleans text that an engine wrote before anything else sees it."""

import unicodedata

MAX_LENGTH = 300
"""A message is one line on a terminal, with room for a path."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str, limit: int = MAX_LENGTH) -> str:
    """One line without control, escape or direction-changing characters, at most `limit` long."""
    kept = (" " if c in "\t\r\n" else c for c in text[: limit * 4] if c in "\t\r\n" or _harmless(c))
    return " ".join("".join(kept).split())[:limit]


def clean_block(text: str) -> str:
    """The same for text of several lines: line ends and tabs stay, a carriage return alone is dropped.

    Works character by character, so a stream may be cleaned piece by piece.
    """
    return "".join(c for c in text if c in "\n\t" or _harmless(c))


def _harmless(character: str) -> bool:
    return character not in _BIDI and unicodedata.category(character) not in {"Cc", "Cs", "Co", "Cn"}
