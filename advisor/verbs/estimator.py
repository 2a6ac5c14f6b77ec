"""Joins the catalog's shapes and bytes, a machine, and what was learned on it into estimates."""

from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.decide.assessment import Assessment
from advisor.decide.candidates import Candidate
from advisor.decide.loading import engine_for
from advisor.domain.entry import CatalogEntry
from advisor.domain.estimate import Estimate
from advisor.domain.machine import Machine
from advisor.domain.workload import Workload
from advisor.errors import UsageError
from advisor.estimate.candidate import estimate
from advisor.estimate.constants import Constants
from advisor.estimate.engine_support import needs_of, runs_here
from advisor.estimate.footprint import Choice, cache_layout
from advisor.estimate.kv_cache import refusal
from advisor.estimate.parts import Setting
from advisor.estimate.placement import placements
from advisor.estimate.pools import accelerator_available_bytes, host_available_bytes
from advisor.estimate.shape import ModelShape
from advisor.estimate.weights import WeightProfile
from advisor.verbs.workspace import Workspace

if TYPE_CHECKING:
    from advisor.bench.calibrate import Learned

LOCAL = ("llama.cpp", "ollama", "lmstudio")
"""Engines that load GGUF, in order of preference when several are found."""


ELSEWHERE = ("mlx", "vllm")
"""Engines for the accelerators of some vendors, which load what llama.cpp does not."""


def engines_for(machine: Machine, constants: Constants) -> tuple[str, ...]:
    """Engines that may be offered on a machine, first choice first: what is there, then what can be installed."""
    found = {engine.name for engine in machine.engines}
    local = next((name for name in LOCAL if name in found), "llama.cpp")
    if "embedded" in found and local != "llama.cpp":
        local = "llama.cpp"
    extra = [name for name in ELSEWHERE if runs_here(constants.engine(name), machine)]
    return (local, *extra, "transformers")


class MachineEstimator:
    """Estimates on one machine. Callable as the judgement expects it."""

    def __init__(self, machine: Machine, workspace: Workspace, *, assume_idle: bool = False) -> None:
        self.machine = _idle(machine) if assume_idle else machine
        self.workspace = workspace
        self.constants = workspace.catalog.constants
        self.engines = engines_for(machine, self.constants)
        self.mixed = bool(machine.usable_accelerators())
        self._room = self._all_memory()
        self._encoding = {task.name: task for task in workspace.catalog.tasks if task.encoder_positions}
        self._learned: dict[str, Learned | None] = {}

    def offered(self, engine: str | None) -> tuple[str, ...]:
        """Engines on offer: the one that is asked for alone, and none where that does not run here."""
        if engine is None:
            return self.engines
        return (engine,) if runs_here(self.constants.engine(engine), self.machine) else ()

    def engine_for(self, entry: CatalogEntry, asked: str | None = None, quant: str | None = None) -> str:
        """The engine a model (in a quantization) would run on, or the one asked for.

        Raises UsageError where that one does not run here, and where no engine is known to load the model.
        """
        if asked is not None:
            return self._able(asked)
        engine = engine_for(entry, self.engines, quant)
        if engine is None:
            what = f"{entry.id} in {quant}" if quant and engine_for(entry, self.engines) else entry.id
            raise UsageError(
                f"no engine is known that loads {what} on this machine",
                hint=f"it is known to run on {', '.join(entry.engines) or 'nothing'}; name one with --engine",
            )
        return engine

    def _able(self, engine: str) -> str:
        profile = self.constants.engine(engine)
        if not runs_here(profile, self.machine):
            raise UsageError(
                f"{engine} does not run on this machine", hint=f"it needs {needs_of(profile)}; --engine names another"
            )
        return engine

    def estimates(
        self,
        model_id: str,
        shape: ModelShape,
        weights: WeightProfile,
        *,
        engine: str,
        workload: Workload,
        kv_type: str,
    ) -> tuple[Estimate, ...]:
        """One estimate for each placement that comes into question; a cache type the engine would refuse stays f16."""
        kv_type = "f16" if self.refused_cache(shape, engine, workload, kv_type) else kv_type
        sensible = placements(
            shape, weights, self.machine, workload, engine=engine, kv_type=kv_type, constants=self.constants
        )
        learned = self.learned(engine)
        found = [
            estimate(
                model_id=model_id,
                shape=shape,
                weights=weights,
                machine=self.machine,
                engine=engine,
                placement=placement,
                workload=workload,
                kv_type=kv_type,
                constants=self.constants,
                posterior=learned.posteriors(model_id, weights.quant) if learned else None,
            )
            for placement in sensible
        ]
        if learned is None:
            return tuple(found)
        return tuple(replace(e, basis=learned.basis(model_id, weights.quant, e.basis)) for e in found)

    def refused_cache(self, shape: ModelShape, engine: str, workload: Workload, kv_type: str) -> str | None:
        """Why an engine that loads GGUF would not make a cache of this type; None where it would."""
        profile = self.constants.engine(engine)
        if kv_type == "f16" or "gguf" not in profile.formats:
            return None
        return refusal(shape, cache_layout(workload, profile, kv_type))

    def setting(self, assessment: Assessment) -> Setting:
        """What an assessment was estimated from, to be taken apart."""
        chosen, candidate = assessment.estimate, assessment.candidate
        shape, weights = self.workspace.catalog.blueprint(candidate)
        profile = self.constants.engine(candidate.engine)
        choice = Choice(shape, weights, profile, cache_layout(assessment.workload, profile, chosen.kv_type))
        learned = self.learned(candidate.engine)
        posteriors = learned.posteriors(candidate.model_id, weights.quant) if learned else ()
        return Setting(choice, chosen.placement, self.machine, assessment.workload, self.constants, posteriors)

    def learned(self, engine: str) -> "Learned | None":
        """What runs of an engine on this very machine have taught; None for other machines and without any run."""
        if engine not in self._learned:
            self._learned[engine] = self._learn(engine)
        return self._learned[engine]

    def _learn(self, engine: str) -> "Learned | None":
        store = self.workspace.store if self.machine.origin == "probed" else None
        if store is None:
            return None
        from advisor.bench.calibrate import learn

        learned = learn(self.machine, engine, store.results(), self.constants)
        return learned if learned.timed else None

    def __call__(self, candidate: Candidate, workload: Workload, kv_type: str) -> tuple[Estimate, ...]:
        """Estimates of a candidate, with its encoder where the task has images or sound."""
        shape, weights = self.workspace.catalog.blueprint(candidate)
        found = self.estimates(
            candidate.model_id,
            shape,
            weights,
            engine=candidate.engine,
            workload=workload,
            kv_type=kv_type,
        )
        task = self._encoding.get(workload.task)
        if task is None:
            return found
        from advisor.estimate.encoder import with_encoder
        from advisor.verbs.encoding import encoder_flops, with_projector

        model = self.workspace.catalog.model(candidate.model_id)
        flops = encoder_flops(model, task, workload, self.constants)
        seen = with_projector(found, model, self.constants)
        return tuple(with_encoder(one, shape, flops, workload.prompt_tokens) for one in seen)

    def cannot_fit(self, candidate: Candidate) -> int | None:
        """Bytes by which the weights alone exceed all memory there is; None when they may fit."""
        if self._room is None:
            return None
        excess = candidate.size.tensor_bytes - self._room
        return excess if excess > 0 else None

    def _all_memory(self) -> int | None:
        """Host and discrete accelerators together; None while one is unknown."""
        discrete = [a for a in self.machine.usable_accelerators() if not a.unified]
        pools = [accelerator_available_bytes(a, self.machine, self.constants) for a in discrete]
        pools.append(host_available_bytes(self.machine, self.constants))
        unified = [a for a in self.machine.usable_accelerators() if a.unified]
        shared = [accelerator_available_bytes(a, self.machine, self.constants) for a in unified]
        if any(pool is None for pool in pools):
            return None
        return max(sum(pool or 0 for pool in pools), *(pool or 0 for pool in shared), 0)


def _idle(machine: Machine) -> Machine:
    """The machine with nothing else running: what is free follows from the totals."""
    memory = replace(machine.memory, available_bytes=None)
    devices = tuple(replace(a, memory_available_bytes=None) for a in machine.accelerators)
    return replace(machine, memory=memory, accelerators=devices)
