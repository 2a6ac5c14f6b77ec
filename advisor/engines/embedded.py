"""The engine that comes with `advisor[bench]`: llama.cpp inside xllamacpp, always in a process of its own."""

import importlib.util
import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.engines.embedded_events import ChildEvents, Event
from advisor.engines.protocol import (
    QUIET_WAITING,
    Listener,
    Measurement,
    MeasurePlan,
    Phase,
    Progress,
    RunSample,
    ignore_progress,
)
from advisor.engines.supervise import EngineProcess
from advisor.errors import EngineError, UsageError

CHILD = Path(__file__).with_name("embedded_child.py")
PLAN = "plan.json"
ASSUMED_VOCAB = 8000
"""Token ids below this exist in nearly every model; used where the header was not read."""


class EmbeddedEngine:
    """Measures GGUF files with the embedded llama.cpp."""

    name = "embedded"

    @staticmethod
    def installed() -> bool:
        """Whether the extra is there; imports nothing."""
        return importlib.util.find_spec("xllamacpp") is not None

    def version(self) -> str | None:
        """Version of the xllamacpp distribution, which names the llama.cpp build inside."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("xllamacpp")
        except PackageNotFoundError:
            return None

    def measure(
        self, plan: MeasurePlan, listener: Listener = ignore_progress, stop: threading.Event | None = None
    ) -> Measurement:
        """See `Engine.measure`. Raises UsageError unless the plan names a file that exists."""
        listener(Progress(phase=Phase.STARTING))
        with child_process(child_plan(plan), plan.memory_limit_bytes) as process:
            return _Conversation(self, plan, process, listener, stop or threading.Event()).run()


def child_process(plan: Mapping[str, Any], memory_limit_bytes: int | None) -> EngineProcess:
    """The child, not yet started. Its plan waits in its own folder: arguments are short, and anybody can read them."""
    process = EngineProcess(
        [sys.executable, "-P", str(CHILD), PLAN], name="the embedded engine", memory_limit_bytes=memory_limit_bytes
    )
    (process.folder / PLAN).write_text(json.dumps(plan), encoding="utf-8")
    return process


def child_plan(plan: MeasurePlan) -> dict[str, Any]:
    """What the child has to know of a plan. Raises UsageError unless it names a file that exists, EngineError without
    the engine.
    """
    if plan.path is None or not plan.path.is_file():
        raise UsageError(f"the embedded engine needs a GGUF file, not `{plan.path or plan.tag}`")
    if not EmbeddedEngine.installed():
        raise EngineError("the embedded engine is not installed", hint="pip install 'model-advisor[bench]'")
    from advisor.engines.threads import usable_cpus

    return {
        "path": str(plan.path.resolve()),
        "context": plan.context,
        "gpu_layers": plan.gpu_layers,
        "threads": plan.threads or usable_cpus(),
        "kv_type": plan.kv_type,
        "prompt_tokens": plan.prompt_tokens,
        "output_tokens": plan.output_tokens,
        "depth": plan.depth,
        "repetitions": plan.repetitions,
        "max_repetitions": max(plan.max_repetitions, plan.repetitions),
        "quiet_waiting": QUIET_WAITING,
        "extra_until_s": plan.extra_until_s,
        "vocab": plan.vocab or ASSUMED_VOCAB,
    }


class _Conversation:
    """One child's events, turned into progress and a measurement."""

    def __init__(
        self,
        engine: EmbeddedEngine,
        plan: MeasurePlan,
        process: EngineProcess,
        listener: Listener,
        stop: threading.Event,
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._listener = listener
        self._stop = stop
        self._events = ChildEvents(plan, process, listener, self._take)
        self._samples: list[RunSample] = []
        self._notes: list[str] = []

    def run(self) -> Measurement:
        """Until done, stopped or failed."""
        try:
            while not (self._events.done or self._stop.is_set()):
                if self._events.step(samples=len(self._samples)):
                    self._notes.append("time limit")
                    break
        except KeyboardInterrupt:
            if not self._samples:
                raise
            self._notes.append("interrupted")
        if self._stop.is_set():
            self._notes.append("interrupted")
        if not self._samples:
            raise KeyboardInterrupt
        return self._measurement()

    def _take(self, event: Event) -> None:
        peak = self._events.told_peak_bytes
        match event.get("event"):
            case "loaded":
                seconds = self._events.load_s
                self._listener(Progress(phase=Phase.WARMUP, seconds=seconds, peak_memory_bytes=peak))
            case "progress":
                self._listener(_progress(event))
            case "run":
                self._samples.append(_sample(event))
                self._listener(_run_done(event, self._samples[-1], peak))

    def _measurement(self) -> Measurement:
        return Measurement(
            engine=self._engine.name,
            engine_version=self._events.version,
            backend=self._events.backend,
            threads=child_plan(self._plan)["threads"],
            load_s=self._events.load_s,
            samples=tuple(self._samples),
            peak_memory_bytes=self._events.peak_memory_bytes,
            complete=len(self._samples) >= self._plan.repetitions,
            notes=tuple(self._notes),
        )


def _progress(event: Mapping[str, Any]) -> Progress:
    tokens, seconds = event.get("tokens"), event.get("seconds")
    return Progress(
        phase=Phase(event["phase"]),
        run=event.get("run"),
        tokens=tokens,
        tokens_total=event.get("tokens_total"),
        seconds=seconds,
        tokens_per_s=tokens / seconds if tokens and seconds else None,
    )


def _sample(event: Mapping[str, Any]) -> RunSample:
    return RunSample(
        prompt_tokens=int(event["prompt_tokens"]),
        output_tokens=int(event["output_tokens"]),
        depth=int(event["prompt_tokens"]),
        ttft_s=float(event["ttft_s"]),
        prefill_s=float(event["prefill_s"]),
        decode_s=float(event["decode_s"]),
        waiting=event.get("waiting"),
    )


def _run_done(event: Mapping[str, Any], sample: RunSample, peak: int | None) -> Progress:
    return Progress(
        phase=Phase.RUN_DONE,
        run=event["run"],
        tokens=sample.output_tokens,
        tokens_per_s=sample.decode_tokens_per_s,
        seconds=sample.ttft_s,
        peak_memory_bytes=peak,
    )
