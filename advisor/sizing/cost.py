"""Power, energy and price of machines that serve a load. Everything unknown stays None; prices keep date and source."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from advisor.domain.device import DeviceKind, DeviceSpec, Price
from advisor.sizing.constants import PlanningConstants, PowerConstants

_KINDS = {"quote": 0, "reseller": 1, "street": 2, "launch": 3}
"""A user's quote before what shops ask before what was announced once."""
SERVER_FORMS = frozenset({"server", "datacenter"})
HOURS_PER_YEAR = 8766.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePrice:
    """Of one machine. `complete`: the whole machine; otherwise its accelerators alone."""

    usd: float
    date: str
    kind: str
    source: str
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Of all machines together, at the wall. `basis` says how it was estimated."""

    peak_w: float
    idle_w: float
    kwh_per_year: float
    wh_per_answer: float
    basis: str


def best_price(prices: Sequence[Price]) -> Price | None:
    """Quotes first, then what shops ask, then launch prices; of equals the latest."""
    if not prices:
        return None
    latest = sorted(prices, key=lambda p: p.date, reverse=True)
    return min(latest, key=lambda p: _KINDS.get(p.kind, 9))


def price_of(spec: DeviceSpec, parts: Sequence[tuple[int, DeviceSpec]]) -> MachinePrice | None:
    """The machine's own price, or the sum of its accelerators' where each has one (then not complete)."""
    own = best_price(spec.prices)
    if own is not None:
        complete = spec.kind in (DeviceKind.MACHINE, DeviceKind.SOC)
        return MachinePrice(usd=own.usd, date=own.date, kind=own.kind, source=own.source, complete=complete)
    cards = [(n, best_price(part.prices)) for n, part in parts if part.kind in (DeviceKind.GPU, DeviceKind.NPU)]
    if not cards or any(price is None for _, price in cards):
        return None
    known = [(n, price) for n, price in cards if price is not None]
    oldest = min((price for _, price in known), key=lambda p: p.date)
    return MachinePrice(
        usd=sum(n * price.usd for n, price in known),
        date=oldest.date,
        kind=oldest.kind,
        source=f"accelerators alone: {oldest.source}",
        complete=False,
    )


def device_power_w(limit_w: float, decoding: float, power: PowerConstants, *, unified: bool = False) -> float:
    """Logistic in log2 of the batch between idle and nominal power. Source: catalog/serving.yaml."""
    middle = power.x0_unified if unified else power.x0
    idle, nominal = power.idle_share * limit_w, power.nominal_share * limit_w
    if decoding <= 0:
        return idle
    return idle + (nominal - idle) / (1 + math.exp(-power.k * (math.log2(decoding) - middle)))


def energy_of(
    *,
    device_limits_w: Sequence[float | None],
    form: str | None,
    unified: bool,
    machines: int,
    decoding: float,
    peak_over_mean: float,
    answers_per_s: float,
    power: PowerConstants,
    planning: PlanningConstants,
) -> Energy | None:
    """Energy of `machines` equal machines whose devices each decode `decoding` sequences at the peak; None if unknown.

    Working hours run at the mean load, all other hours idle: for a small site that is most of the energy.
    """
    limits = [w for w in device_limits_w if w is not None]
    if not limits or len(limits) != len(device_limits_w):
        return None
    host = power.server_host_w if form in SERVER_FORMS and len(limits) > 1 else power.workstation_host_w
    host = 0.0 if unified else host

    def wall(sequences: float) -> float:
        devices = sum(device_power_w(w, sequences, power, unified=unified) for w in limits)
        return machines * (devices + host) / power.psu_efficiency

    mean_w, idle_w = wall(decoding / peak_over_mean), wall(0.0)
    busy_hours = planning.hours_per_day * planning.days_per_year
    mean_answers_per_s = answers_per_s / peak_over_mean
    return Energy(
        peak_w=wall(decoding),
        idle_w=idle_w,
        kwh_per_year=(mean_w * busy_hours + idle_w * (HOURS_PER_YEAR - busy_hours)) / 1000,
        wh_per_answer=mean_w / 3600 / mean_answers_per_s if mean_answers_per_s else 0.0,
        basis="estimated",
    )
