"""A set of models for several tasks that share one machine's memory."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from advisor.decide.assessment import Assessment, assess
from advisor.decide.candidates import Candidate, unwanted
from advisor.decide.order import Order
from advisor.decide.packing import HOST, Room, Together, bytes_by_device, pack
from advisor.decide.pruning import TooSlow
from advisor.decide.question import Question
from advisor.decide.ranking import may_be_offered, rank, soft_utility
from advisor.domain.machine import Machine
from advisor.errors import UsageError
from advisor.estimate.constants import Constants
from advisor.estimate.pools import accelerator_available_bytes, host_available_bytes
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.question import Request, build_question
from advisor.verbs.workspace import Workspace

STEPS = 60
"""Most choices that are looked up for one task, each smaller than the one before."""
SHRINK, LEAST_SHARE = 0.95, 0.03
"""Each takes at most this part of what the one before took, and none is looked for below this share of the machine: six
tasks of that size leave the rest to the others."""
MAX_TASKS = 6


def questions_together(request: Request, tasks: Sequence[str], workspace: Workspace) -> tuple[Question, ...]:
    """One question a task, each with its own lengths and target; what may be offered is asked of all alike."""
    if len(tasks) >= MAX_TASKS:
        raise UsageError(f"at most {MAX_TASKS} tasks together, not {len(tasks) + 1}")
    plain = Request(
        confidence=request.confidence,
        engine=request.engine,
        licence=request.licence,
        max_energy_j=request.max_energy_j,
        max_watts=request.max_watts,
        tier=request.tier,
        kv_type=request.kv_type,
        derivatives=request.derivatives,
        assume_idle=request.assume_idle,
    )
    others = (build_question(replace(plain, task=task), workspace.catalog) for task in tasks)
    return (build_question(request, workspace.catalog), *others)


def recommend_together(questions: Sequence[Question], machine: Machine, workspace: Workspace) -> Together:
    """The best set for the questions on a machine; one without members where no set fits."""
    constants = workspace.catalog.constants
    estimator = MachineEstimator(machine, workspace, assume_idle=questions[0].assume_idle)
    room = room_of(estimator.machine, constants)
    own = [_ever_smaller(question, estimator, room) for question in questions]
    found = {(a.candidate.model_id, a.candidate.quant) for options in own for a in options}
    options = [
        (*mine, *_shared(question, found, mine, estimator)) for question, mine in zip(questions, own, strict=True)
    ]
    return pack(questions, options, estimator.machine, room)


def _ever_smaller(question: Question, whole: MachineEstimator, room: Room) -> tuple[Assessment, ...]:
    """The best choice, the best that takes less, and so on: nothing else can be part of a best set, shared ones apart.

    Less of every device at once, by the share that the last choice took of the device it filled most. One pass through
    the candidates is enough: what does not work with some share of the machine does not work with less of it.
    """
    descent = _Descent(question, whole, room)
    for candidate in Order(
        question, whole.workspace.catalog.entries(), whole.workspace.catalog, whole.offered(question.engine)
    ):
        descent.consider(candidate)
        if descent.share < LEAST_SHARE or len(descent.works) >= STEPS:
            break
    return (*descent.works, *descent.tolerable())


class _Descent:
    """One task's choices, each smaller than the one before."""

    def __init__(self, question: Question, whole: MachineEstimator, room: Room) -> None:
        self.question, self.whole, self.room = question, whole, room
        self.share = 1.0
        self.works: list[Assessment] = []
        self._late: list[Assessment] = []
        self._estimator = whole
        self._too_slow = TooSlow(whole.mixed, next(iter(whole.engines), ""))

    def consider(self, candidate: Candidate) -> None:
        """Keep a candidate as long as it works, each time with less of the machine."""
        if unwanted(candidate, self.question) is not None:
            return
        while self.share >= LEAST_SHARE and len(self.works) < STEPS:
            if self._estimator.cannot_fit(candidate) is not None or self._too_slow.least_overshoot(candidate) >= 1.0:
                return
            assessment = assess(candidate, self.question, self._estimator)
            if not assessment.works:
                self._too_slow.remember(assessment)
                self._late.append(assessment)
                return
            self.works.append(assessment)
            self._shrink(_share_taken(assessment, self.whole.machine, self.room))

    def _shrink(self, taken: float) -> None:
        self.share = min(self.share, taken) * SHRINK
        part = _part(self.whole.machine, self.share, self.whole.constants)
        self._estimator = MachineEstimator(part, self.whole.workspace)

    def tolerable(self) -> list[Assessment]:
        """Those that only miss the task's own target and take less than any that works, likewise ever smaller."""
        found: list[Assessment] = []
        share = self.share
        for assessment in sorted(self._late, key=soft_utility, reverse=True):
            taken = _share_taken(assessment, self.whole.machine, self.room)
            if taken <= share and may_be_offered(assessment, self.question):
                found.append(assessment)
                share = taken * SHRINK
        return found


def _share_taken(assessment: Assessment, machine: Machine, room: Room) -> float:
    taken = bytes_by_device(assessment, machine)
    return max((size / available for device, size in taken.items() if (available := room.get(device))), default=0.0)


def _shared(
    question: Question, found: Collection[tuple[str, str]], mine: Sequence[Assessment], whole: MachineEstimator
) -> Iterator[Assessment]:
    """What the other tasks' choices would do at this one: a model that is loaded anyway costs hardly more."""
    catalog = whole.workspace.catalog
    known = {(a.candidate.model_id, a.candidate.quant) for a in mine}
    for model_id, quant in sorted(set(found) - known):
        asked = replace(question, limit=1, model=model_id, quant=quant)
        yield from rank(asked, (catalog.entry(model_id),), catalog, whole, whole.offered(asked.engine)).picks


def room_of(machine: Machine, constants: Constants) -> Room:
    """Bytes available on each device of a machine."""
    room: dict[str, int | None] = {HOST: host_available_bytes(machine, constants)}
    for accelerator in machine.usable_accelerators():
        room[f"gpu{accelerator.index}"] = accelerator_available_bytes(accelerator, machine, constants)
    return room


def _part(machine: Machine, share: float, constants: Constants) -> Machine:
    """The machine with a share of what is available on each device."""
    room = room_of(machine, constants)

    def some(device: str) -> int | None:
        size = room.get(device)
        return None if size is None else int(size * share)

    devices = tuple(replace(a, memory_available_bytes=some(f"gpu{a.index}")) for a in machine.accelerators)
    return replace(machine, memory=replace(machine.memory, available_bytes=some(HOST)), accelerators=devices)
