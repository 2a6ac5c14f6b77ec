"""What a program of llama.cpp says of itself when asked with one option: its version, its options, its devices."""

import re
import subprocess

from advisor.engines.foreign_text import clean
from advisor.engines.supervise import clean_environment
from advisor.errors import EngineError


def said_by(path: str, option: str, *, limit_s: float = 20.0) -> str:
    """Both outputs of `path option`, within `limit_s`. Raises EngineError where it does not run."""
    try:
        done = subprocess.run(
            [path, option], capture_output=True, timeout=limit_s, check=False, env=clean_environment(),
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{path} does not run: {type(error).__name__}") from error
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def version_of(path: str) -> str | None:
    """`build 6000 (abcdef)` as the program says it; None where it says nothing of the kind."""
    match = re.search(r"version: *(.+)", said_by(path, "--version"))
    return clean(match[1], 60) if match else None
