"""Every terminal size: nothing clipped, nothing lost, and below 60x16 a line that says what is needed."""

import pytest

from tests.tui.driving import press, running, screen_text, until

SIZES = [(60, 16), (80, 24), (80, 60), (110, 24), (120, 40), (170, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
async def test_the_first_screen_shows_what_matters(size):
    async with running(size=size) as (app, pilot):
        for word in ("RTX 4090", "Alder 30B A3B", "78 ±4", "meets", "18.6 of 22.9 GiB", "? Help"):
            await until(pilot, lambda word=word: word in screen_text(app))
        assert all(len(line) <= size[0] for line in screen_text(app).splitlines())


@pytest.mark.parametrize("size", [(60, 16), (120, 40)], ids=lambda s: f"{s[0]}x{s[1]}")
async def test_footers_hold_at_most_six_keys_and_fit(size):
    async with running(size=size) as (app, pilot):
        for keys in ((), ("enter",), ("escape", "d"), ("escape", "b"), ("escape", "z")):
            await press(app, pilot, *keys)
            shown = [binding for _, binding, _, _ in app.screen.active_bindings.values() if binding.show]
            assert 1 <= len(shown) <= 6
            words = [binding.description for binding in shown]
            await until(pilot, lambda words=words: all(w in screen_text(app).splitlines()[-1] for w in words))


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5)], ids=lambda s: f"{s[0]}x{s[1]}")
async def test_too_small_says_the_sizes_and_comes_back(size):
    async with running(size=size) as (app, pilot):
        text = screen_text(app)
        assert "needs 60x16" in text
        assert f"have {size[0]}x{size[1]}" in text
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.pause()
        assert app.screen is app.home


async def test_resizing_while_it_runs_keeps_the_cursor():
    async with running(size=(200, 60)) as (app, pilot):
        await press(app, pilot, "down", "down")
        for width, height in ((60, 16), (120, 40)):
            await pilot.resize_terminal(width, height)
            await press(app, pilot, "3", "2")
            assert app.current().model.name == "Cedar 20B Reasoning"
