"""Layout of each screen at each size, held as pictures; what the words mean is held by the other tests."""

import os

import pytest

from advisor.tui.app import AdvisorApp
from tests.tui.driving import settle
from tests.tui.examples import SMALL_SERVER, WORKSTATION, ExampleSession

SIZES = [(80, 24), (120, 40), (200, 60)]
SCREENS = {
    "home": (),
    "detail": ("enter",),
    "compare": ("space", "down", "space", "down", "space", "c"),
    "simulate": ("s",),
    "download": ("d", "y"),
    "bench": ("b", "y"),
    "sizing": ("z",),
    "help": ("question_mark",),
}
CASES = [(name, size) for name in SCREENS for size in SIZES if name in ("home", "detail") or size != (200, 60)]


def before(keys):
    async def run(pilot):
        await settle(pilot.app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot.app, pilot)

    return run


@pytest.fixture(autouse=True)
def still(monkeypatch):
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


@pytest.mark.parametrize(("name", "size"), CASES, ids=lambda x: x if isinstance(x, str) else f"{x[0]}x{x[1]}")
def test_screen(snap_compare, name, size):
    app = AdvisorApp(ExampleSession(WORKSTATION), show_timing=False, debounce_s=0.001)
    assert snap_compare(app, terminal_size=size, run_before=before(SCREENS[name]))


def test_home_without_gpu_and_colour(snap_compare, monkeypatch):
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    app = AdvisorApp(ExampleSession(SMALL_SERVER), show_timing=False, debounce_s=0.001)
    assert snap_compare(app, terminal_size=(80, 24), run_before=before(()))
