"""A running Ollama: measures a model of its own store. Never pulls, never evicts what somebody else loaded."""

import contextlib
import random
import threading
import time
from collections.abc import Mapping
from typing import Any

from advisor.engines.deadlines import Deadlines
from advisor.engines.foreign_text import clean
from advisor.engines.http_stream import Endpoint, call, stream
from advisor.engines.protocol import Listener, Measurement, MeasurePlan, Phase, Progress, RunSample, ignore_progress
from advisor.engines.word_prompt import word_prompt
from advisor.errors import EngineError, UsageError

URL = "http://127.0.0.1:11434"
WARMUP_TOKENS = 4


class Ollama:
    """Measures through the HTTP interface at `url` (Ollama, docs/api.md)."""

    name = "ollama"

    def __init__(self, url: str = URL) -> None:
        self._endpoint = Endpoint(url=url)
        if not self._endpoint.is_local:
            raise UsageError("only an Ollama on this machine is measured", hint=f"start one that listens on {URL}")

    def version(self) -> str | None:
        """What the server says of itself."""
        answer = call(self._endpoint, "GET", "/api/version")
        return clean(str(answer.get("version", "")), 60) or None if isinstance(answer, dict) else None

    def _names(self, path: str) -> list[str]:
        answer = call(self._endpoint, "GET", path)
        models = answer.get("models") if isinstance(answer, dict) else None
        return [clean(str(m.get("name", "")), 200) for m in models or () if isinstance(m, dict)]

    def measure(
        self, plan: MeasurePlan, listener: Listener = ignore_progress, stop: threading.Event | None = None
    ) -> Measurement:
        """See `Engine.measure`. Raises UsageError for a model that is not in Ollama's store."""
        tag = _full_name(plan.tag)
        if tag not in self._names("/api/tags"):
            raise UsageError(f"Ollama has no model {tag}", hint="advisor bench downloads nothing: pull it first")
        loaded = self._names("/api/ps")
        if any(name != tag for name in loaded):
            raise EngineError(
                f"Ollama is serving {', '.join(n for n in loaded if n != tag)[:100]}",
                hint="loading another model could evict it; stop it first",
            )
        version = self.version()
        try:
            return self._run_all(tag, plan, version, listener, stop)
        finally:
            if tag not in loaded:
                self._unload(tag)

    def _unload(self, tag: str) -> None:
        """Give the memory back. A server that went away has done so itself."""
        body = {"model": tag, "keep_alive": 0, "stream": False}
        with contextlib.suppress(EngineError):
            call(self._endpoint, "POST", "/api/generate", body, timeout_s=30.0)

    def _run_all(
        self, tag: str, plan: MeasurePlan, version: str | None, listener: Listener, stop: threading.Event | None
    ) -> Measurement:
        listener(Progress(phase=Phase.LOADING))
        source, samples = random.Random(), []
        warm = self._generate(tag, plan, "hello", WARMUP_TOKENS, patience_s=plan.load_limit_s)
        load_s = float(warm[1].get("load_duration", 0)) / 1e9
        deadlines = Deadlines(plan)
        deadlines.loaded()
        for run in range(1, plan.repetitions + 1):
            prompt = word_prompt(source, plan.prompt_tokens + plan.depth)
            first_s, final = self._generate(
                tag, plan, prompt, plan.output_tokens, patience_s=plan.silence_timeout_s
            )  # fmt: skip
            samples.append(_sample(first_s, final))
            listener(
                Progress(
                    phase=Phase.RUN_DONE, run=run, runs=plan.repetitions, tokens=samples[-1].output_tokens,
                    tokens_per_s=samples[-1].decode_tokens_per_s, seconds=first_s,
                )
            )  # fmt: skip
            deadlines.heard()
            if (stop is not None and stop.is_set()) or deadlines.check(samples=len(samples)):
                break
        return Measurement(
            engine=self.name, engine_version=version, backend="cpu" if plan.gpu_layers == 0 else "gpu",
            threads=plan.threads, load_s=load_s, samples=tuple(samples), peak_memory_bytes=None,
            complete=len(samples) == plan.repetitions,
        )  # fmt: skip

    def _generate(
        self, tag: str, plan: MeasurePlan, prompt: str, n_out: int, *, patience_s: float
    ) -> tuple[float, Mapping[str, Any]]:
        options: dict[str, Any] = {
            "num_predict": n_out, "num_ctx": plan.context, "temperature": 0, "num_gpu": plan.gpu_layers, "seed": 1,
        }  # fmt: skip
        if plan.threads:
            options["num_thread"] = plan.threads
        body = {"model": tag, "prompt": prompt, "raw": True, "stream": True, "options": options}
        started, first_s = time.perf_counter(), None
        final: Mapping[str, Any] = {}
        for chunk in stream(self._endpoint, "/api/generate", body, silence_timeout_s=patience_s):
            if first_s is None:
                first_s = time.perf_counter() - started
            if chunk.get("done"):
                final = chunk
        if first_s is None or not final:
            raise EngineError("Ollama broke off its answer")
        return first_s, final


def _full_name(tag: str | None) -> str:
    if not tag:
        raise UsageError("Ollama measures a model of its own store", hint="name it: advisor bench qwen3:8b")
    return tag if ":" in tag else f"{tag}:latest"


def _sample(first_s: float, final: Mapping[str, Any]) -> RunSample:
    """Counts and nanoseconds of the last chunk."""
    try:
        prompt, output = int(final["prompt_eval_count"]), int(final["eval_count"])
        prefill_s, decode_s = float(final["prompt_eval_duration"]) / 1e9, float(final["eval_duration"]) / 1e9
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("Ollama returned no timings", hint="update Ollama") from error
    if min(prompt, output) < 1 or min(prefill_s, decode_s) <= 0:
        raise EngineError("Ollama returned timings that make no sense")
    return RunSample(
        prompt_tokens=prompt, output_tokens=output, depth=prompt, ttft_s=first_s, prefill_s=prefill_s,
        decode_s=decode_s,
    )  # fmt: skip
