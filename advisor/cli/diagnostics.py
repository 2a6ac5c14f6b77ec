"""The one room that writes stderr: errors, hints, warnings and progress. A message is one line, no full stop."""

import os
import sys
from contextlib import suppress

from advisor.errors import AdvisorError

_COLORS = {"error": "31", "warning": "33", "hint": "36", "note": "2"}


def use_color(stated: bool | None) -> bool:
    """Whether stderr may be coloured: flag, then NO_COLOR, then FORCE_COLOR, then the terminal."""
    if stated is not None:
        return stated
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _line(kind: str, message: str, color: bool | None) -> None:
    label = f"\x1b[{_COLORS[kind]}m{kind}\x1b[0m" if use_color(color) else kind
    with suppress(OSError):  # nobody can read it: the exit code still says what happened
        print(f"{label}: {message}", file=sys.stderr, flush=True)


def report_error(error: AdvisorError, *, color: bool | None = None) -> None:
    """One line for what went wrong, one for what to do."""
    _line("error", error.message, color)
    if error.hint:
        _line("hint", error.hint, color)


def warn(message: str, *, color: bool | None = None) -> None:
    """Something the user should know; the work goes on."""
    _line("warning", message, color)


def hint(message: str, *, color: bool | None = None) -> None:
    """What to do next."""
    _line("hint", message, color)


def note(message: str) -> None:
    """Plain progress in words."""
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)
