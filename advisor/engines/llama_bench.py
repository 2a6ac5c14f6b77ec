"""An installed llama-bench: llama.cpp's own benchmark, in the user's own build and backend."""

import json
import queue
import re
import threading
from collections.abc import Mapping
from typing import Any

from advisor.engines.deadlines import Deadlines
from advisor.engines.foreign_text import clean
from advisor.engines.protocol import Listener, Measurement, MeasurePlan, Phase, Progress, RunSample, ignore_progress
from advisor.engines.supervise import EngineProcess
from advisor.engines.threads import usable_cpus
from advisor.errors import EngineError, UsageError

POLL_S = 0.2
_BACKENDS = ("cuda", "rocm", "hip", "metal", "vulkan", "sycl", "cpu")
_SPEAKS = re.compile(r"llama-bench: benchmark \d+/\d+: (.+)")


class LlamaBench:
    """Measures GGUF files with the program at `path`."""

    name = "llama-bench"

    def __init__(self, path: str) -> None:
        self.path = path

    def version(self) -> str | None:
        """Known only from a run: each result names its build."""
        return None

    def command(self, plan: MeasurePlan) -> list[str]:
        """The command line. Prompt and answer are two tests, both at the plan's depth; the warm-up is its own."""
        if plan.path is None:
            raise UsageError("llama-bench needs a GGUF file")
        return [
            self.path, "-m", str(plan.path.resolve()), "-p", str(plan.prompt_tokens), "-n", str(plan.output_tokens - 1),
            "-d", str(plan.depth), "-r", str(plan.repetitions), "-t", str(plan.threads or usable_cpus()),
            "-ngl", str(plan.gpu_layers), "-ncmoe", str(plan.cpu_expert_layers),
            "-ctk", plan.kv_type, "-ctv", plan.kv_type, "-o", "jsonl", "--progress",
        ]  # fmt: skip

    def measure(
        self, plan: MeasurePlan, listener: Listener = ignore_progress, stop: threading.Event | None = None
    ) -> Measurement:
        """See `Engine.measure`. The time to first token is the prompt's time and one decode step."""
        listener(Progress(phase=Phase.LOADING))
        rows: dict[str, Mapping[str, Any]] = {}
        with EngineProcess(self.command(plan), name=self.name, memory_limit_bytes=plan.memory_limit_bytes) as process:
            self._read(process, plan, rows, listener, stop or threading.Event())
            peak = process.peak_memory_bytes
        return _measurement(self.name, plan, rows, peak)

    def _read(
        self,
        process: EngineProcess,
        plan: MeasurePlan,
        rows: dict[str, Mapping[str, Any]],
        listener: Listener,
        stop: threading.Event,
    ) -> None:
        deadlines = Deadlines(plan)
        spoken = 0
        while len(rows) < 2:
            try:
                line = process.next_line(POLL_S)
            except queue.Empty:
                said = _SPEAKS.findall(process.diagnostics())
                if len(said) > spoken:
                    spoken = len(said)
                    deadlines.loaded()
                    listener(_progress(said[-1], plan))
                if stop.is_set():
                    raise KeyboardInterrupt from None
                deadlines.check(samples=0)
                continue
            if line is None:
                raise process.failure()
            _accept(line, rows)


def _progress(said: str, plan: MeasurePlan) -> Progress:
    run = re.search(r"run (\d+)/(\d+)", said)
    phase = Phase.WARMUP if "warmup" in said else Phase.DECODE if "generation" in said else Phase.PREFILL
    return Progress(
        phase=phase, run=int(run[1]) if run else None, runs=int(run[2]) if run else plan.repetitions, tokens=None
    )


def _accept(line: str, rows: dict[str, Mapping[str, Any]]) -> None:
    try:
        row = json.loads(line)
        key = "prompt" if row["n_prompt"] and not row["n_gen"] else "answer"
        if not all(isinstance(ns, int) and ns > 0 for ns in row["samples_ns"]):
            raise ValueError(line)
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"llama-bench wrote something unexpected: {clean(line, 80)}") from error
    rows[key] = row


def backend_of(names: str, gpu_layers: int) -> str:
    """`CUDA`, `Metal,BLAS`, `Vulkan` as llama-bench writes them, to our names."""
    if gpu_layers == 0:
        return "cpu"
    low = names.lower()
    found = next((b for b in _BACKENDS if b in low), "cpu")
    return "rocm" if found == "hip" else found


def _measurement(name: str, plan: MeasurePlan, rows: Mapping[str, Mapping[str, Any]], peak: int | None) -> Measurement:
    prompt, answer = rows["prompt"], rows["answer"]
    commit, number = answer.get("build_commit"), answer.get("build_number")
    samples = []
    for prefill_ns, decode_ns in zip(prompt["samples_ns"], answer["samples_ns"], strict=False):
        step_s = decode_ns / 1e9 / answer["n_gen"]
        samples.append(
            RunSample(
                prompt_tokens=prompt["n_prompt"],
                output_tokens=answer["n_gen"] + 1,
                depth=answer.get("n_depth", 0),
                ttft_s=prefill_ns / 1e9 + step_s,
                prefill_s=prefill_ns / 1e9,
                decode_s=decode_ns / 1e9,
            )
        )
    return Measurement(
        engine=name,
        engine_version=clean(f"b{number} {commit}", 60) if number is not None else None,
        backend=backend_of(str(answer.get("backends", "")), plan.gpu_layers),
        threads=answer.get("n_threads"),
        load_s=None,
        samples=tuple(samples),
        peak_memory_bytes=peak,
    )
