"""How probes reach a machine: files, commands, and questions to libraries, all through one `Host`.

A probe never opens a path or starts a program itself, so a live machine, a folder tree and a recorded machine answer
alike. A source that is missing or refuses answers None, an empty tuple or False; it never raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer:
    """What a program said. `code` is None where it was not found, could not start or ran past its limit."""

    code: int | None
    out: str = ""
    err: str = ""
    failure: str | None = None
    """missing, refused or timeout; None where the program ran to its end."""


MISSING = CommandAnswer(code=None, failure="missing")
"""The answer of a program that is not installed."""


class Host(Protocol):
    """A machine that can be asked."""

    @property
    def platform(self) -> str:
        """linux, darwin or win32, as `sys.platform` says it."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables."""
        ...

    def read(self, path: str, limit_bytes: int = 1 << 20) -> str | None:
        """The text of a file, stripped of blanks and NULs; None where it cannot be read."""
        ...

    def names(self, path: str) -> tuple[str, ...]:
        """The sorted names in a folder; empty where there is none."""
        ...

    def exists(self, path: str) -> bool:
        """Whether something is there."""
        ...

    def accessible(self, path: str) -> bool:
        """Whether this user may open it for reading and writing."""
        ...

    def link(self, path: str) -> str | None:
        """Where a path leads once links are followed; None where nothing is there."""
        ...

    def which(self, program: str) -> str | None:
        """The full path of a program on PATH."""
        ...

    def run(self, argv: Sequence[str], timeout_s: float) -> CommandAnswer:
        """Run a program with a bounded output and time."""
        ...

    def ask(self, question: str, argument: str = "") -> Any:
        """Put a question to a library or system call; the answer is JSON-able, None where there is none."""
        ...
