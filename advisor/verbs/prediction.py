"""What the estimate says of a benchmark before it runs: the same prompt, answer, threads and placement."""

from dataclasses import replace

from advisor.bench.calibrate import Learned
from advisor.bench.observe import family
from advisor.bench.result import Prediction
from advisor.domain.estimate import Estimate, Placement, PlacementKind
from advisor.domain.machine import Machine
from advisor.domain.workload import Workload
from advisor.engines.protocol import MeasurePlan
from advisor.estimate.candidate import estimate
from advisor.estimate.constants import Constants
from advisor.estimate.placement import placements
from advisor.verbs.gguf_identity import Identity

ACCELERATED = ("llama-bench", "llama-server")
"""Engines whose builds may use an accelerator; the embedded one does on Apple's alone."""


def sensible_gpu_layers(identity: Identity, machine: Machine, engine: str, constants: Constants) -> int:
    """Layers to put on the accelerator: those of the placement expected to be best. 0 without one."""
    able = engine in ACCELERATED or machine.os in ("macos", "darwin")
    if not able or not machine.usable_accelerators() or identity.shape is None or identity.weights is None:
        return 0
    workload = Workload(task="bench", prompt_tokens=512, output_tokens=64, context=1024)
    best = placements(
        identity.shape, identity.weights, machine, workload, engine=family("embedded"), constants=constants
    )[0]  # fmt: skip
    return best.gpu_layers if best.kind in (PlacementKind.GPU, PlacementKind.SPLIT) else 0


def estimate_plan(
    plan: MeasurePlan, identity: Identity, machine: Machine, constants: Constants, learned: Learned
) -> Estimate | None:
    """The estimate of exactly what will be measured; None where the file was not understood."""
    if identity.shape is None or identity.weights is None:
        return None
    prompt = plan.prompt_tokens + plan.depth
    return estimate(
        model_id=identity.model,
        shape=identity.shape,
        weights=identity.weights,
        machine=machine,
        engine=family("embedded"),
        placement=_placement(plan, machine, identity.shape.n_layers),
        workload=Workload(
            task="bench", prompt_tokens=prompt, output_tokens=plan.output_tokens, context=plan.context
        ),
        constants=constants,
        kv_type=plan.kv_type,
        posterior=learned.posteriors(identity.model, identity.quant or ""),
    )  # fmt: skip


def _placement(plan: MeasurePlan, machine: Machine, n_layers: int) -> Placement:
    if plan.gpu_layers == 0:
        return Placement(kind=PlacementKind.CPU)
    first = tuple(i for i, a in enumerate(machine.accelerators) if a.usable and a.backend != "npu")[:1]
    kind = PlacementKind.GPU if plan.gpu_layers > n_layers else PlacementKind.SPLIT
    if plan.cpu_expert_layers:
        kind = PlacementKind.EXPERTS_ON_CPU
    return Placement(kind=kind, gpu_layers=plan.gpu_layers, devices=first, cpu_expert_layers=plan.cpu_expert_layers)


def prediction_of(said: Estimate, learned: Learned, identity: Identity) -> Prediction | None:
    """The part of an estimate that a benchmark can check. None where no speed could be told."""
    if said.speed is None:
        return None
    memory = said.footprint.total_bytes + said.footprint.reclaimable_bytes
    return Prediction(
        basis=str(learned.basis(identity.model, identity.quant or "", said.basis)),
        ttft_s=said.speed.ttft_s,
        prefill_tokens_per_s=said.speed.prefill_tokens_per_s,
        decode_tokens_per_s=said.speed.decode_tokens_per_s,
        peak_memory_bytes=memory if said.placement.kind is PlacementKind.CPU else None,
    )


def host_bytes(said: Estimate) -> int:
    """Main memory that an engine must really have: pages of a mapped file can be taken back."""
    return sum(d.total_bytes for d in said.footprint.devices if d.device == "host")


def with_patience(plan: MeasurePlan, said: Estimate | None) -> MeasurePlan:
    """The plan with deadlines that a slow machine can keep: several times what is expected at worst."""
    if said is None or said.speed is None:
        return plan
    speed = said.speed
    one_run_s = speed.ttft_s.p90 + plan.output_tokens * speed.tpot_s.p90
    return replace(
        plan,
        silence_timeout_s=max(plan.silence_timeout_s, 5 * speed.ttft_s.p90),
        total_timeout_s=max(plan.total_timeout_s, 4 * (plan.repetitions + 1) * one_run_s),
    )
