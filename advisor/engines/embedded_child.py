"""The embedded engine's own process: run as `python embedded_child.py PLAN`, PLAN being a file with one JSON object.

Loads a GGUF file with xllamacpp and times completions of random tokens with the cache off; or, where the plan holds a
request, answers that and passes on each chunk. It talks in JSON lines on standard output: hello, loaded, progress, run,
chunk, done, or error. It imports nothing of the package, so that it can run from an empty folder with nothing on its
path.
"""

import json
import os
import random
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TICK_S = 0.1
"""Live figures no more often than this."""
WARMUP_TOKENS = 64
"""Enough to allocate graphs and fault the weights in."""


def peak_memory() -> int | None:
    """Most bytes resident so far (VmHWM); None where the kernel does not say."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def queued_s() -> float | None:
    """Seconds that all threads of this process together have stood in the run queue; None where nobody counts."""
    total = 0
    try:
        for path in Path("/proc/self/task").glob("*/schedstat"):
            total += int(path.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return total / 1e9


def open_channel() -> Callable[..., None]:
    """A function that sends one event. What native code prints to standard output goes to standard error instead."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def send(event: str, **fields: Any) -> None:
        channel.write(json.dumps({"event": event, **fields}) + "\n")

    return send


def parameters(plan: dict[str, Any], folder: str) -> Any:
    """xllamacpp's parameters: one slot, nothing cached, no window shifting, listening on a private Unix socket only."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = plan["path"]
    params.n_ctx = plan["context"]
    params.n_parallel = 1
    params.n_gpu_layers = plan["gpu_layers"]
    params.cpuparams.n_threads = plan["threads"]
    params.cpuparams_batch.n_threads = plan["threads"]
    params.cache_type_k = params.cache_type_v = {
        "f16": xllamacpp.ggml_type.GGML_TYPE_F16,
        "q8_0": xllamacpp.ggml_type.GGML_TYPE_Q8_0,
        "q4_0": xllamacpp.ggml_type.GGML_TYPE_Q4_0,
    }[plan["kv_type"]]
    params.fit_params = params.ctx_shift = params.cache_prompt = params.warmup = False
    params.use_jinja = bool(plan.get("chat"))
    params.ui = params.endpoint_slots = params.endpoint_props = False
    params.cache_ram_mib = params.n_ctx_checkpoints = 0
    params.offline = True
    params.verbosity = 2
    params.sampling.seed = 1
    # the class always opens a listener: here one that only this user can reach, with a key that nobody has
    params.hostnames = [os.path.join(folder, "engine.sock")]
    params.api_keys = [secrets.token_hex(32)]
    return params


def timed_run(server: Any, prompt: list[int], n_out: int, tick: Callable[[str, int, int, float], None]) -> Any:
    """One streamed completion. Returns seconds to the first token, and the engine's own timings."""
    started = time.perf_counter()
    state: dict[str, Any] = {"first": None, "tokens": 0, "shown": started, "timings": None, "error": None}

    def receive(chunk: dict[str, Any]) -> bool:
        now = time.perf_counter()
        if "error" in chunk:
            state["error"] = chunk["error"]
            return False
        state["timings"] = chunk.get("timings") or state["timings"]
        progress = chunk.get("prompt_progress")
        if progress:
            tick("prefill", progress["processed"], progress["total"], now - started)
            return False
        if state["first"] is None:
            state["first"] = now - started
        state["tokens"] += 1
        if now - state["shown"] > TICK_S:
            state["shown"] = now
            tick("decode", state["tokens"], n_out, now - started - state["first"])
        return False

    server.handle_completions(
        {
            "prompt": prompt,
            "n_predict": n_out,
            "stream": True,
            "ignore_eos": True,
            "cache_prompt": False,
            "temperature": 0.0,
            "return_progress": True,
        },
        receive,
    )
    if state["error"] or state["timings"] is None:
        raise RuntimeError(str((state["error"] or {}).get("message", "no timings were returned")))
    return state["first"], state["timings"]


def random_prompt(source: random.Random, length: int, vocab: int) -> list[int]:
    """Token ids over the whole vocabulary, so that experts are chosen as variedly as text would."""
    lowest = min(vocab // 4, 1000)
    return [source.randrange(lowest, vocab) for _ in range(length)]


def waiting_part(queued_before: float | None, elapsed_s: float, threads: int) -> float | None:
    """Part of the threads' time since `queued_before` that they waited for a core."""
    queued_after = queued_s()
    if queued_before is None or queued_after is None:
        return None
    return max(queued_after - queued_before, 0.0) / (elapsed_s * threads)


def measure(server: Any, plan: dict[str, Any], send: Callable[..., None]) -> None:
    """Warm up, then time repetitions until enough of them were undisturbed, or there were too many."""
    source = random.Random(1)
    length = plan["prompt_tokens"] + plan["depth"]
    warm = random_prompt(source, min(length, WARMUP_TOKENS), plan["vocab"])
    timed_run(server, warm, 4, lambda *_: None)
    send("progress", phase="warmup", peak_memory_bytes=peak_memory())
    quiet = run = 0
    started = time.perf_counter()
    while quiet < plan["repetitions"] and run < plan["max_repetitions"]:
        if run >= plan["repetitions"] and time.perf_counter() - started > plan["extra_until_s"]:
            break
        run += 1
        fields = one_run(server, plan, random_prompt(source, length, plan["vocab"]), run, send)
        send("run", run=run, peak_memory_bytes=peak_memory(), **fields)
        quiet += fields["waiting"] is None or fields["waiting"] <= plan["quiet_waiting"]


def one_run(
    server: Any, plan: dict[str, Any], prompt: list[int], run: int, send: Callable[..., None]
) -> dict[str, Any]:
    """Time one completion; returns what the parent needs to know."""

    def tick(phase: str, tokens: int, total: int, seconds: float) -> None:
        send("progress", phase=phase, run=run, tokens=tokens, tokens_total=total, seconds=seconds)

    started, queued = time.perf_counter(), queued_s()
    ttft_s, timings = timed_run(server, prompt, plan["output_tokens"], tick)
    return {
        "prompt_tokens": timings["prompt_n"],
        "output_tokens": timings["predicted_n"],
        "ttft_s": ttft_s,
        "prefill_s": timings["prompt_ms"] / 1000,
        "decode_s": timings["predicted_ms"] / 1000,
        "waiting": waiting_part(queued, time.perf_counter() - started, plan["threads"]),
    }


def answer(server: Any, plan: dict[str, Any], send: Callable[..., None]) -> None:
    """Pass a request on, and every chunk of the answer back with the seconds since it was asked."""
    started, queued = time.perf_counter(), queued_s()
    errors: list[Any] = []

    def receive(chunk: dict[str, Any]) -> bool:
        if "error" in chunk:
            errors.append(chunk["error"])
        else:
            send("chunk", seconds=time.perf_counter() - started, chunk=chunk, peak_memory_bytes=peak_memory())
        return False

    handle = server.handle_chat_completions if plan["chat"] else server.handle_completions
    handle(plan["request"], receive)
    if errors:
        raise RuntimeError(str(errors[0].get("message", errors[0]) if isinstance(errors[0], dict) else errors[0]))
    send("answered", waiting=waiting_part(queued, time.perf_counter() - started, plan["threads"]))


def backend_of(devices: list[dict[str, Any]], gpu_layers: int) -> str:
    """Where the layers run, from the names of the devices that the engine was built for."""
    names = " ".join(str(device.get("name", "")) for device in devices).lower()
    if gpu_layers == 0:
        return "cpu"
    for mark, backend in (("cuda", "cuda"), ("metal", "metal"), ("mtl", "metal"), ("vulkan", "vulkan"),
                          ("rocm", "rocm"), ("hip", "rocm"), ("sycl", "sycl")):  # fmt: skip
        if mark in names:
            return backend
    return "cpu"


def main(argument: str) -> int:
    """Run the plan; every failure is an `error` event and code 1."""
    send = open_channel()
    try:
        plan = json.loads(Path(argument).read_text(encoding="utf-8"))
        import xllamacpp

        backend = backend_of(xllamacpp.get_device_info(), plan["gpu_layers"])
        send("hello", version=xllamacpp.__version__, backend=backend, system=xllamacpp.get_system_info())
        os.umask(0o077)
        started = time.perf_counter()
        server = xllamacpp.Server(parameters(plan, os.getcwd()))
        send("loaded", seconds=time.perf_counter() - started, peak_memory_bytes=peak_memory())
        (answer if "request" in plan else measure)(server, plan, send)
        send("done", peak_memory_bytes=peak_memory())
    except Exception as error:  # the process edge: the parent turns it into one line
        send("error", message=f"{error}", kind=type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stderr.flush()
    # nothing is left to save, and joining the engine's threads can take seconds
    os._exit(code)
