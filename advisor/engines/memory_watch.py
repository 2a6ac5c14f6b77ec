"""Watches a running engine's memory from outside, and the machine's: what it took at most, and when to end it."""

import threading
from collections.abc import Callable
from pathlib import Path

PERIOD_S = 0.2
"""Often enough to act before a desktop swaps: 0.2 s at 5 GB/s of page faults is 1 GB."""
FLOOR_FRACTION = 0.03
"""Less available memory than this part of the whole, and the engine is ended before the kernel starts to thrash."""


def _status_field(status: str, name: str) -> int | None:
    for line in status.splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return None


def resident_bytes(pid: int, proc: Path = Path("/proc")) -> tuple[int, int] | None:
    """(now, at most so far) bytes of a process, mapped file pages counted in; None once it is gone.

    Linux keeps the maximum itself (VmHWM); elsewhere both are the present value.
    """
    try:
        status = (proc / str(pid) / "status").read_text()
        now = _status_field(status, "VmRSS")
        return None if now is None else (now, _status_field(status, "VmHWM") or now)
    except (OSError, ValueError, IndexError):
        if proc.exists():
            return None
    import psutil

    try:
        now = int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
    return now, now


def available_bytes() -> tuple[int, int]:
    """(available, total) main memory as the operating system says."""
    import psutil

    memory = psutil.virtual_memory()
    return int(memory.available), int(memory.total)


class MemoryWatch:
    """Polls one process in a thread; calls `on_excess(reason)` once when a limit is passed."""

    def __init__(
        self,
        pid: int,
        on_excess: Callable[[str], None],
        *,
        limit_bytes: int | None = None,
        machine: Callable[[], tuple[int, int]] = available_bytes,
    ) -> None:
        self.peak_bytes: int | None = None
        self._pid = pid
        self._on_excess = on_excess
        self._limit_bytes = limit_bytes
        self._machine = machine
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join(timeout=2.0)

    def look(self) -> str | None:
        """One reading. Returns why the engine must end, or None."""
        resident = resident_bytes(self._pid)
        if resident is None:
            return None
        now, peak = resident
        self.peak_bytes = max(peak, self.peak_bytes or 0)
        if self._limit_bytes is not None and now > self._limit_bytes:
            return f"took {now / 2**30:.1f} GiB, more than the {self._limit_bytes / 2**30:.1f} GiB allowed"
        available, total = self._machine()
        if available < FLOOR_FRACTION * total:
            return f"left only {available / 2**20:.0f} MiB of main memory free"
        return None

    def _poll(self) -> None:
        while not self._stop.wait(PERIOD_S):
            reason = self.look()
            if reason is not None:
                self._on_excess(reason)
                return
