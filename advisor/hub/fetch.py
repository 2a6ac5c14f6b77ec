"""The bytes of one file over HTTP, into a `PartFile`, whatever the network does.

The part may hold a good prefix from any earlier run: its name is the hash of the whole, so a prefix is always of the
same content. An answer that does not fit is rejected and the prefix kept. Nothing here decides whether the content is
right: `verify` does, from disk.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from advisor.domain.units import format_size
from advisor.errors import NetworkError, VerificationFailed
from advisor.hub.api import refusal
from advisor.hub.backoff import RETRY_STATUSES, Backoff, retry_after_s
from advisor.hub.digest import Algorithm, Digest
from advisor.hub.exchange import Answer, HostNotFound, TransportFailed, exchange
from advisor.hub.part_file import PartFile
from advisor.hub.patience import Patience
from advisor.hub.progress import Progress
from advisor.hub.rate_floor import RateFloor

_RANGE_IGNORED_LIMIT = 3
"""Another edge of a CDN may honour a range that one ignored; after this many, start over."""
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a file is, how long, and what it must be. `label` names it in messages."""

    url: str
    label: str
    size_bytes: int
    digest: Digest | None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class _Setback:
    """Why an attempt ended early, and how long the server asks to wait."""

    reason: str
    wait_s: float | None = None


class Fetch:
    """One file on its way. `run` returns when the part has its full length."""

    def __init__(
        self,
        source: Source,
        part: PartFile,
        *,
        patience: Patience,
        progress: Progress,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._part = part
        self._patience = patience
        self._progress = progress
        self._beat = beat
        self._floor = RateFloor(patience)
        self._etag: str | None = None
        self._ranges_ignored = 0

    def run(self) -> None:
        """Raises NetworkError, VerificationFailed (the hub serves another file), DiskFull or StoreError."""
        backoff = Backoff(self._patience, kept="; what arrived is kept", beat=self._beat)
        while self._part.missing_bytes:
            before = self._part.have_bytes
            setback = self._attempt()
            if setback is None or not self._part.missing_bytes:
                continue
            gained = self._part.have_bytes > before
            slept_s = backoff.pause(setback.reason, progress=self._progress, gained=gained, stated_s=setback.wait_s)
            if setback.wait_s is None and gained:
                self._floor.idle(slept_s)

    def _attempt(self) -> _Setback | None:
        headers = {}
        if self._part.have_bytes:
            headers["Range"] = f"bytes={self._part.have_bytes}-"
            if self._etag:
                headers["If-Range"] = self._etag
        try:
            with exchange(
                "GET", self._source.url, patience=self._patience, headers=headers, token=self._source.token
            ) as answer:
                return self._check(answer) or self._receive(answer)
        except (TransportFailed, HostNotFound) as failed:
            return _Setback(failed.message)

    def _check(self, answer: Answer) -> _Setback | None:
        """None if the body is the missing rest of the file; the part is emptied if it is the whole of it."""
        if answer.status not in (200, 206):
            return self._check_status(answer)
        self._check_identity(answer)
        if answer.headers.get("content-encoding", "identity") != "identity":
            return _Setback("the answer is compressed although that was not asked for")
        if answer.status == 206:
            return self._check_range(answer)
        return self._check_whole(answer)

    def _check_status(self, answer: Answer) -> _Setback:
        if answer.status in RETRY_STATUSES:
            return _Setback(f"HTTP {answer.status}", retry_after_s(answer.headers.get("retry-after")))
        if answer.status == 416:
            return _Setback("the server says that the file is shorter")
        if answer.redirected and answer.status in (401, 403, 404, 410):
            return _Setback(f"HTTP {answer.status} from the storage behind the hub")
        raise refusal(answer, self._source.label)

    def _check_identity(self, answer: Answer) -> None:
        """The hub names the hash of a large file in its redirect: another one is another file."""
        wanted = self._source.digest
        if wanted is None or wanted.algorithm is not Algorithm.SHA256:
            return
        stated = Digest.of(Algorithm.SHA256, answer.hub_headers.get("x-linked-etag"))
        if stated is not None and stated != wanted:
            raise VerificationFailed(
                f"the hub now serves another file as {self._source.label} (sha256 {stated.hex[:12]}… "
                f"instead of {wanted.hex[:12]}…)",
                hint="update the catalog, or check that nobody tampered with the repository",
            )

    def _check_range(self, answer: Answer) -> _Setback | None:
        etag = _strong_etag(answer)
        if self._etag and etag and etag != self._etag:
            self._etag = None
            return _Setback("the server's copy changed")
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", "").strip())
        size = self._source.size_bytes
        if match is None or int(match[1]) != self._part.have_bytes or int(match[2]) != size - 1:
            return _Setback("the server sent another range than was asked for")
        if match[3] not in ("*", str(size)):
            return _Setback("the server's copy has another size")
        self._etag = etag or self._etag
        return None

    def _check_whole(self, answer: Answer) -> _Setback | None:
        length = answer.headers.get("content-length")
        if length is not None and length.strip() != str(self._source.size_bytes):
            return _Setback("the server's answer has another size than the file")
        if self._part.have_bytes:
            self._ranges_ignored += 1
            if self._ranges_ignored < _RANGE_IGNORED_LIMIT:
                self._etag = None
                return _Setback("the server ignored the range")
            self._progress.note("the server cannot continue a download: starting over")
            self._part.truncate(0)
        self._etag = _strong_etag(answer)
        return None

    def _receive(self, answer: Answer) -> _Setback | None:
        kept = self._part.have_bytes
        self._floor.resume()
        while True:
            data = answer.read(self._part.missing_bytes + 1)
            if not data:
                missing = self._part.missing_bytes
                return _Setback(f"the connection ended {format_size(missing)} early") if missing else None
            if len(data) > self._part.missing_bytes:
                self._part.truncate(kept)
                raise VerificationFailed(f"the server sends more of {self._source.label} than its announced size")
            self._part.append(data)
            self._beat()
            self._progress.advance(self._part.have_bytes)
            if not self._part.missing_bytes and "content-length" in answer.headers:
                return None
            if self._floor.too_slow(len(data)):
                self._give_up_if_hopeless()
                return _Setback("the connection is too slow")

    def _give_up_if_hopeless(self) -> None:
        if self._floor.hopeless:
            raise NetworkError(
                f"under {self._patience.least_rate_bytes_per_s / 1000:.0f} kB/s for "
                f"{self._patience.slow_windows} times {self._patience.rate_window_s:.0f} s; what arrived is kept",
                hint="run the same command again when the connection is better",
            )


def _strong_etag(answer: Answer) -> str | None:
    etag = answer.headers.get("etag", "").strip()
    return etag if etag and not etag.startswith("W/") else None
