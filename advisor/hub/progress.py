"""What a download tells while it works. A front end implements `Progress`; the hub room only calls it.

Any method may raise to stop the work: what has been fetched is kept.
"""

from typing import Protocol


class Progress(Protocol):
    """Called from the thread that downloads."""

    def start(self, name: str, size_bytes: int, have_bytes: int) -> None:
        """A file begins; `have_bytes` were there from an earlier run."""

    def advance(self, have_bytes: int) -> None:
        """So many bytes of the file are on disk. Called for every network read: do little."""

    def verify(self, done_bytes: int, size_bytes: int) -> None:
        """So many bytes have been hashed."""

    def finish(self, name: str) -> None:
        """The file is in the store and verified."""

    def note(self, message: str) -> None:
        """Something to know: a retry, a wait, a second try."""


class Silent:
    """Tells nothing."""

    def start(self, name: str, size_bytes: int, have_bytes: int) -> None:
        """Nothing."""

    def advance(self, have_bytes: int) -> None:
        """Nothing."""

    def verify(self, done_bytes: int, size_bytes: int) -> None:
        """Nothing."""

    def finish(self, name: str) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""
