"""The command palette: every action of the registry that the screen in front offers."""

from collections.abc import Awaitable, Callable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from advisor.tui.actions import ACTIONS, Action, key_words

_NOT_LISTED = ("app.command_palette", "app.quit")
"""The palette itself, and what Textual lists already."""


class ActionCommands(Provider):
    """Actions by title and by what they do."""

    def _offered(self) -> list[Action]:
        names = {binding.action for _, binding, enabled, _ in self.screen.active_bindings.values() if enabled}
        return [action for action in ACTIONS if action.name in names and action.name not in _NOT_LISTED]

    async def discover(self) -> Hits:
        """All of them."""
        for action in self._offered():
            yield DiscoveryHit(self._display(action), self._run(action), action.title, action.help)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for action in self._offered():
            score = matcher.match(f"{action.title} {action.help}")
            if score > 0:
                yield Hit(score, self._display(action), self._run(action), action.title, action.help)

    def _display(self, action: Action) -> str:
        return f"{action.title}  ({key_words(action)})"

    def _run(self, action: Action) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            await self.screen.run_action(action.name)

        return run
