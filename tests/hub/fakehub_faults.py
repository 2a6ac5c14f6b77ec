"""What the storage behind the imitated hub can do wrong while it sends a file. One function a fault.

A function returns whether the connection stays open. `fault.at` is a fraction of the whole file, `fault.arg` depends.
"""

import re
import socket
import struct
import time
import zlib
from dataclasses import dataclass
from typing import Any

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_STEP = 65536


@dataclass
class Delivery:
    """One request for a file's bytes and all that is needed to answer it, rightly or wrongly."""

    hub: Any
    sock: socket.socket
    method: str
    target: str
    file: Any
    files: dict[str, Any]
    name: str
    fault: Any
    request: Any
    honour_range: bool = True

    @property
    def span(self) -> tuple[int, int, int]:
        """Status, first byte, byte after the last."""
        match = _RANGE.fullmatch(self.request.headers.get("range", ""))
        condition = self.request.headers.get("if-range")
        if match is None or not self.honour_range or (condition and condition.strip('"') != self.file.etag):
            return 200, 0, self.file.size
        return 206, int(match[1]), int(match[2]) + 1 if match[2] else self.file.size

    @property
    def strike(self) -> int:
        """Bytes of this answer before the fault strikes."""
        _, start, end = self.span
        return min(end - start, max(0, int(self.file.size * self.fault.at) - start))

    def headers(self) -> list[tuple[str, Any]]:
        status, start, end = self.span
        shared = [("ETag", f'"{self.file.etag}"'), ("Accept-Ranges", "bytes"), ("Content-Type", "binary/octet-stream")]
        return [*shared, ("Content-Range", f"bytes {start}-{end - 1}/{self.file.size}")] if status == 206 else shared

    def head(self, *extra: tuple[str, Any], status: int | None = None, without: str = "") -> None:
        kept = [header for header in self.headers() if header[0] != without]
        lines = [f"HTTP/1.1 {status or self.span[0]} X", *(f"{name}: {value}" for name, value in [*kept, *extra])]
        self.sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")

    def body(self, first: int = 0, last: int | None = None) -> bytes:
        """Bytes of this answer from `first` to before `last`, counted within the answer."""
        _, start, end = self.span
        return self.file.read(start + first, end if last is None else start + last)

    @property
    def length(self) -> int:
        _, start, end = self.span
        return end - start

    def send(self, data: bytes) -> None:
        rate = self.hub.rate_bytes_per_s
        step = max(1024, min(_STEP, int(rate / 20))) if rate else _STEP
        for at in range(0, len(data), step):
            if self.hub.stopping.is_set():
                raise OSError("stopping")
            self.sock.sendall(data[at : at + step])
            self.request.sent_bytes += len(data[at : at + step])
            if rate:
                time.sleep(step / rate)

    def send_from_file(self) -> None:
        for at in range(0, self.length, 1 << 20):
            self.send(self.body(at, min(self.length, at + (1 << 20))))

    def good(self) -> bool:
        status, start, _ = self.span
        if status == 206 and start >= self.file.size:
            self.head(("Content-Length", 0), status=416, without="Content-Range")
            return True
        self.head(("Content-Length", self.length))
        if self.method != "HEAD":
            self.send_from_file()
        return True


def _status(d: Delivery) -> bool:
    status, headers = d.fault.arg if isinstance(d.fault.arg, tuple) else (d.fault.arg, [])
    d.head(("Content-Length", 2), *headers, status=status, without="Content-Range")
    d.sock.sendall(b"{}")
    return True


def _cut(d: Delivery, length: int, *, reset: bool) -> bool:
    d.head(("Content-Length", d.length))
    d.send(d.body(0, length))
    if length >= d.length:
        return True
    if reset:
        time.sleep(0.05)
        d.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        d.sock.close()
    return False


def _reset(d: Delivery) -> bool:
    return _cut(d, d.strike, reset=True)


def _end(d: Delivery) -> bool:
    return _cut(d, d.strike, reset=False)


def _end_every(d: Delivery) -> bool:
    return _cut(d, min(d.length, d.fault.arg), reset=False)


def _stall(d: Delivery) -> bool:
    d.head(("Content-Length", d.length))
    d.send(d.body(0, d.strike))
    d.hub.stopping.wait(d.fault.arg)
    return False


def _no_length(d: Delivery) -> bool:
    d.head(("Connection", "close"))
    d.send(d.body(0, d.strike))
    return False


def _chunked_cut(d: Delivery) -> bool:
    d.head(("Transfer-Encoding", "chunked"))
    data = d.body(0, d.strike)
    d.sock.sendall(b"%x\r\n" % (len(data) + 1000))
    d.send(data)
    return False


def _short_length(d: Delivery) -> bool:
    d.head(("Content-Length", d.strike), without="Content-Range")
    d.send(d.body(0, d.strike))
    return True


def _long_length(d: Delivery) -> bool:
    d.head(("Content-Length", d.length + 100_000))
    d.send(d.body())
    return False


def _corrupt(d: Delivery) -> bool:
    data = bytearray(d.body())
    if data:
        data[min(len(data) - 1, d.strike)] ^= 0xFF
    d.head(("Content-Length", d.length))
    d.send(bytes(data))
    return True


def _wrong_offset(d: Delivery) -> bool:
    """The right headers, but bytes from `arg` earlier in the file."""
    status, start, end = d.span
    data = d.file.read(start - d.fault.arg, end - d.fault.arg) if status == 206 else d.body()
    d.head(("Content-Length", len(data)))
    d.send(data)
    return True


def _wrong_range(d: Delivery) -> bool:
    """An honest answer to another range than was asked for."""
    status, start, _ = d.span
    if status != 206:
        return d.good()
    first = max(0, start - d.fault.arg)
    stated = ("Content-Range", f"bytes {first}-{d.file.size - 1}/{d.file.size}")
    d.head(stated, ("Content-Length", d.file.size - first), without="Content-Range")
    d.send(d.file.read(first, d.file.size))
    return True


def _ignore_range(d: Delivery) -> bool:
    d.honour_range = False
    return d.good()


def _drip(d: Delivery) -> bool:
    d.head(("Content-Length", d.length))
    d.send(d.body(0, d.strike))
    for at in range(d.strike, d.length, 1024):
        if d.hub.stopping.wait(d.fault.arg):
            return False
        d.send(d.body(at, min(d.length, at + 1024)))
    return True


def _endless(d: Delivery) -> bool:
    d.head(("Transfer-Encoding", "chunked"))
    block = bytes(1 << 20)
    for _ in range(d.fault.arg):
        d.sock.sendall(b"%x\r\n" % len(block))
        d.send(block)
        d.sock.sendall(b"\r\n")
    d.sock.sendall(b"0\r\n\r\n")
    return True


def _gzip_bomb(d: Delivery) -> bool:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(bytes(1 << 20)) for _ in range(d.fault.arg)) + packer.flush()
    d.head(("Content-Encoding", "gzip"), ("Content-Length", len(data)), status=200, without="Content-Range")
    d.send(data)
    return True


def _page(d: Delivery) -> bool:
    page = b"<html>log in to the wireless network</html>"
    d.head(("Content-Length", len(page)), status=200, without="Content-Range")
    d.send(page)
    return True


def _swap(d: Delivery) -> bool:
    """Cut, and from now on serve `arg` under the same address."""
    d.head(("Content-Length", d.length))
    d.send(d.body(0, d.strike))
    d.files[d.name] = d.fault.arg
    return False


def _redirect_loop(d: Delivery) -> bool:
    d.head(("Location", d.hub.storage_url + d.target), ("Content-Length", 0), status=302, without="Content-Range")
    return True


STORAGE_FAULTS = {
    "status": _status,
    "reset": _reset,
    "end": _end,
    "end_every": _end_every,
    "stall": _stall,
    "no_length": _no_length,
    "chunked_cut": _chunked_cut,
    "short_length": _short_length,
    "long_length": _long_length,
    "corrupt": _corrupt,
    "wrong_offset": _wrong_offset,
    "wrong_range": _wrong_range,
    "ignore_range": _ignore_range,
    "drip": _drip,
    "endless": _endless,
    "gzip_bomb": _gzip_bomb,
    "page": _page,
    "swap": _swap,
    "redirect_loop": _redirect_loop,
}
