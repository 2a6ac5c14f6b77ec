"""What workers tell the app: frozen snapshots in messages. A worker never touches a widget."""

from dataclasses import dataclass

from textual.message import Message

from advisor.decide.choice import Choice
from advisor.decide.recommendation import Recommendation
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Machine
from advisor.domain.workload import Task
from advisor.tui.session import BenchReport, BenchSample, DownloadOffer, SizingAnswer


@dataclass
class TasksRead(Message):
    """The catalog is open."""

    tasks: tuple[Task, ...]


@dataclass
class MachineRead(Message):
    """A machine is known: this one, or (`simulated`) one that was asked for."""

    machine: Machine
    simulated: bool


@dataclass
class Probing(Message):
    """What is being asked of this machine."""

    what: str


@dataclass
class MemoryRead(Message):
    """This machine again, with the memory that is free now."""

    machine: Machine


@dataclass
class Ranked(Message):
    """An answer. `asked` counts the questions, so that a late answer to an old one is dropped."""

    result: Recommendation
    asked: int
    seconds: float


@dataclass
class WorkFailed(Message):
    """Work ended with an error of ours: one line, and what to do."""

    work: str
    message: str
    hint: str | None


@dataclass
class LadderRead(Message):
    """The quantizations of a model, and one of them over several context windows."""

    model_id: str
    ladder: tuple[Choice, ...]
    contexts: tuple[Choice, ...]


@dataclass
class DevicesRead(Message):
    """The hardware catalog is open."""

    devices: tuple[DeviceSpec, ...]


@dataclass
class OfferMade(Message):
    """A download is planned and waits for a yes."""

    offer: DownloadOffer


@dataclass
class Transferred(Message):
    """How far a download is. `phase`: fetching, verifying or verified; bytes of the current file."""

    file: str
    phase: str
    done_bytes: int
    size_bytes: int
    at_s: float

    def can_replace(self, message: Message) -> bool:
        """Of one file and phase only the newest matters."""
        return isinstance(message, Transferred) and (message.file, message.phase) == (self.file, self.phase)


@dataclass
class TransferNote(Message):
    """Something to know of a download: a retry, a file that is done."""

    text: str


@dataclass
class TransferEnded(Message):
    """A download is over: verified at `path`, or stopped (`path` None) with what was fetched kept."""

    path: str | None


@dataclass
class BenchNote(Message):
    """What a benchmark is doing now."""

    text: str


@dataclass
class BenchSampled(Message):
    """One run of a benchmark is over."""

    sample: BenchSample


@dataclass
class BenchEnded(Message):
    """A benchmark is over; None: it was stopped."""

    report: BenchReport | None


@dataclass
class Sized(Message):
    """Machines for a workload."""

    answer: SizingAnswer
