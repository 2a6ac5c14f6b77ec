"""Progress of a download on stderr: a bar in a terminal, a few plain lines elsewhere, nothing with `--quiet`."""

import sys
import time
from typing import Any

from advisor.cli import diagnostics
from advisor.domain.units import format_duration, format_size
from advisor.hub.progress import Progress, Silent
from advisor.settings import Settings

_LINE_EVERY_S = 10.0
_DRAW_EVERY_S = 0.1


def choose_progress(settings: Settings) -> Progress:
    """What suits the terminal and the flags."""
    if settings.quiet:
        return Silent()
    return BarProgress(settings) if sys.stderr.isatty() else LineProgress()


class LineProgress:
    """A line when a file starts, every ten seconds, and when it is done."""

    def __init__(self) -> None:
        self._name, self._size, self._first = "", 0, 0
        self._began_s = self._told_s = 0.0

    def start(self, name: str, size_bytes: int, have_bytes: int) -> None:
        """Name the file and what is there."""
        self._name, self._size, self._first = name, size_bytes, have_bytes
        self._began_s = self._told_s = time.monotonic()
        have = f", {format_size(have_bytes)} of it here" if have_bytes else ""
        diagnostics.note(f"{name}: {format_size(size_bytes)}{have}")

    def advance(self, have_bytes: int) -> None:
        """At most every ten seconds: done, rate, time left."""
        if self._is_time():
            spent_s = time.monotonic() - self._began_s
            rate = max(1.0, (have_bytes - self._first) / spent_s)
            left = format_duration((self._size - have_bytes) / rate)
            diagnostics.note(f"{self._name}: {_share(have_bytes, self._size)}, {rate / 1e6:.1f} MB/s, {left} left")

    def verify(self, done_bytes: int, size_bytes: int) -> None:
        """At most every ten seconds."""
        if self._is_time():
            diagnostics.note(f"{self._name}: verifying, {_share(done_bytes, size_bytes)}")

    def finish(self, name: str) -> None:
        """The file is there; nothing to say where it was there before."""
        if name == self._name:
            diagnostics.note(f"{name}: verified")

    def note(self, message: str) -> None:
        """Say it."""
        diagnostics.note(message)

    def _is_time(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._told_s < _LINE_EVERY_S:
            return False
        self._told_s = now_s
        return True


def _share(done: int, total: int) -> str:
    return f"{100 * done // max(1, total)} % of {format_size(total)}"


class BarProgress:
    """One bar a file: fetching, then verifying. Names are printed as text, never as markup."""

    def __init__(self, settings: Settings) -> None:
        from rich import progress as bars
        from rich.console import Console
        from rich.table import Column

        console = Console(
            stderr=True, markup=False, highlight=False, no_color=not diagnostics.use_color(settings.color)
        )
        name = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        figures = [
            cls(table_column=Column(no_wrap=True))
            for cls in (bars.DownloadColumn, bars.TransferSpeedColumn, bars.TimeRemainingColumn)
        ]
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}", markup=False, table_column=name), bars.BarColumn(bar_width=16),
            *figures, console=console, expand=True,
        )  # fmt: skip
        self._task: Any = None
        self._name, self._phase, self._drawn_s = "", "", 0.0

    def start(self, name: str, size_bytes: int, have_bytes: int) -> None:
        """A new bar."""
        self._name, self._phase = name, "fetching"
        self._bar.start()
        self._task = self._bar.add_task(name, total=size_bytes, completed=have_bytes)

    def advance(self, have_bytes: int) -> None:
        """Move the bar, at most ten times a second."""
        self._move("fetching", have_bytes)

    def verify(self, done_bytes: int, size_bytes: int) -> None:
        """The same bar again, for the hash."""
        self._move("verifying", done_bytes)

    def finish(self, name: str) -> None:
        """Full, and out of the way."""
        if self._task is None:
            return
        self._bar.update(self._task, description=f"verified {name}", completed=self._bar.tasks[-1].total or 0)
        self._bar.stop()
        self._task = None

    def note(self, message: str) -> None:
        """Above the bar."""
        self._bar.console.print(message)

    def close(self) -> None:
        """Leave the terminal as it was, however the work ended."""
        self._bar.stop()

    def _move(self, phase: str, done_bytes: int) -> None:
        now_s = time.monotonic()
        if self._task is None or (phase == self._phase and now_s - self._drawn_s < _DRAW_EVERY_S):
            return
        if phase != self._phase:
            self._phase = phase
            self._bar.reset(self._task, description=f"{phase} {self._name}")
        self._drawn_s = now_s
        self._bar.update(self._task, completed=done_bytes)
