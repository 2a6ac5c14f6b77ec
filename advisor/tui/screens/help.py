"""Every key, from the registry of actions, and what the marks in the tables mean."""

from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from advisor.tui.actions import ACTIONS, key_words
from advisor.tui.widgets.lines import Lines
from advisor.tui.widgets.rule import rule_line

MARKS = (
    ("~66", "the score is inferred, not measured on this task"),
    ("±4", "half of the interval that holds the true score 8 times in 10"),
    ("meets", "the budget is met with the confidence asked for (9 times in 10)"),
    ("likely", "the task's own target, which nobody stated as a limit, is more likely met than missed"),
    ("misses", "a limit or target is not met; the pane says which, and what it would take"),
    ("memory", "it does not fit into the memory that is free"),
    ("exp", "experts on the CPU, the rest on the GPU"),
    ("estimated", "predicted; calibrated: learned from a benchmark here; measured: this very choice was run here"),
)
"""Words of the tables and what they mean."""


def help_lines(width: int) -> list[Content]:
    """The page."""
    lines: list[Content] = []
    for group, actions in groupby(ACTIONS, key=lambda action: action.group):
        lines += [Content(""), rule_line(group, "", width)]
        if group == "Ranking":
            lines += _entry("enter", "Detail", "everything of the choice under the cursor", width)
        for action in actions:
            lines += _entry(key_words(action), action.title, action.help, width)
    lines += [Content(""), rule_line("Words and marks", "", width)]
    for mark, meaning in MARKS:
        lines += _entry(mark, "", meaning, width)
    lines += [Content(""), Content.styled("More: man advisor, advisor --help", "$foreground-muted")]
    return lines[1:]


def _entry(key: str, title: str, text: str, width: int) -> list[Content]:
    head = Content.assemble((f"{key:<10}", "bold $accent"), " ", (f"{title:<13}" if title else "", "bold"))
    first, *more = Content(text).wrap(max(20, width - head.cell_length))
    return [head.append(first), *(Content(" " * head.cell_length).append(line) for line in more)]


class HelpScreen(ModalScreen[None]):
    """The page over whatever is in front."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "app.pop_screen", "Back"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """A scrolling dialog."""
        with VerticalScroll(classes="dialog", id="help"):
            yield Lines(help_lines, id="help-text")

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one("#help").border_title = "Keys"
        self.query_one("#help").border_subtitle = "esc goes back"
        self.query_one("#help").focus()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#help").scroll_relative(y=lines, animate=False)
