"""A host that says aloud what it is about to ask, where the answer may take a while: a driver, a program, a library."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from advisor.probes.host import CommandAnswer, Host

SLOW_QUESTIONS = {
    "nvml": "asking the NVIDIA driver (up to 5 s) …",
    "drm_regions": "asking the graphics driver …",
    "metal": "asking Metal …",
    "dxgi": "listing the graphics adapters …",
    "psutil": "reading processor and memory …",
    "listening": "looking for inference engines …",
}
"""Questions that may take longer than a person notices, in words."""


class WatchedHost:
    """Passes everything on to another host."""

    def __init__(self, host: Host, say: Callable[[str], None]) -> None:
        self._host = host
        self._say = say
        say("reading processor and memory …")

    @property
    def platform(self) -> str:
        """The other host's."""
        return self._host.platform

    @property
    def environ(self) -> Mapping[str, str]:
        """The other host's."""
        return self._host.environ

    def read(self, path: str, limit_bytes: int = 1 << 20) -> str | None:
        """Passed on."""
        return self._host.read(path, limit_bytes)

    def names(self, path: str) -> tuple[str, ...]:
        """Passed on."""
        return self._host.names(path)

    def exists(self, path: str) -> bool:
        """Passed on."""
        return self._host.exists(path)

    def accessible(self, path: str) -> bool:
        """Passed on."""
        return self._host.accessible(path)

    def link(self, path: str) -> str | None:
        """Passed on."""
        return self._host.link(path)

    def which(self, program: str) -> str | None:
        """Passed on."""
        return self._host.which(program)

    def run(self, argv: Sequence[str], timeout_s: float) -> CommandAnswer:
        """Said, then passed on."""
        self._say(f"asking {argv[0]} (up to {timeout_s:.0f} s) …")
        return self._host.run(argv, timeout_s)

    def ask(self, question: str, argument: str = "") -> Any:
        """Said where it may take a while, then passed on."""
        if question in SLOW_QUESTIONS:
            self._say(SLOW_QUESTIONS[question])
        return self._host.ask(question, argument)
