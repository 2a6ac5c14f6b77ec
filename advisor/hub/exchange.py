"""One HTTP request with bounded redirects, and its answer as a stream of bytes as they arrive.

Redirects: five at most, https only (http on loopback), and the token never leaves the origin it was meant for. Answers
are never decompressed. Every failure of the transport is a `TransportFailed`, which the caller may try again, or
`HostNotFound`, which only a long download tries again.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urljoin, urlsplit

from advisor.errors import NetworkError
from advisor.hub.connection import check_scheme, open_connection
from advisor.hub.names import clean_text
from advisor.hub.patience import Patience

MAX_HOPS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PIECE_BYTES = 1 << 18


class TransportFailed(NetworkError):
    """The connection broke, timed out or spoke nonsense. Trying again may help."""


class HostNotFound(NetworkError):
    """No name server knows the host: no network, or a slip in its name. Trying again at once does not help."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """Status, headers (names in lower case) and body of the last hop; `hub_headers` are those of the first."""

    status: int
    url: str
    headers: Mapping[str, str]
    hub_headers: Mapping[str, str]
    redirected: bool
    _response: http.client.HTTPResponse
    _connection: http.client.HTTPConnection

    def read(self, limit: int) -> bytes:
        """What has arrived, at most `limit` bytes; empty at the end. Raises TransportFailed."""
        try:
            return self._response.read1(min(limit, _PIECE_BYTES))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise TransportFailed(_reason(error)) from error

    def close(self) -> None:
        """Drop the connection, whatever is still on the way."""
        self._response.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no data arrived in time"
    if isinstance(error, http.client.HTTPException):
        return f"the answer is not HTTP ({type(error).__name__})"
    return f"the connection failed ({clean_text(str(error) or type(error).__name__, 100)})"


def _failure(error: Exception, host: str | None) -> NetworkError:
    if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
        return HostNotFound(
            f"{host} cannot be found: no name server here knows it",
            hint="check the connection, and HF_ENDPOINT where it is set; --offline uses what is downloaded",
        )
    return TransportFailed(f"{host}: {_reason(error)}")


def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a token is bound to."""
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def _cut_off_after(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End the connection when headers take longer: each byte on its own could always come in time."""
    sock = connection.sock

    def cut() -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _one_hop(method: str, url: str, headers: Mapping[str, str], body: bytes | None, patience: Patience) -> Answer:
    parts = urlsplit(url)
    connection, target, extra = open_connection(parts, connect_timeout_s=patience.connect_s)
    try:
        connection.connect()
        if connection.sock is not None:
            connection.sock.settimeout(patience.read_s)
        with _cut_off_after(patience.answer_deadline_s, connection):
            connection.request(method, target, body=body, headers={**headers, **extra})
            response = connection.getresponse()
    except ssl.SSLCertVerificationError as error:
        connection.close()
        raise NetworkError(
            f"the certificate of {parts.hostname} cannot be trusted",
            hint="behind a company proxy, name its certificate file in SSL_CERT_FILE",
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection.close()
        raise _failure(error, parts.hostname) from error
    except BaseException:
        connection.close()
        raise
    got = {name.lower(): value for name, value in response.headers.items()}
    return Answer(
        status=response.status, url=url, headers=got, hub_headers=got, redirected=False,
        _response=response, _connection=connection,
    )  # fmt: skip


def _next_url(answer: Answer) -> str:
    location = answer.headers.get("location")
    if not location:
        raise TransportFailed(f"{urlsplit(answer.url).hostname}: a redirect without an address")
    return urljoin(answer.url, location)


def exchange(
    method: str,
    url: str,
    *,
    patience: Patience,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request and follow its redirects. The caller closes the answer.

    Raises TransportFailed, or NetworkError where trying again cannot help (scheme, certificate, too many redirects).
    """
    sent = {"User-Agent": "advisor", "Accept-Encoding": "identity", **(headers or {})}
    home = origin(urlsplit(url))
    first: Mapping[str, str] | None = None
    for _hop in range(MAX_HOPS + 1):
        parts = urlsplit(url)
        check_scheme(parts, what=f"the address of {clean_text(parts.hostname or '?', 80)}")
        secret = {"Authorization": f"Bearer {token}"} if token and origin(parts) == home else {}
        answer = _one_hop(method, url, {**sent, **secret}, body, patience)
        first = answer.headers if first is None else first
        if answer.status not in _REDIRECTS:
            answer.hub_headers, answer.redirected = first, first is not answer.headers
            return answer
        answer.close()
        url = _next_url(answer)
    raise NetworkError(f"{clean_text(urlsplit(url).hostname or '?', 80)} redirects without end")
