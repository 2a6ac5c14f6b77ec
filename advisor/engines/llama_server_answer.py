"""An installed llama-server answers a prompt, started for that alone on a private Unix socket."""

import secrets
import threading
import time

from advisor.engines.answering import Answer, Gathering, Prompt, TextListener, answer_of, request_of
from advisor.engines.deadlines import Deadlines
from advisor.engines.http_stream import Endpoint, stream
from advisor.engines.llama_bench import backend_of
from advisor.engines.llama_server import SOCKET, LlamaServer, devices_of, known_options, wait_until_loaded
from advisor.engines.protocol import Listener, MeasurePlan, Phase, Progress, ignore_progress
from advisor.engines.supervise import EngineProcess
from advisor.errors import EngineError


class LlamaServerAnswerer:
    """Answers through the program at `path`."""

    name = LlamaServer.name

    def __init__(self, path: str) -> None:
        self._server = LlamaServer(path)

    def answer(
        self,
        plan: MeasurePlan,
        prompt: Prompt,
        on_piece: TextListener,
        *,
        listener: Listener = ignore_progress,
        stop: threading.Event | None = None,
    ) -> Answer:
        """See `Answerer.answer`."""
        options = known_options(self._server.help())
        version = self._server.version()
        key = secrets.token_hex(32)
        command = self._server.command(plan, SOCKET, options, chat=prompt.chat)
        listener(Progress(phase=Phase.LOADING))
        started = time.monotonic()
        with EngineProcess(
            command,
            name=self.name,
            environment={"LLAMA_API_KEY": key},
            memory_limit_bytes=plan.memory_limit_bytes,
        ) as process:
            endpoint = Endpoint(socket_path=str(process.folder / SOCKET), key=key)
            wait_until_loaded(process, endpoint, Deadlines(plan), stop)
            load_s = time.monotonic() - started
            gathered = Gathering(on_piece)
            interrupted = _exchange(endpoint, plan, prompt, gathered, listener, stop, process)
            return answer_of(
                plan,
                gathered,
                engine=self.name,
                version=version,
                backend=backend_of(" ".join(devices_of(process)), plan.gpu_layers),
                load_s=load_s,
                peak_memory_bytes=process.peak_memory_bytes,
                interrupted=interrupted,
            )


def _exchange(  # noqa: PLR0917 - one conversation
    endpoint: Endpoint,
    plan: MeasurePlan,
    prompt: Prompt,
    gathered: Gathering,
    listener: Listener,
    stop: threading.Event | None,
    process: EngineProcess,
) -> bool:
    """Until the stream ends; True when interrupted after the first token."""
    path = "/v1/chat/completions" if prompt.chat else "/v1/completions"
    started = time.perf_counter()
    try:
        for chunk in stream(
            endpoint, path, request_of(prompt, plan.output_tokens), silence_timeout_s=plan.silence_timeout_s
        ):
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
            gathered.add(chunk, time.perf_counter() - started)
            if gathered.first_s is None:
                listener(gathered.prefill_progress(chunk))
    except KeyboardInterrupt:
        if gathered.first_s is None:
            raise
        return True
    except EngineError:
        if not process.running:
            raise process.failure() from None
        raise
    return False
