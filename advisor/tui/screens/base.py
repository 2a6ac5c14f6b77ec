"""What every screen shares: machine line, footer, `escape` that goes back."""

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from advisor.tui.app import AdvisorApp


class AdvisorScreen(Screen[None]):
    """A full screen of the app."""

    AUTO_FOCUS = ""

    @property
    def advisor(self) -> "AdvisorApp":
        """The app, by its own type."""
        return cast("AdvisorApp", self.app)

    def action_back(self) -> None:
        """Leave this screen."""
        self.app.pop_screen()
