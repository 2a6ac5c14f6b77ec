"""The one room that writes stdout: results, and nothing else."""

import json
import sys
from collections.abc import Mapping
from typing import Any


def emit_text(text: str) -> None:
    """Write a result as text, ending with one newline."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def emit_json(document: Mapping[str, Any]) -> None:
    """Write one JSON document, UTF-8, indented, keys in the order given. NaN is a defect and raises."""
    emit_text(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def stdout_width(default: int = 100) -> int:
    """Columns of the terminal; `default` where stdout is none."""
    import shutil

    return shutil.get_terminal_size((default, 24)).columns if sys.stdout.isatty() else default
