"""The embedded engine answers a prompt: the same child as for a measurement, with a request in its plan."""

import threading
from collections.abc import Mapping
from typing import Any

from advisor.engines.answering import Answer, Gathering, Prompt, TextListener, answer_of, request_of
from advisor.engines.embedded import EmbeddedEngine, child_plan, child_process
from advisor.engines.embedded_events import ChildEvents, Event
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
    """One child's events, turned into an answer."""

    def __init__(self, plan: MeasurePlan, process: EngineProcess, gathered: Gathering, listener: Listener) -> None:
        self._plan = plan
        self._gathered = gathered
        self._listener = listener
        self._events = ChildEvents(plan, process, listener, self._take)
        self._waiting: float | None = None

    def run(self, stop: threading.Event) -> bool:
        """Until done or failed; True when interrupted after the first token."""
        try:
            while not self._events.done:
                if stop.is_set():
                    raise KeyboardInterrupt
                self._events.step()
        except KeyboardInterrupt:
            if self._gathered.first_s is None:
                raise
            return True
        return False

    def _take(self, event: Event) -> None:
        match event.get("event"):
            case "chunk":
                self._take_chunk(event["chunk"], float(event["seconds"]))
            case "answered":
                self._waiting = event.get("waiting")

    def _take_chunk(self, chunk: Mapping[str, Any], elapsed_s: float) -> None:
        self._gathered.add(chunk, elapsed_s)
        if self._gathered.first_s is None:
            self._listener(self._gathered.prefill_progress(chunk))

    def answer(self, *, interrupted: bool) -> Answer:
        """What there is."""
        return answer_of(
            self._plan,
            self._gathered,
            engine=EmbeddedEngine.name,
            version=self._events.version,
            backend=self._events.backend,
            load_s=self._events.load_s,
            peak_memory_bytes=self._events.peak_memory_bytes,
            interrupted=interrupted,
            waiting=self._waiting,
        )
