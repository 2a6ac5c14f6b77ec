"""The other screens, driven by keys."""

import threading

from textual.widgets import Input

from advisor.errors import NetworkError, UsageError, VerificationFailed
from advisor.tui.screens.bench import BenchScreen
from advisor.tui.screens.detail import DetailScreen
from advisor.tui.screens.download import DownloadScreen
from advisor.tui.screens.simulate import SimulateScreen
from tests.tui.driving import press, running, screen_text, settle, until
from tests.tui.examples import ExampleSession


async def test_detail_shows_the_ladder_with_the_choice_under_the_cursor():
    async with running(size=(120, 40)) as (app, pilot):
        await press(app, pilot, "enter")
        assert isinstance(app.screen, DetailScreen)
        text = screen_text(app)
        for quant in ("Q8_0", "Q6_K", "Q5_K_M", "Q3_K_M", "Q2_K"):
            assert quant in text
        assert "fits up to 128K" in text
        assert app.screen.target == "grove/alder-30b-a3b:Q4_K_M"


async def test_download_from_the_detail_takes_the_row_under_the_cursor():
    async with running(size=(120, 40)) as (app, pilot):
        await press(app, pilot, "enter", "down", "d")
        assert isinstance(app.screen, DownloadScreen)
        assert app.screen.target == "grove/alder-30b-a3b:Q3_K_M"
        await press(app, pilot, "escape")
        assert isinstance(app.screen, DetailScreen)
        await press(app, pilot, "escape")
        assert app.screen is app.home


async def test_nothing_is_fetched_before_a_yes():
    async with running() as (app, pilot):
        await press(app, pilot, "d")
        assert "16.3 GiB to fetch of 17.3 GiB" in screen_text(app)
        assert "412 GiB free" in screen_text(app)
        assert app.screen.stage == "offered"
        await press(app, pilot, "y")
        assert app.screen.stage == "done"
        text = screen_text(app)
        assert "sha256 verified" in text
        assert "/home/ada/.local/share/advisor/models" in text


async def test_a_download_can_be_stopped_and_goes_on_in_the_background():
    hold = threading.Event()
    async with running(ExampleSession(hold=hold)) as (app, pilot):
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, DownloadScreen) and app.screen.stage == "offered")
        await pilot.press("y")
        await until(pilot, lambda: "fetching" in screen_text(app))
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.home
        await pilot.press("w")
        await pilot.pause()
        assert app.screen.stage == "running"
        await pilot.press("x")
        hold.set()
        await settle(app, pilot)
        assert app.screen.stage == "stopped"
        assert "resumes it" in screen_text(app)
        await press(app, pilot, "y")
        assert app.screen.stage == "done"


async def test_a_download_that_fails_verification_says_so():
    session = ExampleSession()
    session.fail["download"] = VerificationFailed("sha256 of [red]x.gguf[/red] differs", hint="fetch it again")
    async with running(session) as (app, pilot):
        await press(app, pilot, "d", "y")
        assert app.screen.stage == "failed"
        assert "sha256 of [red]x.gguf[/red] differs (fetch it again)" in screen_text(app)


async def test_a_hub_that_does_not_answer_leaves_a_line():
    session = ExampleSession()
    session.fail["offer"] = NetworkError("huggingface.co did not answer", hint="try again later")
    async with running(session) as (app, pilot):
        await press(app, pilot, "d")
        assert "huggingface.co did not answer (try again later)" in screen_text(app)
        await press(app, pilot, "y", "x", "escape")
        assert app.screen is app.home


async def test_bench_shows_runs_and_prediction_and_asks_again_after():
    session = ExampleSession()
    async with running(session, size=(120, 40)) as (app, pilot):
        before = len(session.asked)
        await press(app, pilot, "b")
        assert isinstance(app.screen, BenchScreen)
        await press(app, pilot, "y")
        text = screen_text(app)
        assert "187.0" in text
        assert "within the interval" in text
        assert "calibrated" in text
        await press(app, pilot, "escape")
        assert len(session.asked) == before + 1


async def test_leaving_a_running_bench_stops_it():
    hold = threading.Event()
    async with running(ExampleSession(hold=hold)) as (app, pilot):
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BenchScreen))
        await pilot.press("y")
        screen = app.screen
        await until(pilot, lambda: len(screen.samples) == 2)
        await pilot.press("escape")
        hold.set()
        await settle(app, pilot)
        assert app.screen is app.home
        assert screen.report is None


async def test_a_bench_that_fails_says_why():
    session = ExampleSession()
    session.fail["bench"] = UsageError("grove/alder is not downloaded", hint="press d")
    async with running(session) as (app, pilot):
        await press(app, pilot, "b", "y")
        assert app.screen.stage == "failed"
        assert "grove/alder is not downloaded (press d)" in screen_text(app)


async def test_simulate_searches_and_answers_for_another_machine():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        await press(app, pilot, "s", *"h100", "enter")
        assert session.selections[-1].selection.gpus == ("H100 SXM",)
        assert app.simulated
        assert screen_text(app).splitlines()[0].strip().startswith("SIM")
        await press(app, pilot, "b")
        assert app.screen is app.home, "a simulated machine cannot be measured"
        await press(app, pilot, "ctrl+r")
        assert not app.simulated


async def test_simulate_takes_stated_memory_and_refuses_nonsense():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        await press(app, pilot, "s")
        app.screen.query_one("#vram", Input).value = "lots"
        app.screen.query_one("#vram", Input).focus()
        await press(app, pilot, "enter")
        assert isinstance(app.screen, SimulateScreen)
        app.screen.query_one("#vram", Input).value = "48GiB"
        app.screen.query_one("#bandwidth", Input).value = "900"
        await press(app, pilot, "enter")
        chosen = session.selections[-1]
        assert (chosen.device, chosen.vram, chosen.bandwidth_gb_s) == (None, "48GiB", 900.0)


async def test_simulate_goes_back_without_an_answer():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        await press(app, pilot, "s", "escape")
        assert app.screen is app.home
        assert not session.selections


async def test_sizing_lists_machines_with_dated_prices():
    async with running() as (app, pilot):
        await press(app, pilot, "z")
        text = screen_text(app)
        assert "1,599+" in text
        assert "+ price of the GPUs alone" in text
        assert "2025-11" in text
        assert "not offered: 31 too slow, 12 memory" in text


async def test_the_plot_shows_and_hides():
    async with running() as (app, pilot):
        await press(app, pilot, "f")
        assert "Quality against time" in screen_text(app)
        await press(app, pilot, "escape")
        assert "Quality against time" not in screen_text(app)


async def test_the_palette_runs_an_action():
    async with running() as (app, pilot):
        await press(app, pilot, "ctrl+p", *"sizewhich", "enter")
        await settle(app, pilot)
        assert "Machines to buy" in screen_text(app)
