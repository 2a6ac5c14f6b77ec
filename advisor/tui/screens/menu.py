"""A short menu: pick one of a few words."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList


class Menu(ModalScreen[str | None]):
    """Returns the chosen word, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, title: str, words: Sequence[str], current: str) -> None:
        super().__init__()
        self._title, self._words, self._current = title, tuple(words), current

    def compose(self) -> ComposeResult:
        """Title and words."""
        with Vertical(classes="dialog menu"):
            yield Label(self._title, classes="dialog-title", markup=False)
            yield OptionList(*self._words, markup=False, compact=True)

    def on_mount(self) -> None:
        """The current word is under the cursor."""
        words = self.query_one(OptionList)
        words.highlighted = self._words.index(self._current)
        words.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._words[event.option_index])

    def action_down(self) -> None:
        """Move down."""
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """Move up."""
        self.query_one(OptionList).action_cursor_up()

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
