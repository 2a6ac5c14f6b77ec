"""What the app asks of the rest of the program: one protocol, which the live session answers with verbs and tests with
hand-made nouns. Every method may block, so it is called from workers only; what it returns is frozen."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from advisor.decide.choice import Choice
from advisor.decide.recommendation import Recommendation
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Machine
from advisor.domain.quantity import Quantity
from advisor.domain.workload import Task
from advisor.tui.simulation import Simulation
from advisor.verbs.question import Request


class Cancelled(Exception):
    """The person at the keyboard stopped the work; what was fetched or measured is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedFile:
    """One file of a download, in bytes; `have_bytes` are on disk already."""

    path: str
    size_bytes: int
    have_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOffer:
    """What a download would fetch: everything a person needs to say yes or no."""

    target: str
    repo: str
    revision: str
    quant: str
    files: tuple[OfferedFile, ...]
    missing_bytes: int
    needed_bytes: int
    """Free space that must be there first, reserve included."""
    free_bytes: int | None
    folder: str
    licence: str | None = None
    notes: tuple[str, ...] = ()
    plan: object = None
    """The session's own record of the plan, handed back to `download`."""

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def has_room(self) -> bool | None:
        """Whether the disk can take it; None where the free space is unknown."""
        return None if self.free_bytes is None else self.free_bytes >= self.needed_bytes


class TransferWatch(Protocol):
    """Told how a download goes, from the thread that downloads. Any method may raise `Cancelled`."""

    def start(self, name: str, size_bytes: int, have_bytes: int) -> None:
        """A file begins."""

    def advance(self, have_bytes: int) -> None:
        """So many bytes of the file are on disk."""

    def verify(self, done_bytes: int, size_bytes: int) -> None:
        """So many bytes have been hashed."""

    def finish(self, name: str) -> None:
        """The file is there and verified."""

    def note(self, message: str) -> None:
        """A retry, a wait, a second try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSample:
    """One timed run of a benchmark. Times in s, rates in tokens/s, memory in bytes; None is not measured."""

    run: int
    ttft_s: float | None
    prefill_tokens_per_s: float | None
    decode_tokens_per_s: float | None


class BenchWatch(Protocol):
    """Told how a benchmark goes, from the thread that runs it. Any method may raise `Cancelled`."""

    stop: threading.Event
    """Set when the person wants it to end."""

    def note(self, message: str) -> None:
        """What is being done now."""

    def sample(self, sample: BenchSample) -> None:
        """One run is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure of a benchmark against what was said before it, in one unit. `name` says what and the unit."""

    name: str
    value: float | None
    predicted: Quantity | None
    smaller_is_better: bool = False

    @property
    def error_ratio(self) -> float | None:
        """How far the prediction was off, as a share of the measured value."""
        if not self.value or self.predicted is None:
            return None
        return (self.predicted.p50 - self.value) / self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """What one benchmark found. `stored`: later estimates of this machine learn from it."""

    model: str
    quant: str | None
    engine: str
    engine_version: str | None
    prompt_tokens: int
    output_tokens: int
    samples: tuple[BenchSample, ...]
    figures: tuple[Measured, ...]
    peak_memory_bytes: int | None = None
    predicted_memory_bytes: int | None = None
    stored: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingRow:
    """One machine that could serve the workload."""

    machine: str
    price_usd: float | None
    price_date: str | None
    price_complete: bool
    """False: of the accelerators alone."""
    model: str
    quant: str
    users_held: int | None
    binds: str
    headroom_ratio: float | None
    """Users held over users asked for."""
    ttft_s: float | None
    tokens_per_s: float | None
    score: float | None
    meets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingAnswer:
    """Machines, best first, and why the others are out (counts by reason)."""

    rows: tuple[SizingRow, ...]
    rejected: tuple[tuple[str, int], ...] = ()


class Session(Protocol):
    """The program behind the app."""

    def tasks(self) -> Sequence[Task]:
        """Every task of the catalog."""
        ...

    def here(self, say: Callable[[str], None]) -> Machine:
        """This machine, probed; `say` is told what is being asked."""
        ...

    def refreshed(self, machine: Machine) -> Machine:
        """The machine with the memory that is free now."""
        ...

    def simulated(self, simulation: Simulation) -> Machine:
        """The machine that was chosen or stated. Raises UsageError or UnknownName."""
        ...

    def devices(self) -> Sequence[DeviceSpec]:
        """Every device and whole machine of the hardware catalog."""
        ...

    def recommend(self, request: Request, machine: Machine) -> Recommendation:
        """The ranked answer. Raises UsageError for values out of range."""
        ...

    def ladder(self, model_id: str, mode: str, request: Request, machine: Machine) -> Sequence[Choice]:
        """Every published quantization of a model that thinks or not, as `mode` says, largest first."""
        ...

    def contexts(self, model_id: str, quant: str, mode: str, request: Request, machine: Machine) -> Sequence[Choice]:
        """One choice over growing context windows."""
        ...

    def offer(self, target: str) -> DownloadOffer:
        """What a download of `MODEL:QUANT` would fetch. May ask the hub."""
        ...

    def download(self, offer: DownloadOffer, watch: TransferWatch) -> str:
        """Fetch and verify; the path of the (first) file. Raises Cancelled when the watch does."""
        ...

    def bench(self, target: str, request: Request, watch: BenchWatch) -> BenchReport:
        """Measure a choice on this machine and learn from it."""
        ...

    def size(self, request: Request) -> SizingAnswer:
        """Machines of the hardware catalog that meet the request, cheapest useful first."""
        ...
