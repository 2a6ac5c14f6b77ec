"""The pure parts: columns, bars, figures, form values, rows, rates."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.domain.device import DeviceKind
from advisor.domain.quantity import Quantity
from advisor.domain.units import GIB
from advisor.errors import UsageError
from advisor.tui.bench_lines import span_bar
from advisor.tui.figures import gib, rate, seconds, tokens
from advisor.tui.form_values import FIELDS, defaults_of, parse_count, question_words, request_from, short_duration
from advisor.tui.ranking_rows import ORDERS, rows_of
from advisor.tui.simulation import Simulation, apply_stated, device_rows, parse_simulation
from advisor.tui.widgets.bars import Part, cells_of, interval_bar, legend, stacked
from advisor.tui.widgets.columns import Column, Row, choose_columns, fit, lay_out
from advisor.tui.widgets.frontier_plot import plot_lines
from advisor.tui.widgets.machine_header import machine_line
from advisor.tui.widgets.rule import rule_line
from advisor.verbs.question import Request
from tests.tui.examples import MODELS, WORKSTATION, ExampleSession, recommendation

TEXTS = st.text(st.characters(exclude_categories=("C", "Z", "M")), max_size=30)


AMOUNTS = st.just(0.0) | st.floats(1e-3, 1e12)


@given(st.lists(AMOUNTS, min_size=1, max_size=6), st.floats(1, 1e12), st.integers(0, 200))
def test_bar_cells_stay_within_the_width(values, total, width):
    cells = cells_of(values, max(total, sum(values)), width)
    assert len(cells) == len(values)
    assert all(c >= 0 for c in cells)
    if width >= len(values):
        assert sum(cells) <= width
        assert all((c > 0) == (v > 0) for c, v in zip(cells, values, strict=True))


def test_a_bar_is_full_when_its_parts_are():
    assert cells_of([3.0, 1.0], 4.0, 40) == [30, 10]
    assert stacked([Part(name="a", value=1.0)], 1.0, 10).plain == "█" * 10


def test_without_colour_parts_differ_in_shade():
    plain = stacked([Part(name="a", value=1.0), Part(name="b", value=1.0)], 4.0, 8, plain=True).plain
    assert plain == "██▓▓····"
    assert legend([("a", "1"), ("b", "2")], 80, plain=True).plain == "█ a 1  ▓ b 2"


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100), st.integers(2, 80))
def test_interval_bars_have_their_width(a, b, c, width):
    low, middle, high = sorted((a, b, c))
    assert interval_bar(low, middle, high, width).cell_length == width


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6))
def test_span_bars_show_the_measured_value(measured, said):
    bar = span_bar(measured, Quantity(said * 0.8, said, said * 1.3))
    assert bar.cell_length == 30
    assert bar.plain.count("◆") == 1


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6), st.integers(30, 120))
def test_rows_fill_the_width_exactly(rows, width):
    columns = (Column(title="#", right=True), Column(title="Name", grow=True), Column(title="x", rank=1))
    layout = lay_out(columns, [Row(key=str(i), cells=cells) for i, cells in enumerate(rows)], width)
    for block in layout.rows:
        assert block.cell_length == layout.heading.cell_length
    if all(len(a) + len(c) < 12 for a, _, c in rows):
        assert layout.heading.cell_length == width


def test_numbers_stand_right_and_names_are_cut():
    columns = (Column(title="Name", grow=True), Column(title="GiB", right=True))
    rows = [Row(key="a", cells=("a very long name indeed", "9.5")), Row(key="b", cells=("b", "19.5"))]
    first, second = lay_out(columns, rows, 20).rows
    assert first.plain == "a very long n…   9.5"
    assert second.plain.endswith("  19.5")


def test_names_that_differ_at_their_ends_keep_them():
    """Two Macs that differ in memory alone stay two."""
    names = ("Mac mini M4 (10-core GPU), 16 GB", "Mac mini M4 (10-core GPU), 32 GB")
    columns = (Column(title="Machine", grow=True, middle=True), Column(title="Users", right=True))
    rows = [Row(key=name, cells=(name, "3")) for name in names]
    first, second = (row.plain for row in lay_out(columns, rows, 32).rows)
    assert first.split("…")[1] == "PU), 16 GB      3"
    assert first.replace("16", "32") == second
    assert len(first) == 32
    assert lay_out(columns, rows, 60).rows[0].plain.startswith(names[0])


def test_columns_of_the_highest_rank_give_way_first():
    columns = (Column(title="Name", grow=True), Column(title="a", rank=1), Column(title="b", rank=2), Column(title="c"))
    assert choose_columns(columns, [10, 10, 10, 10], 100) == [0, 1, 2, 3]
    assert choose_columns(columns, [10, 10, 10, 10], 40) == [0, 1, 3]
    assert choose_columns(columns, [10, 10, 10, 10], 5) == [0, 3]


@given(TEXTS, st.integers(1, 40))
def test_fit_gives_exactly_the_width(text, width):
    assert fit(text, width).cell_length == width


@given(TEXTS, TEXTS, st.integers(20, 120))
def test_rules_have_their_width(title, note, width):
    assert rule_line(title, note, width).cell_length == width


def test_figures_line_up():
    assert [gib(x * GIB) for x in (0.2, 1.0, 19.44, 255, 1400)] == ["0.20", "1.0", "19.4", "255.0", "1400"]
    assert [seconds(x) for x in (0.311, 12.4, 305.0, None)] == ["0.31", "12.40", "305", "?"]
    assert [rate(x) for x in (9.84, 1240, 12345, None)] == ["9.8", "1240.0", "12345", "?"]
    assert [tokens(x) for x in (1536, 8192, 131072, 1 << 20, 40960, 1500, None)] == [
        "1536", "8K", "128K", "1M", "40K", "1500", "?",
    ]  # fmt: skip


def test_the_form_becomes_a_request():
    request = request_from("coding", {"max_ttft_s": "800ms", "min_tokens_per_s": " 12.5", "context": "8k", "users": ""})
    assert (request.task, request.max_ttft_s, request.min_tokens_per_s) == ("coding", 0.8, 12.5)
    assert (request.context, request.users) == (8192, None)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.name)
@pytest.mark.parametrize("text", ["x", "-1", "0", "1e999", "nan", "inf", "5 parsecs", "[/x]", "9" * 40])
def test_nonsense_in_any_field_is_refused(field, text):
    with pytest.raises(UsageError) as error:
        request_from("chat", {field.name: text})
    assert error.value.hint


def test_counts_take_k():
    assert [parse_count(t, "x") for t in ("512", "2k", "1.5K", "1m")] == [512, 2048, 1536, 1 << 20]


@pytest.mark.parametrize("limit", [0.05, 0.8, 2.0, 2.5, 90.0, 300.0, 600.0])
def test_limits_are_written_as_they_may_be_typed(limit):
    text = short_duration(limit)
    assert request_from("chat", {"max_ttft_s": text}).max_ttft_s == pytest.approx(limit)


def test_defaults_and_words_come_from_the_question():
    asked = recommendation(Request(min_tokens_per_s=20, users=5)).question
    assert defaults_of(asked)["max_ttft_s"] == "none"
    assert defaults_of(asked)["min_tokens_per_s"] == "20"
    assert question_words(asked) == "Chat · 5 users · 1024 prompt, 512 output tokens · tokens/s ≥ 20"


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_keeps_every_pick(order):
    found = recommendation(Request())
    rows = rows_of(found, order=order)
    assert len([r for r in rows if r.cells and not r.dim]) == len(MODELS)


def test_marked_rows_carry_a_star():
    found = recommendation(Request())
    row = rows_of(found, marked=[found.picks[1].model.id])[1]
    assert row.cells[0] == "* 2"


def test_the_header_says_less_where_there_is_less_room():
    widths = (200, 112, 78, 58, 40)
    lines = [machine_line(WORKSTATION, width) for width in widths]
    assert all(len(line) <= width for line, width in zip(lines, widths, strict=True))
    assert "83 GB/s" in lines[0]
    assert "22.9/24.0 GiB free" in lines[2]
    assert all(line.startswith("RTX 4090") for line in lines)


def test_the_plot_names_the_frontier_and_the_current_row():
    found = recommendation(Request())
    lines = plot_lines(found, found.picks[3].model.id, 100, 24)
    text = "\n".join(line.plain for line in lines)
    assert "◆ Dogwood 12B Instruct" in text or "Dogwood 12B Instruct ◆" in text
    assert "● Alder 30B A3B" in text
    assert max(line.cell_length for line in lines) <= 100
    assert plot_lines(found, None, 15, 24) == []


def test_a_simulation_says_what_the_flags_can_say():
    gpu = ExampleSession().devices()[0]
    spark = ExampleSession().devices()[-1]
    texts = {"count": "2", "vram": "", "bandwidth": "", "ram": "64GiB"}
    assert parse_simulation(gpu, texts).selection.gpus == ("2x GeForce RTX 4090",)
    assert parse_simulation(spark, texts | {"count": ""}).selection.hardware == "DGX Spark"
    for name, text in (("count", "1.5"), ("count", "0"), ("vram", "lots"), ("bandwidth", "fast"), ("ram", "-3")):
        with pytest.raises(UsageError):
            parse_simulation(gpu, texts | {name: text})


def test_stated_memory_and_bandwidth_replace_what_was_there():
    stated = apply_stated(WORKSTATION, Simulation(vram="48GiB", bandwidth_gb_s=900))
    assert [(a.memory_total_bytes, a.bandwidth_bytes_per_s) for a in stated.accelerators] == [(48 * GIB, 900e9)]
    faster = apply_stated(WORKSTATION, Simulation(device=ExampleSession().devices()[0], bandwidth_gb_s=2000))
    assert faster.accelerators[0].bandwidth_bytes_per_s == 2000e9
    assert apply_stated(WORKSTATION, Simulation()) is WORKSTATION


def test_device_search_takes_every_word():
    devices = ExampleSession().devices()
    assert [row.cells[0] for row in device_rows(devices, "rtx 4090")] == ["GeForce RTX 4090"]
    assert len(device_rows(devices, "")) == len(devices)
    assert all(d.kind is not DeviceKind.CPU for d in devices)


def test_devices_that_people_look_for_come_first():
    card = ExampleSession().devices()[0]
    named = {
        "old": ("RX 6000", "consumer", "2020-11-18"),
        "slower": ("RTX 5060", "consumer", "2025-05-19"),
        "faster": ("RTX 5090", "consumer", "2025-01-30"),
        "variant": ("RTX 5090 D", "consumer", "2025-01-30"),
        "server": ("H300", "datacenter", "2025-06-01"),
    }
    speeds = {"old": 512e9, "slower": 448e9, "faster": 1792e9, "variant": 1792e9, "server": 5e12}
    devices = tuple(
        replace(card, id=key, name=name, form=form, released=date, bandwidth_bytes_per_s=speeds[key], aliases=())
        for key, (name, form, date) in named.items()
    )
    assert [row.key for row in device_rows(devices, "")] == ["faster", "variant", "slower", "old", "server"]
    assert [row.key for row in device_rows(devices[::-1], "5090")] == ["faster", "variant"]
