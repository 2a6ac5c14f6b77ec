"""The one room that writes stdout: results, and nothing else."""

import json
import sys
from collections.abc import Mapping
from io import TextIOWrapper
from typing import Any

from advisor.errors import AdvisorError


def emit_text(text: str) -> None:
    """Write a result as text, ending with one newline. Raises AdvisorError where it cannot be written."""
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise AdvisorError(f"cannot write the result: {error.strerror or error}") from error


def emit_prose(text: str) -> None:
    """As `emit_text`; on a terminal, lines that are too long for it are broken between words."""
    width = stdout_width(0)
    if width:
        text = "\n".join(part for line in text.splitlines() for part in _broken(line, width))
    emit_text(text)


def _broken(line: str, width: int) -> list[str]:
    """A line in parts, those after the first set in by two more than it. Words are never cut: they may be commands."""
    if len(line) <= width:
        return [line]
    from textwrap import wrap

    inset = " " * (len(line) - len(line.lstrip()))
    return wrap(
        line.lstrip(), width, initial_indent=inset, subsequent_indent=inset + "  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def emit_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document, UTF-8, indented, keys in the order given. NaN is a defect and raises."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.encoding.lower() not in ("utf-8", "utf8"):
        sys.stdout.reconfigure(encoding="utf-8")  # whatever the terminal speaks
    emit_text(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def stdout_width(default: int = 100) -> int:
    """Columns of the terminal, or of the variable COLUMNS; `default` where stdout is no terminal and it is not set."""
    import os
    import shutil

    if not sys.stdout.isatty() and not os.environ.get("COLUMNS"):
        return default
    return shutil.get_terminal_size((default or 80, 24)).columns
