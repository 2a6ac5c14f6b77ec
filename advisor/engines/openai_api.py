"""Any server on this machine that speaks the OpenAI protocol (vLLM, mlx_lm.server, LM Studio, llama-server ...).

It is measured as it runs: nothing is loaded, started or stopped. The protocol tells neither threads nor memory nor how
long the prompt took, so the clock is ours: until the first token for the prompt, from there on for the answer.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from advisor.engines.deadlines import Deadlines
from advisor.engines.foreign_text import clean
from advisor.engines.http_stream import Endpoint, call, stream
from advisor.engines.protocol import Listener, Measurement, MeasurePlan, Phase, Progress, RunSample, ignore_progress
from advisor.engines.word_prompt import word_prompt
from advisor.errors import EngineError, UsageError

OWNERS = {"vllm": "vllm", "llamacpp": "llama.cpp", "library": "ollama", "organization_owner": "lmstudio"}
"""Engines by what their list of models says in `owned_by`; another server keeps the name `openai_api`."""
WARMUP_TOKENS = 4
EXAMPLE = "http://127.0.0.1:8000/v1"


class OpenAiApi:
    """Measures through `/completions` below `url`. `key` goes to that server alone and into no message."""

    name = "openai_api"

    def __init__(self, url: str, *, key: str | None = None, backend: str = "cpu") -> None:
        self._endpoint = Endpoint(url=url.rstrip("/"), key=key)
        if not self._endpoint.is_local:
            raise UsageError(
                "only an engine on this machine is measured: results calibrate this machine", hint=f"such as {EXAMPLE}"
            )
        self._backend = backend

    def served(self) -> dict[str, str]:
        """Names of the models that are served, each with the engine's own word for its owner."""
        answer = call(self._endpoint, "GET", "/models")
        rows = answer.get("data") if isinstance(answer, dict) else None
        found = {clean(str(r["id"]), 200): str(r.get("owned_by", "")) for r in rows or () if _has_name(r)}
        if not found:
            raise EngineError("the server lists no model", hint=f"its address ends in /v1, such as {EXAMPLE}")
        return found

    def version(self) -> str | None:
        """The protocol has none."""
        return None

    def measure(
        self, plan: MeasurePlan, listener: Listener = ignore_progress, stop: threading.Event | None = None
    ) -> Measurement:
        """See `Engine.measure`. `plan.tag` is a served model's name. Raises UsageError for one that is not served."""
        served = self.served()
        model = plan.tag or ""
        if model not in served:
            names = ", ".join(list(served)[:5])
            raise UsageError(f"the server does not serve {clean(model, 100) or 'a model without a name'}", hint=names)
        listener(Progress(phase=Phase.WARMUP))
        samples = tuple(self._samples(model, plan, listener, stop))
        return Measurement(
            engine=OWNERS.get(served[model], self.name), engine_version=None, backend=self._backend,
            threads=None, load_s=None, samples=samples, peak_memory_bytes=None,
            complete=len(samples) == plan.repetitions,
            notes=("timed by our clock: the server tells no times of its own",),
        )  # fmt: skip

    def _samples(
        self, model: str, plan: MeasurePlan, listener: Listener, stop: threading.Event | None
    ) -> Iterator[RunSample]:
        source, deadlines = random.Random(), Deadlines(plan)
        self._timed(model, word_prompt(source, WARMUP_TOKENS), WARMUP_TOKENS, plan.load_limit_s)
        deadlines.loaded()
        for run in range(1, plan.repetitions + 1):
            listener(Progress(phase=Phase.PREFILL, run=run, runs=plan.repetitions))
            prompt = word_prompt(source, plan.prompt_tokens + plan.depth)
            sample = self._timed(model, prompt, plan.output_tokens, plan.silence_timeout_s)
            listener(
                Progress(
                    phase=Phase.RUN_DONE, run=run, runs=plan.repetitions, tokens=sample.output_tokens,
                    tokens_per_s=sample.decode_tokens_per_s, seconds=sample.ttft_s,
                )
            )  # fmt: skip
            yield sample
            deadlines.heard()
            if (stop is not None and stop.is_set()) or deadlines.check(samples=run):
                return

    def _timed(self, model: str, prompt: str, n_out: int, patience_s: float) -> RunSample:
        body = {
            "model": model, "prompt": prompt, "max_tokens": n_out, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}, "ignore_eos": True,
        }  # fmt: skip
        started = time.perf_counter()
        first = last = None
        usage: Mapping[str, Any] = {}
        for chunk in stream(self._endpoint, "/completions", body, silence_timeout_s=patience_s):
            if chunk.get("choices"):
                last = time.perf_counter()
                first = first or last
            usage = chunk.get("usage") or usage
        if first is None or last is None:
            raise EngineError("the server wrote nothing")
        return _sample(first - started, last - first, usage)


def _has_name(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), str)


def _sample(first_s: float, rest_s: float, usage: Mapping[str, Any]) -> RunSample:
    """Counts as the server gives them; a chunk may hold several tokens, so chunks are not counted."""
    try:
        prompt, output = int(usage["prompt_tokens"]), int(usage["completion_tokens"])
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("the server does not say how many tokens it wrote", hint="update it") from error
    if min(prompt, output) < 1:
        raise EngineError("the server returned token counts that make no sense")
    return RunSample(
        prompt_tokens=prompt, output_tokens=output, depth=prompt, ttft_s=first_s, prefill_s=first_s, decode_s=rest_s
    )
