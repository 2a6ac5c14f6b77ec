"""Starts the NVML reader in a child that is killed at its limit, and reads the lines it managed to write."""

import json
import os
import sys
from typing import Any

NVML_LIMIT_S = 5.0
"""A driver that has not answered by then hangs: healthy ones take 0.1 to 1.5 s."""
MAX_OUTPUT = 4 << 20


def ask_nvml(limit_s: float = NVML_LIMIT_S, *, program: str | None = None) -> dict[str, Any]:
    """`{"lines": [...], "failure": None or why, "stderr": ...}`; never raises, whatever the child does.

    `program` replaces the reader in tests.
    """
    from advisor.probes.child import run_bounded

    script = program or os.path.join(os.path.dirname(os.path.abspath(__file__)), "nvidia.py")
    # -P: the script's own folder must not come before the standard library
    answer = run_bounded([sys.executable, "-P", script], timeout_s=limit_s, limit_bytes=MAX_OUTPUT)
    failure = answer.failure
    if failure is None and answer.code not in (0, None):
        failure = f"exit {answer.code}"
    return {"lines": _lines(answer.out), "failure": failure, "stderr": answer.err[-2000:]}


def _lines(text: str) -> list[dict[str, Any]]:
    """The lines that are JSON objects; a line cut off by the kill is left out."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
