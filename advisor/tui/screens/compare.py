"""Two to four choices side by side."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer

from advisor.decide.recommendation import NearMiss, Pick
from advisor.tui.actions import Scope, bindings
from advisor.tui.comparison_rows import columns_of, rows_of
from advisor.tui.screens.base import AdvisorScreen
from advisor.tui.widgets.table import Table


class CompareScreen(AdvisorScreen):
    """Attributes as rows; `*` stands before the best of each."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.COMPARE)]

    def __init__(self, items: Sequence[Pick | NearMiss]) -> None:
        super().__init__()
        self.items = tuple(items)

    def compose(self) -> ComposeResult:
        """One table."""
        yield Table((), title="Compare", id="comparison")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Keys go to the table."""
        table = self.query_one(Table)
        table.show_note("* best of the row")
        table.list.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Columns share the width."""
        width = event.size.width - 4
        self.query_one(Table).show_rows(rows_of(self.items, width), columns=columns_of(self.items, width))
