"""Several models at once: one choice for each task, all resident in the same memory, worth the most together.

Models take turns at computing, so each keeps the speed it has alone; they share memory. A choice that serves two
tasks is loaded once. The value of a set is the sum of its utilities: no task counts more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

from advisor.decide.assessment import Assessment
from advisor.decide.question import Question
from advisor.decide.ranking import may_be_offered, soft_utility
from advisor.domain.machine import Accelerator, Machine

BEAM = 200
"""Partial sets kept after each task, by value and again by memory: tens of options a task need no more."""
HOST = "host"

Room = Mapping[str, int | None]
Resident = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One task of a set and the choice that serves it."""

    question: Question
    assessment: Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One device's memory under a whole set (bytes); `available_bytes` None: unknown."""

    device: str
    taken_bytes: int
    available_bytes: int | None

    @property
    def headroom_bytes(self) -> int | None:
        """What is left; never negative in a set that fits."""
        return None if self.available_bytes is None else self.available_bytes - self.taken_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """The set: a choice for each task, and each device's memory. Without members no set fits."""

    members: tuple[Member, ...]
    pools: tuple[Pool, ...]
    tasks: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Every task is served."""
        return bool(self.members)


@dataclass(frozen=True, slots=True)
class _Option:
    """One choice for one task: what has to be loaded for it, its bytes by device, and its worth."""

    assessment: Assessment
    resident: Resident
    bytes: Mapping[str, int]
    value: float


@dataclass(frozen=True, slots=True)
class _Partial:
    """A set that is not yet complete: what is resident, bytes by device, and the sum of utilities."""

    chosen: tuple[_Option, ...] = ()
    resident: Mapping[Resident, Mapping[str, int]] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)
    value: float = 0.0

    @property
    def total(self) -> int:
        """Bytes on all devices."""
        return sum(self.taken.values())

    @property
    def order(self) -> tuple[float, int, tuple[Resident, ...]]:
        """Most valuable first, then smallest, then by name: the same question has the same answer."""
        return (-self.value, self.total, tuple(option.resident for option in self.chosen))


def resident_of(assessment: Assessment) -> Resident:
    """What has to be loaded: two tasks with the same answer share it."""
    e = assessment.estimate
    return (e.model, e.quant, e.engine, repr(e.placement))


def _hosted_share(device: Accelerator) -> float:
    """The part of a unified device's memory that the host's total holds."""
    total, own = device.memory_total_bytes, device.carve_out_bytes
    return 1.0 if not total or not own else max(0.0, 1 - own / total)


def bytes_by_device(assessment: Assessment, machine: Machine) -> dict[str, int]:
    """Bytes on each device; those of a device that shares the host's memory count there too.

    Where firmware set a part of that memory aside, each model is taken to lie in it in proportion: never too little
    of the host is counted, and all of it when the device is full.
    """
    unified = {f"gpu{a.index}": _hosted_share(a) for a in machine.accelerators if a.unified}
    taken: dict[str, int] = {}
    for device in assessment.estimate.footprint.devices:
        size = device.total_bytes
        taken[device.device] = taken.get(device.device, 0) + size
        if device.device in unified:
            taken[HOST] = taken.get(HOST, 0) + int(size * unified[device.device])
    return taken


def _taken_with(partial: _Partial, option: _Option) -> dict[str, int]:
    """Bytes by device once an option joins: of what two tasks share, the larger window counts."""
    held = partial.resident.get(option.resident, {})
    taken = dict(partial.taken)
    for device, size in option.bytes.items():
        taken[device] = taken.get(device, 0) + max(size - held.get(device, 0), 0)
    return taken


def _added(partial: _Partial, option: _Option, taken: Mapping[str, int]) -> _Partial:
    held = partial.resident.get(option.resident, {})
    largest = {device: max(option.bytes.get(device, 0), held.get(device, 0)) for device in {*option.bytes, *held}}
    return _Partial(
        chosen=(*partial.chosen, option),
        resident={**partial.resident, option.resident: largest},
        taken=taken,
        value=partial.value + option.value,
    )


def _goes_in(taken: Mapping[str, int], room: Room) -> bool:
    return all((limit := room.get(device)) is None or size <= limit for device, size in taken.items())


def _extended(partials: Sequence[_Partial], options: Sequence[_Option], room: Room) -> list[_Partial]:
    """Every set with every option that goes in; of many, the most valuable and the smallest."""
    fitting = [
        _added(partial, option, taken)
        for partial in partials
        for option in options
        if _goes_in(taken := _taken_with(partial, option), room)
    ]
    best = nsmallest(BEAM, fitting, key=lambda p: p.order)
    smallest = nsmallest(BEAM, fitting, key=lambda p: (p.total, p.order))
    return list({id(p): p for p in [*best, *smallest]}.values())


def pack(
    questions: Sequence[Question], options: Sequence[Sequence[Assessment]], machine: Machine, room: Room
) -> Together:
    """The most valuable set of one working option a question within `room` (bytes by device; None: unknown)."""
    partials = [_Partial()]
    for question, choices in zip(questions, options, strict=True):
        usable = [
            _Option(a, resident_of(a), bytes_by_device(a, machine), soft_utility(a))
            for a in choices
            if may_be_offered(a, question)
        ]
        partials = _extended(partials, usable, room)
    best = min(partials, key=lambda p: p.order, default=_Partial())
    tasks = tuple(question.task.name for question in questions)
    if len(best.chosen) < len(questions):
        return Together(members=(), pools=(), tasks=tasks)
    members = tuple(Member(question=q, assessment=o.assessment) for q, o in zip(questions, best.chosen, strict=True))
    return Together(members=members, pools=tuple(_pools(best, room)), tasks=tasks)


def _pools(partial: _Partial, room: Room) -> Iterator[Pool]:
    for device, taken in sorted(partial.taken.items()):
        yield Pool(device=device, taken_bytes=taken, available_bytes=room.get(device))
