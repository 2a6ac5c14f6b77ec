"""An installed llama-server, started for the measurement alone on a private Unix socket with a key nobody else has."""

import queue
import random
import re
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from advisor.engines.deadlines import Deadlines
from advisor.engines.embedded import ASSUMED_VOCAB
from advisor.engines.http_stream import Endpoint, call, stream
from advisor.engines.llama_bench import backend_of
from advisor.engines.protocol import Listener, Measurement, MeasurePlan, Phase, Progress, RunSample, ignore_progress
from advisor.engines.said import said_by, version_of
from advisor.engines.supervise import EngineProcess
from advisor.engines.threads import usable_cpus
from advisor.errors import EngineError, UsageError

SOCKET = "engine.sock"
ASK_S = 0.1
WARMUP_TOKENS = 64
_OPTIONAL = {
    "--no-ui": (), "--no-webui": (), "--no-slots": (), "--offline": (), "--cache-ram": ("0",),
    "--ctx-checkpoints": ("0",), "--fit": ("off",),
}  # fmt: skip
"""Given where this build knows them; each keeps the server private, quiet or repeatable."""


def known_options(help_text: str) -> frozenset[str]:
    """Long options that a build lists in its help."""
    return frozenset(re.findall(r"--[a-z][a-z0-9-]+", help_text))


class LlamaServer:
    """Measures GGUF files through the program at `path`."""

    name = "llama-server"

    def __init__(self, path: str) -> None:
        self.path = path

    def version(self) -> str | None:
        """`build 6000 (abcdef)` as the program says it."""
        return version_of(self.path)

    def help(self) -> str:
        """What the program says of its options."""
        return said_by(self.path, "--help")

    def command(self, plan: MeasurePlan, socket: str, options: frozenset[str], *, chat: bool = False) -> list[str]:
        """The command line for a build that knows `options`; with `chat` it renders the model's own template."""
        if plan.path is None:
            raise UsageError("llama-server needs a GGUF file")
        threads = str(plan.threads or usable_cpus())
        argv = [
            self.path, "-m", str(plan.path.resolve()), "--host", socket, "-c", str(plan.context), "-np", "1",
            "-ngl", str(plan.gpu_layers), "-t", threads, "-tb", threads, "-ctk", plan.kv_type, "-ctv", plan.kv_type,
        ]  # fmt: skip
        if plan.cpu_expert_layers:
            argv += ["-ncmoe", str(plan.cpu_expert_layers)]
        rendering = "--jinja" if chat else "--no-jinja"
        if rendering in options:
            argv.append(rendering)
        for option, values in _OPTIONAL.items():
            if option in options and not (option == "--no-webui" and "--no-ui" in options):
                argv += [option, *values]
        return argv

    def measure(
        self, plan: MeasurePlan, listener: Listener = ignore_progress, stop: threading.Event | None = None
    ) -> Measurement:
        """See `Engine.measure`."""
        options = known_options(self.help())
        version = self.version()
        key = secrets.token_hex(32)
        listener(Progress(phase=Phase.LOADING))
        started = time.monotonic()
        process = EngineProcess(
            self.command(plan, SOCKET, options),
            name=self.name, environment={"LLAMA_API_KEY": key}, memory_limit_bytes=plan.memory_limit_bytes,
        )  # fmt: skip
        with process:
            endpoint = Endpoint(socket_path=str(process.folder / SOCKET), key=key)
            wait_until_loaded(process, endpoint, Deadlines(plan), stop)
            load_s = time.monotonic() - started
            listener(Progress(phase=Phase.WARMUP, seconds=load_s))
            samples, complete = _run_all(endpoint, plan, listener, stop, process)
            backend = backend_of(" ".join(devices_of(process)), plan.gpu_layers)
            peak = process.peak_memory_bytes
        return Measurement(
            engine=self.name, engine_version=version, backend=backend, threads=plan.threads or usable_cpus(),
            load_s=load_s, samples=samples, peak_memory_bytes=peak, complete=complete,
        )  # fmt: skip


def devices_of(process: EngineProcess) -> list[str]:
    """Devices that the log says hold layers."""
    return re.findall(r"(CUDA|Metal|MTL|Vulkan|ROCm|SYCL)\d* +model buffer", process.diagnostics())


def wait_until_loaded(
    process: EngineProcess, endpoint: Endpoint, deadlines: Deadlines, stop: threading.Event | None
) -> None:
    """Until the server says that the model is loaded."""
    while True:
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt
        if not process.running:
            raise process.failure()
        if Path(endpoint.socket_path or "").exists():
            try:
                call(endpoint, "GET", "/health", timeout_s=5.0)
                return
            except EngineError:
                pass
        deadlines.check(samples=0)
        try:
            process.next_line(ASK_S)
        except queue.Empty:
            continue


def _run_all(
    endpoint: Endpoint, plan: MeasurePlan, listener: Listener, stop: threading.Event | None, process: EngineProcess
) -> tuple[tuple[RunSample, ...], bool]:
    source = random.Random(1)
    vocab, length = plan.vocab or ASSUMED_VOCAB, plan.prompt_tokens + plan.depth
    deadlines = Deadlines(plan)
    deadlines.loaded()
    samples: list[RunSample] = []
    try:
        timed_run(endpoint, random_prompt(source, min(length, WARMUP_TOKENS), vocab), 4, plan)
        for run in range(1, plan.repetitions + 1):
            listener(Progress(phase=Phase.PREFILL, run=run, runs=plan.repetitions))
            sample = timed_run(endpoint, random_prompt(source, length, vocab), plan.output_tokens, plan)
            samples.append(sample)
            listener(
                Progress(
                    phase=Phase.RUN_DONE, run=run, runs=plan.repetitions, tokens=sample.output_tokens,
                    tokens_per_s=sample.decode_tokens_per_s, seconds=sample.ttft_s,
                )
            )  # fmt: skip
            deadlines.heard()
            if (stop is not None and stop.is_set()) or deadlines.check(samples=len(samples)):
                break
    except EngineError:
        if not process.running:
            raise process.failure() from None
        raise
    return tuple(samples), len(samples) == plan.repetitions


def random_prompt(source: random.Random, length: int, vocab: int) -> list[int]:
    """Token ids over the whole vocabulary, so that experts are chosen as variedly as text would."""
    lowest = min(vocab // 4, 1000)
    return [source.randrange(lowest, vocab) for _ in range(length)]


def timed_run(endpoint: Endpoint, prompt: list[int], n_out: int, plan: MeasurePlan) -> RunSample:
    """One streamed completion, timed by the server; the first token by our own clock."""
    body: dict[str, Any] = {
        "prompt": prompt, "n_predict": n_out, "stream": True, "ignore_eos": True, "cache_prompt": False,
        "temperature": 0.0,
    }  # fmt: skip
    started = time.perf_counter()
    first_s, timings = None, None
    for chunk in stream(endpoint, "/completion", body, silence_timeout_s=plan.silence_timeout_s):
        if first_s is None:
            first_s = time.perf_counter() - started
        timings = chunk.get("timings") or timings
    if first_s is None or not isinstance(timings, dict):
        raise EngineError("llama-server returned no timings", hint="update llama.cpp, or --engine embedded")
    try:
        return RunSample(
            prompt_tokens=int(timings["prompt_n"]),
            output_tokens=int(timings["predicted_n"]),
            depth=int(timings["prompt_n"]),
            ttft_s=first_s,
            prefill_s=float(timings["prompt_ms"]) / 1000,
            decode_s=float(timings["predicted_ms"]) / 1000,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("llama-server returned timings that are no numbers") from error
