"""Purchases: replicas and machines, budgets, ranking, power and prices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from advisor.decide.candidates import Candidate
from advisor.domain.device import DeviceKind, DeviceSpec, Part, Price
from advisor.domain.machine import Accelerator, HostMemory, Machine
from advisor.sizing.constants import ServingConstants
from advisor.sizing.cost import best_price, device_power_w, energy_of, price_of
from advisor.sizing.demand import Demand
from advisor.sizing.purchase import Offer, Planner, best_layout, plan, shortened, with_simulation
from advisor.sizing.serving import Served


@dataclass(frozen=True)
class _System:
    thinking_tokens: int = 0


@dataclass(frozen=True)
class _Choice:
    """What the planner reads of a candidate."""

    model_id: str
    utility: float
    quant: str = "Q"
    engine: str = "vllm"
    system: _System = _System()


class _Planner(Planner):
    """A planner whose candidates come with their serving form."""

    models: dict[str, Served] = {}

    def model(self, candidate: Candidate) -> Served:
        return self.models[candidate.model_id]


def _offer(card: Accelerator, count: int, *, price: float | None = None, name: str = "box") -> Offer:
    spec = DeviceSpec(id=f"x/{name}-{count}", name=name, kind=DeviceKind.MACHINE, vendor="x", form="server")
    cards = tuple(replace(card, index=i) for i in range(count))
    if price is not None:
        spec = replace(spec, prices=(Price(usd=price, date="2026-11-01", kind="quote", source="shop"),))
    machine = Machine(name=name, origin="catalog", memory=HostMemory(), accelerators=cards)
    return Offer(spec=spec, machine=machine, price=price_of(spec, []))


def _choices(*pairs: tuple[str, float]) -> Sequence[Candidate]:
    return [cast(Any, _Choice(model_id=name, utility=value)) for name, value in pairs]


@pytest.fixture
def planner(demand: Demand, constants: ServingConstants, dense: Served) -> _Planner:
    made = _Planner(demand, constants, cast(Any, None))
    made.models = {"small": dense, "large": replace(dense, resident_bytes=60e9, dense_bytes=59e9)}
    return made


def test_the_best_model_that_fits_is_chosen(planner: _Planner, card: Accelerator) -> None:
    option = planner.best(_offer(card, 1), _choices(("large", 90.0), ("small", 70.0)))
    assert option is not None
    assert option.candidate.model_id == "small"
    option = planner.best(_offer(card, 4), _choices(("large", 90.0), ("small", 70.0)))
    assert option is not None
    assert option.candidate.model_id == "large"
    assert option.layout.replica.devices >= 2


def test_more_machines_are_bought_until_the_users_are_held(planner: _Planner, card: Accelerator) -> None:
    choices = _choices(("small", 70.0))
    few = planner.best(_offer(card, 1), choices)
    planner.demand = replace(planner.demand, users=5000)
    planner.demands.clear()
    many = planner.best(_offer(card, 1), choices)
    assert few is not None
    assert many is not None
    assert few.count == 1
    assert many.count > 1
    assert many.users_held.p50 >= 5000
    assert many.users_held.p10 < many.users_held.p50 < many.users_held.p90
    assert many.utility < few.utility
    assert many.headroom >= 0
    assert 0 < many.utilization <= 0.70 + 1e-9


def test_more_replicas_never_hold_fewer(
    planner: _Planner, card: Accelerator, dense: Served, demand: Demand, constants: ServingConstants
) -> None:
    rates = []
    for count in (1, 2, 4, 8):
        layout = best_layout(dense, _offer(card, count), "vllm", demand, constants)
        assert layout is not None
        rates.append(layout.requests_per_s)
    assert rates == sorted(rates)


def test_why_a_machine_is_out_is_counted(planner: _Planner, card: Accelerator) -> None:
    blind = replace(card, bandwidth_bytes_per_s=None)
    small = replace(card, memory_available_bytes=8 * 1024**3)
    offers = [_offer(blind, 1, name="blind"), _offer(small, 1, name="small")]
    choices = {o.spec.id: _choices(("small", 70.0)) for o in offers}
    sizing = plan(offers, choices, planner)
    assert sizing.options == ()
    assert sizing.rejected == {"no_accelerator_figures": 1, "no_model_fits": 1}
    assert len(sizing.nearest) == 2


def test_a_budget_is_hard_and_an_unknown_price_is_outside_it(planner: _Planner, card: Accelerator) -> None:
    planner.budget_usd = 10_000
    cheap, dear, unknown = (
        _offer(card, 1, price=9000, name="cheap"),
        _offer(card, 1, price=11_000, name="dear"),
        _offer(card, 1, name="unknown"),
    )
    offers = [cheap, dear, unknown]
    sizing = plan(offers, {o.spec.id: _choices(("small", 70.0)) for o in offers}, planner)
    assert [o.offer.spec.name for o in sizing.options] == ["cheap"]
    assert sizing.options[0].within_budget is True
    assert sizing.rejected == {"over_budget": 1, "price_unknown": 1}


def test_the_list_varies_in_model(planner: _Planner, card: Accelerator) -> None:
    offers = [_offer(card, 1, name=f"box{i}") for i in range(6)]
    everything = plan(offers, {o.spec.id: _choices(("small", 70.0)) for o in offers}, planner)
    assert len(everything.options) == 6
    other = replace(everything.options[5], candidate=_choices(("large", 60.0))[0])
    mixed = replace(everything, options=(*everything.options[:5], other))
    sizing = shortened(mixed, 3, None)
    assert other in sizing.options
    assert len(sizing.options) == 3
    assert sizing.rejected == {"outranked": 3}
    assert len(shortened(everything, 5, None).options) == 5
    assert shortened(mixed, 5, None).options[:3] == sizing.options


def test_a_simulation_only_lowers_what_is_held(planner: _Planner, card: Accelerator) -> None:
    option = planner.best(_offer(card, 1), _choices(("small", 70.0)))
    assert option is not None
    rate = option.layout.capacity.requests_per_s
    same = with_simulation(option, planner, [rate * 2, rate * 3, rate])
    half = with_simulation(option, planner, [rate / 2, rate / 2, rate / 3])
    assert same is not None
    assert half is not None
    assert same.users_held.p50 == pytest.approx(option.users_held.p50)
    assert half.users_held.p50 == pytest.approx(option.users_held.p50 / 2)
    assert half.users_held.p10 < same.users_held.p10
    assert with_simulation(option, planner, [0.0, 0.0, 0.0]) is None


def test_quotes_go_before_shops_before_launch_prices() -> None:
    def price(usd: float, kind: str, date: str) -> Price:
        return Price(usd=usd, date=date, kind=kind, source="s")

    prices = [price(1, "launch", "2026-01-01"), price(2, "street", "2025-01-01"), price(3, "street", "2026-02-01")]
    assert best_price(prices) == prices[2]
    assert best_price([*prices, price(4, "quote", "2024-01-01")]).usd == 4  # type: ignore[union-attr]
    assert best_price([]) is None


def test_parts_give_a_price_that_is_not_complete() -> None:
    card = DeviceSpec(
        id="x/card",
        name="card",
        kind=DeviceKind.GPU,
        vendor="x",
        prices=(Price(usd=1000, date="2025-01-01", kind="launch", source="s"),),
    )
    box = DeviceSpec(
        id="x/box", name="box", kind=DeviceKind.MACHINE, vendor="x", parts=(Part(device="x/card", count=2),)
    )
    found = price_of(box, [(2, card)])
    assert found is not None
    assert (found.usd, found.complete, found.date) == (2000, False, "2025-01-01")
    assert price_of(box, [(2, replace(card, prices=()))]) is None


def test_power_lies_between_idle_and_nominal(constants: ServingConstants) -> None:
    idle, one, many = (device_power_w(700, b, constants.power) for b in (0, 1, 256))
    assert idle == pytest.approx(140)
    assert idle < one < many <= 700 * constants.power.nominal_share
    assert device_power_w(140, 4, constants.power, unified=True) == pytest.approx(95, rel=0.15)


def test_energy_is_unknown_where_power_is(constants: ServingConstants) -> None:
    energy = energy_of(
        device_limits_w=[350.0],
        form="workstation",
        unified=False,
        machines=2,
        decoding=8,
        peak_over_mean=2,
        answers_per_s=1.0,
        power=constants.power,
        planning=constants.planning,
    )
    assert energy is not None
    assert 2 * 350 * 0.2 < energy.idle_w < energy.peak_w < 2 * (350 + 115) / 0.9
    assert energy.kwh_per_year > energy.idle_w * 8766 / 1000
    unknown = energy_of(
        device_limits_w=[None],
        form=None,
        unified=True,
        machines=1,
        decoding=8,
        peak_over_mean=2,
        answers_per_s=1.0,
        power=constants.power,
        planning=constants.planning,
    )
    assert unknown is None
