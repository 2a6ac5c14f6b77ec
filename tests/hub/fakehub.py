"""A small imitation of the model hub on two loopback ports, able to serve real files and to misbehave on purpose.

One port answers the API and `resolve` (sizes, hashes, redirects), the other is the storage behind it, so that a client
sees a redirect to another origin as with the real hub. Raw sockets: every byte of the framing can be wrong on purpose.

    with FakeHub() as hub:
        commit = hub.commit("org/model", {"model.gguf": Content.from_path(path)})
        hub.faults.storage.append(Fault("reset", times=1))
        environment["HF_ENDPOINT"] = hub.url
"""

import hashlib
import json
import re
import socket
import socketserver
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.hub.fakehub_faults import STORAGE_FAULTS, Delivery

Headers = list[tuple[str, Any]]


@dataclass(frozen=True)
class Content:
    """What one file holds: bytes in memory, or a file on disk. `lfs`: large files are named by their sha256."""

    data: bytes = b""
    path: Path | None = None
    lfs: bool = True

    @classmethod
    def from_path(cls, path: Path) -> "Content":
        """A real file, read when asked for."""
        return cls(path=Path(path))

    @cached_property
    def size(self) -> int:
        return self.path.stat().st_size if self.path else len(self.data)

    def read(self, start: int, end: int) -> bytes:
        if self.path is None:
            return self.data[start:end]
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def _hash(self, state: Any) -> str:
        for start in range(0, self.size, 1 << 20):
            state.update(self.read(start, min(self.size, start + (1 << 20))))
        return state.hexdigest()

    @cached_property
    def sha256(self) -> str:
        return self._hash(hashlib.sha256())

    @cached_property
    def git_sha1(self) -> str:
        return self._hash(hashlib.sha1(b"blob %d\0" % self.size))

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_sha1


@dataclass
class Fault:
    """`kind`: a key of STORAGE_FAULTS or HUB_FAULTS. `times`: how many requests it hits, -1 for all.

    `at`: the fraction of the whole file at which it strikes. `arg`: what the kind needs besides.
    """

    kind: str
    times: int = -1
    at: float = 0.5
    arg: Any = None
    hits: int = 0

    def take(self) -> bool:
        if self.times == 0:
            return False
        self.times -= 1 if self.times > 0 else 0
        self.hits += 1
        return True


@dataclass
class Faults:
    """Queued faults by where they strike; the first that is not used up is taken."""

    api: list[Fault] = field(default_factory=list)
    head: list[Fault] = field(default_factory=list)
    resolve: list[Fault] = field(default_factory=list)
    storage: list[Fault] = field(default_factory=list)


@dataclass
class Request:
    """One request as it came, for tests to look at."""

    where: str
    method: str
    path: str
    headers: dict[str, str]
    fault: str | None = None
    sent_bytes: int = 0


class FakeHub:
    """The two servers, the repositories they serve, and the log of what was asked."""

    def __init__(self, *, storage_host: str = "127.0.0.1") -> None:
        self.repos: dict[str, dict[str, dict[str, Content]]] = {}
        self.refs: dict[str, dict[str, str]] = {}
        self.faults = Faults()
        self.log: list[Request] = []
        self.required_token: str | None = None
        self.gated = False
        self.state_sizes = True
        self.rate_bytes_per_s: float | None = None
        self.results: dict[str, Any] = {}
        """What `expand[]=evalResults` gives, by repository."""
        self.listed_names: dict[str, str] = {}
        """Names to state in listings instead of the real ones."""
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._servers = [self._serve(self._answer_hub), self._serve(self._answer_storage)]
        self.url = f"http://127.0.0.1:{self._servers[0].server_address[1]}"
        self.storage_url = f"http://{storage_host}:{self._servers[1].server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def commit(self, repo: str, files: dict[str, Content], *, ref: str = "main", sha: str | None = None) -> str:
        """Publish files; returns the commit's 40 hex digits (or the stated ones)."""
        listing = repr((repo, len(self.repos.get(repo, {})), [(name, file.etag) for name, file in files.items()]))
        commit = sha or hashlib.sha1(listing.encode()).hexdigest()
        self.repos.setdefault(repo, {})[commit] = dict(files)
        self.refs.setdefault(repo, {})[ref] = commit
        return commit

    def served_bytes(self) -> int:
        """Bytes of file content handed to the network."""
        return sum(request.sent_bytes for request in self.log)

    def _serve(self, answer: Any) -> socketserver.ThreadingTCPServer:
        hub = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    while not hub.stopping.is_set():
                        request = read_request(self.request)
                        if request is None or not answer(self.request, *request):
                            return
                except OSError:
                    return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def _record(self, request: Request) -> Request:
        with self._lock:
            self.log.append(request)
        return request

    def _pick(self, queue: list[Fault], request: Request) -> Fault | None:
        with self._lock:
            fault = next((fault for fault in queue if fault.take()), None)
        request.fault = fault.kind if fault else None
        return fault

    def _files(self, repo: str, revision: str) -> dict[str, Content] | None:
        return self.repos.get(repo, {}).get(self._commit_of(repo, revision))

    def _commit_of(self, repo: str, revision: str) -> str:
        return self.refs.get(repo, {}).get(revision, revision)

    def _answer_hub(self, sock: socket.socket, method: str, target: str, headers: dict[str, str]) -> bool:
        path, _, query = target.partition("?")
        path = urllib.parse.unquote(path)
        request = self._record(Request("hub", method, path, headers))
        queue = (
            self.faults.api
            if path.startswith("/api/")
            else self.faults.head
            if method == "HEAD"
            else self.faults.resolve
        )
        fault = self._pick(queue, request)
        if fault is not None:
            return HUB_FAULTS[fault.kind](sock, method, fault.arg)
        if self.required_token is not None and headers.get("authorization") != f"Bearer {self.required_token}":
            return self._refuse(sock, known=bool(headers.get("authorization")))
        if "evalResults" in query:
            return self._answer_results(sock, path.removeprefix("/api/models/"))
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, path):
                return answer(self, sock, method, *match.groups())
        return respond(sock, 404, [])

    def _refuse(self, sock: socket.socket, *, known: bool) -> bool:
        code = "GatedRepo" if self.gated else "RepoNotFound"
        return respond(sock, 403 if self.gated and known else 401, [("X-Error-Code", code)])

    def _entry(self, name: str, file: Content, *, sibling: bool) -> dict[str, Any]:
        shown = self.listed_names.get(name, name)
        if sibling:
            lfs = {"sha256": file.sha256, "size": file.size, "pointerSize": 134} if file.lfs else None
            entry = {"rfilename": shown, "size": file.size, "blobId": file.git_sha1 if not file.lfs else "0" * 40}
        else:
            lfs = {"oid": file.sha256, "size": file.size, "pointerSize": 134} if file.lfs else None
            entry = {"type": "file", "oid": "0" * 40 if file.lfs else file.git_sha1, "size": file.size, "path": shown}
        return {**entry, "lfs": lfs} if lfs else entry

    def _answer_listing(self, sock: socket.socket, _method: str, repo: str, revision: str) -> bool:
        files = self._files(repo, revision)
        if files is None:
            return respond_json(sock, {"error": "not found"}, 404, [("X-Error-Code", "RevisionNotFound")])
        return respond_json(sock, [self._entry(name, file, sibling=False) for name, file in files.items()])

    def _answer_info(self, sock: socket.socket, _method: str, repo: str, revision: str | None = None) -> bool:
        files = self._files(repo, revision or "main")
        if files is None:
            return respond_json(sock, {"error": "not found"}, 404, [("X-Error-Code", "RepoNotFound")])
        document = {
            "id": repo, "modelId": repo, "sha": self._commit_of(repo, revision or "main"), "private": False,
            "gated": False, "tags": [], "cardData": {"license": "apache-2.0"},
            "siblings": [self._entry(name, file, sibling=True) for name, file in files.items()],
        }  # fmt: skip
        return respond_json(sock, document)

    def _answer_results(self, sock: socket.socket, repo: str) -> bool:
        if repo not in self.repos and repo not in self.results:
            return respond_json(sock, {"error": "not found"}, 404, [("X-Error-Code", "RepoNotFound")])
        stated = {"evalResults": self.results[repo]} if repo in self.results else {}
        return respond_json(sock, {"id": repo, **stated})

    def _answer_resolve(self, sock: socket.socket, method: str, repo: str, revision: str, name: str) -> bool:
        files, commit = self._files(repo, revision), self._commit_of(repo, revision)
        if files is None or name not in files:
            code = "RepoNotFound" if files is None else "EntryNotFound"
            return respond(sock, 404, [("X-Error-Code", code)])
        file = files[name]
        shared: Headers = [("X-Repo-Commit", commit), ("Accept-Ranges", "bytes")]
        if not file.lfs:
            body = b"" if method == "HEAD" else file.read(0, file.size)
            return respond(sock, 200, [*shared, ("ETag", f'"{file.etag}"')], body, length=file.size)
        sizes = [("X-Linked-Size", file.size)] if self.state_sizes else []
        place = f"{self.storage_url}/cdn/{repo}/{commit}/{urllib.parse.quote(name)}?sig=abc"
        linked = [("ETag", f'"{file.git_sha1}"'), ("X-Linked-Etag", f'"{file.sha256}"'), ("Location", place)]
        return respond(sock, 302, [*shared, *sizes, *linked])

    def _answer_storage(self, sock: socket.socket, method: str, target: str, headers: dict[str, str]) -> bool:
        path = urllib.parse.unquote(target.partition("?")[0])
        request = self._record(Request("storage", method, path, headers))
        match = re.fullmatch(r"/cdn/(.+)/([0-9a-f]{40})/(.+)", path)
        files = self.repos.get(match[1], {}).get(match[2], {}) if match else {}
        if match is None or match[3] not in files:
            return respond(sock, 404, [])
        file = files[match[3]]
        fault = self._pick(self.faults.storage, request)
        delivery = Delivery(
            hub=self, sock=sock, method=method, target=target, file=file, files=files, name=match[3], fault=fault,
            request=request,
        )  # fmt: skip
        return STORAGE_FAULTS[fault.kind](delivery) if fault else delivery.good()


_ROUTES: list[tuple[str, Any]] = [
    (r"/api/models/(.+?)/tree/([^/]+)/?", FakeHub._answer_listing),
    (r"/api/models/(.+?)/paths-info/([^/]+)", FakeHub._answer_listing),
    (r"/api/models/(.+?)/revision/([^/]+)", FakeHub._answer_info),
    (r"/api/models/(.+)", FakeHub._answer_info),
    (r"/(.+?)/resolve/([^/]+)/(.+)", FakeHub._answer_resolve),
]


def read_request(sock: socket.socket) -> tuple[str, str, dict[str, str]] | None:
    """Method, target and headers (names in lower case) of the next request; None when the client is gone."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(65536)
        if not piece or len(head) > 1 << 20:
            return None
        head += piece
    text, _, body = head.partition(b"\r\n\r\n")
    lines = text.decode("latin-1").split("\r\n")
    method, target, _version = lines[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in lines[1:])
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    missing = int(headers.get("content-length", 0)) - len(body)
    while missing > 0 and (piece := sock.recv(missing)):
        missing -= len(piece)
    return method, target, headers


def respond(
    sock: socket.socket, status: int, headers: Headers, body: bytes = b"", *, length: int | None = None
) -> bool:
    """Send a whole answer; True: the connection stays open."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in [*headers, ("Content-Length", size)])]
    sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    return True


def respond_json(sock: socket.socket, document: Any, status: int = 200, headers: Headers | None = None) -> bool:
    """Send a JSON document."""
    return respond(
        sock, status, [("Content-Type", "application/json"), *(headers or [])], json.dumps(document).encode()
    )


def reset_connection(sock: socket.socket) -> None:
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _hub_status(sock: socket.socket, method: str, arg: Any) -> bool:
    status, headers = arg if isinstance(arg, tuple) else (arg, [])
    return respond(sock, status, headers, b"" if method == "HEAD" else b"{}")


def _hub_reset(sock: socket.socket, _method: str, _arg: Any) -> bool:
    reset_connection(sock)
    return False


def _hub_page(sock: socket.socket, method: str, _arg: Any) -> bool:
    page = b"<html>captive portal</html>"
    return respond(sock, 200, [("Content-Type", "text/html")], b"" if method == "HEAD" else page, length=len(page))


def _hub_garbage(sock: socket.socket, _method: str, _arg: Any) -> bool:
    sock.sendall(bytes(range(256)) * 16)
    return False


def _hub_huge_headers(sock: socket.socket, _method: str, _arg: Any) -> bool:
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    for index in range(200_000):
        sock.sendall(b"X-%d: %s\r\n" % (index, b"a" * 1000))
    return False


def _hub_drip_headers(sock: socket.socket, _method: str, arg: Any) -> bool:
    sock.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(600):
        sock.sendall(b"a")
        time.sleep(arg)
    return False


def _hub_raw(sock: socket.socket, _method: str, arg: Any) -> bool:
    return respond(sock, 200, [("Content-Type", "application/json")], arg)


def _hub_redirect(sock: socket.socket, _method: str, arg: Any) -> bool:
    return respond(sock, 302, [("Location", arg)])


HUB_FAULTS = {
    "status": _hub_status,
    "reset": _hub_reset,
    "page": _hub_page,
    "garbage": _hub_garbage,
    "huge_headers": _hub_huge_headers,
    "drip_headers": _hub_drip_headers,
    "raw": _hub_raw,
    "redirect": _hub_redirect,
}
"""What the API and `resolve` can do wrong."""
