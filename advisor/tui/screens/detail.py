"""Everything of one choice: its quantizations, how far the context can grow, memory, time, reasons, evidence."""

from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.message import Message
from textual.widgets import Footer

from advisor.decide.question import Question
from advisor.decide.recommendation import NearMiss, Pick
from advisor.domain.machine import Machine
from advisor.tui.actions import Scope, bindings
from advisor.tui.choice_rows import CONTEXT_COLUMNS, LADDER_COLUMNS, context_rows, ladder_rows, longest_fitting
from advisor.tui.messages import LadderRead, WorkFailed
from advisor.tui.screens.base import AdvisorScreen
from advisor.tui.shown import shown_of
from advisor.tui.widgets.choice_pane import ChoicePane
from advisor.tui.widgets.table import Table
from advisor.verbs.question import Request


class DetailScreen(AdvisorScreen):
    """One choice in full. The row of the first table under the cursor is what download and bench take."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.DETAIL)]

    def __init__(self, item: Pick | NearMiss, request: Request, machine: Machine, question: Question) -> None:
        super().__init__()
        self.item, self.asked, self.machine = item, request, machine
        self._shown = replace(shown_of(item, question.budget), evidence=getattr(item, "evidence", ()))

    def compose(self) -> ComposeResult:
        """Tables beside (or above) the panes."""
        with Container(id="detail-body"):
            with Container(id="tables"):
                yield Table(LADDER_COLUMNS, title=f"{self.item.model.name}: quantizations", id="ladder")
                yield Table(CONTEXT_COLUMNS, title="Context windows", id="contexts")
            with VerticalScroll(id="words", can_focus=True):
                yield ChoicePane("figures", id="figures")
                yield ChoicePane("reasons", id="reasons")
                yield ChoicePane("evidence", id="evidence")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what is known, ask for the tables."""
        for pane in self.query(ChoicePane):
            pane.show(self._shown)
        self.query_one("#ladder", Table).show_note("computing …")
        self.query_one("#ladder", Table).list.focus()
        self._read()

    @property
    def target(self) -> str:
        """`MODEL:QUANT` of the row under the cursor."""
        quant = self.query_one("#ladder", Table).current or self.item.assessment.estimate.quant
        return f"{self.item.model.id}:{quant}"

    @work(thread=True, exclusive=True)
    def _read(self) -> None:
        model, quant = self.item.model.id, self.item.assessment.estimate.quant
        session, mode = self.advisor.session, self.item.assessment.candidate.system.mode

        def job() -> Message:
            ladder = tuple(session.ladder(model, mode, self.asked, self.machine))
            contexts = tuple(session.contexts(model, quant, mode, self.asked, self.machine))
            return LadderRead(model, ladder, contexts)

        self.advisor.attempt("detail", job, self.post_message)

    def on_ladder_read(self, message: LadderRead) -> None:
        """Fill the tables; the choice itself is under the cursor."""
        quant = self.item.assessment.estimate.quant
        ladder, contexts = self.query_one("#ladder", Table), self.query_one("#contexts", Table)
        ladder.show_rows(ladder_rows(message.ladder, quant), cursor=quant)
        ladder.show_note(f"{len(message.ladder)} published · * the choice")
        contexts.show_rows(context_rows(message.contexts))
        contexts.show_note(longest_fitting(message.contexts))

    def on_work_failed(self, message: WorkFailed) -> None:
        """Say why in place of the tables."""
        self.query_one("#ladder", Table).show_note(message.message)
