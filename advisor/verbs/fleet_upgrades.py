"""What can be built into or put in the place of a fleet's machines, and what it would bring there.

Main memory, graphics cards and whole machines of the hardware catalog, with the user's quotes over it. What a host can
take is judged by what is known of it: nothing is built into a virtual machine or a Mac, no card into a laptop; whether
a slot, a power supply and a socket are free nobody tells, so that a purchase must look at that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from advisor.catalog.hardware import HardwareCatalog
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.machine import Accelerator, Machine
from advisor.inventory.fleet import Offer
from advisor.inventory.profile import key_of, lasting
from advisor.sizing.cost import price_of
from advisor.sizing.upgrade import Effect, Seat
from advisor.verbs.fleet_outcome import Judge
from advisor.verbs.levers import covers, ladder, with_card, with_ram

LEAST_GROWTH = 1.2
"""More main memory than this many times the old, or it is no upgrade: firmware keeps a part of what is built in."""
_CARD_FORMS = {
    None: ("consumer", "workstation"),
    "desktop": ("consumer", "workstation"),
    "server": ("workstation", "datacenter"),
}
"""Cards that go into a kind of computer; where it is not known it is taken for a desktop, and said so."""
_MACHINE_FORMS = {None: ("desktop", "workstation"), "desktop": ("desktop", "workstation"), "laptop": ("laptop",)}
"""What may take a machine's place. A server is bought for a load: `advisor size` answers that."""
_MODULES = ("SXM", "GB200", "GB300", "GH200", "OAM", "MI300", "MI325", "MI350", "MI355", "MI250", "Max 1550")
"""Parts of the names of accelerators that go on no card."""
_SOLDERED = ("LPDDR", "HBM", "GDDR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """So many hosts of one kind: what an upgrade is tried on."""

    id: str
    machine: Machine
    form: str | None
    hosts: int
    seat: Seat


def offers(hardware: HardwareCatalog) -> tuple[Offer, ...]:
    """Everything that may be bought: memory by size, cards by what they cost, machines by name."""
    memory = sorted(hardware.devices(DeviceKind.MEMORY), key=lambda s: (s.memory_bytes or 0, s.id))
    gpus = hardware.devices(DeviceKind.GPU)
    quoted = [s for s in gpus if any(p.kind == "quote" for p in s.prices) and s.bandwidth_bytes_per_s]
    cards = dict.fromkeys(c.id for c in (*ladder(gpus), *quoted) if c.prices and not _is_module(c))
    return (
        *(Offer(spec=s, kind="ram", price=price_of(s, ())) for s in memory if s.memory_bytes),
        *(Offer(spec=s, kind="gpu", price=price_of(s, ())) for s in map(hardware.get, cards)),
        *(_machine_offer(s, hardware) for s in hardware.devices(DeviceKind.MACHINE)),
    )


def _is_module(spec: DeviceSpec) -> bool:
    return any(word in spec.name for word in _MODULES)


def _machine_offer(spec: DeviceSpec, hardware: HardwareCatalog) -> Offer:
    """A price of its accelerators alone is not the machine's."""
    price = price_of(spec, [(part.count, hardware.get(part.device)) for part in spec.parts])
    return Offer(spec=spec, kind="machine", price=price if price and price.complete else None)


class Workshop:
    """Tries offers on kinds of machine. `reserve_bytes` of main memory stay with the system, as in the inventory."""

    def __init__(self, judge: Judge, reserve_bytes: int | None = None) -> None:
        self._judge, self._reserve = judge, reserve_bytes
        self._hardware = judge.workspace.catalog.hardware
        self._seats: dict[str, Seat] = {}

    def effects(self, kinds: Sequence[Kind], offered: Sequence[Offer]) -> Iterator[Effect]:
        """What each offer brings to each kind of machine that can take it."""
        for kind in kinds:
            for offer in offered:
                machine = self._changed(kind, offer)
                if machine is not None:
                    yield Effect(
                        upgrade=offer.spec.id,
                        profile=kind.id,
                        hosts=kind.hosts,
                        before=kind.seat,
                        after=self._seat(machine),
                        usd=offer.usd,
                    )

    def _seat(self, machine: Machine) -> Seat:
        key = key_of(machine)
        if key not in self._seats:
            self._seats[key] = self._judge.seat(machine)
        return self._seats[key]

    def _changed(self, kind: Kind, offer: Offer) -> Machine | None:
        """The machine with what is offered; None where it cannot take it or has as much."""
        if kind.form == "virtual":
            return None
        if offer.kind == "machine":
            fitting = offer.spec.form in _MACHINE_FORMS.get(kind.form, ())
            return lasting(self._hardware.machine(offer.spec), self._reserve) if fitting else None
        if kind.machine.os == "darwin":
            return None
        changed = _with_memory(kind, offer.spec) if offer.kind == "ram" else _with_card(kind, offer.spec)
        return lasting(changed, self._reserve) if changed is not None else None


def _with_memory(kind: Kind, spec: DeviceSpec) -> Machine | None:
    total, wanted = kind.machine.memory.total_bytes, spec.memory_bytes or 0
    limited = kind.machine.memory.limit_bytes is not None
    if total is None or limited or wanted < LEAST_GROWTH * total or _is_soldered(kind.machine):
        return None
    grown = with_ram(kind.machine, wanted)
    return replace(grown, accelerators=tuple(_grown(a, wanted / total) for a in grown.accelerators))


def _is_soldered(machine: Machine) -> bool:
    return (machine.memory.kind or "").upper().startswith(_SOLDERED)


def _grown(device: Accelerator, factor: float) -> Accelerator:
    """A device on the host's memory has its share of what is added; what firmware set aside for it stays."""
    if not device.unified or device.memory_total_bytes is None:
        return device
    own = device.carve_out_bytes or 0
    return replace(device, memory_total_bytes=own + round(max(0, device.memory_total_bytes - own) * factor))


def _with_card(kind: Kind, card: DeviceSpec) -> Machine | None:
    """The machine with this card alone, where none of its cards has as much memory and bandwidth."""
    if card.form not in _CARD_FORMS.get(kind.form, ()) or _is_soldered(kind.machine):
        return None
    held = [a for a in kind.machine.usable_accelerators() if not a.unified]
    in_all = sum(a.memory_total_bytes or 0 for a in held)
    if in_all > (card.memory_bytes or 0) or any(_has_as_much(a, card) for a in held):
        return None
    return with_card(kind.machine, card)


def _has_as_much(device: Accelerator, card: DeviceSpec) -> bool:
    held = DeviceSpec(
        id="held",
        name=device.name,
        kind=DeviceKind.GPU,
        vendor=device.vendor,
        memory_bytes=round((device.memory_total_bytes or 0) * LEAST_GROWTH),
        bandwidth_bytes_per_s=device.bandwidth_bytes_per_s,
    )
    return covers(held, card)
