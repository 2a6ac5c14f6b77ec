"""Which machines to buy: a model chosen on each, how many machines the demand needs, what binds, what is left.

A choice's worth is the model's utility (quality less what its size must buy, `decide.candidates`) less what the
machines' size must buy: so a larger machine is offered first only where it brings a better model.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from advisor.decide.candidates import Candidate
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Accelerator, Machine
from advisor.domain.quantity import Quantity
from advisor.estimate.matrix_rates import matrix_rate
from advisor.estimate.pools import within_share
from advisor.estimate.shape import ModelShape
from advisor.estimate.weights import WeightProfile
from advisor.sizing.capacity import Capacity, capacity
from advisor.sizing.constants import EngineConstants, LinkConstants, ServingConstants
from advisor.sizing.cost import SERVER_FORMS, Energy, MachinePrice, energy_of
from advisor.sizing.demand import Demand
from advisor.sizing.serving import Replica, Served, cache_room_bytes, served_of

POINTS_PER_DOUBLING = 3.0
"""Points of quality that a doubling of the machines' size must buy: about what a doubling of a model's size brings."""
SAME_MODEL = 2
"""Options with one model before others are preferred: the list is to show what more or less machine would bring."""
MAX_MACHINES = 16
"""More equal machines than this are no small purchase any more: a larger machine is the answer."""
_NVLINK_BYTES_PER_S = 40e9
_NVSWITCH_BYTES_PER_S = 200e9
_KNOWN_BACKENDS = frozenset({"cuda"})
_KNOWN_ENGINES = frozenset({"vllm"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A machine that can be bought."""

    spec: DeviceSpec
    machine: Machine
    price: MachinePrice | None = None

    @property
    def devices(self) -> tuple[Accelerator, ...]:
        """Accelerators that serve."""
        return self.machine.usable_accelerators()

    @property
    def memory_bytes(self) -> int:
        """Of all accelerators, free."""
        return sum(d.memory_available_bytes or 0 for d in self.devices)

    @property
    def bandwidth_bytes_per_s(self) -> float:
        """Of all accelerators together."""
        return sum(d.bandwidth_bytes_per_s or 0.0 for d in self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a machine serves a model: replicas of so many devices each."""

    replica: Replica
    replicas: int
    capacity: Capacity
    engine: str

    @property
    def requests_per_s(self) -> float:
        """Of the whole machine, at its planned load."""
        return self.replicas * self.capacity.requests_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One purchase. Users are those held at the peak, 80 % interval; `utility` is what options are ranked by."""

    offer: Offer
    count: int
    candidate: Candidate
    model: Served
    demand: Demand
    layout: Layout
    users_held: Quantity
    utility: float
    energy: Energy | None
    within_budget: bool | None = None
    """None: no budget, or the price is not known in full."""
    p95: tuple[float, float, float] | None = None
    """Simulated TTFT, TPOT and latency at the demand, s; None: not simulated."""

    @property
    def headroom(self) -> float:
        """Users held over users asked for, less one."""
        return self.users_held.p50 / self.demand.users - 1

    @property
    def replica_requests_per_s(self) -> float:
        """What each replica is asked for."""
        return self.demand.requests_per_s / (self.count * self.layout.replicas)

    @property
    def utilization(self) -> float:
        """Of the saturated rate, at the demand."""
        held = self.count * self.layout.requests_per_s
        return self.layout.capacity.utilization * self.demand.requests_per_s / held

    @property
    def free_cache_bytes(self) -> float:
        """Cache of a replica that the planned load leaves free."""
        used = self.layout.capacity.decoding * self.model.cache_of(self.demand.planned_tokens)
        return cache_room_bytes(self.model, self.layout.replica) - used


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizing:
    """The answer: options best first, and how many machines fell to which reason."""

    options: tuple[Option, ...]
    rejected: Mapping[str, int]
    nearest: tuple[tuple[str, str], ...] = ()
    """Machine and reason of what came close, when nothing is offered."""


@dataclass(slots=True)
class Planner:
    """Tries candidates on machines; remembers models in serving form."""

    demand: Demand
    constants: ServingConstants
    blueprint: Callable[[Candidate], tuple[ModelShape, WeightProfile]]
    """A candidate's shape and weights."""
    kv_type: str = "f16"
    budget_usd: float | None = None
    served: dict[tuple[str, str], Served] = field(default_factory=dict)
    demands: dict[int, Demand] = field(default_factory=dict)
    """By thinking tokens."""
    reasons: dict[str, str] = field(default_factory=dict)

    def model(self, candidate: Candidate) -> Served:
        """The candidate as serving sees it."""
        key = (candidate.model_id, candidate.quant)
        if key not in self.served:
            self.served[key] = served_of(*self.blueprint(candidate), self.kv_type)
        return self.served[key]

    def best(self, offer: Offer, candidates: Sequence[Candidate]) -> Option | None:
        """The best choice on one machine; `candidates` best first. Remembers the reason where there is none."""
        best: Option | None = None
        reason = "no_accelerator_figures"
        if self._within(offer, 1) is False:
            reason = "price_unknown" if offer.price is None else "over_budget"
        elif not offer.devices:
            reason = "no_accelerator"
        elif not candidates:
            reason = "no_model"
        elif _usable(offer):
            reason = "no_model_fits"
            one, room, bandwidth = size_points(offer, 1), offer.memory_bytes, offer.bandwidth_bytes_per_s
            for candidate in candidates:
                if best is not None and candidate.utility - one <= best.utility:
                    break
                hopeless = self._hopeless(candidate, room, bandwidth)
                option, why = (None, hopeless) if hopeless else self._option(offer, candidate)
                reason = _worse(reason, why)
                if option is not None and (best is None or option.utility > best.utility):
                    best = option
        if best is None:
            self.reasons[offer.spec.id] = reason
        return best

    def demand_of(self, candidate: Candidate) -> Demand:
        """The demand, with what the candidate thinks before it answers."""
        tokens = candidate.system.thinking_tokens
        if tokens not in self.demands:
            self.demands[tokens] = self.demand.thinking(tokens)
        return self.demands[tokens]

    def _hopeless(self, candidate: Candidate, room_bytes: float, bandwidth_bytes_per_s: float) -> str:
        """The reason, where all devices of a machine at their data-sheet rates could not do it for one user."""
        model, demand = self.model(candidate), self.demand_of(candidate)
        if model.resident_bytes > room_bytes:
            return "no_model_fits"
        token_s = model.weights_read(1) / bandwidth_bytes_per_s
        targets = demand.targets
        slow = targets.max_tpot_s is not None and token_s > targets.max_tpot_s
        late = targets.max_latency_s is not None and token_s * demand.output_tokens > targets.max_latency_s
        return "too_slow" if slow or late else ""

    def _option(self, offer: Offer, candidate: Candidate) -> tuple[Option | None, str]:
        demand = self.demand_of(candidate)
        model = self.model(candidate)
        layout = best_layout(model, offer, candidate.engine, demand, self.constants)
        if layout is None:
            one = replace(demand, users=1)
            enough = best_layout(model, offer, candidate.engine, one, self.constants)
            return None, "too_slow" if enough is None else "too_many_machines"
        return self.option(offer, candidate, layout, demand=demand, per_machine=layout.requests_per_s)

    def option(
        self, offer: Offer, candidate: Candidate, layout: Layout, *, demand: Demand, per_machine: float
    ) -> tuple[Option | None, str]:
        """The purchase of as many machines as the demand needs at `per_machine` requests per second each."""
        count = max(1, math.ceil(demand.requests_per_s / per_machine - 1e-9)) if per_machine > 0 else MAX_MACHINES + 1
        if count > MAX_MACHINES:
            return None, "too_many_machines"
        within = self._within(offer, count)
        if within is False:
            return None, "over_budget" if offer.price is not None else "price_unknown"
        users = demand.users_of(count * per_machine)
        return Option(
            offer=offer,
            count=count,
            candidate=candidate,
            model=self.model(candidate).split(layout.replica.width),
            demand=demand,
            layout=layout,
            users_held=spread(users, 1 + capacity_error(offer, layout.engine, self.constants)),
            utility=candidate.utility - size_points(offer, count),
            energy=self._energy(offer, count, layout, demand),
            within_budget=within,
        ), ""

    def _within(self, offer: Offer, count: int) -> bool | None:
        """False where nothing is known of the price, or what is known is too much already; None while in doubt."""
        if self.budget_usd is None:
            return None
        if offer.price is None:
            return False
        if count * offer.price.usd > self.budget_usd:
            return False
        return True if offer.price.complete else None

    def _energy(self, offer: Offer, count: int, layout: Layout, demand: Demand) -> Energy | None:
        share = demand.requests_per_s / (count * layout.requests_per_s)
        return energy_of(
            device_limits_w=[d.power_limit_w for d in offer.devices],
            form=offer.spec.form,
            unified=any(d.unified for d in offer.devices),
            machines=count,
            decoding=layout.capacity.decoding * min(1.0, share),
            peak_over_mean=demand.usage.peak,
            answers_per_s=demand.requests_per_s,
            power=self.constants.power,
            planning=self.constants.planning,
        )


def _usable(offer: Offer) -> bool:
    return bool(offer.devices) and all(
        d.memory_available_bytes and d.bandwidth_bytes_per_s and d.f16_flops for d in offer.devices
    )


def _worse(known: str, why: str) -> str:
    """Keeps the reason that came closest to working."""
    order = ("no_model_fits", "too_slow", "too_many_machines", "price_unknown", "over_budget", "")
    return max(known, why or known, key=order.index)


def size_points(offer: Offer, count: int) -> float:
    """What the machines' size must buy: doublings of count x sqrt(memory x bandwidth), which prices follow."""
    gib = offer.memory_bytes / 2**30
    gb_per_s = offer.bandwidth_bytes_per_s / 1e9
    return POINTS_PER_DOUBLING * math.log2(max(1.0, count * math.sqrt(gib * gb_per_s)))


def capacity_error(offer: Offer, engine: str, constants: ServingConstants) -> float:
    """Relative error of a predicted capacity: small where load tests of such cards and engine were published."""
    devices = offer.spec.form in SERVER_FORMS and all(d.backend in _KNOWN_BACKENDS for d in offer.devices)
    known = devices and engine in _KNOWN_ENGINES
    return constants.planning.capacity_error_known if known else constants.planning.capacity_error_other


def spread(users: float, factor: float) -> Quantity:
    """An 80 % interval of `factor` either way."""
    return Quantity(users / factor, users, users * factor)


def link_of(device: Accelerator, constants: ServingConstants) -> LinkConstants:
    """What joins the GPUs of a machine."""
    rate = device.link_bytes_per_s or 0.0
    if rate >= _NVSWITCH_BYTES_PER_S:
        return constants.links["nvswitch"]
    return constants.links["nvlink" if rate >= _NVLINK_BYTES_PER_S else "pcie"]


def replica_of(
    devices: Sequence[Accelerator], engine: EngineConstants, constants: ServingConstants, multiplied: str = "f16"
) -> Replica:
    """A replica on these devices, as fast as the slowest, of weights that are multiplied in a format."""
    pace = min(engine.pace.get(d.backend or "", 1.0) for d in devices)
    return Replica(
        devices=len(devices),
        memory_bytes=float(sum(within_share(d.memory_available_bytes, d, engine.memory_share) or 0 for d in devices)),
        bandwidth_bytes_per_s=pace * min(d.bandwidth_bytes_per_s or 0.0 for d in devices),
        flops=pace * min(matrix_rate(d) or 0.0 for d in devices),
        narrow_flops=pace * min(matrix_rate(d, multiplied) or 0.0 for d in devices),
        link=link_of(devices[0], constants) if len(devices) > 1 else None,
        engine=engine,
    )


def best_layout(model: Served, offer: Offer, engine: str, demand: Demand, constants: ServingConstants) -> Layout | None:
    """The split of a machine's devices into replicas that serves most; None where none meets the targets."""
    devices, profile = offer.devices, constants.engines.get(engine, constants.engines["llama.cpp"])
    best: Layout | None = None
    for width in (1, 2, 4, 8, 16):
        if width > len(devices) or width * min(d.memory_available_bytes or 0 for d in devices) < model.resident_bytes:
            continue
        replica = replica_of(devices[:width], profile, constants, model.multiplied)
        replicas = len(devices) // width
        least = demand.requests_per_s / (MAX_MACHINES * replicas)
        found = capacity(model.split(replica.width), replica, demand, constants.planning, least_requests_per_s=least)
        if found is None:
            continue
        layout = Layout(replica=replica, replicas=replicas, capacity=found, engine=engine)
        if best is None or layout.requests_per_s > best.requests_per_s:
            best = layout
    return best


def plan(offers: Sequence[Offer], candidates_for: Mapping[str, Sequence[Candidate]], planner: Planner) -> Sizing:
    """The best option of every machine. `candidates_for` maps an offer's id to its candidates, best first."""
    options = [planner.best(offer, candidates_for[offer.spec.id]) for offer in offers]
    works = ranked([o for o in options if o is not None], planner.budget_usd)
    return Sizing(
        options=tuple(works),
        rejected=dict(Counter(planner.reasons.values())),
        nearest=tuple(sorted(planner.reasons.items()))[:5] if not works else (),
    )


def shortened(sizing: Sizing, limit: int, budget_usd: float | None) -> Sizing:
    """`limit` options that vary in model where they can; the others are counted as outranked."""
    kept = varied(ranked(sizing.options, budget_usd))[:limit]
    left = len(sizing.options) - len(kept)
    return replace(sizing, options=tuple(kept), rejected={**sizing.rejected, **({"outranked": left} if left else {})})


def ranked(options: Sequence[Option], budget_usd: float | None) -> list[Option]:
    """Best first; where there is a budget, what is known to be within it before what may be."""

    def key(option: Option) -> tuple[bool, float, str]:
        unsure = budget_usd is not None and option.within_budget is None
        return (unsure, -option.utility, option.offer.spec.id)

    return sorted(options, key=key)


def varied(options: Sequence[Option]) -> list[Option]:
    """The same options, those beyond `SAME_MODEL` with one model moved to the end."""
    seen: Counter[str] = Counter()
    first: list[Option] = []
    later: list[Option] = []
    for option in options:
        seen[option.candidate.model_id] += 1
        (first if seen[option.candidate.model_id] <= SAME_MODEL else later).append(option)
    return [*first, *later]


def with_simulation(option: Option, planner: Planner, rates: Sequence[float]) -> Option | None:
    """The option at the rates that simulated replicas held: what both ways of counting allow, and their spread."""
    ordered = sorted(rates)
    middle = ordered[len(ordered) // 2]
    layout = option.layout
    per_replica = min(middle, layout.capacity.requests_per_s)
    again, _ = planner.option(
        option.offer, option.candidate, layout, demand=option.demand, per_machine=layout.replicas * per_replica
    )
    if again is None:
        return None
    error = 1 + capacity_error(option.offer, layout.engine, planner.constants)
    seeds = max(ordered[-1] / max(middle, 1e-12), middle / max(ordered[0], 1e-12), 1.0)
    factor = math.exp(math.hypot(math.log(error), math.log(min(seeds, 4.0))))
    return replace(again, users_held=spread(again.users_held.p50, factor))
