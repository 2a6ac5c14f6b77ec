"""Small HTTP client for engines on this machine: JSON in, a stream of JSON chunks out, bounded and with deadlines.

Standard library only. Understands server-sent events (llama-server, OpenAI) and JSON lines (Ollama).
"""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from advisor.engines.foreign_text import clean
from advisor.errors import EngineError, UsageError

MAX_LINE_BYTES = 1 << 20
MAX_BODY_BYTES = 8 << 20


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an engine listens: a URL, or the path of a Unix socket. The key never appears in a message."""

    url: str | None = None
    socket_path: str | None = None
    key: str | None = field(default=None, repr=False)

    @property
    def is_local(self) -> bool:
        """A Unix socket or a loopback address."""
        return self.socket_path is not None or urlsplit(self.url or "").hostname in ("127.0.0.1", "::1", "localhost")

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """A fresh connection. Raises UsageError for an address that is none."""
        if self.socket_path is not None:
            return _UnixConnection(self.socket_path, timeout_s)
        parts = urlsplit(self.url or "")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise UsageError(f"`{clean(self.url or '', 100)}` is no address of an engine", hint="http://127.0.0.1:8080")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname, parts.port, timeout=timeout_s)

    def path(self, tail: str) -> str:
        """`tail` below the URL's own path."""
        return urlsplit(self.url or "").path.rstrip("/") + tail

    def headers(self) -> dict[str, str]:
        """Of every request."""
        found = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        return found | ({"Authorization": f"Bearer {self.key}"} if self.key else {})


def _open(
    endpoint: Endpoint, method: str, path: str, body: Mapping[str, Any] | None, timeout_s: float
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = endpoint.connection(timeout_s)
    data = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, endpoint.path(path), body=data, headers=endpoint.headers())
        return connection, connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        raise EngineError(f"the engine does not answer: {type(error).__name__}") from error


def call(
    endpoint: Endpoint, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout_s: float = 10.0
) -> Any:
    """One request, its JSON answer. Raises EngineError for anything but status 200 and JSON."""
    connection, response = _open(endpoint, method, path, body, timeout_s)
    with contextlib.closing(connection):
        try:
            data = response.read(MAX_BODY_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"the engine broke off its answer: {type(error).__name__}") from error
    if response.status != 200:
        raise EngineError(_refusal(response.status, data))
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EngineError("the engine's answer is no JSON") from error


def stream(
    endpoint: Endpoint, path: str, body: Mapping[str, Any], *, silence_timeout_s: float
) -> Iterator[Mapping[str, Any]]:
    """Chunks of one streamed answer, as they come. Raises EngineError on silence, errors and foreign text."""
    connection, response = _open(endpoint, "POST", path, body, silence_timeout_s)
    with contextlib.closing(connection):
        if response.status != 200:
            with contextlib.suppress(OSError, http.client.HTTPException):
                raise EngineError(_refusal(response.status, response.read(4096)))
            raise EngineError(_refusal(response.status, b""))
        while True:
            try:
                line = response.readline(MAX_LINE_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise EngineError(f"the engine broke off its answer: {type(error).__name__}") from error
            if not line:
                return
            chunk = _chunk(line)
            if chunk is not None:
                yield chunk


def _chunk(line: bytes) -> Mapping[str, Any] | None:
    text = line.strip()
    if text.startswith(b"data:"):
        text = text[5:].strip()
    elif not text.startswith(b"{"):
        return None
    if not text or text == b"[DONE]":
        return None
    try:
        chunk = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EngineError("the engine's stream is no JSON") from error
    if not isinstance(chunk, dict):
        raise EngineError("the engine's stream holds something unexpected")
    if chunk.get("error"):
        raise EngineError(f"the engine refused: {_message(chunk['error'])}")
    return chunk


def _message(error: Any) -> str:
    return clean(str(error.get("message", error) if isinstance(error, dict) else error), 160)


def _refusal(status: int, data: bytes) -> str:
    try:
        parsed = json.loads(data)
        words = _message(parsed.get("error", parsed))
    except (ValueError, AttributeError, RecursionError):
        words = clean(data.decode("utf-8", "replace"), 160)
    return f"the engine answered {status}: {words}".rstrip(": ")
