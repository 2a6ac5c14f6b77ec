"""A machine that is a folder tree (the root of this system, or a recorded one) with answers given beforehand."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.probes.host import MISSING, CommandAnswer

_BLANKS = b"\0 \t\r\n"
"""Recorded files of sysfs are padded with NULs to a page."""


class TreeHost:
    """Files below `root`; programs, libraries and environment only as stated."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        platform: str = "linux",
        environ: Mapping[str, str] | None = None,
        commands: Mapping[str, CommandAnswer] | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        """`commands` is keyed by the words joined with blanks, `answers` by `question argument`."""
        self._root = os.fspath(root).rstrip("/")
        self._platform = platform
        self._environ = dict(environ or {})
        self._commands = dict(commands or {})
        self._answers = dict(answers or {})

    @property
    def platform(self) -> str:
        """As stated."""
        return self._platform

    @property
    def environ(self) -> Mapping[str, str]:
        """As stated."""
        return self._environ

    def _path(self, path: str) -> str:
        inside = os.path.normpath("/" + path)
        return self._root + ("/" + inside.lstrip("/"))

    def read(self, path: str, limit_bytes: int = 1 << 20) -> str | None:
        """Text of a file; None on any refusal (absent, no right, device asleep, I/O error)."""
        try:
            with open(self._path(path), "rb", buffering=0) as file:
                return _read_all(file.fileno(), limit_bytes).strip(_BLANKS).decode("utf-8", "replace")
        except (OSError, ValueError):
            return None

    def names(self, path: str) -> tuple[str, ...]:
        """Names in a folder."""
        try:
            return tuple(sorted(os.listdir(self._path(path))))
        except (OSError, ValueError):
            return ()

    def exists(self, path: str) -> bool:
        """Whether something is there."""
        try:
            return os.path.exists(self._path(path))
        except ValueError:
            return False

    def accessible(self, path: str) -> bool:
        """Whether this user may read and write it."""
        try:
            return os.access(self._path(path), os.R_OK | os.W_OK)
        except ValueError:
            return False

    def link(self, path: str) -> str | None:
        """The path with links followed, seen from the root; a link that leads outside it is nothing."""
        if not self.exists(path):
            return None
        base = os.path.realpath(self._root or "/").rstrip("/")
        target = os.path.realpath(self._path(path))
        return target[len(base) :] or "/" if target.startswith(base + "/") or target == base else None

    def which(self, program: str) -> str | None:
        """Search the stated PATH below the root."""
        for folder in self._environ.get("PATH", "").split(os.pathsep):
            path = f"{folder}/{program}"
            if folder and os.path.isfile(self._path(path)) and os.access(self._path(path), os.X_OK):
                return path
        return None

    def run(self, argv: Sequence[str], timeout_s: float) -> CommandAnswer:
        """The answer stated for these words."""
        return self._commands.get(" ".join(argv), MISSING)

    def ask(self, question: str, argument: str = "") -> Any:
        """The answer stated for this question."""
        return self._answers.get(f"{question} {argument}".rstrip())


def _read_all(descriptor: int, limit_bytes: int) -> bytes:
    """/proc hands out a page at a time: read until it ends or the limit is reached."""
    parts: list[bytes] = []
    left = limit_bytes
    while left > 0 and (part := os.read(descriptor, min(left, 1 << 16))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
