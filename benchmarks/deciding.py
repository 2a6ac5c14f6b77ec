"""The product's own judgement on a scenario: its filter, ranking and estimates, over the choices that were measured.

Only the shelf is narrowed (to those choices) and the posteriors are exchanged (for held-out ones). The truth of a
choice is judged by the same rule with the measured seconds in place of the predicted interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.decide.budget import judge
from advisor.decide.candidates import Candidate, candidates, systems
from advisor.decide.question import Question
from advisor.decide.ranking import Ranking, rank
from advisor.domain.estimate import Placement, PlacementKind, Speed
from advisor.domain.machine import Cpu, HostMemory, Machine
from advisor.domain.quantity import Quantity
from advisor.domain.sizes import ModelSizes, QuantSize
from advisor.domain.workload import Budget, Workload
from advisor.estimate.candidate import estimate
from advisor.estimate.formats import in_format
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from benchmarks.measurements import ENGINES, QUANTS, Case
from benchmarks.scenarios import OUTPUT_TOKENS, PROMPT_TOKENS, Measured, Scenario

FORMAT = {"mlx": "mlx", "vllm": "safetensors"}
HOST_BYTES = 8 * 2**30
"""Beside a graphics card: what the engine's own process needs."""


@dataclass(slots=True)
class Outcome:
    """What one way of choosing did: the choice (None: it gave none), whether it truly works, points lost."""

    scenario: Scenario
    choice: tuple[str, str] | None
    works: bool
    fits: bool
    regret: float


class Facts:
    """Shapes, bytes and entries of the catalog's models, each read once."""

    def __init__(self, catalog, constants) -> None:
        self.catalog, self.constants = catalog, constants
        self._shapes: dict = {}
        self._weights: dict = {}
        self.entries = {entry.id: entry for entry in catalog.entries()}

    def shape(self, model: str):
        """The model's shape."""
        if model not in self._shapes:
            self._shapes[model] = shape_of(self.catalog.model(model).architecture)
        return self._shapes[model]

    def weights(self, model: str, quant: str, file_bytes: float):
        """Bytes of a quantization, scaled to the file that was measured."""
        key = (model, quant, int(file_bytes))
        if key not in self._weights:
            found = weight_profile(self.catalog.model(model).architecture, QUANTS.get(quant, quant))
            self._weights[key] = found.scaled_to(int(file_bytes))
        return self._weights[key]


class NarrowShelf:
    """Of the catalog, the choices of one scenario."""

    def __init__(self, scenario: Scenario, measured: dict[tuple[str, str], Measured], facts: Facts) -> None:
        self.measured, self.facts = measured, facts
        engine = ENGINES.get(scenario.bench.backend, "llama.cpp")
        form = self.form = FORMAT.get(engine, "gguf")
        self.quants: dict[str, list[str]] = {}
        for model, quant in sorted(scenario.offered):
            self.quants.setdefault(model, []).append(quant)
        self._entries = [
            facts.entries[model]._replace(
                published={**facts.entries[model].published, form: quants}, engines=(engine,), downloadable=True
            )
            for model, quants in self.quants.items()
        ]
        self.default_quants = frozenset(quant for _, quant in scenario.offered)

    def entries(self) -> Sequence:
        """The models of the scenario."""
        return self._entries

    def sizes(self, model_id: str) -> ModelSizes:
        """Bytes of the model in each measured quantization."""
        shape = self.facts.shape(model_id)
        share = shape.expert_share
        found = {in_format(q, (self.form,)): self.size(model_id, q) for q in self.quants[model_id]}
        return ModelSizes(shape.total_params, share, found)

    def size(self, model_id: str, quant: str, form: str = "gguf") -> QuantSize:
        """Bytes of one quantization."""
        weights = self.profile(model_id, quant)
        dense = weights.dense_bytes + weights.head_bytes
        return QuantSize(
            weights.bits_per_weight, int(weights.file_bytes), int(weights.tensor_bytes), int(dense),
            int(weights.expert_bytes),
        )  # fmt: skip

    def profile(self, model_id: str, quant: str):
        """The weights as measured."""
        return self.facts.weights(model_id, quant, self.measured[(model_id, quant)].file_bytes)


class HeldOutEstimator:
    """Estimates with posteriors that have not seen what they are asked."""

    def __init__(self, scenario: Scenario, shelf: NarrowShelf, posterior_of) -> None:
        self.shelf, self.posterior_of = shelf, posterior_of
        self.backend = scenario.bench.backend
        self.machine = machine_of(scenario, shelf.facts.catalog)
        self.mixed = bool(self.machine.accelerators)
        self.room = scenario.memory_bytes + (HOST_BYTES if self.machine.accelerators else 0)

    def cannot_fit(self, candidate: Candidate) -> int | None:
        """Bytes by which the weights exceed all memory."""
        excess = candidate.size.tensor_bytes - self.room
        return int(excess) if excess > 0 else None

    def __call__(self, candidate: Candidate, workload: Workload, kv_type: str):
        """The product's estimate."""
        facts = self.shelf.facts
        shape, weights = facts.shape(candidate.model_id), self.shelf.profile(candidate.model_id, candidate.quant)
        estimated = estimate(
            model_id=candidate.model_id, shape=shape, weights=weights, machine=self.machine,
            placement=self.placement(shape.n_layers), workload=workload, engine=candidate.engine, kv_type=kv_type,
            constants=facts.constants, posterior=self.posterior_of(candidate.model_id),
        )  # fmt: skip
        return (estimated,)

    def placement(self, n_layers: int) -> Placement:
        """All on the device, as it was measured: what part of a model on the host would do is not in the table."""
        count = len(self.machine.accelerators)
        if not count:
            return Placement(kind=PlacementKind.CPU)
        parallel = count if self.backend == "vllm" else 1
        return Placement(
            kind=PlacementKind.GPU, gpu_layers=n_layers + 1, devices=tuple(range(count)), tensor_parallel=parallel
        )


def machine_of(scenario: Scenario, catalog) -> Machine:
    """The device with the scenario's memory, idle."""
    from dataclasses import replace

    from advisor.catalog.machines import accelerator_of

    bench = scenario.bench
    spec = catalog.hardware.find(bench.device)
    memory = int(scenario.memory_bytes)
    if bench.backend == "cpu":
        sets = spec.instruction_sets or ("neon", "dotprod", "i8mm")
        return Machine(
            name=spec.name, origin="catalog",
            cpu=Cpu(name=spec.name, physical_cores=spec.cores or 8, instruction_sets=sets),
            memory=HostMemory(
                total_bytes=memory, available_bytes=memory, bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s
            ),
        )  # fmt: skip
    each = memory // bench.count
    one = replace(accelerator_of(spec, memory_bytes=each), backend=bench.backend, memory_available_bytes=None)
    if memory < bench.memory_bytes or not one.unified:
        one = replace(one, memory_available_bytes=int(each * (1.0 if memory < bench.memory_bytes else 0.98)))
    host = memory if one.unified else HOST_BYTES
    devices = tuple(replace(one, index=i) for i in range(bench.count))
    return Machine(
        name=spec.name, origin="catalog", cpu=Cpu(physical_cores=8, instruction_sets=("avx2", "fma", "f16c")),
        memory=HostMemory(total_bytes=host, available_bytes=host), accelerators=devices,
    )  # fmt: skip


def question_of(scenario: Scenario, catalog, confidence: float = 0.9) -> Question:
    """The scenario as a question with a stated budget."""
    task = catalog.resolve_task(scenario.task)
    return Question(
        task=task,
        workload=Workload(
            task=task.name, prompt_tokens=PROMPT_TOKENS, output_tokens=OUTPUT_TOKENS,
            thinking_tokens=task.thinking_tokens, context=1024,
        ),
        budget=Budget(
            max_ttft_s=scenario.max_ttft_s, max_tpot_s=scenario.max_tpot_s, max_latency_s=scenario.max_latency_s,
            stated=True, confidence=confidence,
        ),
        limit=1, derivatives=True,
    )  # fmt: skip


def true_speed(measured: Measured, thinking_tokens: int) -> Speed:
    """What was measured, as exact quantities; an unmeasured prompt is never asked about."""
    ttft = PROMPT_TOKENS * (measured.prefill_s or 0.0)
    answer = ttft + measured.decode_s * (OUTPUT_TOKENS + thinking_tokens - 1)
    exact = Quantity.exact
    return Speed(
        load_s=exact(1.0), ttft_s=exact(max(ttft, 1e-9)), tpot_s=exact(measured.decode_s),
        prefill_tokens_per_s=exact(1.0), decode_tokens_per_s=exact(1.0 / measured.decode_s), latency_s=exact(answer),
    )  # fmt: skip


@dataclass(slots=True)
class Truth:
    """Every offered candidate of a scenario and whether it truly works."""

    question: Question
    shelf: NarrowShelf
    candidates: list[Candidate]
    works: dict[tuple[str, str, str], bool]

    @property
    def decides(self) -> bool:
        """One model at least works and one does not: there is something to get wrong."""
        good = {key[0] for key, ok in self.works.items() if ok}
        return bool(good) and len(good) < len({key[0] for key in self.works})

    @property
    def best(self) -> float:
        """Points of the best that truly works."""
        return max(c.score for c in self.candidates if self.works[key_of(c)])


def key_of(candidate: Candidate) -> tuple[str, str, str]:
    """Model, quantization, thinking mode."""
    return candidate.model_id, candidate.quant, candidate.system.mode


def truth_of(
    scenario: Scenario, measured: dict[tuple[str, str], Measured], facts: Facts, confidence: float = 0.9
) -> Truth:
    """What truly meets the budget and fits."""
    question = question_of(scenario, facts.catalog, confidence)
    shelf = NarrowShelf(scenario, measured, facts)
    engine = ENGINES.get(scenario.bench.backend, "llama.cpp")
    found = [
        candidate
        for entry in shelf.entries()
        if entry.category in question.task.categories
        for system in systems(entry, question)
        for candidate in candidates(system, question, shelf, (engine,))
    ]
    works = {}
    for c in found:
        speed = true_speed(measured[(c.model_id, c.quant)], c.system.thinking_tokens)
        met = judge(speed, question.budget, c.system.thinking_tokens).meets
        works[key_of(c)] = met and (c.model_id, c.quant) in scenario.fits
    return Truth(question, shelf, found, works)


def decide(scenario: Scenario, truth: Truth, posterior_of) -> tuple[Outcome, Ranking]:
    """The product's pick and what it is worth.

    Where it says that nothing meets the budget with the probability asked for, it names near misses: the first of them
    is what a person is left with, and counts where it truly works.
    """
    estimator = HeldOutEstimator(scenario, truth.shelf, posterior_of)
    engine = ENGINES.get(scenario.bench.backend, "llama.cpp")
    ranking = rank(truth.question, truth.shelf.entries(), truth.shelf, estimator, (engine,))
    if ranking.picks:
        return outcome(scenario, truth, ranking.picks[0].candidate), ranking
    refused = outcome(scenario, truth, None)
    nearest = ranking.misses[0].candidate if ranking.misses else None
    if nearest is not None and truth.works[key_of(nearest)]:
        refused.regret = truth.best - nearest.score
    return refused, ranking


def outcome(scenario: Scenario, truth: Truth, picked: Candidate | None) -> Outcome:
    """Regret in points against the best that truly works; all of its points where nothing was picked."""
    if picked is None:
        return Outcome(scenario, None, False, True, truth.best)
    key = (picked.model_id, picked.quant)
    works = truth.works[key_of(picked)]
    return Outcome(scenario, key, works, key in scenario.fits, max(0.0, truth.best - picked.score))


__all__ = ["Case", "Facts", "HeldOutEstimator", "NarrowShelf", "Outcome", "Truth", "decide", "outcome", "truth_of"]
