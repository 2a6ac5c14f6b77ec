"""Plain text tables that fit a width: numbers to the right, one column that gives way."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, its alignment, and what happens when space runs out: a growing column is shortened, one with a
    `drop` is left out, the highest first.
    """

    title: str
    right: bool = False
    grow: bool = False
    drop: int = 0


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


LEAST_GROWN = 16
"""Cells that a growing column is not shortened below while another column can be left out."""


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines of a table with a heading.

    Where it is too wide, the growing column is shortened, down to 12 cells; before that, columns with a `drop` go.
    """
    cells = [[column.title for column in columns], *rows]
    widths = [max(display_width(row[i]) for row in cells) for i in range(len(columns))]
    kept = _kept(columns, widths, width)
    excess = _total(widths, kept) - width
    for i in kept:
        if columns[i].grow and excess > 0:
            widths[i] = max(12, widths[i] - excess)
    return [
        "  ".join(_pad(shorten(row[i], widths[i]), widths[i], columns[i].right) for i in kept).rstrip() for row in cells
    ]


def _kept(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Numbers of the columns that stay."""
    kept = list(range(len(columns)))
    least = [min(w, LEAST_GROWN) if column.grow else w for column, w in zip(columns, widths, strict=True)]
    for i in sorted((i for i in kept if columns[i].drop), key=lambda i: -columns[i].drop):
        if _total(least, kept) <= width:
            break
        kept.remove(i)
    return kept


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[i] for i in kept) + 2 * (len(kept) - 1)
