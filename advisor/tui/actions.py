"""Every action of the app in one registry: bindings, footer, palette and help all come from here."""

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding


class Scope(StrEnum):
    """Where an action can be used."""

    HOME = "home"
    DETAIL = "detail"
    COMPARE = "compare"
    DOWNLOAD = "download"
    BENCH = "bench"
    SIZING = "sizing"
    EVERYWHERE = "everywhere"


CHOICE = (Scope.HOME, Scope.DETAIL)
"""Screens with a choice under the cursor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing the app can do. `footer`: the screens whose footer shows it."""

    name: str
    """Textual action, on the app or on the screen of its scope."""
    keys: str
    title: str
    help: str
    group: str
    scopes: tuple[Scope, ...]
    footer: tuple[Scope, ...] = ()
    key_display: str | None = None
    priority: bool = False


ACTIONS = (
    Action(name="screen.filter", keys="slash", title="Filter", group="Ranking", scopes=(Scope.HOME,),
           footer=(Scope.HOME,), key_display="/", help="keep rows that hold every word; !word keeps those without it"),
    Action(name="screen.order", keys="o", title="Order", group="Ranking", scopes=(Scope.HOME,),
           help="order the rows by rank, quality, speed, memory or name"),
    Action(name="screen.mark", keys="space", title="Mark", group="Ranking", scopes=(Scope.HOME,),
           help="mark a row for comparison, four at most"),
    Action(name="app.compare", keys="c", title="Compare", group="Ranking", scopes=(Scope.HOME,),
           help="the marked rows side by side"),
    Action(name="screen.plot", keys="f", title="Frontier", group="Ranking", scopes=(Scope.HOME,),
           help="quality against time: which choices nothing quicker equals"),
    Action(name="screen.panel('question')", keys="1", title="Question", group="Ranking", scopes=(Scope.HOME,),
           help="go to task and budget; tab moves between the fields, an empty field takes the task's own value"),
    Action(name="screen.panel('ranking')", keys="2", title="Rows", group="Ranking", scopes=(Scope.HOME,),
           help="go to the rows"),
    Action(name="screen.panel('detail')", keys="3", title="Reasons", group="Ranking", scopes=(Scope.HOME,),
           help="go to the pane with memory, time and reasons, and scroll there"),
    Action(name="app.simulate", keys="s", title="Simulate", group="Machine", scopes=(Scope.HOME,),
           footer=(Scope.HOME,), help="answer for another machine: one of the catalog, or stated memory and bandwidth"),
    Action(name="app.real_machine", keys="ctrl+r", title="This machine", group="Machine", scopes=(Scope.HOME,),
           help="back to this machine, probed again"),
    Action(name="app.size", keys="z", title="Size", group="Machine", scopes=(Scope.HOME,),
           help="which machines to buy for the task, the budget and the number of users"),
    Action(name="app.download", keys="d", title="Download", group="Choice", scopes=CHOICE,
           footer=CHOICE, help="plan the download of the choice; nothing is fetched before a yes"),
    Action(name="app.downloads", keys="w", title="Downloads", group="Choice", scopes=CHOICE,
           help="look at the download that was started"),
    Action(name="app.bench", keys="b", title="Bench", group="Choice", scopes=CHOICE,
           footer=CHOICE, help="measure the choice here; later estimates learn from it"),
    Action(name="screen.start", keys="y", title="Start", group="Choice", scopes=(Scope.DOWNLOAD, Scope.BENCH),
           footer=(Scope.DOWNLOAD, Scope.BENCH), help="yes: start the download or the benchmark"),
    Action(name="screen.stop", keys="x", title="Stop", group="Choice", scopes=(Scope.DOWNLOAD, Scope.BENCH),
           footer=(Scope.DOWNLOAD, Scope.BENCH), help="stop it; what was fetched is kept and resumed the next time"),
    Action(name="screen.back", keys="escape", title="Back", group="App", scopes=(
               Scope.HOME, Scope.DETAIL, Scope.COMPARE, Scope.DOWNLOAD, Scope.BENCH, Scope.SIZING),
           footer=(Scope.DETAIL, Scope.COMPARE, Scope.DOWNLOAD, Scope.BENCH, Scope.SIZING),
           help="back, always; on the first screen it leaves a field or clears the filter"),
    Action(name="app.help", keys="question_mark", title="Help", group="App", scopes=(Scope.EVERYWHERE,),
           footer=(Scope.HOME,), key_display="?", help="this page"),
    Action(name="app.command_palette", keys="ctrl+p", title="Palette", group="App", scopes=(Scope.EVERYWHERE,),
           help="every action by name, and the themes"),
    Action(name="app.quit", keys="q", title="Quit", group="App", scopes=(Scope.EVERYWHERE,), help="leave"),
)  # fmt: skip


def in_scope(action: Action, scope: Scope) -> bool:
    """Whether an action can be used on a screen."""
    return scope in action.scopes or Scope.EVERYWHERE in action.scopes


def bindings(scope: Scope) -> list[Binding]:
    """The key bindings of a screen."""
    return [
        Binding(
            action.keys, action.name, action.title, show=scope in action.footer, key_display=action.key_display,
            tooltip=action.help, priority=action.priority,
        )
        for action in ACTIONS
        if in_scope(action, scope)
    ]  # fmt: skip


def key_words(action: Action) -> str:
    """The key as a person reads it."""
    return action.key_display or action.keys.replace("question_mark", "?").replace("escape", "esc")
