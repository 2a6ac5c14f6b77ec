"""A helper that outlives its parent only to end the engine: run as `reaper.py STATUS_FD FOLDER ENGINE...`.

Its standard input is a pipe that only the parent holds open. End of file there, however the parent went, ends the
engine's whole process group: SIGTERM, three seconds, SIGKILL. It writes `pid N` and `exit CODE` lines (a negative code
is the signal) to STATUS_FD, and in the end removes FOLDER, the engine's own. It imports nothing of the package, so that
it starts in a few milliseconds.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

GRACE_S = 3.0
"""Long enough for a server to close its socket, short enough that Ctrl-C feels prompt."""
OOM_SCORE = b"800"
"""Under memory pressure the kernel should take the engine, not the desktop."""


def signal_group(pid: int, number: int) -> None:
    """Signal every process of the group that is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def watch_parent(engine: subprocess.Popen[bytes]) -> None:
    """Block until the parent's pipe closes, then end the group."""
    while os.read(0, 4096):
        pass
    signal_group(engine.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        engine.wait(GRACE_S)
    signal_group(engine.pid, signal.SIGKILL)


def offer_to_oom_killer(pid: int) -> None:
    """Raise the engine's OOM score where the kernel has one."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "wb", buffering=0) as file:
        file.write(OOM_SCORE)


def report(status_fd: int, line: str) -> None:
    """Tell the parent, if it still listens."""
    with contextlib.suppress(OSError):
        os.write(status_fd, line.encode() + b"\n")


def main(arguments: list[str]) -> int:
    """Start the engine, wait for it, clean up after it."""
    status_fd, folder = int(arguments[0]), arguments[1]
    os.set_inheritable(status_fd, False)
    try:
        engine = subprocess.Popen(arguments[2:], stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        report(status_fd, f"failed {error.strerror or error}")
        shutil.rmtree(folder, ignore_errors=True)
        return 127
    offer_to_oom_killer(engine.pid)
    report(status_fd, f"pid {engine.pid}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal_group(engine.pid, signal.SIGTERM))
    threading.Thread(target=watch_parent, args=(engine,), daemon=True).start()
    code = engine.wait()
    signal_group(engine.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    report(status_fd, f"exit {code}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
