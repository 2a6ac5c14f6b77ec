"""The registry of actions: every action exists, every key is free, and the help page lists them all."""

from collections import Counter

import pytest

from advisor.tui.actions import ACTIONS, Scope, bindings, in_scope, key_words
from advisor.tui.app import AdvisorApp
from advisor.tui.screens import bench, compare, detail, download, home, sizing
from advisor.tui.screens.help import help_lines
from tests.tui.driving import press, running, screen_text

SCREENS = {
    Scope.HOME: home.HomeScreen,
    Scope.DETAIL: detail.DetailScreen,
    Scope.COMPARE: compare.CompareScreen,
    Scope.DOWNLOAD: download.DownloadScreen,
    Scope.BENCH: bench.BenchScreen,
    Scope.SIZING: sizing.SizingScreen,
}


@pytest.mark.parametrize("scope", SCREENS, ids=str)
def test_every_action_of_a_screen_is_there(scope):
    for action in ACTIONS:
        if in_scope(action, scope):
            namespace, _, call = action.name.partition(".")
            owner = AdvisorApp if namespace == "app" else SCREENS[scope]
            assert hasattr(owner, f"action_{call.partition('(')[0]}"), action.name


@pytest.mark.parametrize("scope", SCREENS, ids=str)
def test_no_key_means_two_things_on_a_screen(scope):
    keys = Counter(binding.key for binding in bindings(scope))
    assert max(keys.values()) == 1


@pytest.mark.parametrize("scope", SCREENS, ids=str)
def test_escape_and_help_work_everywhere(scope):
    keys = {binding.key for binding in bindings(scope)}
    assert {"escape", "question_mark", "q"} <= keys


def test_letters_are_lower_case():
    assert all(action.keys == action.keys.lower() for action in ACTIONS)


@pytest.mark.parametrize("width", [50, 90])
def test_help_names_every_action_within_the_width(width):
    lines = help_lines(width)
    text = " ".join(line.plain for line in lines)
    for action in ACTIONS:
        assert action.title in text
        assert key_words(action) in text
    assert max(line.cell_length for line in lines) <= width


async def test_help_opens_and_closes():
    async with running() as (app, pilot):
        await press(app, pilot, "question_mark")
        assert "everything of the choice under the cursor" in screen_text(app)
        await press(app, pilot, "question_mark")
        assert app.screen is app.home
