"""What the session tells while it downloads or measures, turned into messages. Called from worker threads."""

import threading
import time
from collections.abc import Callable

from textual.message import Message

from advisor.tui.messages import BenchNote, BenchSampled, TransferNote, Transferred
from advisor.tui.session import BenchSample, Cancelled

MIN_INTERVAL_S = 0.1
"""A person reads no faster; a network read comes every few milliseconds."""

Post = Callable[[Message], object]


class PostingTransferWatch:
    """Posts how a download goes, at most ten times a second; raises `Cancelled` once `stop` is set."""

    def __init__(self, post: Post, stop: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
        self._post, self._stop, self._clock = post, stop, clock
        self._file, self._size_bytes = "", 0
        self._told_s = float("-inf")

    def start(self, name: str, size_bytes: int, have_bytes: int) -> None:
        """A file begins."""
        self._file, self._size_bytes = name, size_bytes
        self._tell("fetching", have_bytes, size_bytes, always=True)

    def advance(self, have_bytes: int) -> None:
        """Bytes on disk."""
        self._tell("fetching", have_bytes, self._size_bytes, always=have_bytes >= self._size_bytes)

    def verify(self, done_bytes: int, size_bytes: int) -> None:
        """Bytes hashed."""
        self._tell("verifying", done_bytes, size_bytes, always=done_bytes >= size_bytes)

    def finish(self, name: str) -> None:
        """A file is done."""
        self._tell("verified", self._size_bytes, self._size_bytes, always=True)

    def note(self, message: str) -> None:
        """A retry, a wait."""
        self._check()
        self._post(TransferNote(message))

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled

    def _tell(self, phase: str, done_bytes: int, size_bytes: int, *, always: bool) -> None:
        self._check()
        now = self._clock()
        if always or now - self._told_s >= MIN_INTERVAL_S:
            self._told_s = now
            self._post(Transferred(self._file, phase, done_bytes, size_bytes, now))


class PostingBenchWatch:
    """Posts how a benchmark goes; raises `Cancelled` once `stop` is set, which an engine may watch too."""

    def __init__(self, post: Post, stop: threading.Event) -> None:
        self._post = post
        self.stop = stop

    def note(self, message: str) -> None:
        """What is being done."""
        self._check()
        self._post(BenchNote(message))

    def sample(self, sample: BenchSample) -> None:
        """A run is over."""
        self._check()
        self._post(BenchSampled(sample))

    def _check(self) -> None:
        if self.stop.is_set():
            raise Cancelled
