"""What all ways of measuring share: the request, the plan, one run, the stored result, the error of the estimate."""

import threading
from dataclasses import dataclass, replace

from advisor.bench.calibrate import learn
from advisor.bench.fingerprint import fingerprint
from advisor.bench.result import BenchReport, BenchResult
from advisor.bench.smoke import Subject, did_not_fit, run_smoke
from advisor.bench.statistics import error_percent
from advisor.bench.store import open_store
from advisor.domain.machine import Machine
from advisor.engines.choice import choose_for_file
from advisor.engines.protocol import Engine, Listener, MeasurePlan
from advisor.errors import OutOfMemory, StoreError, UsageError
from advisor.estimate.kv_cache import CacheLayout, refusal
from advisor.settings import results_path
from advisor.verbs.bench_target import BenchTarget
from advisor.verbs.gguf_identity import Identity
from advisor.verbs.prediction import (
    estimate_plan,
    host_bytes,
    prediction_of,
    sensible_gpu_layers,
    with_patience,
)
from advisor.verbs.workspace import Workspace

PROMPT_TOKENS, OUTPUT_TOKENS, REPETITIONS = 512, 32, 3
"""One full micro-batch of llama.cpp for the prompt; enough decode steps to average over scheduling."""
QUICK_PROMPT_TOKENS, QUICK_OUTPUT_TOKENS = 128, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """What was asked; None where the default holds."""

    target: str | None = None
    engine: str | None = None
    endpoint: str | None = None
    """Address of a server on this machine that speaks the OpenAI protocol."""
    quick: bool = False
    sliced: bool = False
    """The first layers of a model that need not be there, with random weights."""
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    depth: int | None = None
    repetitions: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    kv_type: str | None = None


def check_request(request: BenchRequest) -> None:
    """Raises UsageError for figures out of range."""
    limits = {
        "--prompt-tokens": (request.prompt_tokens, 1, 1_000_000),
        "--output-tokens": (request.output_tokens, 2, 100_000),
        "--depth": (request.depth, 0, 10_000_000),
        "--repetitions": (request.repetitions, 1, 1000),
        "--threads": (request.threads, 1, 4096),
    }
    for flag, (value, low, high) in limits.items():
        if value is not None and not low <= value <= high:
            raise UsageError(f"{flag} {value} is out of range", hint=f"give a value between {low} and {high}")


def usable_cores(machine: Machine) -> int | None:
    """Threads to decode with: physical cores that this process may use. Sharing a core slows llama.cpp down."""
    known = [n for n in (machine.cpu.physical_cores, machine.cpu.usable_threads) if n]
    return min(known) if known else None


def plan_of(request: BenchRequest) -> MeasurePlan:
    """The lengths and repetitions that were asked for."""
    quick = request.quick
    return MeasurePlan(
        prompt_tokens=request.prompt_tokens or (QUICK_PROMPT_TOKENS if quick else PROMPT_TOKENS),
        output_tokens=request.output_tokens or (QUICK_OUTPUT_TOKENS if quick else OUTPUT_TOKENS),
        depth=request.depth or 0,
        repetitions=request.repetitions or REPETITIONS,
        kv_type=request.kv_type or "f16",
    )


def _plan(request: BenchRequest, target: BenchTarget, machine: Machine, gpu_layers: int) -> MeasurePlan:
    return replace(
        plan_of(request),
        path=target.path,
        file_bytes=target.file_bytes,
        threads=request.threads or usable_cores(machine),
        gpu_layers=gpu_layers,
        vocab=target.identity.vocab,
    )


def _check_cache(request: BenchRequest, identity: Identity) -> None:
    """Raises UsageError for a cache type that llama.cpp would refuse for this file."""
    kind = request.kv_type or "f16"
    refused = refusal(identity.shape, CacheLayout(context=1, k_type=kind, v_type=kind)) if identity.shape else None
    if refused:
        raise UsageError(f"llama.cpp keeps no {kind} cache of {identity.model}: {refused}", hint="leave --kv-type out")


def bench_target(
    request: BenchRequest,
    target: BenchTarget,
    workspace: Workspace,
    listener: Listener,
    stop: threading.Event | None,
    *,
    synthetic: bool = False,
) -> BenchReport:
    """Measure one file: predict, run, store, compare."""
    _check_cache(request, target.identity)
    machine, constants = workspace.here, workspace.catalog.constants
    engine = choose_for_file(machine.engines, request.engine)
    layers = request.gpu_layers
    if layers is None:
        layers = sensible_gpu_layers(target.identity, machine, engine.name, constants)
    plan = _plan(request, target, machine, layers)
    learned = learn(machine, engine.name, earlier_results(), constants)
    said = estimate_plan(plan, target.identity, machine, constants, learned)
    subject = Subject(
        machine=fingerprint(machine),
        model=target.identity.model,
        quant=target.identity.quant,
        architecture=target.identity.architecture,
        shape=target.identity.shape,
        weights=target.identity.weights,
        predicted=prediction_of(said, learned, target.identity) if said else None,
        predicted_bytes=host_bytes(said) if said else None,
        synthetic=synthetic,
    )
    return measure_and_keep(engine, with_patience(plan, said), subject, listener, stop)


def earlier_results() -> tuple[BenchResult, ...]:
    """Earlier results; none where there is no store or it cannot be used."""
    if not results_path().exists():
        return ()
    try:
        with open_store(results_path()) as store:
            return store.results()
    except StoreError:
        return ()


def measure_and_keep(
    engine: Engine, plan: MeasurePlan, subject: Subject, listener: Listener, stop: threading.Event | None
) -> BenchReport:
    """Run, store and compare. A model that did not fit is stored as such before the error goes on."""
    try:
        result = run_smoke(engine, plan, subject, listener=listener, stop=stop)
    except OutOfMemory:
        _keep(did_not_fit(plan, subject, engine))
        raise
    stored, notices = _keep(result)
    return BenchReport(result=result, error_percent=_errors(result), stored=stored, notices=notices)


def _keep(result: BenchResult) -> tuple[bool, tuple[str, ...]]:
    """Store a result; a store that cannot be used must not lose the answer."""
    try:
        with open_store(results_path()) as store:
            return store.add(result) is not None, tuple(store.notices)
    except StoreError as error:
        return False, (error.message,)


def _errors(result: BenchResult) -> dict[str, float | None]:
    """Percent by which the prediction was off, by field of the document."""
    p = result.predicted
    said = (
        (None, None, None, None)
        if p is None
        else (p.ttft_s.p50, p.prefill_tokens_per_s.p50, p.decode_tokens_per_s.p50, p.peak_memory_bytes)
    )
    speeds = (result.ttft_s, result.prefill_tokens_per_s, result.decode_tokens_per_s)
    was = (*(s.median if s else None for s in speeds), result.peak_memory_bytes)
    names = ("ttft_s", "prefill_tps", "decode_tps", "peak_memory")
    return {name: error_percent(a, b) for name, a, b in zip(names, said, was, strict=True)}
