"""The unfinished file of a download: appended to as bytes arrive, kept when anything goes wrong."""

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from advisor.domain.units import format_size
from advisor.errors import DiskFull, StoreError

SYNC_EVERY_BYTES = 256 << 20
"""Written through to the disk this often, so that the last sync of a large file is short."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class PartFile:
    """`path` opened for appending without a buffer, so that a killed process loses nothing it was handed.

    `have_bytes` never exceeds `size_bytes`. Raises DiskFull or StoreError.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.have_bytes = 0
        self._fd = -1
        self._unsynced_bytes = 0

    def __enter__(self) -> Self:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._fd = os.open(self.path, flags, 0o644)
            self.have_bytes = os.lseek(self._fd, 0, os.SEEK_END)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {os.strerror(error.errno or 0)}") from error
        if self.have_bytes > self.size_bytes:
            self.truncate(0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._fd)

    @property
    def missing_bytes(self) -> int:
        """What is still to come."""
        return self.size_bytes - self.have_bytes

    def truncate(self, have_bytes: int) -> None:
        """Keep only the first `have_bytes`."""
        os.ftruncate(self._fd, have_bytes)
        os.lseek(self._fd, have_bytes, os.SEEK_SET)
        self.have_bytes = have_bytes

    def append(self, data: bytes) -> None:
        """Write all of `data` at the end."""
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._fd, view)
            except OSError as error:
                raise self._failure(error) from error
            self.have_bytes += written
            view = view[written:]
        self._unsynced_bytes += len(data)
        if self._unsynced_bytes >= SYNC_EVERY_BYTES:
            self.sync()

    def sync(self) -> None:
        """Make the content survive a power cut."""
        self._unsynced_bytes = 0
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> DiskFull | StoreError:
        if error.errno in _NO_ROOM:
            kept = f"{format_size(self.have_bytes)} of {format_size(self.size_bytes)} kept in {self.path.parent}"
            return DiskFull(f"the disk is full: {kept}", hint="make room and run the same command again")
        return StoreError(f"{self.path} cannot be written: {os.strerror(error.errno or 0)}")
