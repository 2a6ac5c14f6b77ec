"""Bench results on disk: SQLite, one short transaction a result, a checksum a row. No answer ever depends on this file.

A damaged file is put aside under another name and a new one started; a file of a newer program is only read.
"""

import contextlib
import os
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from advisor.bench.record import from_text, to_text
from advisor.bench.result import BenchResult
from advisor.errors import StoreError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_MS = 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    id INTEGER PRIMARY KEY,
    machine TEXT NOT NULL CHECK (length(machine) BETWEEN 1 AND 64),
    engine TEXT NOT NULL CHECK (length(engine) BETWEEN 1 AND 64),
    engine_version TEXT CHECK (length(engine_version) <= 200),
    backend TEXT NOT NULL CHECK (length(backend) BETWEEN 1 AND 32),
    threads INTEGER CHECK (threads BETWEEN 1 AND 4096),
    model TEXT NOT NULL CHECK (length(model) BETWEEN 1 AND 500),
    quant TEXT CHECK (length(quant) <= 64),
    measured_at TEXT NOT NULL,
    body TEXT NOT NULL CHECK (length(body) <= 1000000),
    crc INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS results_by_machine ON results (machine, engine, model);
"""
_COLUMNS = ("machine", "engine", "engine_version", "backend", "threads", "model", "quant", "measured_at")


def open_store(path: Path) -> "Store":
    """The store at `path`, made where there is none. Raises StoreError."""
    return Store(path)


def _checksum(result: BenchResult, body: str) -> int:
    """crc32 over the columns and the body: `quick_check` misses one damaged file in 24."""
    return zlib.crc32("\x1f".join([*(str(getattr(result, c)) for c in _COLUMNS), body]).encode())


class Store:
    """Results of earlier benchmarks. `notices` says, once, what a user should know about the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_only = False
        self.notices: list[str] = []
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        _private_folder(self.path.parent)
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            raise StoreError(f"the results file {self.path} cannot be opened: {error}") from error
        except sqlite3.DatabaseError:
            self._put_aside()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        try:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                connection.close()
                return self._connect_read_only(version)
            _prepare(connection, version)
            if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _connect_read_only(self, version: int) -> sqlite3.Connection:
        self.read_only = True
        self.notices.append(f"{self.path.name} was written by a newer advisor (version {version}); it is only read")
        return sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)

    def _put_aside(self) -> None:
        aside = f"{self.path.name}.corrupt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).rename(self.path.with_name(aside + suffix))
        self.notices.append(f"{self.path.name} was damaged; it is kept as {aside} and a new one was started")

    def add(self, result: BenchResult) -> int | None:
        """Store one result and return its number; None where the file is only read. Raises StoreError."""
        if self.read_only:
            return None
        body = to_text(result)
        values = [getattr(result, c) for c in _COLUMNS]
        marks = ", ".join("?" * (len(_COLUMNS) + 2))
        statement = f"INSERT INTO results ({', '.join(_COLUMNS)}, body, crc) VALUES ({marks})"
        with self._transaction() as connection:
            cursor = connection.execute(statement, [*values, body, _checksum(result, body)])
            return cursor.lastrowid

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"the result could not be stored: {error}", hint=f"look at {self.path}") from error

    def results(self, *, machine: str | None = None, engine: str | None = None) -> tuple[BenchResult, ...]:
        """Results, oldest first, of a machine's fingerprint and an engine where given. Damaged rows are left out."""
        query = "SELECT body, crc FROM results WHERE (?1 IS NULL OR machine = ?1) AND (?2 IS NULL OR engine = ?2)"
        try:
            rows = self._connection.execute(query + " ORDER BY id", (machine, engine)).fetchall()
        except sqlite3.DatabaseError as error:
            self.notices.append(f"{self.path.name} cannot be read: {error}")
            return ()
        return tuple(filter(None, (self._accept(body, crc) for body, crc in rows)))

    def _accept(self, body: str, crc: int) -> BenchResult | None:
        try:
            result = from_text(body)
        except StoreError:
            return None
        return result if _checksum(result, body) == crc else None


def _private_folder(folder: Path) -> None:
    """Make the folder for this user alone; refuse one that somebody else put a link in place of."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.is_symlink() and folder.lstat().st_uid != os.getuid():
            raise StoreError(f"{folder} is a link that belongs to another user")
    except OSError as error:
        raise StoreError(f"the folder {folder} cannot be made: {error.strerror}") from error


def _prepare(connection: sqlite3.Connection, version: int) -> None:
    """Settings of every connection, and the schema of a new file."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA synchronous = FULL")
    with contextlib.suppress(sqlite3.OperationalError):
        # a network file system has no shared memory: SQLite then stays with its rollback journal
        connection.execute("PRAGMA journal_mode = WAL")
    if version == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
