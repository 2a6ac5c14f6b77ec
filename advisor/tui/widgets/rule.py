"""A line across the width that names what follows: title on the left, a note on the right."""

from textual.content import Content
from textual.widgets import Static

from advisor.tui.widgets.columns import fit


def rule_line(title: str, note: str, width: int) -> Content:
    """`── title ───────── note ──`, cut to `width` cells; the note gives way first."""
    head = Content.assemble(("── ", "$foreground-disabled"), (title, "bold $primary"), " ")
    room = width - head.cell_length - 4
    tail = Content("")
    if note and room > 8:
        text = fit(note, min(Content(note).cell_length, room - 2))
        tail = Content.assemble(" ", (text.plain, "$foreground-muted"), (" ──", "$foreground-disabled"))
    line = Content.styled("─" * max(0, width - head.cell_length - tail.cell_length), "$foreground-disabled")
    return Content("").join([head, line, tail]).truncate(width)


class Rule(Static):
    """The line as a widget: drawn to the width it has."""

    def __init__(self, title: str, note: str = "", *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.title_text, self.note_text = title, note

    def set(self, title: str, note: str = "") -> None:
        """Change both texts."""
        self.title_text, self.note_text = title, note
        self.refresh()

    def render(self) -> Content:
        """The line."""
        return rule_line(self.title_text, self.note_text, self.size.width)
