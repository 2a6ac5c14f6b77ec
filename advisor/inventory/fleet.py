"""A fleet judged by one question: nouns that the evaluation fills and reports read."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from advisor.decide.assessment import Assessment
from advisor.decide.counterfactual import Need
from advisor.decide.question import Question
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Machine
from advisor.inventory.host import Host, Inventory
from advisor.sizing.cost import MachinePrice
from advisor.sizing.upgrade import Effect, Seat, Step, Total

DISK = "disk"
DRIVER = "driver"


class Standing(StrEnum):
    """How a host stands to the request."""

    MEETS = "meets"
    BELOW_TARGET = "below_target"
    """Something runs, slower than the task's own target: nobody stated a limit."""
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    """The source does not tell what an estimate needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The choices of a machine, best first, and the nearest miss where none meets the request."""

    standing: Standing
    choices: tuple[Assessment, ...] = ()
    blocked_by: str | None = None
    """memory, bandwidth, compute, driver, speed_unknown, or the reason why no model comes into question."""
    miss: Assessment | None = None
    needs: tuple[Need, ...] = ()

    @property
    def seat(self) -> Seat:
        """What a host of this kind is worth."""
        if self.standing is not Standing.MEETS:
            return Seat(works=False)
        best = self.choices[0].candidate
        return Seat(works=True, score=best.score, sd=best.sd, model=best.model_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A kind of machine: hosts that no estimate tells apart."""

    id: str
    machine: Machine
    form: str | None
    missing: tuple[str, ...]
    hosts: int
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One host. `choice` is the one that its disk has room for; `stale` None: its source gives no date."""

    host: Host
    profile: Profile
    standing: Standing
    blocked_by: str | None
    choice: Assessment | None
    stale: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Something to buy for one host. `kind`: ram, gpu or machine. `price` None: nobody told it in full."""

    spec: DeviceSpec
    kind: str
    price: MachinePrice | None

    @property
    def usd(self) -> float | None:
        """For one host."""
        return self.price.usd if self.price else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrades:
    """What was tried and what it brings: by upgrade over all hosts, and in the order of buying."""

    offers: tuple[Offer, ...]
    effects: tuple[Effect, ...]
    totals: tuple[Total, ...]
    steps: tuple[Step, ...]

    def offer(self, device_id: str) -> Offer:
        """The offer of a device."""
        return next(o for o in self.offers if o.spec.id == device_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The answer. Profiles with most hosts first; hosts in the order they were read.

    `reserve_bytes` of main memory stay with each host's system (None: a tenth, at least 2 and at most 8 GiB); what is
    older than `stale_days` is stale; `budget_usd` bounds the order of purchases.
    """

    question: Question
    inventory: Inventory
    profiles: tuple[Profile, ...]
    hosts: tuple[Judged, ...]
    upgrades: Upgrades | None
    reserve_bytes: int | None
    stale_days: int
    budget_usd: float | None
    catalog_models: int
    catalog_sha256: str

    @property
    def standings(self) -> dict[Standing, int]:
        """Hosts by how they stand; every standing is there."""
        counted = Counter(judged.standing for judged in self.hosts)
        return {standing: counted[standing] for standing in Standing}

    @property
    def hindrances(self) -> dict[str, int]:
        """Hosts that do not meet the request by what they lack, most first."""
        return dict(Counter(j.blocked_by for j in self.hosts if j.blocked_by is not None).most_common())

    @property
    def untold(self) -> dict[str, int]:
        """Hosts by the facts that their source does not tell."""
        return dict(Counter(fact for j in self.hosts for fact in j.host.missing).most_common())

    @property
    def met(self) -> bool:
        """Something may be offered on some host."""
        return any(j.standing in (Standing.MEETS, Standing.BELOW_TARGET) for j in self.hosts)
