"""A stored result as the terms of the latency model and the seconds measured: what a calibration learns from."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace

from advisor.bench.result import BenchResult
from advisor.bench.statistics import Summary
from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.machine import Machine
from advisor.domain.workload import Workload
from advisor.errors import AdvisorError
from advisor.estimate.calibration import Observation
from advisor.estimate.constants import Constants
from advisor.estimate.cpu_rates import threads_used
from advisor.estimate.footprint import Choice, cache_layout
from advisor.estimate.parts import Part, Setting, parts_of
from advisor.estimate.shape import ModelShape
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from advisor.estimate.weights import WeightProfile

FAMILIES = {"embedded": "llama.cpp", "llama-bench": "llama.cpp", "llama-server": "llama.cpp", "ollama": "ollama"}
"""Engine whose estimates a result teaches: the same kernels run in all programs of llama.cpp."""
NOISY_SD = 0.30
"""Added for a result that other work disturbed by nobody knows how much."""
WAITING_SD = 5.0
"""Added for each part of the time spent in the run queue: 0.2 takes a third of the speed, 0.5 nine tenths."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One result as terms: the part that worked, and what was measured of its two phases."""

    result: BenchResult
    part: Part
    decode: Observation | None
    prefill: Observation | None

    @property
    def phases(self) -> tuple[Observation | None, Observation | None]:
        """Decode and prefill, in the order of `noise_sd`."""
        return self.decode, self.prefill

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What there is of both; their doubt is that of the runs themselves."""
        return tuple(o for o in self.phases if o is not None)


def family(engine: str) -> str:
    """The engine whose constants apply."""
    return FAMILIES.get(engine, engine)


def time_result(result: BenchResult, machine: Machine, constants: Constants, doubt: float = 0.0) -> Timed | None:
    """Terms and times of a result. `doubt` is added to their log standard deviation.

    None where the shape is unknown, the threads are not the machine's, or several devices shared the work.
    """
    model = _model_of(result)
    if model is None or (result.gpu_layers == 0 and result.threads not in (None, threads_used(machine.cpu))):
        return None
    # decoding starts with `depth` tokens in the cache, reading the prompt with none
    decode = _only_part(_setting(result, model, machine, constants, prompt=result.samples[0].depth))
    prefill = _only_part(_setting(result, model, machine, constants, prompt=result.samples[0].prompt_tokens))
    if decode is None or prefill is None:
        return None
    named = _with_device(decode, machine)
    speed, prompt = result.decode_tokens_per_s, result.prefill_tokens_per_s
    return Timed(
        result,
        named,
        _observe(decode.decode, 1.0, speed, result, doubt),
        _observe(prefill.prefill, result.samples[0].prompt_tokens, prompt, result, doubt),
    )


def _observe(
    terms: tuple[float, ...], tokens: float, rate: Summary | None, result: BenchResult, doubt: float
) -> Observation | None:
    if rate is None or not sum(terms):
        return None
    noise = rate.spread / math.sqrt(rate.count) + disturbance(result)
    return Observation(terms=terms, seconds=tokens / rate.median, sd=noise + doubt)


def disturbance(result: BenchResult) -> float:
    """Log standard deviation that other work adds to a result; 0 for an undisturbed one."""
    if "noisy" not in result.tags:
        return 0.0
    waiting = [s.waiting for s in result.used if s.waiting is not None]
    return max(NOISY_SD, WAITING_SD * sum(waiting) / len(waiting)) if waiting else NOISY_SD


def _model_of(result: BenchResult) -> tuple[ModelShape, WeightProfile] | None:
    """From the stored rows, else computed from the architecture (rows of another version do not fit)."""
    if result.shape_row and result.weights_row:
        with suppress(ValueError, TypeError, KeyError, IndexError):
            return ModelShape.from_row(result.shape_row), WeightProfile.from_row(result.weights_row)
    try:
        if result.architecture and result.quant:
            return shape_of(result.architecture), weight_profile(result.architecture, result.quant)
    except (ValueError, TypeError, KeyError, IndexError, AdvisorError):
        return None
    return None


def _setting(
    result: BenchResult, model: tuple[ModelShape, WeightProfile], machine: Machine, constants: Constants, *, prompt: int
) -> Setting:
    shape, weights = model
    workload = Workload(
        task="bench",
        prompt_tokens=prompt,
        output_tokens=result.output_tokens,
        context=-(-(prompt + result.output_tokens) // 256) * 256,
    )
    engine = constants.engine(family(result.engine))
    choice = Choice(shape, weights, engine, cache_layout(workload, engine, result.kv_type))
    return Setting(choice, placement_of(result, machine, shape.n_layers), machine, workload, constants)


def placement_of(result: BenchResult, machine: Machine, n_layers: int) -> Placement:
    """Where the run had its layers."""
    if result.gpu_layers == 0:
        return Placement(kind=PlacementKind.CPU)
    usable = tuple(i for i, a in enumerate(machine.accelerators) if a.usable and a.backend != "npu")[:1]
    kind = PlacementKind.GPU if result.gpu_layers > n_layers else PlacementKind.SPLIT
    if result.cpu_expert_layers:
        kind = PlacementKind.EXPERTS_ON_CPU
    return Placement(
        kind=kind, gpu_layers=result.gpu_layers, devices=usable, cpu_expert_layers=result.cpu_expert_layers
    )


def _only_part(setting: Setting) -> Part | None:
    """The one device that did the work; None where several did, or its rates are unknown."""
    if setting.placement.kind is not PlacementKind.CPU and not setting.placement.devices:
        return None
    parts, _ = parts_of(setting)
    return parts[0] if len(parts) == 1 else None


def _with_device(part: Part, machine: Machine) -> Part:
    """The part with its posterior named after the device, so that later estimates find it."""
    cpu = part.posterior.backend == "cpu"
    name = machine.cpu.name or "cpu" if cpu else machine.usable_accelerators()[0].name
    return replace(part, posterior=replace(part.posterior, device=name))
