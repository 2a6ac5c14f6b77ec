"""Texts of several lines, wrapped and set beside each other or one below the other."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from advisor.report.text_table import display_width

LEAST_COLUMN = 34
"""Cells below which a column of prose is hard to read: then one text stands below the other."""
GAP = 3


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken between words where that can be; what was one line stays one paragraph."""
    return [line for paragraph in text.expandtabs(4).split("\n") for line in _broken(paragraph, width)]


def _broken(paragraph: str, width: int) -> Iterator[str]:
    indent = len(paragraph) - len(paragraph.lstrip(" "))
    line = " " * min(indent, width // 2)
    empty = True
    for word in paragraph.split():
        for part in _chopped(word, width):
            if not empty and display_width(line) + 1 + display_width(part) > width:
                yield line
                line, empty = "", True
            line, empty = (line + part if empty else f"{line} {part}"), False
            if display_width(line) > width:
                line = line.lstrip(" ")
    yield line.rstrip()


def _chopped(word: str, width: int) -> Iterator[str]:
    """A word in parts of at most `width` cells."""
    part = ""
    for character in word:
        if part and display_width(part + character) > width:
            yield part
            part = ""
        part += character
    yield part


def column_width(count: int, width: int) -> int | None:
    """Cells of each of `count` columns; None where they would be too narrow to read."""
    cells = (width - GAP * (count - 1)) // max(count, 1)
    return cells if cells >= LEAST_COLUMN else None


def beside(columns: Sequence[Sequence[str]], cells: int) -> list[str]:
    """Columns of lines, each `cells` wide, on the same lines."""
    lines = []
    for row in zip_longest(*columns, fillvalue=""):
        padded = (cell + " " * (cells - display_width(cell)) for cell in row)
        lines.append((" " * GAP).join(padded).rstrip())
    return lines
