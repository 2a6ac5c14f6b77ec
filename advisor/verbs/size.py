"""Which machines to buy so that so many people can do a task within its limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from advisor.catalog.hardware import HardwareCatalog
from advisor.decide.candidates import Candidate, candidates, screen, systems
from advisor.decide.loading import ENGINE_FAMILIES
from advisor.decide.question import Question
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.machine import Machine
from advisor.errors import UsageError
from advisor.estimate.constants import EngineProfile
from advisor.estimate.engine_support import runs_here
from advisor.sizing.constants import ServingConstants, Usage
from advisor.sizing.cost import SERVER_FORMS, price_of
from advisor.sizing.demand import Demand, Targets
from advisor.sizing.purchase import Offer, Option, Planner, Sizing, plan, ranked, shortened, varied, with_simulation
from advisor.sizing.simulator import simulate, simulated_rate
from advisor.verbs.question import Request, build_question
from advisor.verbs.selection import BACKENDS, MachineSelection
from advisor.verbs.workspace import Workspace

SEEDS = (1, 2, 3)
REQUESTS = 250
"""Of each simulated run: enough for a 95th percentile, few enough for an answer in seconds."""
MAX_SIMULATED = 24
"""Machines simulated at most; those behind them count as outranked."""
FINALISTS = 10
"""Machines simulated at least, however few are asked for: the first three are the same whether three or five are."""
ATTEMPTS = 4
"""Models tried on a machine whose first choice fails in the simulation."""
NVIDIA_ONLY = frozenset({"NVFP4"})
"""Formats whose kernels exist for NVIDIA alone."""
ENGINES_GPU = ("vllm",)
ENGINES_ANY = ("llama.cpp",)
ByEngine = dict[tuple[str, ...], list[Candidate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the users work, as far as it was stated; None: as people usually do the task."""

    active: float | None = None
    """Share of the users who are active at a time."""
    per_minute: float | None = None
    """Requests of an active one."""
    peak: float | None = None
    """Load at the peak over the mean."""
    cached: float | None = None
    """Share of a prompt that the prefix cache holds already."""

    def check(self) -> None:
        """Raises UsageError for what is out of range."""
        for flag, value, least, most in (
            ("--active", self.active, 0.001, 1.0),
            ("--per-minute", self.per_minute, 0.001, 10_000.0),
            ("--peak", self.peak, 1.0, 100.0),
            ("--cached", self.cached, 0.0, 0.99),
        ):
            if value is not None and not least <= value <= most:
                raise UsageError(f"{flag} {value:g} is out of range", hint=f"give {least:g} to {most:g}")

    def usage(self, usual: Usage) -> Usage:
        """The usual habit with what was stated."""
        return Usage(
            active=usual.active if self.active is None else self.active,
            requests_per_minute=usual.requests_per_minute if self.per_minute is None else self.per_minute,
            peak=usual.peak if self.peak is None else self.peak,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRequest:
    """What is asked: the task and its limits as for a recommendation, and what a purchase adds."""

    request: Request
    budget_usd: float | None = None
    simulate: bool = True
    habits: Habits = Habits()


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingResult:
    """The sizing with everything that was filled in."""

    question: Question
    demand: Demand
    budget_usd: float | None
    sizing: Sizing
    machines: int
    constants: ServingConstants


def size(ask: SizeRequest, selection: MachineSelection, workspace: Workspace) -> SizingResult:
    """Answer a request. Raises UsageError and UnknownName for bad input; finding nothing is a result."""
    if ask.budget_usd is not None and not 0 < ask.budget_usd < 1e12:
        raise UsageError(f"--budget {ask.budget_usd:g} is out of range", hint="give US dollars, e.g. --budget 15000")
    ask.habits.check()
    catalog = workspace.catalog
    question = build_question(ask.request, catalog)
    if question.workload.output_tokens < 1:
        raise UsageError(f"sizing answers for tasks that write; {question.task.name} does not")
    _check_engine(question, selection)
    shares = {name: engine.utilization for name, engine in catalog.constants.engines.items()}
    constants = ServingConstants.from_mapping(catalog.table("serving"), shares)
    demand = _demand(question, constants, ask.habits)
    offers = _offers(selection, workspace)
    planner = Planner(demand, constants, catalog.blueprint, question.kv_type, ask.budget_usd)
    by_engine: ByEngine = {e: _candidates(question, workspace, e) for e in (ENGINES_ANY, ENGINES_GPU)}
    vllm = catalog.constants.engine("vllm")
    chosen = {offer.spec.id: _for_machine(offer, by_engine, question, vllm) for offer in offers}
    sizing = plan(offers, chosen, planner)
    limit = question.limit
    sizing = _simulated(sizing, planner, chosen, limit) if ask.simulate else shortened(sizing, limit, ask.budget_usd)
    return SizingResult(
        question=question,
        demand=demand,
        budget_usd=ask.budget_usd,
        sizing=sizing,
        machines=len(offers),
        constants=constants,
    )


def _check_engine(question: Question, selection: MachineSelection) -> None:
    """Raises UsageError for what no plan is made for."""
    engine = question.engine
    if engine is not None and engine not in ENGINES_GPU and ENGINE_FAMILIES.get(engine, engine) not in ENGINES_ANY:
        raise UsageError(f"sizing plans for llama.cpp and vllm, not for {engine}", hint="drop --engine, or name one")
    if selection.cpu_only:
        raise UsageError("sizing plans for accelerators alone", hint="drop --cpu-only")


def _demand(question: Question, constants: ServingConstants, habits: Habits) -> Demand:
    workload, budget = question.workload, question.budget
    read = workload.cached_tokens + workload.prompt_tokens
    return Demand(
        users=workload.users,
        usage=habits.usage(constants.usage_of(question.task.name)),
        prefix_hit=workload.cached_tokens / read if habits.cached is None else habits.cached,
        prompt_tokens=read,
        output_tokens=workload.output_tokens,
        targets=Targets(max_ttft_s=budget.max_ttft_s, max_tpot_s=budget.max_tpot_s, max_latency_s=budget.max_latency_s),
        window=workload.context if question.context_stated else 0,
    )


def _offers(selection: MachineSelection, workspace: Workspace) -> list[Offer]:
    """The machine that was named, or all that the catalog knows to buy."""
    hardware: HardwareCatalog = workspace.catalog.hardware
    if not selection.is_here:
        machine = workspace.machine(selection)
        stated = [hardware.parse_gpu(text) for text in selection.gpus]
        spec = _spec_of(machine, hardware, stated)
        parts = _parts(spec, hardware) or stated
        return [Offer(spec=spec, machine=machine, price=price_of(spec, parts))]
    offered = [_offer(spec, hardware) for spec in hardware.devices(DeviceKind.MACHINE)]
    if selection.backend is None:
        return offered
    vendors = BACKENDS[selection.backend]
    return [offer for offer in offered if offer.devices and all(d.vendor in vendors for d in offer.devices)]


def _offer(spec: DeviceSpec, hardware: HardwareCatalog) -> Offer:
    return Offer(spec=spec, machine=hardware.machine(spec), price=price_of(spec, _parts(spec, hardware)))


def _parts(spec: DeviceSpec, hardware: HardwareCatalog) -> list[tuple[int, DeviceSpec]]:
    return [(part.count, hardware.get(part.device)) for part in spec.parts]


def _spec_of(machine: Machine, hardware: HardwareCatalog, gpus: Sequence[tuple[int, DeviceSpec]]) -> DeviceSpec:
    """What is known of the machine; one stated by its GPUs is of their form."""
    if machine.catalog_id is not None and machine.origin == "catalog":
        return hardware.get(machine.catalog_id)
    forms = {spec.form for _, spec in gpus}
    form = forms.pop() if len(forms) == 1 else None
    return DeviceSpec(id="stated", name=machine.name, kind=DeviceKind.MACHINE, vendor="stated", form=form)


def _candidates(question: Question, workspace: Workspace, engines: Sequence[str]) -> list[Candidate]:
    """Every choice that these engines load, best first whatever the machine."""
    catalog = workspace.catalog
    found: list[Candidate] = []
    for entry in catalog.entries():
        if question.model is not None and entry.id != question.model:
            continue
        if screen(entry, question, engines) is None:
            for system in systems(entry, question):
                found.extend(candidates(system, question, catalog, engines))
    minimum = question.min_quality or 0.0
    return sorted((c for c in found if c.score >= minimum), key=lambda c: (-c.utility, c.model_id, c.quant))


def _for_machine(offer: Offer, by_engine: ByEngine, question: Question, vllm: EngineProfile) -> list[Candidate]:
    """GPUs of one's own run vLLM or llama.cpp, machines with one shared memory llama.cpp; only the one asked for.

    Servers run vLLM wherever it loads the model: it is made for many users, and nobody published llama.cpp under load
    on such devices.
    """
    everywhere = [] if question.engine in ENGINES_GPU else by_engine[ENGINES_ANY]
    dedicated = runs_here(vllm, offer.machine) and not any(d.unified for d in offer.devices)
    if not dedicated or question.engine not in (None, *ENGINES_GPU):
        return everywhere
    nvidia = all(d.backend == "cuda" for d in offer.devices)
    more = [c for c in by_engine[ENGINES_GPU] if nvidia or c.quant not in NVIDIA_ONLY]
    if offer.spec.form in SERVER_FORMS and question.engine is None:
        loaded = {c.model_id for c in more}
        everywhere = [c for c in everywhere if c.model_id not in loaded]
    return sorted([*everywhere, *more], key=lambda c: (-c.utility, c.model_id, c.quant))


def _simulated(sizing: Sizing, planner: Planner, chosen: Mapping[str, list[Candidate]], limit: int) -> Sizing:
    """Finalists as random arrivals leave them; one that fails tries its machine's next best choices."""
    options: list[Option] = []
    failed = 0
    for option in varied(sizing.options)[:MAX_SIMULATED]:
        if len(options) == max(limit, FINALISTS):
            break
        again = _held_up(option, planner, chosen[option.offer.spec.id])
        if again is None:
            failed += 1
        else:
            options.append(again)
    sigma = planner.constants.planning.length_sigma
    best = varied(ranked(options, planner.budget_usd))[:limit]
    shown = tuple(replace(option, p95=_at_demand(option, sigma)) for option in best)
    counts = {"fails_in_simulation": failed, "outranked": len(sizing.options) - len(shown) - failed}
    rejected = {**sizing.rejected, **{reason: n for reason, n in counts.items() if n}}
    return Sizing(options=shown, rejected=rejected, nearest=sizing.nearest)


def _held_up(option: Option, planner: Planner, candidates_left: list[Candidate]) -> Option | None:
    """The option, or the next best on its machine, that holds when arrivals and lengths are random."""
    tried: Option | None = option
    for _ in range(ATTEMPTS):
        if tried is None:
            return None
        rates = [_simulated_rate(tried, planner, seed) for seed in SEEDS]
        again = with_simulation(tried, planner, rates)
        if again is not None:
            return again
        failed = tried.candidate.model_id
        candidates_left = [c for c in candidates_left if c.model_id != failed]
        tried = planner.best(tried.offer, candidates_left)
    return None


def _simulated_rate(option: Option, planner: Planner, seed: int) -> float:
    return simulated_rate(
        option.model,
        option.layout.replica,
        option.demand,
        option.layout.capacity.requests_per_s,
        seed=seed,
        sigma=planner.constants.planning.length_sigma,
        count=REQUESTS,
    )


def _at_demand(option: Option, sigma: float) -> tuple[float, float, float]:
    """Simulated 95th percentiles at the demand: for each, the median over the seeds."""
    runs = [
        simulate(
            option.model,
            option.layout.replica,
            option.demand,
            option.replica_requests_per_s,
            seed=seed,
            sigma=sigma,
            count=REQUESTS,
        )
        for seed in SEEDS
    ]
    ttft, tpot, latency = (
        [getattr(run, name) for run in runs] for name in ("ttft_p95_s", "tpot_p95_s", "latency_p95_s")
    )
    return median(ttft), median(tpot), median(latency)
