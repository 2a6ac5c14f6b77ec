"""The least rate at which a download counts as alive, over windows of time and across connections."""

import time

from advisor.hub.patience import Patience


class RateFloor:
    """Counts bytes in windows of `rate_window_s`. Waits that the server asked for do not count, our own do."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._spent_s = 0.0
        self._gained_bytes = 0
        self._last_s = time.monotonic()
        self._slow = 0

    def resume(self) -> None:
        """A connection is about to deliver: time runs from here."""
        self._last_s = time.monotonic()

    def idle(self, seconds: float) -> None:
        """Count a wait of our own making."""
        self._spent_s += seconds

    def too_slow(self, gained_bytes: int) -> bool:
        """Count what arrived; True at the end of a window that held too little."""
        now_s = time.monotonic()
        self._spent_s += now_s - self._last_s
        self._last_s = now_s
        self._gained_bytes += gained_bytes
        if self._spent_s < self._patience.rate_window_s:
            return False
        slow = self._gained_bytes < self._patience.least_rate_bytes_per_s * self._spent_s
        self._slow = self._slow + 1 if slow else 0
        self._spent_s, self._gained_bytes = 0.0, 0
        return slow

    @property
    def hopeless(self) -> bool:
        """Whether enough slow windows came in a row."""
        return self._slow >= self._patience.slow_windows
