"""The first screen: machine, question, ranked rows, and the pane that explains the row under the cursor."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import Footer, Input, OptionList

from advisor.decide.recommendation import NearMiss, Pick, Recommendation
from advisor.tui.actions import Scope, bindings
from advisor.tui.messages import Ranked
from advisor.tui.ranking_rows import COLUMNS, ORDERS, key_of, rows_of, summary
from advisor.tui.screens.base import AdvisorScreen
from advisor.tui.shown import shown_of
from advisor.tui.widgets.choice_pane import ChoicePane
from advisor.tui.widgets.frontier_plot import FrontierPlot
from advisor.tui.widgets.machine_header import MachineHeader
from advisor.tui.widgets.question_form import QuestionForm
from advisor.tui.widgets.table import Table

MAX_MARKED = 4
"""More columns than four do not fit side by side."""


class HomeScreen(AdvisorScreen):
    """Recommend."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.HOME)]

    def __init__(self) -> None:
        super().__init__()
        self.result: Recommendation | None = None
        self.marked: list[str] = []
        self._order = "rank"
        self._seconds: float | None = None

    def compose(self) -> ComposeResult:
        """Header, form, filter, rows, panes, footer."""
        yield MachineHeader(id="machine")
        yield QuestionForm(id="question")
        with Container(id="body"):
            with Vertical(id="left"):
                yield Table(COLUMNS, title="Ranking", leads=True, id="ranking")
                yield FrontierPlot(id="plot")
            with VerticalScroll(id="detail", can_focus=True), Container(id="panes"):
                yield ChoicePane("figures", id="figures")
                yield ChoicePane("reasons", id="reasons")
        yield Input(placeholder="words to keep, !word to drop", compact=True, id="filter")
        yield ChoicePane("compact", id="compact")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Keys go to the rows."""
        self.query_one("#ranking", Table).show_note("reading the catalog …")
        self.query_one("#ranking", Table).list.focus()

    def current(self) -> Pick | NearMiss | None:
        """The pick or near miss under the cursor."""
        key = self.query_one("#ranking", Table).current
        return None if self.result is None else self.find(key)

    def find(self, key: str | None) -> Pick | NearMiss | None:
        """The pick or near miss with this key."""
        items: list[Pick | NearMiss] = [] if self.result is None else [*self.result.picks, *self.result.near_misses]
        return next((item for item in items if key_of(item) == key), None)

    def show_result(self, message: Ranked) -> None:
        """A new answer."""
        other = self.result is not None and self.result.machine.name != message.result.machine.name
        self.result, self._seconds = message.result, message.seconds
        self.marked = [key for key in self.marked if self.find(key) is not None]
        self.query_one("#ranking").remove_class("-stale")
        self.refresh_rows()
        if other:  # the best for the new machine, not wherever the last one's choice has gone
            self.query_one("#ranking", Table).to_top()

    def refresh_rows(self) -> None:
        """Draw the rows again: after an answer, a mark, a filter or an order."""
        if self.result is None:
            return
        text = self.query_one("#filter", Input).value
        rows = rows_of(self.result, order=self._order, text=text, marked=self.marked)
        table = self.query_one("#ranking", Table)
        table.show_rows(rows)
        picks = sum(1 for row in rows if row.cells and not row.dim)
        title = "Ranking" if self._order == "rank" else f"Ranking by {self._order}"
        marks = f"{len(self.marked)} marked, c compares · " if self.marked else ""
        table.show_note(marks + summary(self.result, picks, self._seconds if self.advisor.show_timing else None), title)
        self.show_current()

    def show_current(self) -> None:
        """Explain the row under the cursor."""
        item = self.current()
        shown = None if item is None or self.result is None else shown_of(item, self.result.question.budget)
        for pane in self.query(ChoicePane):
            pane.show(shown)
        if self.result is not None:
            self.query_one(FrontierPlot).show(self.result, None if item is None else key_of(item))

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.show_current()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.advisor.action_detail()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        self.refresh_rows()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#ranking", Table).list.focus()

    def action_filter(self) -> None:
        """Open the filter line."""
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor."""
        item = self.current()
        if item is None:
            return
        key = key_of(item)
        if key in self.marked:
            self.marked.remove(key)
        elif len(self.marked) < MAX_MARKED:
            self.marked.append(key)
        else:
            self.notify(f"{MAX_MARKED} rows are marked already", severity="warning", markup=False)
        self.refresh_rows()

    def action_order(self) -> None:
        """Ask for the order of the rows."""
        from advisor.tui.screens.menu import Menu

        self.app.push_screen(Menu("Order the rows by", list(ORDERS), self._order), self._set_order)

    def _set_order(self, order: str | None) -> None:
        if order is not None:
            self._order = order
            self.refresh_rows()

    def action_plot(self) -> None:
        """Show or hide quality against time."""
        self.toggle_class("-plot")
        self.call_after_refresh(self.show_current)

    def action_panel(self, name: str) -> None:
        """Focus one of the panels."""
        if name == "question":
            self.query_one("#task").focus()
        elif name == "detail" and self.query_one("#detail").display:
            self.query_one("#detail").focus()
        else:
            self.query_one("#ranking", Table).list.focus()

    def action_back(self) -> None:
        """Close the filter, leave a field; never leave the app."""
        text = self.query_one("#filter", Input)
        if self.has_class("-filtering"):
            self.remove_class("-filtering")
            text.value = ""
        elif self.has_class("-plot"):
            self.remove_class("-plot")
        self.query_one("#ranking", Table).list.focus()

    def say(self, text: str) -> None:
        """A line in place of the counts, while what is shown is not what is asked."""
        table = self.query_one("#ranking", Table)
        table.show_note(text)
        table.add_class("-stale")
