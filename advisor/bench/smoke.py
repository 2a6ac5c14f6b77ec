"""One smoke benchmark: refuse what cannot fit, measure, look at what disturbed it, and make it a `BenchResult`."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from advisor.bench.conditions import Conditions, read_conditions, tags
from advisor.bench.result import BenchResult, Prediction
from advisor.domain.architecture import Architecture
from advisor.domain.units import format_size
from advisor.engines.memory_watch import available_bytes
from advisor.engines.protocol import Engine, Listener, Measurement, MeasurePlan, ignore_progress
from advisor.errors import OutOfMemory
from advisor.estimate.shape import ModelShape
from advisor.estimate.weights import WeightProfile

MEMORY_PART = 0.85
"""Of the available memory: beyond it a desktop starts to swap while the model loads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured, for the record."""

    machine: str
    model: str
    quant: str | None
    architecture: Architecture | None = None
    shape: ModelShape | None = None
    weights: WeightProfile | None = None
    predicted: Prediction | None = None
    predicted_bytes: int | None = None
    """Main memory that the engine is expected to take; None: the file's size stands in."""
    synthetic: bool = False


def check_memory(needed_bytes: int | None, available: int) -> None:
    """Raise OutOfMemory when `needed_bytes` is more than 85 % of what is available."""
    if needed_bytes is not None and needed_bytes > MEMORY_PART * available:
        raise OutOfMemory(
            f"this needs about {format_size(needed_bytes)} and {format_size(available)} is available",
            hint="choose a smaller model or quantization, or close something",
        )


def run_smoke(
    engine: Engine,
    plan: MeasurePlan,
    subject: Subject,
    *,
    listener: Listener = ignore_progress,
    stop: threading.Event | None = None,
    memory: Callable[[], tuple[int, int]] = available_bytes,
) -> BenchResult:
    """Measure `plan` on `engine`.

    Raises OutOfMemory before anything is started where it cannot fit; EngineError where the engine fails.
    """
    if plan.gpu_layers == 0:
        check_memory(subject.predicted_bytes or plan.file_bytes, memory()[0])
    before = read_conditions()
    measurement = engine.measure(plan, listener, stop)
    return _result(plan, subject, measurement, before, read_conditions())


def _result(
    plan: MeasurePlan, subject: Subject, measurement: Measurement, before: Conditions, after: Conditions
) -> BenchResult:
    result = BenchResult(
        machine=subject.machine,
        engine=measurement.engine,
        engine_version=measurement.engine_version,
        backend=measurement.backend,
        threads=measurement.threads,
        # a build without the backend ignores what it is told
        gpu_layers=0 if measurement.backend == "cpu" else plan.gpu_layers,
        cpu_expert_layers=plan.cpu_expert_layers,
        kv_type=plan.kv_type,
        model=subject.model,
        quant=subject.quant,
        prompt_tokens=plan.prompt_tokens,
        output_tokens=plan.output_tokens,
        depth=plan.depth,
        samples=measurement.samples,
        load_s=measurement.load_s,
        peak_memory_bytes=measurement.peak_memory_bytes,
        file_bytes=plan.file_bytes,
        complete=measurement.complete,
        synthetic=subject.synthetic,
        conditions=before,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        architecture=subject.architecture,
        shape_row=tuple(subject.shape.to_row()) if subject.shape else None,
        weights_row=tuple(subject.weights.to_row()) if subject.weights else None,
        predicted=subject.predicted,
    )
    return replace(result, tags=_tags(result, after) + measurement.notes)


def _tags(result: BenchResult, after: Conditions) -> tuple[str, ...]:
    states = [s.is_quiet for s in result.used]
    quiet = None if None in states or not states else all(states)
    speed = result.decode_tokens_per_s
    return tags(result.conditions, after, spread=speed.spread if speed else None, quiet=quiet)


def did_not_fit(plan: MeasurePlan, subject: Subject, engine: Engine) -> BenchResult:
    """The record of a run that ended for lack of memory: an observation of its own, never a speed."""
    return BenchResult(
        machine=subject.machine,
        engine=engine.name,
        engine_version=engine.version(),
        backend="cpu" if plan.gpu_layers == 0 else "gpu",
        threads=plan.threads,
        gpu_layers=plan.gpu_layers,
        kv_type=plan.kv_type,
        model=subject.model,
        quant=subject.quant,
        prompt_tokens=plan.prompt_tokens,
        output_tokens=plan.output_tokens,
        depth=plan.depth,
        samples=(),
        load_s=None,
        peak_memory_bytes=None,
        file_bytes=plan.file_bytes,
        complete=False,
        fitted=False,
        synthetic=subject.synthetic,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        architecture=subject.architecture,
    )
