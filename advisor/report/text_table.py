"""Plain text tables that fit a width: numbers to the right, one column that gives way."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, its alignment, and whether this is the column that is shortened when space runs out."""

    title: str
    right: bool = False
    grow: bool = False


def display_width(text: str) -> int:
    """Terminal cells: wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: str, width: int) -> str:
    """Cut to a width in cells, with an ellipsis."""
    if display_width(text) <= width:
        return text
    kept = ""
    for character in text:
        if display_width(kept + character) > width - 1:
            break
        kept += character
    return kept + "…"


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines of a table with a heading.

    Columns other than the growing one keep their width; the whole exceeds `width` when that one is down to 12 cells.
    """
    widths = [
        max(display_width(cell) for cell in (column.title, *(row[i] for row in rows)))
        for i, column in enumerate(columns)
    ]
    excess = sum(widths) + 2 * (len(columns) - 1) - width
    for i, column in enumerate(columns):
        if column.grow and excess > 0:
            widths[i] = max(12, widths[i] - excess)
    lines = []
    for cells in ([c.title for c in columns], *rows):
        padded = [
            _pad(shorten(cell, w), w, column.right) for cell, w, column in zip(cells, widths, columns, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return lines
