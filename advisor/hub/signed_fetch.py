"""How python-tuf reads from a server: over our own exchange, with the same schemes, redirects, proxies and waits.

Imports tuf, which is an extra: only `hub.signed` imports this module, when an update is asked for.
"""

import time
from collections.abc import Iterator

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient import FetcherInterface

from advisor.errors import NetworkError
from advisor.hub.backoff import RETRY_STATUSES, Backoff, retry_after_s
from advisor.hub.exchange import Answer, TransportFailed, exchange
from advisor.hub.patience import Patience
from advisor.hub.progress import Progress

_PIECE_BYTES = 1 << 16


class Fetcher(FetcherInterface):
    """Reads one address; tuf bounds the bytes. `failure` keeps our own words for what went wrong."""

    def __init__(self, *, patience: Patience, progress: Progress) -> None:
        self._patience = patience
        self._progress = progress
        self.failure: NetworkError | None = None
        self._answer: Answer | None = None

    def close(self) -> None:
        """Drop the connection of an answer that tuf did not read to its end."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.close()
        try:
            answer = self._answer = self._open(url)
        except NetworkError as error:
            self.failure = error
            raise DownloadError(error.message) from error
        if answer.status != 200:
            raise DownloadHTTPError(f"HTTP {answer.status} for {url}", answer.status)
        return self._pieces(answer)

    def _open(self, url: str) -> Answer:
        """An answer with a status that will stay as it is. Raises NetworkError."""
        backoff = Backoff(self._patience)
        while True:
            wait_s: float | None = None
            try:
                answer = exchange("GET", url, patience=self._patience)
                if answer.status not in RETRY_STATUSES:
                    return answer
                reason, wait_s = f"HTTP {answer.status}", retry_after_s(answer.headers.get("retry-after"))
                answer.close()
            except TransportFailed as failed:
                reason = str(failed)
            backoff.pause(reason, progress=self._progress, gained=False, stated_s=wait_s)

    def _pieces(self, answer: Answer) -> Iterator[bytes]:
        deadline = time.monotonic() + self._patience.answer_deadline_s
        try:
            while piece := answer.read(_PIECE_BYTES):
                yield piece
                if time.monotonic() > deadline:
                    raise TransportFailed("the answer takes too long")
        except TransportFailed as failed:
            self.failure = failed
            raise DownloadError(failed.message) from failed
