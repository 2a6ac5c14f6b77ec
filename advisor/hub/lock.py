"""One process at a time on one file: flock on a lock file that names its holder and shows its pulse.

Correctness never depends on the lock (content is hashed and moved into place in one step); it saves a second download.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from advisor.errors import StoreError
from advisor.hub.patience import Patience
from advisor.hub.progress import Progress

_BEAT_S = 1.0
_POLL_S = 0.1


class Lock:
    """Held while the context of `hold` lasts."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._beaten_s = 0.0

    def beat(self) -> None:
        """A sign of life for those who wait; cheap enough to call for every read."""
        now_s = time.monotonic()
        if now_s - self._beaten_s >= _BEAT_S:
            self._beaten_s = now_s
            os.utime(self._fd)


@contextmanager
def hold(path: Path, *, patience: Patience, progress: Progress) -> Iterator[Lock]:
    """Wait while another process holds `path` and is alive. Raises StoreError, naming its pid, when it falls silent."""
    fd = _acquire(path, patience, progress)
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d" % os.getpid(), 0)
        yield Lock(fd)
    finally:
        path.unlink(missing_ok=True)
        os.close(fd)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {os.strerror(error.errno or 0)}") from error


def _acquire(path: Path, patience: Patience, progress: Progress) -> int:
    told = False
    began_s = time.time()
    while True:
        fd = _open(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told = told or _tell(fd, progress)
            _check_pulse(fd, path, patience, began_s)
            os.close(fd)
            time.sleep(_POLL_S)
            continue
        if _is_current(fd, path):
            return fd
        os.close(fd)


def _is_current(fd: int, path: Path) -> bool:
    """Whether `path` still names what we locked: its last holder removes it on leaving."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _holder(fd: int) -> str:
    pid = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
    return f"another process (pid {pid})" if pid.isdigit() else "another process"


def _tell(fd: int, progress: Progress) -> bool:
    progress.note(f"{_holder(fd)} is downloading this file; waiting for it")
    return True


def _check_pulse(fd: int, path: Path, patience: Patience, began_s: float) -> None:
    """Silence counts from when we began to look: a lock file may be left over from long ago."""
    silent_s = time.time() - max(os.fstat(fd).st_mtime, began_s)
    if silent_s > patience.lock_silence_s:
        holder = _holder(fd)
        os.close(fd)
        raise StoreError(
            f"{holder} holds {path.name} and has been silent for {silent_s:.0f} s",
            hint="end that process and run the same command again; what it fetched is kept",
        )
