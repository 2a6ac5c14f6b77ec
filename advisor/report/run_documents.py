"""The shape of the JSON documents about running a choice: benchmarks and checks of locks. Same rules as `documents`."""

from typing import Any, Literal

from typing_extensions import TypedDict


class BenchRun(TypedDict):
    """One repetition. `waiting`: share of the time that its threads stood in the run queue."""

    prompt_tokens: int
    output_tokens: int
    depth: int
    ttft_s: float | None
    prefill_tps: float | None
    decode_tps: float | None
    waiting: float | None
    used: bool


class Bench(TypedDict):
    """`advisor bench --json`: medians over the runs, and what the estimate had said before."""

    schema: Literal["advisor.bench/1"]
    engine: str
    engine_version: str
    backend: str
    model: str
    quant: str | None
    threads: int | None
    gpu_layers: int
    kv_type: str
    runs: list[BenchRun]
    ttft_s: float | None
    prefill_tps: float | None
    decode_tps: float | None
    load_s: float | None
    peak_memory: int | None
    spread: dict[str, Any]
    predicted: dict[str, Any] | None
    error_pct: dict[str, float | None]
    others: list[dict[str, Any]]
    machine: str
    synthetic: bool
    complete: bool
    tags: list[str]
    stored: bool
    measured_at: str
    notices: list[str]


class Finding(TypedDict):
    """One thing that was checked."""

    subject: Literal["model", "files", "memory", "budget"]
    holds: bool
    text: str


class Check(TypedDict):
    """`advisor check FILE --json`."""

    schema: Literal["advisor.check/1"]
    holds: bool
    model: str
    quant: str
    findings: list[Finding]


RUN_DOCUMENTS: dict[str, type] = {"bench": Bench, "check": Check}
