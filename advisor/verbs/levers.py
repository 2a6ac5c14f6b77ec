"""Every lever that would make a near miss work, each tried with the same arithmetic and turned no further than needed.

The question's own levers (budget, context, KV type, energy) are tried by `decide.counterfactual`; here the choice and
the machine are changed: another quantization or engine, memory that other programs hold, more memory, a graphics card.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from advisor.catalog.machines import accelerator_of, host_available
from advisor.decide.assessment import Assessment, assess
from advisor.decide.candidates import Candidate, candidates
from advisor.decide.counterfactual import Need, needs
from advisor.decide.question import Question
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.machine import Machine
from advisor.domain.units import GIB, format_size
from advisor.verbs.estimator import MachineEstimator

RAM_SIZES = tuple(n * GIB for n in (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024))
"""Sizes that main memory is sold in."""
FORMS = ("consumer", "workstation", "datacenter")
RECENT = "2020"
"""Cards older than this are no advice."""


class Levers:
    """Tries levers for the near misses of one question on one machine."""

    def __init__(self, question: Question, estimator: MachineEstimator) -> None:
        self.question, self.estimator = question, estimator
        self.machine, self.workspace = estimator.machine, estimator.workspace
        self._cards: tuple[DeviceSpec, ...] | None = None

    def needs(self, assessment: Assessment) -> tuple[Need, ...]:
        """What would help, that which suffices alone first, and of that what costs nothing first."""
        found = [
            *self._other_choice(assessment.candidate),
            *self._idle(assessment),
            *needs(assessment, self.question, self.estimator),
            *self._more_memory(assessment),
            *self._graphics_card(assessment),
        ]
        return tuple(sorted(found, key=lambda need: not need.alone))

    def _works(self, candidate: Candidate, machine: Machine) -> bool:
        return assess(candidate, self.question, MachineEstimator(machine, self.workspace)).works

    def _other_choice(self, candidate: Candidate) -> Iterator[Need]:
        """Where a quantization or an engine was asked for: another one of the same model."""
        asked, catalog = self.question, self.workspace.catalog
        if asked.quant:
            free = replace(asked, quant=None)
            working = self._first(candidates(candidate.system, free, catalog, self.estimator.offered(free.engine)))
            if working is not None:
                yield instead_of("quantization", "quant", asked.quant, working.quant, "--quant")
        if asked.engine:
            for engine in self.estimator.engines:
                free = replace(asked, engine=engine)
                working = self._first(candidates(candidate.system, free, catalog, self.estimator.offered(free.engine)))
                if engine != asked.engine and working is not None:
                    yield instead_of("engine", "engine", asked.engine, engine, "--engine")
                    return

    def _first(self, found: Iterator[Candidate]) -> Candidate | None:
        """The most useful one that works."""
        by_utility = sorted(found, key=lambda c: -c.utility)
        return next((c for c in by_utility if assess(c, self.question, self.estimator).works), None)

    def _idle(self, assessment: Assessment) -> Iterator[Need]:
        """Memory that other programs hold now."""
        if self.question.assume_idle or assessment.estimate.fits:
            return
        idle = MachineEstimator(self.machine, self.workspace, assume_idle=True)
        free = assess(assessment.candidate, self.question, idle)
        if not free.works:
            return
        short = [d for d in assessment.estimate.footprint.devices if (d.headroom_bytes or 0) < 0]
        missing = max((-(d.headroom_bytes or 0) for d in short), default=0)
        yield Need(
            lever="free_memory",
            field=short[0].device if short else "host",
            current=None,
            needed=float(missing),
            text=f"{format_size(missing)} that other programs hold now (--assume-idle counts it as free)",
        )

    def _more_memory(self, assessment: Assessment) -> Iterator[Need]:
        """The next size of main memory with which it works."""
        total = self.machine.memory.total_bytes
        if assessment.estimate.fits or total is None or any(a.unified for a in self.machine.accelerators):
            return
        for size in RAM_SIZES:
            if size > total and self._works(assessment.candidate, with_ram(self.machine, size)):
                text = f"{format_size(size)} of main memory instead of {format_size(total)}"
                yield Need(lever="ram", field="ram", current=float(total), needed=float(size), text=text)
                return

    def _graphics_card(self, assessment: Assessment) -> Iterator[Need]:
        """The cheapest card that makes it work."""
        if any(a.unified for a in self.machine.accelerators) or self.machine.os == "darwin":
            return
        now = ", ".join(a.name for a in self.machine.usable_accelerators()) or None
        for card in self._ladder():
            if _cannot_help(card, self.machine, assessment):
                continue
            if self._works(assessment.candidate, with_card(self.machine, card)):
                size = format_size(card.memory_bytes)
                instead = f" instead of {now}" if now else ""
                text = f'a graphics card like {card.name} ({size}){instead}: --gpu "{card.name}" shows it'
                yield Need(lever="gpu", field="gpu", current=now, needed=card.name, text=text)
                return

    def _ladder(self) -> Sequence[DeviceSpec]:
        if self._cards is None:
            self._cards = ladder(self.workspace.catalog.hardware.devices(DeviceKind.GPU))
        return self._cards


def ladder(cards: Sequence[DeviceSpec]) -> tuple[DeviceSpec, ...]:
    """Cards by what they cost, each with more memory or bandwidth than all before it.

    By launch price where one is known; those without one, for servers, come last, by memory.
    """
    usable = [c for c in cards if c.form in FORMS and c.bandwidth_bytes_per_s and (c.released or "") >= RECENT]
    priced = sorted((c for c in usable if c.prices), key=lambda c: (min(p.usd for p in c.prices), c.id))
    servers = [c for c in usable if c.form == "datacenter" and not c.prices]
    servers.sort(key=lambda c: (c.memory_bytes or 0, c.bandwidth_bytes_per_s or 0.0, c.id))
    steps: list[DeviceSpec] = []
    for card in (*priced, *servers):
        if not any(covers(other, card) for other in steps):
            steps.append(card)
    return tuple(steps)


def _cannot_help(card: DeviceSpec, machine: Machine, assessment: Assessment) -> bool:
    """The weights do not go into the card and main memory together."""
    room = (card.memory_bytes or 0) + (machine.memory.available_bytes or machine.memory.total_bytes or 0)
    return assessment.candidate.size.tensor_bytes > room


def covers(one: DeviceSpec, other: DeviceSpec) -> bool:
    """Whether one card has at least the other's memory and bandwidth."""
    memory = (one.memory_bytes or 0) >= (other.memory_bytes or 0)
    return memory and (one.bandwidth_bytes_per_s or 0.0) >= (other.bandwidth_bytes_per_s or 0.0)


def instead_of(lever: str, field: str, current: float | str | None, needed: float | str, flag: str) -> Need:
    """Another value of what was asked for, as it is typed."""
    text = f"{flag} {_typed(needed)} instead of {_typed(current)}"
    return Need(lever=lever, field=field, current=current, needed=needed, text=text)


def _typed(value: float | str | None) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def with_ram(machine: Machine, total: int) -> Machine:
    """The machine with other main memory, idle."""
    memory = replace(machine.memory, total_bytes=total, available_bytes=host_available(total), limit_bytes=None)
    return replace(machine, memory=memory, origin="stated")


def with_card(machine: Machine, card: DeviceSpec) -> Machine:
    """The machine with this card alone."""
    return replace(machine, accelerators=(accelerator_of(card),), origin="stated")
