"""Which machines meet the task, the budget and the number of users: the question the other way round."""

import re
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Footer, Static

from advisor.tui.actions import Scope, bindings
from advisor.tui.figures import UNKNOWN, rate, seconds
from advisor.tui.messages import Sized, WorkFailed
from advisor.tui.screens.base import AdvisorScreen
from advisor.tui.session import SizingRow
from advisor.tui.widgets.columns import Column, Row
from advisor.tui.widgets.table import Table
from advisor.verbs.question import Request

COLUMNS = (
    Column(title="Machine", grow=True, middle=True),
    Column(title="US$", right=True),
    Column(title="as of"),
    Column(title="Serves", rank=2),
    Column(title="Quant", rank=4),
    Column(title="Users", right=True),
    Column(title="Headroom", right=True, rank=3),
    Column(title="Binds", rank=1),
    Column(title="First s", right=True, rank=5),
    Column(title="Tok/s", right=True, rank=6),
    Column(title="Meets"),
)


_PLAIN = re.compile(r"^(?:Workstation|Server), (?=\d+x )|\b(?:GeForce|Radeon|Instinct) (?=[A-Z])")
"""What a narrow table can do without: the case round the cards, and brands that their names already tell."""


def sizing_row(row: SizingRow) -> Row:
    """One machine as a row."""
    word = Content.styled("meets", "$text-success") if row.meets else Content.styled("misses", "$text-warning")
    return Row(
        key=row.machine,
        cells=(
            _PLAIN.sub("", row.machine),
            UNKNOWN if row.price_usd is None else f"{row.price_usd:,.0f}{'' if row.price_complete else '+'}",
            (row.price_date or UNKNOWN)[:7],
            row.model,
            row.quant,
            UNKNOWN if row.users_held is None else str(row.users_held),
            UNKNOWN if row.headroom_ratio is None else f"{row.headroom_ratio:.1f}x",
            row.binds,
            seconds(row.ttft_s),
            rate(row.tokens_per_s),
            word,
        ),
        dim=not row.meets,
    )


class SizingScreen(AdvisorScreen):
    """Machines of the hardware catalog for the question of the first screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.SIZING)]

    def __init__(self, request: Request, words: str) -> None:
        super().__init__()
        self.asked, self._words = request, words

    def compose(self) -> ComposeResult:
        """Question, table, footer."""
        with Vertical():
            yield Static(self._words, markup=False, id="sizing-question")
            yield Table(COLUMNS, title="Machines to buy", id="machines")
            yield Static("", markup=False, id="sizing-note")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Ask."""
        table = self.query_one(Table)
        table.show_note("simulating …")
        table.list.focus()
        self._compute()

    @work(thread=True, exclusive=True)
    def _compute(self) -> None:
        self.advisor.attempt("size", lambda: Sized(self.advisor.session.size(self.asked)), self.post_message)

    def on_sized(self, message: Sized) -> None:
        """Show the machines."""
        rows, rejected = message.answer.rows, message.answer.rejected
        table = self.query_one(Table)
        table.show_rows([sizing_row(row) for row in rows])
        table.show_note(f"{sum(row.meets for row in rows)} meet it")
        out = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in rejected)
        parts = ["+ price of the GPUs alone"] if any(not row.price_complete for row in rows) else []
        parts += [f"not offered: {out}"] if out else []
        self.query_one("#sizing-note", Static).update(" · ".join(parts))

    def on_work_failed(self, message: WorkFailed) -> None:
        """One line, and what to do."""
        self.query_one(Table).show_note("no answer")
        text = f"{message.message}{f' ({message.hint})' if message.hint else ''}"
        self.query_one("#sizing-note", Static).update(text)
