"""How a test runs the app: started on hand-made nouns, and waited for until nothing is left to do."""

from contextlib import asynccontextmanager

from advisor.tui.app import AdvisorApp
from tests.tui.examples import ExampleSession


async def settle(app, pilot):
    """Until no worker runs and every message is handled: an answer may start the next question."""
    await pilot.pause()
    while any(not worker.is_finished for worker in app.workers):
        await app.workers.wait_for_complete()
        await pilot.pause()
    await pilot.pause()
    await pilot.pause()


async def until(pilot, condition):
    """Wait for something that a timer or a held worker is on its way to."""
    for _ in range(1000):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not come about")


@asynccontextmanager
async def running(session=None, size=(80, 24), debounce_s=0.001):
    app = AdvisorApp(session or ExampleSession(), show_timing=False, debounce_s=debounce_s)
    async with app.run_test(size=size) as pilot:
        await settle(app, pilot)
        yield app, pilot


async def press(app, pilot, *keys):
    """Keys, with everything that follows from each."""
    for key in keys:
        await pilot.press(key)
        await settle(app, pilot)


def screen_text(app):
    """What is on the screen, a line a row."""
    width = app.size.width
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join("".join(segment.text for segment in strip)[:width].rstrip() for strip in strips)
