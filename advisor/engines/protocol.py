"""What every engine adapter promises: measure one model on this machine, reporting as it goes, leaving nothing behind.

A plan goes in, a `Measurement` comes out; live figures go to a listener. Adapters never download anything.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

QUIET_WAITING = 0.05
"""Above it a decode suffers visibly: threads meet at a barrier hundreds of times a token, and the slowest counts.

Measured on 2 cores: 0.02 leaves the speed as it is, 0.2 takes a third, 0.5 takes nine tenths.
"""


class Phase(StrEnum):
    """Where a measurement is."""

    STARTING = "starting"
    LOADING = "loading"
    WARMUP = "warmup"
    PREFILL = "prefill"
    DECODE = "decode"
    RUN_DONE = "run done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A live figure. `run` counts from 1; rates are those of the phase so far."""

    phase: Phase
    run: int | None = None
    runs: int | None = None
    tokens: int | None = None
    tokens_total: int | None = None
    tokens_per_s: float | None = None
    seconds: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurePlan:
    """What to measure. Either `path` (a GGUF file) or `tag` (a model that the engine keeps itself) is given."""

    path: Path | None = None
    tag: str | None = None
    file_bytes: int | None = None
    prompt_tokens: int = 512
    output_tokens: int = 32
    depth: int = 0
    """Tokens already in the cache when a decode is timed, beyond the prompt."""
    window: int | None = None
    """Tokens to reserve. None: as many as the request needs."""
    repetitions: int = 3
    """Runs wanted in which nothing disturbed the engine."""
    max_repetitions: int = 6
    """Runs at most, where some were disturbed."""
    extra_until_s: float = 45.0
    """No run beyond `repetitions` starts later than this."""
    threads: int | None = None
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    kv_type: str = "f16"
    vocab: int | None = None
    """Token ids of the prompt stay below this."""
    memory_limit_bytes: int | None = None
    """The engine is ended when it takes more."""
    load_timeout_s: float | None = None
    """None: 120 s and a second more for each 100 MB."""
    silence_timeout_s: float = 60.0
    total_timeout_s: float = 180.0

    @property
    def context(self) -> int:
        """Tokens that must fit, rounded up to the 256 that llama.cpp pads to."""
        needed = self.window or self.depth + self.prompt_tokens + self.output_tokens + 8
        return -(-needed // 256) * 256

    @property
    def load_limit_s(self) -> float:
        """How long loading may take."""
        return self.load_timeout_s or 120.0 + (self.file_bytes or 0) / 100e6


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSample:
    """One timed request. `prefill_s` covers `prompt_tokens`, `decode_s` covers `output_tokens - 1` steps."""

    prompt_tokens: int
    output_tokens: int
    depth: int
    """Tokens in the cache when the first output token was decoded."""
    ttft_s: float
    prefill_s: float
    decode_s: float
    waiting: float | None = None
    """Part of the time that the engine's threads stood in the run queue: another process had their core."""

    @property
    def is_quiet(self) -> bool | None:
        """Undisturbed, as far as the system can tell."""
        return None if self.waiting is None else self.waiting <= QUIET_WAITING

    @property
    def prefill_tokens_per_s(self) -> float:
        """Prompt tokens a second."""
        return self.prompt_tokens / self.prefill_s

    @property
    def decode_tokens_per_s(self) -> float | None:
        """Output tokens a second after the first; None where only one was written."""
        return (self.output_tokens - 1) / self.decode_s if self.output_tokens > 1 and self.decode_s > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What an engine did. `complete` is False where it ended with fewer runs than were wanted; `notes` say why."""

    engine: str
    engine_version: str | None
    backend: str
    """cpu, cuda, metal, vulkan, rocm, sycl: where the layers ran."""
    threads: int | None
    load_s: float | None
    samples: tuple[RunSample, ...]
    peak_memory_bytes: int | None
    complete: bool = True
    notes: tuple[str, ...] = ()


Listener = Callable[[Progress], None]


def ignore_progress(_progress: Progress) -> None:
    """A listener for callers that want the result alone."""


class Engine(Protocol):
    """One adapter. `name` is what `--engine` takes."""

    name: str

    def version(self) -> str | None:
        """The engine's own version, where it can be asked cheaply."""
        ...

    def measure(
        self, plan: MeasurePlan, listener: Listener = ignore_progress, stop: threading.Event | None = None
    ) -> Measurement:
        """Load, warm up, run `plan.repetitions` times. `stop` ends it early with what there is.

        Raises EngineError when it cannot start, stalls or dies, OutOfMemory when the model did not fit.
        """
        ...
