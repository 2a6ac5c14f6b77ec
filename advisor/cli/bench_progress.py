"""Live figures of a benchmark on stderr: one line that is written over on a terminal, a line a run elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from advisor.cli import diagnostics
from advisor.domain.units import format_duration
from advisor.engines.protocol import Listener, Phase, Progress, ignore_progress
from advisor.settings import Settings


def describe(progress: Progress) -> str:
    """One figure in words."""
    of = f"/{progress.runs}" if progress.runs else ""
    run = f"run {progress.run}{of}: " if progress.run else ""
    rate = f", {progress.tokens_per_s:.1f} tokens/s" if progress.tokens_per_s else ""
    match progress.phase:
        case Phase.RUN_DONE:
            return f"{run}first token after {format_duration(progress.seconds)}{rate}"
        case Phase.PREFILL | Phase.DECODE:
            return f"{run}{progress.phase} {progress.tokens or 0}/{progress.tokens_total or '?'}{rate}"
        case _:
            return f"{progress.phase} the model" if progress.phase is Phase.LOADING else str(progress.phase)


@contextmanager
def make_listener(settings: Settings) -> Iterator[Listener]:
    """A listener for the terminal, a log, or nobody; the live line is gone when the block ends."""
    if settings.quiet:
        yield ignore_progress
        return
    if not sys.stderr.isatty():
        yield _log_line
        return
    try:
        yield _live_line
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def _log_line(progress: Progress) -> None:
    if progress.phase in (Phase.LOADING, Phase.RUN_DONE):
        diagnostics.note(describe(progress))


def _live_line(progress: Progress) -> None:
    sys.stderr.write(f"\r\x1b[K{describe(progress)[:78]}")
    sys.stderr.flush()
