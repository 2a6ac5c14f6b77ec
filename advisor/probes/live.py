"""This very machine: its files, its programs in bounded children, its libraries where a probe asks for them."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from advisor.probes.host import MISSING, CommandAnswer
from advisor.probes.tree import TreeHost

MAX_OUTPUT = 4 << 20
"""Bytes of a program's output that are kept."""


class LiveHost(TreeHost):
    """The machine this program runs on. Imports a library only when a question needs it."""

    def __init__(self, *, environ: Mapping[str, str] | None = None) -> None:
        super().__init__("", platform=sys.platform, environ=os.environ if environ is None else environ)

    def _path(self, path: str) -> str:
        return path

    def link(self, path: str) -> str | None:
        """The path with links followed."""
        return os.path.realpath(path) if self.exists(path) else None

    def run(self, argv: Sequence[str], timeout_s: float) -> CommandAnswer:
        """Run a program with plain English output; its whole process group dies at the limit."""
        from advisor.probes.child import run_bounded

        program = argv[0] if os.path.isabs(argv[0]) else self.which(argv[0])
        if program is None and self.platform != "win32":
            return MISSING
        return run_bounded([program or argv[0], *argv[1:]], timeout_s=timeout_s, limit_bytes=MAX_OUTPUT)

    def ask(self, question: str, argument: str = "") -> Any:
        """Answer by the reader of that name; a question nobody reads is None."""
        reader = _READERS.get(question)
        return None if reader is None else reader(argument)


def _disk_space(path: str) -> Any:
    """`[free for this user, total]` in bytes."""
    try:
        if sys.platform == "win32":
            import shutil

            usage = shutil.disk_usage(path)
            return [usage.free, usage.total]
        stats = os.statvfs(path)
        return [stats.f_bavail * stats.f_frsize, stats.f_blocks * stats.f_frsize]
    except (OSError, ValueError):
        return None


def _module(name: str) -> Any:
    """Whether a Python module could be imported, without importing it."""
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _listening(address: str) -> Any:
    """Whether something accepts connections at host:port, within 50 ms."""
    import _socket as socket  # the package around it costs 4 ms to import

    host, _, port = address.rpartition(":")
    try:
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.settimeout(0.05)
        refused = connection.connect_ex((host, int(port)))
        connection.close()
    except (OSError, ValueError):
        return False
    return refused == 0


def _machine(_: str) -> Any:
    return os.uname().machine if sys.platform != "win32" else os.environ.get("PROCESSOR_ARCHITECTURE")


def _by_module(module: str, function: str) -> Callable[[str], Any]:
    """A reader that is imported when it is first asked."""

    def ask(argument: str) -> Any:
        from importlib import import_module

        return getattr(import_module(f"advisor.probes.{module}"), function)(argument)

    return ask


def _nvml(_: str) -> Any:
    from advisor.probes.nvidia_child import ask_nvml

    return ask_nvml()


_READERS: dict[str, Callable[[str], Any]] = {
    "disk_space": _disk_space,
    "module": _module,
    "listening": _listening,
    "nvml": _nvml,
    "machine": _machine,
    "drm_regions": _by_module("drm_regions", "read_regions"),
    "memory_devices": _by_module("sticks", "read_tables"),
    "metal": _by_module("metal", "ask_metal"),
    "dxgi": _by_module("dxgi", "ask_dxgi"),
    "psutil": _by_module("portable", "psutil_answer"),
}
"""Who answers which question of `Host.ask`."""
