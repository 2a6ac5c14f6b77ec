"""The first screen: asked once the machine is known, answering to every change, usable by keyboard alone."""

from dataclasses import replace

from textual.widgets import Input

from advisor.errors import UsageError
from advisor.tui.app import AdvisorApp
from tests.tui.driving import press, running, screen_text, settle, until
from tests.tui.examples import SMALL_SERVER, ExampleSession


async def type_into(app, pilot, field, text):
    app.screen.query_one(f"#{field}", Input).focus()
    for key in text:
        await pilot.press("full_stop" if key == "." else key)
    await settle(app, pilot)
    asked = app._asked
    await pilot.press("enter")
    await until(pilot, lambda: app._asked > asked or app.screen.query(".-bad"))
    await settle(app, pilot)


async def test_the_first_answer_shows_machine_ranking_and_reasons():
    async with running() as (app, _):
        text = screen_text(app)
        assert "RTX 4090 22.9/24.0 GiB free · 1008 GB/s" in text
        assert "Alder 30B A3B" in text
        assert "10 meet the target" in text
        assert "measured on this task" in text
        assert "needs" not in text.splitlines()[-3]


async def test_the_probe_is_shown_as_it_goes():
    import threading

    session, said = ExampleSession(), threading.Event()
    read = session.here

    def here(say):
        machine = read(say)
        assert said.wait(20)
        return machine

    session.here = here
    app = AdvisorApp(session, show_timing=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "asking the NVIDIA driver" in screen_text(app))
        said.set()
        await until(pilot, lambda: "RTX 4090" in screen_text(app))


async def test_free_memory_is_read_again_and_the_question_asked_where_it_matters():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        before = len(session.asked)
        device = app.machine.accelerators[0]
        for free_gib, asked in ((22, 0), (3, 1)):
            fresh = replace(device, memory_available_bytes=free_gib << 30)
            session.fresh = replace(app.machine, accelerators=(fresh, *app.machine.accelerators[1:]))
            app._refresh_machine()
            await settle(app, pilot)
            assert f"RTX 4090 {free_gib}.0/24.0 GiB free" in screen_text(app)
            assert len(session.asked) == before + asked


async def test_a_simulated_machine_is_not_read_again():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        app.simulated, session.fail["refreshed"] = True, AssertionError("asked")
        app._refresh_machine()
        await settle(app, pilot)
        assert not [w for w in app.workers if w.group == "memory"]


async def test_the_form_shows_what_holds_by_default():
    async with running() as (app, _):
        assert app.screen.query_one("#max_ttft_s", Input).placeholder == "2s"
        assert app.screen.query_one("#min_tokens_per_s", Input).placeholder == "10"
        assert app.screen.query_one("#prompt_tokens", Input).placeholder == "1024"


async def test_a_limit_reranks_and_puts_the_slow_ones_below():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        await type_into(app, pilot, "min_tokens_per_s", "200")
        assert session.asked[-1].min_tokens_per_s == 200
        result = app.home.result
        assert all(p.assessment.estimate.speed.decode_tokens_per_s.p50 > 200 for p in result.picks)
        assert result.near_misses
        assert "nearest misses" in screen_text(app)


async def test_typing_asks_only_after_a_silence():
    session = ExampleSession()
    async with running(session, debounce_s=600) as (app, pilot):
        before = len(session.asked)
        app.screen.query_one("#prompt_tokens", Input).focus()
        await press(app, pilot, "2", "0", "4", "8")
        assert len(session.asked) == before
        await press(app, pilot, "enter")
        await until(pilot, lambda: len(session.asked) > before)
        await settle(app, pilot)
        assert len(session.asked) == before + 1
        assert session.asked[-1].prompt_tokens == 2048


async def test_a_text_that_is_not_understood_is_marked_and_nothing_is_asked():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        before = len(session.asked)
        await type_into(app, pilot, "max_ttft_s", "soon")
        assert len(session.asked) == before
        assert app.screen.query_one("#max_ttft_s").has_class("-bad")
        assert "first token `soon` is not understood" in screen_text(app)
        await press(app, pilot, "backspace", "backspace", "backspace", "backspace")
        await type_into(app, pilot, "max_ttft_s", "3s")
        assert not app.screen.query_one("#max_ttft_s").has_class("-bad")
        assert session.asked[-1].max_ttft_s == 3


async def test_a_contradiction_found_by_the_session_is_one_line():
    async with running() as (app, pilot):
        await type_into(app, pilot, "context", "100")
        assert app.home.result is not None
        assert "cannot hold" in screen_text(app)


async def test_choosing_a_task_asks_for_it():
    session = ExampleSession()
    async with running(session) as (app, pilot):
        app.screen.query_one("#task").focus()
        await press(app, pilot, "enter", "down", "enter")
        assert session.asked[-1].task == "coding"
        assert app.screen.query_one("#prompt_tokens", Input).placeholder == "4096"


async def test_the_cursor_changes_what_is_explained():
    async with running() as (app, pilot):
        await press(app, pilot, "down", "j")
        assert app.current().model.name == "Cedar 20B Reasoning"
        assert "── Cedar 20B Reasoning · Q4_K_M thinking" in screen_text(app)
        await press(app, pilot, "k", "up")
        assert app.current().model.name == "Alder 30B A3B"


async def test_a_near_miss_says_what_it_needs():
    async with running() as (app, pilot):
        await press(app, pilot, "end")
        assert app.current().model.name == "Larch 235B A22B"
        assert "needs    " in screen_text(app).splitlines()[-5]


async def test_filter_keeps_and_drops_words_and_escape_clears_it():
    async with running() as (app, pilot):
        await press(app, pilot, "slash", *["b", "space", "exclamation_mark", "m", "o", "e"])
        names = [row.key for row in app.screen.query_one("#ranking").rows if row.cells]
        assert names
        assert all("b" in name for name in names)
        assert "grove/alder-30b-a3b" not in names
        await press(app, pilot, "escape")
        assert len([r for r in app.screen.query_one("#ranking").rows if r.cells]) == 12
        assert app.focused is app.screen.query_one("#ranking").list


async def test_order_menu_sorts_by_name():
    async with running() as (app, pilot):
        await press(app, pilot, "o", "end", "enter")
        keys = [row.key for row in app.screen.query_one("#ranking").rows][:10]
        assert keys == sorted(keys)
        assert "Ranking by name" in screen_text(app)


async def test_marks_are_kept_at_four_and_compared():
    async with running() as (app, pilot):
        await press(app, pilot, *["space", "down"] * 5)
        assert len(app.home.marked) == 4
        await press(app, pilot, "c")
        text = screen_text(app)
        assert "* 78 (74–82)" in text
        assert "better than #1?" in text
        await press(app, pilot, "escape")
        assert app.screen is app.home


async def test_comparing_needs_two_marks():
    async with running() as (app, pilot):
        await press(app, pilot, "space", "c")
        assert app.screen is app.home


async def test_escape_leaves_a_field_and_never_the_app():
    async with running() as (app, pilot):
        await press(app, pilot, "1")
        assert app.focused.id == "task"
        await press(app, pilot, "escape", "escape", "escape")
        assert app.focused is app.screen.query_one("#ranking").list
        assert app.is_running


async def test_a_machine_without_gpu_says_so():
    async with running(ExampleSession(SMALL_SERVER)) as (app, _):
        assert "no GPU │ AMD EPYC 7B13" in screen_text(app)


async def test_a_catalog_that_cannot_be_read_is_a_line_and_not_a_crash():
    session = ExampleSession()
    session.fail["tasks"] = UsageError("catalog/models/x.yaml: [/bold] line 3 is no mapping", hint="mend it")
    async with running(session) as (app, pilot):
        assert "[/bold] line 3 is no mapping" in screen_text(app)
        await press(app, pilot, "d", "b", "enter", "c", "z", "space", "o", "escape")
        assert app.is_running


async def test_an_unexpected_failure_of_the_ranking_is_a_line_too():
    session = ExampleSession()
    session.fail["recommend"] = ZeroDivisionError("division by zero")
    async with running(session) as (app, _):
        assert "ZeroDivisionError: division by zero" in screen_text(app)
        assert app.is_running


async def test_a_late_answer_to_an_old_question_is_dropped():
    async with running() as (app, pilot):
        newest = app.home.result
        from advisor.tui.messages import Ranked

        app.post_message(Ranked(object(), app._asked - 1, 0.1))
        await settle(app, pilot)
        assert app.home.result is newest


async def test_a_filter_that_keeps_nothing_says_how_to_get_back():
    async with running() as (app, pilot):
        await press(app, pilot, "slash", "z", "z", "z")
        assert "no row has zzz · esc shows all again" in screen_text(app)
        await press(app, pilot, "escape")
        assert "no row has" not in screen_text(app)


async def test_another_machine_begins_with_its_best():
    async with running() as (app, pilot):
        await press(app, pilot, "down", "down")
        table = app.screen.query_one("#ranking")
        assert table.list.highlighted == 2
        await type_into(app, pilot, "users", "2")
        assert table.list.highlighted == 2, "the same machine: the choice stays under the cursor"
        await press(app, pilot, "escape", "s", *"h100", "enter")
        assert app.simulated
        assert table.list.highlighted == 0
