"""Says what size is needed where the terminal is smaller."""

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static


class TooSmall(ModalScreen[None]):
    """Covers everything until the terminal is large enough."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self._needed = (width, height)

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static("", id="too-small", markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """Say the sizes."""
        width, height = self._needed
        text = f"needs {width}x{height}\nhave {event.size.width}x{event.size.height}"
        self.query_one(Static).update(text)
