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
    layers: int | None
    all_layers: int | None
    whole: dict[str, Any] | None
    machine: str
    synthetic: bool
    complete: bool
    tags: list[str]
    stored: bool
    measured_at: str
    notices: list[str]


class TryAnswer(TypedDict):
    """One model's answer; `error_pct`: by how much the prediction for these very tokens was off."""

    model: str
    quant: str | None
    path: str
    engine: str
    engine_version: str | None
    backend: str
    threads: int | None
    gpu_layers: int
    context: int
    chat_template: bool
    text: str
    thinking: str | None
    ending: Literal["stop", "length", "interrupted"]
    prompt_tokens: int | None
    output_tokens: int | None
    load_s: float | None
    ttft_s: float | None
    prefill_tps: float | None
    decode_tps: float | None
    peak_memory: int | None
    waiting: float | None
    predicted: dict[str, Any] | None
    error_pct: dict[str, float | None]


class Try(TypedDict):
    """`advisor try --json`: answers in the order asked; fewer where one failed or somebody interrupted."""

    schema: Literal["advisor.try/1"]
    prompt: str
    max_tokens: int
    answers: list[TryAnswer]
    complete: bool
    failure: str | None


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


RUN_DOCUMENTS: dict[str, type] = {"bench": Bench, "check": Check, "try": Try}
