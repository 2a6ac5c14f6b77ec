"""A set of models for several tasks that share one machine's memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from advisor.decide.assessment import Assessment
from advisor.decide.packing import HOST, Room, Together, pack, resident_of
from advisor.decide.question import Question
from advisor.decide.ranking import rank
from advisor.domain.machine import Machine
from advisor.errors import UsageError
from advisor.estimate.constants import Constants
from advisor.estimate.pools import accelerator_available_bytes, host_available_bytes
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.question import Request, build_question
from advisor.verbs.workspace import Workspace

SHARES = (1.0, 0.7, 0.45, 0.25, 0.12, 0.05)
"""Parts of the machine's memory that a task's choices are looked for in: members leave room for others."""
OPTIONS = 5
"""Models a share; times the shares, more than the sets that are worth comparing."""
MAX_TASKS = 6


def questions_together(request: Request, tasks: Sequence[str], workspace: Workspace) -> tuple[Question, ...]:
    """One question a task, each with its own lengths and target; what may be offered is asked of all alike."""
    if len(tasks) >= MAX_TASKS:
        raise UsageError(f"at most {MAX_TASKS} tasks together, not {len(tasks) + 1}")
    plain = Request(
        confidence=request.confidence,
        engine=request.engine,
        licence=request.licence,
        kv_type=request.kv_type,
        derivatives=request.derivatives,
        assume_idle=request.assume_idle,
    )
    others = (build_question(replace(plain, task=task), workspace.catalog) for task in tasks)
    return (build_question(request, workspace.catalog), *others)


def recommend_together(questions: Sequence[Question], machine: Machine, workspace: Workspace) -> Together:
    """The best set for the questions on a machine; one without members where no set fits."""
    constants = workspace.catalog.constants
    estimators = [MachineEstimator(machine, workspace, assume_idle=questions[0].assume_idle)]
    whole = estimators[0].machine
    estimators += [MachineEstimator(_part(whole, share, constants), workspace) for share in SHARES[1:]]
    options = [tuple(_options(question, estimators, workspace)) for question in questions]
    return pack(questions, options, whole, room_of(whole, constants))


def _options(question: Question, estimators: Sequence[MachineEstimator], workspace: Workspace) -> Iterator[Assessment]:
    """Choices for one task in ever less memory, each once."""
    catalog = workspace.catalog
    asked = replace(question, limit=OPTIONS)
    seen = set()
    for estimator in estimators:
        for assessment in rank(asked, catalog.entries(), catalog, estimator, estimator.engines).picks:
            key = (resident_of(assessment), assessment.candidate.system.mode)
            if assessment.works and key not in seen:
                seen.add(key)
                yield assessment


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
