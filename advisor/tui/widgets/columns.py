"""Rows of text laid out in columns: numbers to the right, one column that takes what is left. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

Cell = str | Content

GAP = 2
"""Blank cells between columns."""
MIN_GROW = 12
"""The growing column is never narrower, so a name stays recognizable."""
GOOD_GROW = 22
"""Width of the growing column that other columns give way for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `grow`: takes the space that is left; `rank`: columns of the highest rank give way first when the
    growing column would be narrower than is good; of rank 1 only when it would be hardly readable, of rank 0 never.
    `middle`: names that differ at their ends are cut in the middle."""

    title: str
    right: bool = False
    grow: bool = False
    rank: int = 0
    middle: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row with a cell for every column, shown or not. `note`: a second line under the growing column."""

    key: str
    cells: tuple[Cell, ...]
    dim: bool = False
    note: Cell | None = None
    selectable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A laid-out table: one heading line and one block of lines for each row."""

    heading: Content
    rows: tuple[Content, ...]


def plain(cell: Cell) -> Content:
    """A cell as content; text is never read as markup."""
    return cell if isinstance(cell, Content) else Content(cell)


def fit(cell: Cell, width: int, right: bool = False) -> Content:
    """Exactly `width` cells: cut with an ellipsis, or padded."""
    content = plain(cell)
    if content.cell_length > width:
        return content.truncate(width, ellipsis=True, pad=True)
    space = width - content.cell_length
    return content.pad_left(space) if right else content.pad_right(space)


TAIL = 10
"""Cells that stay of the end of a name that is cut in the middle: `), 128 GB`."""


def shorten_middle(cell: Cell, width: int) -> Cell:
    """As it is where it fits, else its beginning and its end."""
    text = plain(cell).plain
    if plain(cell).cell_length <= width or width < TAIL + 4 or not text.isascii():
        return cell
    return f"{text[: width - TAIL - 1].rstrip()}…{text[-TAIL:].lstrip()}"


def _natural(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    """Width of the widest cell of each column."""
    return [
        max([len(column.title), *(plain(row.cells[i]).cell_length for row in rows if row.cells)])
        for i, column in enumerate(columns)
    ]


def choose_columns(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Indices of the columns that fit."""
    shown = list(range(len(columns)))
    longest = max((natural[i] for i in shown if columns[i].grow), default=0)
    while highest := max((columns[i].rank for i in shown), default=0):
        good = min(GOOD_GROW if highest > 1 else MIN_GROW, longest)
        fixed = sum(natural[i] for i in shown if not columns[i].grow)
        if fixed + good + GAP * (len(shown) - 1) <= width:
            break
        shown.remove(max(shown, key=lambda i: columns[i].rank))
    return shown


def _widths(columns: Sequence[Column], natural: Sequence[int], shown: Sequence[int], width: int) -> list[int]:
    left = width - sum(natural[i] for i in shown) - GAP * (len(shown) - 1)
    return [max(min(MIN_GROW, natural[i]), natural[i] + left) if columns[i].grow else natural[i] for i in shown]


def lay_out(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Layout:
    """Lay a table out in `width` cells. A row without cells is a heading of its own: its note fills the line."""
    natural = _natural(columns, rows)
    shown = choose_columns(columns, natural, width)
    widths = _widths(columns, natural, shown, width)
    heading = _line([columns[i].title for i in shown], [columns[i] for i in shown], widths)
    indent = _note_indent([columns[i] for i in shown], widths)
    blocks = []
    for row in rows:
        if not row.cells:
            blocks.append(fit(row.note or "", width).stylize("$foreground-muted"))
            continue
        block = _line([row.cells[i] for i in shown], [columns[i] for i in shown], widths)
        if row.note is not None:
            note = fit(row.note, width - indent).pad_left(indent)
            block = Content("\n").join([block, note])
        blocks.append(block.stylize("$foreground-muted") if row.dim else block)
    return Layout(heading=heading.stylize("$foreground-muted"), rows=tuple(blocks))


def _line(cells: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int]) -> Content:
    fitted = [
        fit(shorten_middle(cell, width) if column.middle else cell, width, column.right)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    ]
    return Content(" " * GAP).join(fitted)


def _note_indent(columns: Sequence[Column], widths: Sequence[int]) -> int:
    """Where the growing column begins."""
    position = 0
    for column, width in zip(columns, widths, strict=True):
        if column.grow:
            return position
        position += width + GAP
    return 0
