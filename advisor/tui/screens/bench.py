"""One benchmark on this machine: consent, live runs, measured against predicted."""

import threading
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Footer, Sparkline

from advisor.tui.actions import Scope, bindings
from advisor.tui.bench_lines import report_lines, run_lines
from advisor.tui.messages import BenchEnded, BenchNote, BenchSampled, WorkFailed
from advisor.tui.screens.base import AdvisorScreen
from advisor.tui.session import BenchReport, BenchSample, Cancelled
from advisor.tui.watches import PostingBenchWatch
from advisor.tui.widgets.lines import Lines
from advisor.tui.widgets.rule import Rule
from advisor.verbs.question import Request


class BenchScreen(AdvisorScreen):
    """`stage`: ready, running, done, stopped or failed."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Scope.BENCH)]

    def __init__(self, target: str, name: str, request: Request) -> None:
        super().__init__()
        self.target, self.model_name, self.asked = target, name, request
        self.stage = "ready"
        self.samples: list[BenchSample] = []
        self.report: BenchReport | None = None
        self.line = ""
        self._stop_event = threading.Event()

    def compose(self) -> ComposeResult:
        """Title, sparkline, lines, footer."""
        yield Rule(f"Benchmark of {self.target}", "decode tokens/s, run by run")
        yield Sparkline([], id="spark")
        with VerticalScroll(id="bench", can_focus=True):
            yield Lines(self._lines, id="bench-text")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one("#bench").focus()
        self._enter("ready")

    @work(thread=True, exclusive=True)
    def _measure(self) -> None:
        watch = PostingBenchWatch(self.post_message, self._stop_event)

        def job() -> Message:
            try:
                return BenchEnded(self.advisor.session.bench(self.target, self.asked, watch))
            except Cancelled:
                return BenchEnded(None)

        self.advisor.attempt("bench", job, self.post_message)

    def on_bench_note(self, message: BenchNote) -> None:
        """What is being done."""
        self.line = message.text
        self._draw()

    def on_bench_sampled(self, message: BenchSampled) -> None:
        """A run is over."""
        self.samples.append(message.sample)
        rates = [s.decode_tokens_per_s for s in self.samples if s.decode_tokens_per_s is not None]
        self.query_one(Sparkline).data = [0.0, *rates]
        self._draw()

    def on_bench_ended(self, message: BenchEnded) -> None:
        """The verdict."""
        self.report, self.line = message.report, "" if message.report else "stopped; nothing is stored"
        if self.report is not None:
            self.samples = list(self.report.samples) or self.samples
        self._enter("done" if message.report else "stopped")

    def on_work_failed(self, message: WorkFailed) -> None:
        """One line, and what to do."""
        self.line = f"{message.message}{f' ({message.hint})' if message.hint else ''}"
        self._enter("failed")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Start and stop show only where they mean something."""
        if action == "start":
            return self.stage != "running"
        return self.stage == "running" if action == "stop" else True

    def action_start(self) -> None:
        """Measure."""
        self.samples, self.report, self.line = [], None, "starting the engine …"
        self._stop_event.clear()
        self._enter("running")
        self._measure()

    def action_stop(self) -> None:
        """Stop as soon as the engine lets go."""
        self._stop_event.set()

    def action_back(self) -> None:
        """Stop, then leave: a benchmark that nobody watches only disturbs."""
        self._stop_event.set()
        self.dismiss(None)

    def _enter(self, stage: str) -> None:
        self.stage = stage
        self.refresh_bindings()
        self._draw()

    def _draw(self) -> None:
        self.set_class(len(self.samples) > 1, "-sampled")
        self.query_one(Lines).again()

    def _lines(self, width: int) -> list[Content]:
        if self.stage == "ready":
            return [
                Content(f"Runs {self.model_name} here for under a minute: one warm-up, then timed runs."),
                Content("The result is stored and every later estimate for this machine learns from it."),
                Content(""),
                Content.assemble("Start? ", ("y", "bold $accent"), " starts, ", ("esc", "bold $accent"), " goes back"),
            ]
        styles = {"failed": "$text-error", "stopped": "$text-warning"}
        lines = [] if self.report is None else [*report_lines(self.report, width), Content("")]
        lines += run_lines(self.samples, width) if self.samples else []
        if self.line:
            lines += [Content(""), *Content.styled(self.line, styles.get(self.stage, "$foreground-muted")).wrap(width)]
        return lines
