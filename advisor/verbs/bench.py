"""Measure a model on this machine, keep the result, and say how far the earlier estimate was off."""

import threading
from dataclasses import dataclass

from advisor.bench.fingerprint import fingerprint
from advisor.bench.result import BenchReport, BenchResult
from advisor.bench.smoke import Subject, did_not_fit, run_smoke
from advisor.bench.statistics import error_percent
from advisor.bench.store import open_store
from advisor.domain.machine import Machine
from advisor.engines.choice import choose_for_file
from advisor.engines.protocol import Engine, Listener, MeasurePlan, ignore_progress
from advisor.errors import OutOfMemory, StoreError, UsageError
from advisor.settings import results_path
from advisor.verbs.bench_target import BenchTarget, find_target
from advisor.verbs.workspace import Workspace

PROMPT_TOKENS, OUTPUT_TOKENS, REPETITIONS = 512, 32, 3
"""One full micro-batch of llama.cpp for the prompt; enough decode steps to average over scheduling."""
QUICK_PROMPT_TOKENS, QUICK_OUTPUT_TOKENS = 128, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRequest:
    """What was asked; None where the default holds."""

    target: str | None = None
    engine: str | None = None
    quick: bool = False
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    depth: int | None = None
    repetitions: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None
    kv_type: str | None = None


def _check(request: BenchRequest) -> None:
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


def _plan(request: BenchRequest, target: BenchTarget, machine: Machine) -> MeasurePlan:
    prompt, output = (
        (QUICK_PROMPT_TOKENS, QUICK_OUTPUT_TOKENS) if request.quick else (PROMPT_TOKENS, OUTPUT_TOKENS)
    )  # fmt: skip
    return MeasurePlan(
        path=target.path,
        file_bytes=target.file_bytes,
        prompt_tokens=request.prompt_tokens or prompt,
        output_tokens=request.output_tokens or output,
        depth=request.depth or 0,
        repetitions=request.repetitions or REPETITIONS,
        threads=request.threads or usable_cores(machine),
        gpu_layers=request.gpu_layers or 0,
        kv_type=request.kv_type or "f16",
        vocab=target.identity.vocab,
    )


def bench(
    request: BenchRequest,
    workspace: Workspace,
    listener: Listener = ignore_progress,
    stop: threading.Event | None = None,
) -> BenchReport:
    """Measure `request.target`, store the result, compare it with the estimate made before.

    Raises UsageError for a target that is not there, EngineError and OutOfMemory where the run fails.
    """
    _check(request)
    machine = workspace.here
    engine = choose_for_file(machine.engines, request.engine)
    target = find_target(request.target, workspace)
    plan = _plan(request, target, machine)
    subject = Subject(
        machine=fingerprint(machine),
        model=target.identity.model,
        quant=target.identity.quant,
        architecture=target.identity.architecture,
    )
    return measure_and_keep(engine, plan, subject, listener, stop)


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
