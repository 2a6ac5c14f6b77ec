"""Runs one engine as a child that cannot be left behind: own session, helper that ends it, clean surroundings.

Output is read by threads into bounded buffers, memory is watched, and every way to end is turned into an EngineError.
"""

import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from advisor.engines.foreign_text import clean
from advisor.engines.memory_watch import MemoryWatch
from advisor.errors import EngineError, OutOfMemory

REAPER = Path(__file__).with_name("reaper.py")
END_WAIT_S = 8.0
"""The helper's grace of 3 s, and time to be scheduled on a busy machine."""
MAX_KEPT_BYTES = 1 << 20
"""Of the engine's diagnostics, the last part."""
_KEPT_VARIABLES = re.compile(
    r"(PATH|HOME|LANG|LC_\w+|TMPDIR|USER|LD_LIBRARY_PATH|DYLD_\w+|XDG_RUNTIME_DIR|"
    r"(CUDA|NVIDIA|HIP|HSA|ROCR|GGML|GOMP|OMP|ONEAPI|SYCL|ZE|VK)_\w+)"
)
_NO_MEMORY = re.compile(
    r"out of memory|(failed|unable|cannot|could not) (to )?allocate|bad_alloc|ENOMEM", re.IGNORECASE
)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What an engine needs of our environment: no tokens, no proxies, no way to the network by default settings."""
    kept = {name: value for name, value in os.environ.items() if _KEPT_VARIABLES.fullmatch(name)}
    # ggml starts a debugger on an assertion, which can hang a run for minutes
    kept |= {"GGML_NO_BACKTRACE": "1", "HF_HUB_OFFLINE": "1", "LLAMA_ARG_OFFLINE": "1"}
    return kept | dict(extra or {})


class EngineProcess:
    """A context manager around one engine. Inside, `next_line` gives its standard output line by line."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        environment: Mapping[str, str] | None = None,
        memory_limit_bytes: int | None = None,
    ) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="advisor-engine-"))
        self.pid: int | None = None
        self.exit_code: int | None = None
        self._argv = list(argv)
        self._environment = clean_environment(environment) | {"LLAMA_CACHE": str(self.folder)}
        self._memory_limit_bytes = memory_limit_bytes
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=10_000)
        self._diagnostics: deque[bytes] = deque()
        self._diagnostics_bytes = 0
        self._excess: str | None = None
        self._ended_by_us = False
        self._watch: MemoryWatch | None = None
        self._exited = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        status_read, status_write = os.pipe()
        try:
            self._helper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(REAPER), str(status_write), str(self.folder), *self._argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.folder,
                env=self._environment,
                pass_fds=(status_write,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(status_read)
            shutil.rmtree(self.folder, ignore_errors=True)
            raise EngineError(f"{self.name} could not be started: {error.strerror}") from error
        finally:
            os.close(status_write)
        started = threading.Event()
        self._start_thread(self._read_status, os.fdopen(status_read, "rb"), started)
        self._start_thread(self._read_lines, self._helper.stdout)
        self._start_thread(self._read_diagnostics, self._helper.stderr)
        started.wait(20.0)
        self._start_watch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _start_thread(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def _start_watch(self) -> None:
        if self.pid is not None:
            self._watch = MemoryWatch(self.pid, self._end_for_memory, limit_bytes=self._memory_limit_bytes)
            self._watch.start()

    def _read_status(self, stream: IO[bytes], started: threading.Event) -> None:
        with stream:
            for line in stream:
                word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
                if word == "pid":
                    self.pid = int(rest)
                    started.set()
                elif word == "exit":
                    self.exit_code = int(rest)
                elif word == "failed":
                    self._keep(rest.encode())
        self._exited.set()
        started.set()

    def _read_lines(self, stream: IO[bytes]) -> None:
        for line in stream:
            with contextlib.suppress(queue.Full):
                self._lines.put(line.decode("utf-8", "replace").rstrip("\n"), timeout=1.0)
        self._lines.put(None)

    def _read_diagnostics(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._keep(line[:4096])

    def _keep(self, line: bytes) -> None:
        self._diagnostics.append(line)
        self._diagnostics_bytes += len(line)
        while self._diagnostics_bytes > MAX_KEPT_BYTES:
            self._diagnostics_bytes -= len(self._diagnostics.popleft())

    def _end_for_memory(self, reason: str) -> None:
        self._excess = reason
        self._close_pipe()

    def _close_pipe(self) -> None:
        self._ended_by_us = True
        if self._helper.stdin is not None:
            with contextlib.suppress(OSError):
                self._helper.stdin.close()

    @property
    def peak_memory_bytes(self) -> int | None:
        """Most bytes resident so far, as seen from outside."""
        return self._watch.peak_bytes if self._watch else None

    @property
    def running(self) -> bool:
        """False once the engine has gone."""
        return not self._exited.is_set()

    def next_line(self, timeout_s: float) -> str | None:
        """The next line of standard output; None at its end. Raises queue.Empty after `timeout_s` of silence."""
        return self._lines.get(timeout=timeout_s)

    def diagnostics(self) -> str:
        """The last megabyte of what the engine wrote to standard error."""
        return b"".join(list(self._diagnostics)).decode("utf-8", "replace")

    def end(self) -> None:
        """End the engine and everything it started, and remove its folder. Safe to call twice."""
        self._close_pipe()
        try:
            self._helper.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            self._helper.kill()
            self._helper.wait()
        if self._watch is not None:
            self._watch.stop()
        for thread in self._threads:
            thread.join(timeout=2.0)
        for stream in (self._helper.stdout, self._helper.stderr):
            if stream is not None:
                stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def failure(self) -> EngineError:
        """Why the engine went away, as an error to raise."""
        self._exited.wait(5.0)
        text = self.diagnostics()
        if self._excess is not None:
            return OutOfMemory(f"{self.name} was ended: it {self._excess}", hint="choose a smaller model or context")
        taken = self.exit_code == -9 and not self._ended_by_us
        if taken or _NO_MEMORY.search(text):
            return OutOfMemory(f"{self.name} ran out of memory", hint="choose a smaller model, quantization or context")
        return EngineError(f"{self.name} {self._ending()}: {_last_words(text)}".rstrip(": "), hint=_hint(text))

    def _ending(self) -> str:
        if self.pid is None:
            return "could not be started"
        if self.exit_code is None:
            return "stopped answering"
        names = {-6: "gave up on an internal check", -11: "crashed", -4: "met an instruction this CPU lacks"}
        return names.get(self.exit_code, f"ended with code {self.exit_code}")


def _last_words(text: str) -> str:
    """The line that most likely says what went wrong."""
    lines = [line for line in map(clean, text[-20_000:].splitlines()) if line]
    telling = [line for line in lines if re.search(r"error|fail|unknown|invalid|unsupported", line, re.IGNORECASE)]
    return (telling or lines or [""])[-1][:160]


def _hint(text: str) -> str | None:
    if "unknown model architecture" in text:
        return "this build of the engine is too old for the model"
    return None
