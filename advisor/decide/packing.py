"""Several models at once: one choice for each task, all resident in the same memory, worth the most together.

Models take turns at computing, so each keeps the speed it has alone; they share memory. A choice that serves two
tasks is loaded once. The value of a set is the sum of its utilities: no task counts more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from advisor.decide.assessment import Assessment
from advisor.decide.question import Question
from advisor.decide.ranking import soft_utility
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
class _Partial:
    """A set that is not yet complete: what is resident, bytes by device, and the sum of utilities."""

    chosen: tuple[Assessment, ...] = ()
    resident: Mapping[Resident, Mapping[str, int]] = field(default_factory=dict)
    value: float = 0.0

    def taken(self) -> dict[str, int]:
        """Bytes by device."""
        total: dict[str, int] = {}
        for devices in self.resident.values():
            for device, size in devices.items():
                total[device] = total.get(device, 0) + size
        return total


def offered(assessment: Assessment, question: Question) -> bool:
    """It works; or it fits and misses no more than the task's own target, which costs it points (`soft_utility`)."""
    return assessment.works or (assessment.estimate.fits and not question.budget.stated)


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


def _added(partial: _Partial, option: Assessment, machine: Machine) -> _Partial:
    key, size = resident_of(option), bytes_by_device(option, machine)
    held = partial.resident.get(key)
    if held is not None:
        size = {device: max(size.get(device, 0), held.get(device, 0)) for device in {*size, *held}}
    return _Partial(
        chosen=(*partial.chosen, option),
        resident={**partial.resident, key: size},
        value=partial.value + soft_utility(option),
    )


def _goes_in(taken: Mapping[str, int], room: Room) -> bool:
    return all((limit := room.get(device)) is None or size <= limit for device, size in taken.items())


def _extended(
    partials: Sequence[_Partial], options: Sequence[Assessment], machine: Machine, room: Room
) -> list[_Partial]:
    found = [_added(p, option, machine) for p in partials for option in options]
    fitting = [p for p in found if _goes_in(p.taken(), room)]
    best = sorted(fitting, key=_by_value)[:BEAM]
    smallest = sorted(fitting, key=lambda p: (sum(p.taken().values()), _by_value(p)))[:BEAM]
    return list({id(p): p for p in [*best, *smallest]}.values())


def _by_value(partial: _Partial) -> tuple[float, int, tuple[Resident, ...]]:
    """Most valuable first, then smallest, then by name: the same question has the same answer."""
    return (-partial.value, sum(partial.taken().values()), tuple(resident_of(a) for a in partial.chosen))


def pack(
    questions: Sequence[Question], options: Sequence[Sequence[Assessment]], machine: Machine, room: Room
) -> Together:
    """The most valuable set of one working option a question within `room` (bytes by device; None: unknown)."""
    partials = [_Partial()]
    for question, choices in zip(questions, options, strict=True):
        partials = _extended(partials, [a for a in choices if offered(a, question)], machine, room)
    best = min(partials, key=_by_value, default=_Partial())
    tasks = tuple(question.task.name for question in questions)
    if len(best.chosen) < len(questions):
        return Together(members=(), pools=(), tasks=tasks)
    members = tuple(Member(question=q, assessment=a) for q, a in zip(questions, best.chosen, strict=True))
    return Together(members=members, pools=tuple(_pools(best, room)), tasks=tasks)


def _pools(partial: _Partial, room: Room) -> Iterator[Pool]:
    for device, taken in sorted(partial.taken().items()):
        yield Pool(device=device, taken_bytes=taken, available_bytes=room.get(device))
