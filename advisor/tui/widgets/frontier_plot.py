"""Quality against the time of a whole answer, one mark a pick: which choices nothing quicker equals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from advisor.decide.frontier import Axis, FrontierPoint, frontier
from advisor.decide.recommendation import Recommendation
from advisor.domain.units import format_duration
from advisor.tui.widgets.rule import rule_line

MARGIN = 4
"""Cells left of the plot for the scale."""


NAME_WIDTH = 26
"""Cells for the name beside a mark."""


def _spread(low: float, high: float, least: float) -> tuple[float, float]:
    """Ends that are at least `least` apart, around the same middle."""
    extra = max(0.0, least - (high - low)) / 2
    return low - extra, high + extra


class Canvas:
    """A grid of cells; later drawing goes on top."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._cells: dict[tuple[int, int], tuple[str, str]] = {}

    def put(self, column: int, row: int, text: str, style: str) -> None:
        """Write text from a cell to the right."""
        for offset, character in enumerate(text):
            if 0 <= column + offset < self.width and 0 <= row < self.height:
                self._cells[column + offset, row] = (character, style)

    def is_free(self, column: int, row: int, length: int) -> bool:
        """Nothing is drawn there, and it lies inside."""
        inside = column >= 0 and column + length <= self.width
        return inside and not any((c, row) in self._cells for c in range(column, column + length))

    def line(self, row: int) -> Content:
        """One row."""
        found = [self._cells.get((column, row)) for column in range(self.width)]
        return Content("").join(Content(" ") if cell is None else Content.styled(*cell) for cell in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Ends of both axes: time is logarithmic."""

    quickest_s: float
    slowest_s: float
    worst: float
    best: float

    def column(self, seconds: float, width: int) -> int:
        """Cell of a time."""
        low, high = math.log(self.quickest_s), math.log(self.slowest_s)
        return round((math.log(max(seconds, 1e-6)) - low) / (high - low) * (width - 1))

    def row(self, score: float, height: int) -> int:
        """Cell of a score, the best on top."""
        return round((self.best - score) / (self.best - self.worst) * (height - 1))


def scale_of(points: Sequence[FrontierPoint]) -> Scale:
    """A scale that holds every point."""
    logs = [math.log(max(p.cost, 1e-6)) for p in points]
    x0, x1 = _spread(min(logs), max(logs), 0.5)
    y0, y1 = _spread(min(p.score for p in points), max(p.score for p in points), 4.0)
    return Scale(quickest_s=math.exp(x0), slowest_s=math.exp(x1), worst=y0, best=y1)


def draw(points: Sequence[FrontierPoint], scale: Scale, current: str | None, canvas: Canvas) -> None:
    """Marks for all points, names for those on the frontier and the current one where there is room."""
    named = []
    for point in points:
        chosen = point.assessment.candidate.model_id == current
        glyph, style = ("○", "$foreground-muted")
        if point.on_frontier:
            glyph, style = "●", "$primary"
        if chosen:
            glyph, style = "◆", "bold $accent"
        column, row = scale.column(point.cost, canvas.width), scale.row(point.score, canvas.height)
        canvas.put(column, row, glyph, style)
        if chosen or point.on_frontier:
            named.append((not chosen, column, row, point.assessment.candidate.system.entry.name[:NAME_WIDTH], style))
    for _, column, row, name, style in sorted(named):
        for start in (column + 2, column - 1 - len(name)):
            if canvas.is_free(start, row, len(name)):
                canvas.put(start, row, name, style)
                break


def plot_lines(result: Recommendation, current: str | None, width: int, height: int) -> list[Content]:
    """The plot with its scales in `width` x `height` cells; an empty list when there is nothing to draw."""
    points = frontier([pick.assessment for pick in result.picks], Axis.LATENCY)
    canvas = Canvas(width - MARGIN - 1, height - 3)
    if not points or canvas.width < 20 or canvas.height < 3:
        return []
    scale = scale_of(points)
    draw(points, scale, current, canvas)
    lines = [rule_line("Quality against time of a whole answer", "f shows and hides", width)]
    for row in range(canvas.height):
        value = scale.best - (scale.best - scale.worst) * row / (canvas.height - 1)
        labelled = row in (0, canvas.height // 2, canvas.height - 1)
        label = f"{value:>{MARGIN - 1}.0f} " if labelled else " " * MARGIN
        lines.append(Content.styled(f"{label}│", "$foreground-muted").append(canvas.line(row)))
    return [*lines, _time_scale(scale, canvas.width), _legend().truncate(width)]


def _legend() -> Content:
    return Content.assemble(
        " " * (MARGIN + 1), ("●", "$primary"), " nothing quicker is as good  ", ("○", "$foreground-muted"),
        " others  ", ("◆", "$accent"), " this row",
    )  # fmt: skip


def _time_scale(scale: Scale, inner: int) -> Content:
    left, right = format_duration(scale.quickest_s), format_duration(scale.slowest_s)
    middle = format_duration(math.sqrt(scale.quickest_s * scale.slowest_s))
    space = max(2, inner - len(left) - len(right) - len(middle))
    text = left + " " * (space // 2) + middle + " " * (space - space // 2) + right
    return Content.styled(" " * (MARGIN + 1) + text[:inner], "$foreground-muted")


class FrontierPlot(Static):
    """The plot as a widget."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._result: Recommendation | None = None
        self._current: str | None = None

    def show(self, result: Recommendation, current: str | None) -> None:
        """Draw an answer; `current` is the model under the cursor."""
        self._result, self._current = result, current
        self.refresh()

    def render(self) -> Content:
        """The plot."""
        if self._result is None:
            return Content("")
        size = self.content_size
        return Content("\n").join(plot_lines(self._result, self._current, size.width, min(size.height, 24)))
