"""The beginning of a file on the hub, read by range requests as far as a header reader asks, and no further."""

import io

from advisor.errors import BadDocument, NetworkError
from advisor.hub.api import refusal
from advisor.hub.backoff import RETRY_STATUSES, Backoff, retry_after_s
from advisor.hub.exchange import TransportFailed, exchange
from advisor.hub.gguf_header import MAX_HEADER_BYTES
from advisor.hub.patience import Patience
from advisor.hub.progress import Progress

_FIRST_BYTES = 1 << 20
"""Holds most safetensors headers; a GGUF header with a vocabulary takes a few doublings more."""
_LARGEST_BYTES = 32 << 20


class RemoteFile(io.RawIOBase):
    """A forward-reading stream over `url`, a file of `size_bytes`. Requests double in size.

    `read` raises BadDocument at the cap of a header, NetworkError when the hub cannot be reached.
    """

    def __init__(
        self, url: str, size_bytes: int, *, what: str, token: str | None, patience: Patience, progress: Progress
    ) -> None:
        super().__init__()
        self._url, self._size, self._what, self._token = url, size_bytes, what, token
        self._patience, self._progress = patience, progress
        self._buffer = b""
        self._start = self._at = 0
        self._next_bytes = _FIRST_BYTES
        self.fetched_bytes = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Position in the file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Forward from the present position only."""
        target = self._at + offset if whence == io.SEEK_CUR else offset
        if whence == io.SEEK_END or target < self._at:
            raise ValueError("a remote header is read forward")
        self._at = target
        return target

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes, fewer at the end of the file."""
        wanted = min(size, self._size - self._at)
        if wanted <= 0:
            return b""
        end = self._at + wanted
        if end > MAX_HEADER_BYTES:
            raise BadDocument(f"the header of {self._what} is larger than {MAX_HEADER_BYTES >> 20} MiB")
        if end > self._start + len(self._buffer):
            self._fill(end)
        first = self._at - self._start
        self._at = end
        return self._buffer[first : first + wanted]

    def _fill(self, end: int) -> None:
        """Make the buffer hold from the present position to at least `end`."""
        held = self._start + len(self._buffer)
        kept = self._buffer[self._at - self._start :] if self._at < held else b""
        begin = max(self._at, held)
        until = min(self._size, max(end, begin + self._next_bytes))
        self._next_bytes = min(_LARGEST_BYTES, 2 * self._next_bytes)
        self._buffer = kept + self._fetch(begin, until)
        self._start = self._at

    def _fetch(self, begin: int, end: int) -> bytes:
        backoff = Backoff(self._patience)
        while True:
            wait_s: float | None = None
            try:
                data, reason, wait_s = self._try(begin, end)
                if len(data) == end - begin:
                    self.fetched_bytes += len(data)
                    return data
            except TransportFailed as failed:
                reason = str(failed)
            backoff.pause(reason, progress=self._progress, gained=False, stated_s=wait_s)

    def _try(self, begin: int, end: int) -> tuple[bytes, str, float | None]:
        headers = {"Range": f"bytes={begin}-{end - 1}"}
        with exchange("GET", self._url, patience=self._patience, headers=headers, token=self._token) as answer:
            if answer.status in RETRY_STATUSES:
                return b"", f"HTTP {answer.status}", retry_after_s(answer.headers.get("retry-after"))
            if answer.status == 200 and begin:
                raise NetworkError(f"the hub gives no ranges of {self._what}", hint="download the file and inspect it")
            if answer.status not in (200, 206):
                raise refusal(answer, self._what)
            stated = answer.headers.get("content-range", "")
            if answer.status == 206 and not stated.startswith(f"bytes {begin}-"):
                return b"", "the server sent another range than was asked for", None
            pieces, missing = [], end - begin
            while missing and (piece := answer.read(missing)):
                pieces.append(piece)
                missing -= len(piece)
            return b"".join(pieces), "the connection ended early", None
