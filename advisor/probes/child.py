"""Programs run with a time limit, a bounded output and no way to linger: the process group dies with the limit."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Any

from advisor.probes.host import CommandAnswer


def run_bounded(argv: Sequence[str], *, timeout_s: float, limit_bytes: int) -> CommandAnswer:
    """Run `argv` without a shell or stdin. Output written before a timeout is kept.

    The output goes to files, not pipes: a grandchild that keeps a pipe open cannot hold us up.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            process = _start(argv, out, err)
        except FileNotFoundError:
            return CommandAnswer(code=None, failure="missing")
        except (OSError, ValueError):
            return CommandAnswer(code=None, failure="refused")
        failure = None
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            failure = "timeout"
        finally:
            _end(process)
        code = None if failure else process.returncode
        return CommandAnswer(code=code, out=_text(out, limit_bytes), err=_text(err, limit_bytes), failure=failure)


def _start(argv: Sequence[str], out: IO[bytes], err: IO[bytes]) -> "subprocess.Popen[bytes]":
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW}
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.Popen(
        list(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, close_fds=True, **options
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what still runs. A child stuck inside a driver call cannot be reaped; it is left to the system."""
    if process.poll() is not None:
        return
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.returncode = -signal.SIGTERM  # nothing waits for it any more, and its end warns nobody


def _text(file: IO[bytes], limit_bytes: int) -> str:
    file.seek(0)
    raw = file.read(limit_bytes)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    return raw.decode("utf-8-sig", "replace")
