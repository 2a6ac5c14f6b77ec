"""When to try again, and when to give up: progress is counted, not attempts."""

import email.utils
import math
import random
import time
from collections.abc import Callable

from advisor.domain.units import format_duration
from advisor.errors import NetworkError
from advisor.hub.patience import Patience
from advisor.hub.progress import Progress

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another attempt may turn into a good one."""

_SLICE_S = 1.0


def retry_after_s(value: str | None) -> float | None:
    """Seconds of a Retry-After header in either form, None where there is none that can be read."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(0.0, seconds)


class Backoff:
    """Waits between attempts, doubling while nothing is gained; gives up after `idle_attempts` without a gain."""

    def __init__(self, patience: Patience, *, kept: str = "", beat: Callable[[], None] = lambda: None) -> None:
        self._patience = patience
        self._kept = kept
        self._beat = beat
        self._idle = 0

    def pause(self, reason: str, *, progress: Progress, gained: bool, stated_s: float | None = None) -> float:
        """Wait before the next attempt and return the seconds slept. Raises NetworkError when it is no use."""
        self._idle = 0 if gained else self._idle + 1
        if stated_s is not None and stated_s > self._patience.retry_after_cap_s:
            raise NetworkError(
                f"the hub asks to come back in {format_duration(stated_s)}{self._kept}",
                hint="wait, or set HF_TOKEN: signed-in users may ask more often",
            )
        if self._idle >= self._patience.idle_attempts:
            raise NetworkError(
                f"gave up after {self._idle} attempts without progress: {reason}{self._kept}",
                hint="check the connection and run the same command again",
            )
        wait_s = self._own_wait_s() if stated_s is None else stated_s
        progress.note(f"{reason}; trying again in {format_duration(wait_s)}")
        self._sleep(wait_s)
        return wait_s

    def _own_wait_s(self) -> float:
        doubled = self._patience.first_wait_s * 2.0**self._idle
        return min(self._patience.longest_wait_s, doubled) * random.uniform(0.5, 1.0)

    def _sleep(self, wait_s: float) -> None:
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            self._beat()
            time.sleep(min(left, _SLICE_S))
