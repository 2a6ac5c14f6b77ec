"""The app: holds the machine and the question, has workers ask the session, and hands their answers to the screens.

Heavy work (catalog, probes, ranking) begins after the first frame, in threads; their answers come back as messages.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App
from textual.message import Message
from textual.timer import Timer
from textual.worker import get_current_worker

from advisor.decide.recommendation import NearMiss, Pick
from advisor.domain.machine import Machine
from advisor.errors import AdvisorError, UsageError
from advisor.tui.form_values import FIELDS, defaults_of, parse_field, question_words, request_from
from advisor.tui.messages import MachineRead, MemoryRead, Probing, Ranked, TasksRead, WorkFailed
from advisor.tui.palette import ActionCommands
from advisor.tui.screens.home import HomeScreen
from advisor.tui.session import Session
from advisor.tui.shown import target_of
from advisor.tui.simulation import Simulation
from advisor.tui.theme import DARK, LIGHT
from advisor.tui.widgets.machine_header import MachineHeader, free_memory_differs
from advisor.tui.widgets.question_form import QuestionForm
from advisor.verbs.question import Request

if TYPE_CHECKING:
    from advisor.tui.screens.download import DownloadScreen

DEBOUNCE_S = 0.12
"""Quiet time after a key before the question is asked again."""
REFRESH_S = 15.0
"""How often free memory is read again: a model loaded elsewhere shows soon, and no driver is asked all the time."""
NOTABLE = 0.1
"""Part of a pool by which its free memory must have changed for the question to be asked again."""
NEEDED_WIDTH, NEEDED_HEIGHT = 60, 16
"""The smallest terminal in which every screen can be read."""


class AdvisorApp(App[None]):
    """Which model to run here, for a task, within a latency."""

    TITLE = "advisor"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = App.COMMANDS | {ActionCommands}
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide"), (170, "-ultra")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012

    def __init__(self, session: Session, *, show_timing: bool = True, debounce_s: float = DEBOUNCE_S) -> None:
        super().__init__()
        self.debounce_s = debounce_s
        self.session = session
        self.show_timing = show_timing
        self.machine: Machine | None = None
        self.simulated = False
        self._asked = 0
        self._pending: Timer | None = None
        self._downloads: DownloadScreen | None = None
        self.home = HomeScreen()

    def on_mount(self) -> None:
        """Show the empty screen, then begin to read."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.push_screen(self.home)
        self.call_after_refresh(self._begin)
        self.set_interval(REFRESH_S, self._refresh_machine)

    def _begin(self) -> None:
        self._read_catalog()

    def on_resize(self) -> None:
        """Say what is needed where the terminal is too small."""
        self.call_after_refresh(self._guard_size)

    def _guard_size(self) -> None:
        from advisor.tui.screens.too_small import TooSmall

        small = self.size.width < NEEDED_WIDTH or self.size.height < NEEDED_HEIGHT
        covered = isinstance(self.screen, TooSmall)
        if small and not covered:
            self.push_screen(TooSmall(NEEDED_WIDTH, NEEDED_HEIGHT))
        elif covered and not small:
            self.pop_screen()

    # -- workers -----------------------------------------------------------------------------------------------

    def attempt(self, what: str, job: Callable[[], Message | None], target: Callable[[Message], object]) -> None:
        """Run a job in a worker's thread and post what it returns; an error of ours becomes a `WorkFailed`."""
        try:
            message = job()
        except AdvisorError as error:
            message = WorkFailed(what, error.message, error.hint)
        except Exception as error:  # the worker's edge: whatever it is, the app goes on and says so
            message = WorkFailed(
                what, f"{type(error).__name__}: {str(error)[:200]}", "`advisor doctor` helps to report it"
            )
        if message is not None and not get_current_worker().is_cancelled:
            target(message)

    @work(thread=True, exclusive=True, group="catalog")
    def _read_catalog(self) -> None:
        self.attempt("catalog", lambda: TasksRead(tuple(self.session.tasks())), self.post_message)

    @work(thread=True, exclusive=True, group="machine")
    def _read_machine(self, simulation: Simulation | None) -> None:
        def job() -> Message:
            if simulation is None:
                return MachineRead(self.session.here(self._say_probing), simulated=False)
            return MachineRead(self.session.simulated(simulation), simulated=True)

        self.attempt("machine", job, self.post_message)

    def _say_probing(self, what: str) -> None:
        self.post_message(Probing(what))

    def _refresh_machine(self) -> None:
        if self.machine is not None and not self.simulated:
            self._read_memory(self.machine)

    @work(thread=True, exclusive=True, group="memory")
    def _read_memory(self, machine: Machine) -> None:
        self.attempt("memory", lambda: MemoryRead(self.session.refreshed(machine)), self.post_message)

    @work(thread=True, exclusive=True, group="rank")
    def _rank(self, request: Request, machine: Machine, asked: int) -> None:
        def job() -> Message:
            began = time.perf_counter()
            result = self.session.recommend(request, machine)
            return Ranked(result, asked, time.perf_counter() - began)

        self.attempt("rank", job, self.post_message)

    # -- what comes back ---------------------------------------------------------------------------------------

    def on_tasks_read(self, message: TasksRead) -> None:
        """The form can be used; the machine is read next."""
        self.home.query_one(QuestionForm).show_tasks(message.tasks)
        self._read_machine(None)

    def on_machine_read(self, message: MachineRead) -> None:
        """Show the machine and ask."""
        self.machine, self.simulated = message.machine, message.simulated
        self.home.query_one(MachineHeader).show(message.machine, simulated=message.simulated)
        self.ask()

    def on_probing(self, message: Probing) -> None:
        """Show how far the probe is, until the machine is known."""
        if self.machine is None:
            self.home.query_one(MachineHeader).say(message.what)

    def on_memory_read(self, message: MemoryRead) -> None:
        """Show what is free now; ask again where that may change the answer."""
        if self.machine is None or self.simulated:
            return
        changed = free_memory_differs(self.machine, message.machine, NOTABLE)
        self.home.query_one(MachineHeader).show(message.machine, simulated=False)
        if changed:
            self.machine = message.machine
            self.ask()

    def on_ranked(self, message: Ranked) -> None:
        """Show the newest answer; drop one to an older question."""
        if message.asked != self._asked:
            return
        self.home.query_one(QuestionForm).show_defaults(defaults_of(message.result.question))
        self.home.show_result(message)

    def on_work_failed(self, message: WorkFailed) -> None:
        """One line, and what to do."""
        if message.work == "memory":  # asked again soon; until then the last figures stand
            return
        hint = f" ({message.hint})" if message.hint else ""
        if message.work in ("catalog", "machine") and self.machine is None:
            self.home.query_one(MachineHeader).say(f"{message.message}{hint}")
        if message.work == "rank":
            self.home.say(message.message)
        self.notify(f"{message.message}{hint}", severity="error", markup=False, timeout=8)

    # -- the question ------------------------------------------------------------------------------------------

    def on_question_form_changed(self, message: QuestionForm.Changed) -> None:
        """Ask again, after a short silence while somebody types."""
        if self._pending is not None:
            self._pending.stop()
        self._pending = self.set_timer(0.001 if message.settled else self.debounce_s, self.ask)

    def request(self) -> Request | None:
        """What the form states; None, with the field marked, where a text is not understood."""
        form = self.home.query_one(QuestionForm)
        texts = form.texts()
        for field in FIELDS:
            try:
                parse_field(field, texts[field.name])
            except UsageError as error:
                form.mark_invalid(field.name)
                self.home.say(f"{error.message}: {error.hint}")
                return None
        form.mark_invalid(None)
        return request_from(form.chosen_task, texts)

    def ask(self) -> None:
        """Put the question to the machine, in a worker."""
        if self.machine is None or not self.home.is_attached:
            return
        request = self.request()
        if request is None:
            return
        self._asked += 1
        self._rank(request, self.machine, self._asked)

    # -- actions -----------------------------------------------------------------------------------------------

    def current(self) -> Pick | NearMiss | None:
        """The choice that actions are about."""
        return self.home.current()

    def _need_choice(self) -> Pick | NearMiss | None:
        item = self.current()
        if item is None:
            self.notify("no row is chosen yet", severity="warning", markup=False)
        return item

    def action_detail(self) -> None:
        """Everything of one choice."""
        from advisor.tui.screens.detail import DetailScreen

        item, request = self._need_choice(), self.request()
        if item is not None and request is not None and self.machine is not None and self.home.result is not None:
            self.push_screen(DetailScreen(item, request, self.machine, self.home.result.question))

    def action_compare(self) -> None:
        """The marked rows side by side."""
        from advisor.tui.screens.compare import CompareScreen

        items = [item for key in self.home.marked if (item := self.home.find(key)) is not None]
        if len(items) < 2:
            self.notify("mark two to four rows with space first", severity="warning", markup=False)
        else:
            self.push_screen(CompareScreen(items))

    def action_simulate(self) -> None:
        """Ask for a machine and answer for it."""
        from advisor.tui.screens.simulate import SimulateScreen

        self.push_screen(SimulateScreen(), self._simulate)

    def _simulate(self, simulation: Simulation | None) -> None:
        if simulation is not None:
            self._read_machine(simulation)

    def action_real_machine(self) -> None:
        """Back to this machine."""
        self._read_machine(None)

    def _target(self) -> str | None:
        """`MODEL:QUANT` that download and bench are about: of the screen in front, else of the row under the cursor."""
        from advisor.tui.screens.detail import DetailScreen

        if isinstance(self.screen, DetailScreen):
            return self.screen.target
        item = self._need_choice()
        return None if item is None else target_of(item)

    def action_download(self) -> None:
        """Plan a download of the choice."""
        target = self._target()
        if target is None:
            return
        if not self.downloads().begin(target):
            self.notify("another download is running", severity="warning", markup=False)
        self.push_screen(self.downloads())

    def downloads(self) -> "DownloadScreen":
        """The one download screen: it lives on while nobody looks."""
        from advisor.tui.screens.download import DownloadScreen

        if self._downloads is None:
            self._downloads = DownloadScreen()
            self.install_screen(self._downloads, "downloads")
        return self._downloads

    def action_downloads(self) -> None:
        """Look at the download again."""
        if self._downloads is None:
            self.notify("nothing is being downloaded: d plans a download", severity="warning", markup=False)
        else:
            self.push_screen(self._downloads)

    def action_bench(self) -> None:
        """Measure the choice here."""
        from advisor.tui.screens.bench import BenchScreen

        target, item, request = self._target(), self.current(), self.request()
        if target is None or item is None or request is None:
            return
        if self.simulated:
            self.notify("a benchmark measures this machine: ctrl+r goes back to it", severity="warning", markup=False)
            return
        self.push_screen(BenchScreen(target, item.model.name, request), lambda _result: self.ask())

    def action_size(self) -> None:
        """Which machines to buy."""
        from advisor.tui.screens.sizing import SizingScreen

        request, result = self.request(), self.home.result
        if request is not None and result is not None:
            self.push_screen(SizingScreen(request, question_words(result.question)))

    def action_help(self) -> None:
        """Every key."""
        from advisor.tui.screens.help import HelpScreen

        self.push_screen(HelpScreen())


def run_app() -> None:
    """Open the app on the live program."""
    from advisor.tui.live_session import LiveSession

    AdvisorApp(LiveSession()).run()
