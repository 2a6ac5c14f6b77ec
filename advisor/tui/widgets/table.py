"""A table of rows: a titled rule, a heading, and a list that the keyboard moves through. Rows are laid out again
whenever the width changes."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from advisor.tui.widgets.columns import Column, Row, lay_out
from advisor.tui.widgets.rule import Rule


class RowList(OptionList):
    """The rows. `enter` selects; arrows, j, k, g and G move."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Detail", show=True),
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g", "first", "First", show=False),
        Binding("G,shift+g", "last", "Last", show=False),
    ]


class PlainRowList(RowList):
    """Rows that lead nowhere: `enter` is not announced."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Select", show=False)]


class Table(Vertical):
    """A titled table. `show_rows` replaces its rows and keeps the cursor on the same key where that is still there."""

    def __init__(self, columns: Sequence[Column], *, title: str, leads: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.rows: tuple[Row, ...] = ()
        self._title = title
        self._leads = leads

    def compose(self) -> ComposeResult:
        """Rule, heading, rows."""
        yield Rule(self._title)
        yield Static("", classes="table-heading", markup=False)
        yield (RowList if self._leads else PlainRowList)(markup=False, compact=True)

    @property
    def list(self) -> OptionList:
        """The list that takes the focus."""
        return self.query_one(OptionList)

    @property
    def current(self) -> str | None:
        """Key of the row under the cursor."""
        index = self.list.highlighted
        return None if index is None or index >= len(self.rows) else self.rows[index].key

    def show_note(self, note: str, title: str | None = None) -> None:
        """Change what the rule says."""
        self.query_one(Rule).set(title or self._title, note)

    def show_rows(
        self, rows: Sequence[Row], *, columns: Sequence[Column] | None = None, cursor: str | None = None
    ) -> None:
        """Replace the rows (and the columns, where given); the cursor goes to the row `cursor` or stays on its own."""
        key = cursor or self.current
        self.columns = tuple(columns) if columns is not None else self.columns
        self.rows = tuple(rows)
        self._draw(key)

    def to_top(self) -> None:
        """The cursor on the first row that can be chosen."""
        first = next((i for i, row in enumerate(self.rows) if row.selectable), None)
        if first is not None:
            self.list.highlighted = first
            self.list.scroll_home(animate=False)

    def _draw(self, key: str | None) -> None:
        width = self.list.scrollable_content_region.width - 2
        if width <= 0:
            return
        layout = lay_out(self.columns, self.rows, width)
        self.query_one(".table-heading", Static).update(layout.heading)
        options = [
            Option(block, disabled=not row.selectable) for row, block in zip(self.rows, layout.rows, strict=True)
        ]
        keys = [row.key for row in self.rows if row.selectable]
        chosen = key if key in keys else (keys[0] if keys else None)
        self.list.set_options(options)
        self.list.highlighted = None if chosen is None else [row.key for row in self.rows].index(chosen)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out again."""
        self.call_after_refresh(lambda: self._draw(self.current))
