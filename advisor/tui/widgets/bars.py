"""Bars made of cells: stacked shares and an interval on a scale. Pure functions.

A bar's parts differ in colour and, where the terminal shows none, in shade: no meaning hangs on colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

STYLES = ("$primary", "$accent", "$success", "$secondary", "$error", "$warning")
SHADES = "█▓▒░▞▚"
FREE = "·"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a bar: a name and a share in any unit."""

    name: str
    value: float


def cells_of(values: Sequence[float], total: float, width: int) -> list[int]:
    """Whole cells for each value on a scale where `total` fills `width`: every positive value gets at least one,
    the sum stays within the width."""
    if total <= 0 or width <= 0:
        return [0] * len(values)
    exact = [max(0.0, value) / total * width for value in values]
    cells = [max(1, int(x)) if x > 0 else 0 for x in exact]
    wanted = min(width, max(round(sum(exact)), sum(1 for x in exact if x > 0)))
    while sum(cells) > wanted and max(cells) > 1:
        cells[cells.index(max(cells))] -= 1
    order = sorted(range(len(exact)), key=lambda i: int(exact[i]) - exact[i])
    for i in order[: max(0, wanted - sum(cells))]:
        cells[i] += 1
    return cells


def glyph(index: int, plain: bool) -> str:
    """The cell of the part at `index`."""
    return SHADES[index % len(SHADES)] if plain else "█"


def stacked(parts: Sequence[Part], total: float, width: int, *, plain: bool = False) -> Content:
    """Parts side by side, the rest dotted."""
    cells = cells_of([part.value for part in parts], total, width)
    pieces = [
        Content.styled(glyph(i, plain) * count, STYLES[i % len(STYLES)]) for i, count in enumerate(cells) if count
    ]
    rest = Content.styled(FREE * (width - sum(cells)), "$foreground-disabled")
    return Content("").join([*pieces, rest])


def legend(parts: Sequence[tuple[str, str]], width: int, *, plain: bool = False) -> Content:
    """`■ name value` for each part, in the order and colours of `stacked`; closer together, then without the last
    parts, where the width is short."""
    pieces = []
    for i, (name, value) in enumerate(parts):
        mark = Content.styled(SHADES[i % len(SHADES)] if plain else "■", STYLES[i % len(STYLES)])
        pieces.append(Content.assemble(mark, f" {name} ", (value, "bold")))
    line = Content("  ").join(pieces)
    while len(pieces) > 1 and line.cell_length > width:
        line = Content(" ").join(pieces)
        pieces = pieces[:-1]
    return line


def interval_bar(low: float, middle: float, high: float, width: int, scale: float = 100.0) -> Content:
    """An interval and its middle on a track from 0 to `scale`."""
    last = max(1, width - 1)
    a, m, b = (min(last, max(0, round(value / scale * last))) for value in (low, middle, high))
    return Content.assemble(
        ("─" * a, "$foreground-disabled"),
        ("━" * (m - a), "$primary"),
        ("●", "bold $primary"),
        ("━" * (b - m), "$primary"),
        ("─" * (width - 1 - b), "$foreground-disabled"),
    )
