"""A benchmark as lines: runs as they come, then what was measured against what had been said. Pure functions."""

from collections.abc import Sequence

from textual.content import Content

from advisor.domain.quantity import Quantity
from advisor.tui.figures import gib, rate, seconds
from advisor.tui.session import BenchReport, BenchSample, Measured
from advisor.tui.widgets.columns import Column, Layout, Row, lay_out
from advisor.tui.widgets.rule import rule_line

RUN_COLUMNS = (
    Column(title="Run", grow=True),
    Column(title="First token s", right=True),
    Column(title="Prefill tok/s", right=True),
    Column(title="Decode tok/s", right=True),
)
TRACK = 30


def run_lines(samples: Sequence[BenchSample], width: int) -> list[Content]:
    """One line a run."""
    rows = [
        Row(
            key=str(s.run),
            cells=(str(s.run), seconds(s.ttft_s), rate(s.prefill_tokens_per_s), rate(s.decode_tokens_per_s)),
        )
        for s in samples
    ]
    layout: Layout = lay_out(RUN_COLUMNS, rows, min(width, 70))
    return [rule_line("Runs", "", width), layout.heading, *layout.rows]


def error_words(figure: Measured) -> Content:
    """`11% too slow a guess` in plain words: over or under, and whether the interval held it."""
    ratio, said = figure.error_ratio, figure.predicted
    if ratio is None or said is None or figure.value is None:
        return Content.styled("nothing was predicted", "$foreground-muted")
    inside = said.p10 <= figure.value <= said.p90
    verdict = ("within the interval", "$text-success") if inside else ("outside the interval", "$text-warning")
    return Content.assemble(f"predicted {abs(ratio):.0%} {'over' if ratio > 0 else 'under'}, ", verdict)


def span_bar(measured: float, said: Quantity, width: int = TRACK) -> Content:
    """The predicted interval `━━`, its median `┿` and the measured value `◆` on one track."""
    low, high = min(measured, said.p10), max(measured, said.p90)
    low, high = low - 0.15 * (high - low or 1), high + 0.15 * (high - low or 1)

    def cell(value: float) -> int:
        return min(width - 1, max(0, round((value - low) / (high - low) * (width - 1))))

    cells = [("─", "$foreground-disabled")] * width
    for i in range(cell(said.p10), cell(said.p90) + 1):
        cells[i] = ("━", "$primary")
    cells[cell(said.p50)] = ("┿", "bold $primary")
    cells[cell(measured)] = ("◆", "bold $accent")
    return Content.assemble(*cells)


def figure_lines(figures: Sequence[Measured], width: int) -> list[Content]:
    """Measured against predicted, a line each with its track."""
    lines = [rule_line("Measured against predicted", "━ predicted  ┿ median  ◆ here", width)]
    for figure in figures:
        text = seconds if figure.smaller_is_better else rate
        head = Content.assemble((f"{figure.name:<18}", "$foreground-muted"), (f"{text(figure.value):>8}", "bold"), "  ")
        if figure.value is None or figure.predicted is None:
            lines.append(head.append(error_words(figure)))
            continue
        said = f" {text(figure.predicted.p10)}–{text(figure.predicted.p90)}"
        lines.append(
            head.append(span_bar(figure.value, figure.predicted)).append(Content.styled(said, "$foreground-muted"))
        )
        lines.append(Content(" " * head.cell_length).append(error_words(figure)))
    return lines


def report_lines(report: BenchReport, width: int) -> list[Content]:
    """Everything of a finished benchmark."""
    engine = f"{report.engine} {report.engine_version or ''}".strip()
    lines = figure_lines(report.figures, width)
    memory = f"peak memory {gib(report.peak_memory_bytes)} GiB"
    if report.predicted_memory_bytes is not None:
        memory += f", predicted {gib(report.predicted_memory_bytes)} GiB"
    lines += [Content(""), Content(memory)]
    lines.append(
        Content.styled(
            f"{engine}, {report.prompt_tokens} prompt and {report.output_tokens} output tokens", "$foreground-muted"
        )
    )
    if report.stored:
        lines.append(
            Content.styled("Stored: estimates for this machine are calibrated with it from now on", "$text-success")
        )
    lines += [Content.styled(note, "$text-warning") for note in report.notes]
    return lines
