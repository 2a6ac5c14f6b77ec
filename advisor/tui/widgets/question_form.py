"""The task and the budget as a form of one-line fields. An empty field shows what holds in it by default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal
from textual.message import Message
from textual.widgets import Input, Label, Select

from advisor.domain.workload import Task
from advisor.tui.form_values import FIELDS, Field

DEFAULT_TASK = "chat"
PLACES = ("left-field", "second-field", "third-field", "last-field")
"""Style classes of the four columns, so that inputs line up."""


class FieldInput(Input):
    """A one-line input that remembers which field it is."""

    def __init__(self, field: Field) -> None:
        super().__init__(compact=True, id=field.name, placeholder="…", tooltip=f"for example {field.example}")
        self.field = field
        self.cursor_blink = False


class QuestionForm(Grid):
    """Task, limits and workload."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Something was typed or chosen; `settled` when the keyboard's return key ended it."""

        settled: bool

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._task_name: str | None = None

    def compose(self) -> ComposeResult:
        """A select and an input for each field."""
        with Horizontal(classes="field left-field"):
            yield Label("Task", markup=False)
            yield Select[str]([], prompt="…", compact=True, id="task", allow_blank=True)
        for place, field in enumerate(FIELDS, start=1):
            with Horizontal(classes=f"field {PLACES[place % len(PLACES)]}"):
                yield Label(field.label, markup=False)
                yield FieldInput(field)

    @property
    def chosen_task(self) -> str | None:
        """The chosen task's name; None while the catalog is being read."""
        return self._task_name

    def texts(self) -> dict[str, str]:
        """What stands in each input."""
        return {field.field.name: field.value for field in self.query(FieldInput)}

    def show_tasks(self, tasks: Sequence[Task]) -> None:
        """Offer the tasks and choose the default one."""
        select = self.query_one("#task", Select)
        with self.prevent(Select.Changed):
            select.set_options([(task.name.replace("_", " "), task.name) for task in tasks])
            names = [task.name for task in tasks]
            self._task_name = DEFAULT_TASK if DEFAULT_TASK in names else next(iter(names), None)
            if self._task_name is not None:
                select.value = self._task_name

    def show_defaults(self, defaults: Mapping[str, str]) -> None:
        """What holds in each empty field."""
        for field in self.query(FieldInput):
            field.placeholder = defaults.get(field.field.name, "…")

    def mark_invalid(self, name: str | None) -> None:
        """Show which field is not understood; None: all are."""
        for field in self.query(FieldInput):
            field.set_class(field.field.name == name, "-bad")

    @on(Select.Changed)
    def _task_chosen(self, event: Select.Changed) -> None:
        event.stop()
        if isinstance(event.value, str):
            self._task_name = event.value
            self.post_message(self.Changed(settled=True))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(settled=False))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Changed(settled=True))
