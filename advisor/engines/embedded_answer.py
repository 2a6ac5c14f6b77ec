"""The embedded engine answers a prompt: the same child as for a measurement, with a request in its plan."""

import queue
import threading
from collections.abc import Mapping
from typing import Any

from advisor.engines.answering import Answer, Gathering, Prompt, TextListener, answer_of, request_of
from advisor.engines.deadlines import Deadlines
from advisor.engines.embedded import POLL_S, EmbeddedEngine, child_plan, child_process, event_of, failure_of
from advisor.engines.protocol import Listener, MeasurePlan, Phase, Progress, ignore_progress
from advisor.engines.supervise import EngineProcess


class EmbeddedAnswerer:
    """Answers with the embedded llama.cpp."""

    name = EmbeddedEngine.name

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
        asked = child_plan(plan) | {"chat": prompt.chat, "request": request_of(prompt, plan.output_tokens)}
        listener(Progress(phase=Phase.STARTING))
        with child_process(asked, plan.memory_limit_bytes) as process:
            exchange = _Exchange(plan, process, Gathering(on_piece), listener)
            interrupted = exchange.run(stop or threading.Event())
            return exchange.answer(interrupted=interrupted)


class _Exchange:
    """One child's events, turned into an answer; holds the deadlines."""

    def __init__(self, plan: MeasurePlan, process: EngineProcess, gathered: Gathering, listener: Listener) -> None:
        self._plan = plan
        self._process = process
        self._gathered = gathered
        self._listener = listener
        self._deadlines = Deadlines(plan)
        self._hello: Mapping[str, Any] = {}
        self._load_s: float | None = None
        self._peak: int | None = None
        self._waiting: float | None = None
        self._done = False

    def run(self, stop: threading.Event) -> bool:
        """Until done or failed; True when interrupted after the first token."""
        try:
            while not self._done:
                if stop.is_set():
                    raise KeyboardInterrupt
                self._step()
        except KeyboardInterrupt:
            if self._gathered.first_s is None:
                raise
            return True
        return False

    def _step(self) -> None:
        self._deadlines.check(samples=0)
        try:
            line = self._process.next_line(POLL_S)
        except queue.Empty:
            return
        if line is None:
            raise self._process.failure()
        self._deadlines.heard()
        self._receive(event_of(line))

    def _receive(self, event: Mapping[str, Any]) -> None:
        self._peak = max(filter(None, (self._peak, event.get("peak_memory_bytes"))), default=None)
        match event.get("event"):
            case "hello":
                self._hello = event
                self._listener(Progress(phase=Phase.LOADING))
            case "loaded":
                self._load_s = float(event["seconds"])
                self._deadlines.loaded()
            case "chunk":
                self._receive_chunk(event["chunk"], float(event["seconds"]))
            case "answered":
                self._waiting = event.get("waiting")
            case "done":
                self._done = True
            case "error":
                raise failure_of(self._process, str(event.get("message")))

    def _receive_chunk(self, chunk: Mapping[str, Any], elapsed_s: float) -> None:
        self._gathered.add(chunk, elapsed_s)
        if self._gathered.first_s is None:
            self._listener(self._gathered.prefill_progress(chunk))

    def answer(self, *, interrupted: bool) -> Answer:
        """What there is."""
        outside = self._process.peak_memory_bytes
        return answer_of(
            self._plan,
            self._gathered,
            engine=EmbeddedEngine.name,
            version=self._hello.get("version"),
            backend=str(self._hello.get("backend", "cpu")),
            load_s=self._load_s,
            peak_memory_bytes=max(filter(None, (self._peak, outside)), default=None),
            interrupted=interrupted,
            waiting=self._waiting,
        )
