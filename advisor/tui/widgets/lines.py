"""Lines of content that are laid out for the width they are drawn in."""

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

Draw = Callable[[int], Sequence[Content]]
"""From a width in cells to lines; none should be wider."""


class Lines(Static):
    """Draws what `draw` returns for the width there is."""

    def __init__(self, draw: Draw, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self._draw_lines = draw

    def again(self) -> None:
        """Something has changed: draw anew, as high as it needs to be."""
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines at this width."""
        return sum(1 + max(0, line.cell_length - 1) // max(1, width) for line in self._draw_lines(max(20, width)))

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join(self._draw_lines(max(20, self.content_size.width)))
