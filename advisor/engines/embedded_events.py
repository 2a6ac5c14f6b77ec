"""What the embedded engine's child says, line by line: the events of every run are taken here, the others handed on."""

import json
import queue
from collections.abc import Callable, Mapping
from typing import Any

from advisor.engines.deadlines import Deadlines
from advisor.engines.foreign_text import clean
from advisor.engines.protocol import Listener, MeasurePlan, Phase, Progress
from advisor.engines.supervise import EngineProcess
from advisor.errors import EngineError

POLL_S = 0.2
"""How soon a request to stop is seen."""

Event = Mapping[str, Any]


class ChildEvents:
    """One child's events; holds the deadlines. `take` is given each event after what it tells of any run was kept."""

    def __init__(
        self, plan: MeasurePlan, process: EngineProcess, listener: Listener, take: Callable[[Event], None]
    ) -> None:
        self._process = process
        self._listener = listener
        self._take = take
        self._deadlines = Deadlines(plan)
        self._hello: Event = {}
        self.told_peak_bytes: int | None = None
        self.load_s: float | None = None
        self.done = False

    @property
    def version(self) -> str | None:
        """Of the engine, as the child says it."""
        return self._hello.get("version")

    @property
    def backend(self) -> str:
        """Where the layers ran."""
        return str(self._hello.get("backend", "cpu"))

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most that the child or its watch saw."""
        return max(filter(None, (self.told_peak_bytes, self._process.peak_memory_bytes)), default=None)

    def step(self, *, samples: int = 0) -> bool:
        """Wait for one event and take it. True where the plan's time is up and the `samples` so far must do.

        Raises EngineError when the child fails, stalls or says something that is no event.
        """
        if self._deadlines.check(samples=samples):
            return True
        try:
            line = self._process.next_line(POLL_S)
        except queue.Empty:
            return False
        if line is None:
            raise self._process.failure()
        self._deadlines.heard()
        self._receive(_event_of(line))
        return False

    def _receive(self, event: Event) -> None:
        told = (self.told_peak_bytes, event.get("peak_memory_bytes"))
        self.told_peak_bytes = max(filter(None, told), default=None)
        match event.get("event"):
            case "hello":
                self._hello = event
                self._listener(Progress(phase=Phase.LOADING))
            case "loaded":
                self.load_s = float(event["seconds"])
                self._deadlines.loaded()
            case "done":
                self.done = True
            case "error":
                raise self._failure(str(event.get("message")))
        self._take(event)

    def _failure(self, message: str) -> EngineError:
        """What an `error` event means."""
        if "Failed to init server" in message or not message:
            return self._process.failure()
        return EngineError(f"the embedded engine failed: {clean(message)}")


def _event_of(line: str) -> Event:
    """One line of the child. Raises EngineError for one that is no event."""
    try:
        event = json.loads(line)
    except ValueError as error:
        raise EngineError("the embedded engine wrote something that is no event") from error
    return event if isinstance(event, dict) else {}
