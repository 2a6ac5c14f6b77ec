"""What an engine that answers a prompt promises: the text as it comes, then what it cost. Nothing is left behind.

The engine puts the prompt into the model's own chat template; nothing here renders one.
What a model wrote is cleaned before anything else sees it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from advisor.engines.foreign_text import clean, clean_block
from advisor.engines.protocol import QUIET_WAITING, Listener, MeasurePlan, Phase, Progress, ignore_progress
from advisor.engines.threads import usable_cpus
from advisor.errors import EngineError


class Ending(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    """The model ended it."""
    LENGTH = "length"
    """All tokens that were allowed are written."""
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of an answer, cleaned. `thinking`: it belongs to the reasoning before the answer."""

    text: str
    thinking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model wrote and what it took. Times in seconds, None where the engine did not come so far."""

    engine: str
    engine_version: str | None
    backend: str
    threads: int | None
    text: str
    thinking: str
    ending: Ending
    load_s: float | None
    prompt_tokens: int | None
    output_tokens: int | None
    """Thinking included."""
    ttft_s: float | None
    prefill_s: float | None
    decode_s: float | None
    peak_memory_bytes: int | None
    waiting: float | None = None
    """Part of the time that the engine's threads stood in the run queue; None where nobody counts."""

    @property
    def was_disturbed(self) -> bool:
        """Other work took the engine's cores: its times are not what the machine can do."""
        return self.waiting is not None and self.waiting > QUIET_WAITING

    @property
    def prefill_tokens_per_s(self) -> float | None:
        """Prompt tokens a second."""
        return self.prompt_tokens / self.prefill_s if self.prompt_tokens and self.prefill_s else None

    @property
    def decode_tokens_per_s(self) -> float | None:
        """Output tokens a second after the first; None where only one was written."""
        steps = (self.output_tokens or 0) - 1
        return steps / self.decode_s if steps > 0 and self.decode_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is asked. `chat`: a message for the model's own template; else plain text to go on with."""

    text: str
    chat: bool = True
    thinking: bool = True
    """Let a model think that can do without."""


TextListener = Callable[[Piece], None]


class Answerer(Protocol):
    """One adapter."""

    name: str

    def answer(
        self,
        plan: MeasurePlan,
        prompt: Prompt,
        on_piece: TextListener,
        *,
        listener: Listener = ignore_progress,
        stop: threading.Event | None = None,
    ) -> Answer:
        """Load the plan's file and answer with at most `plan.output_tokens` tokens, the likeliest one at each step.

        An interruption after the first token ends the answer early (`Ending.INTERRUPTED`); before it, it goes on as
        KeyboardInterrupt. Raises EngineError when the engine cannot start, stalls or dies, OutOfMemory when the model
        did not fit.
        """
        ...


def request_of(prompt: Prompt, max_tokens: int) -> dict[str, Any]:
    """The body of a streamed completion as llama.cpp takes it: greedy, so that it can be repeated."""
    body: dict[str, Any] = {
        "max_tokens": max_tokens,
        "stream": True,
        "temperature": 0.0,
        "cache_prompt": False,
        "return_progress": True,
        "timings_per_token": True,
    }
    if not prompt.chat:
        return {"prompt": prompt.text, **body}
    body |= {"messages": [{"role": "user", "content": prompt.text}], "reasoning_format": "auto"}
    if not prompt.thinking:
        body["chat_template_kwargs"] = {"enable_thinking": False}
    return body


class Gathering:
    """An answer as its chunks come in: the text, the first token's time, the engine's own timings."""

    def __init__(self, on_piece: TextListener) -> None:
        self._on_piece = on_piece
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self.first_s: float | None = None
        self.finish: str | None = None
        self.timings: Mapping[str, Any] = {}

    @property
    def text(self) -> str:
        """The answer so far, thinking apart."""
        return "".join(self._text).strip()

    @property
    def thoughts(self) -> str:
        """The reasoning so far."""
        return "".join(self._thoughts).strip()

    def add(self, chunk: Mapping[str, Any], elapsed_s: float) -> None:
        """Take one chunk of the stream. Raises EngineError for one that makes no sense."""
        try:
            self._take(chunk, elapsed_s)
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise EngineError(f"the engine's answer cannot be read: {clean(str(chunk), 80)}") from error

    def _take(self, chunk: Mapping[str, Any], elapsed_s: float) -> None:
        timings = chunk.get("timings")
        if isinstance(timings, dict):
            self.timings = timings
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            self.finish = choice.get("finish_reason") or self.finish
            self._keep(delta.get("reasoning_content"), elapsed_s, thinking=True)
            self._keep(delta.get("content") or choice.get("text"), elapsed_s, thinking=False)

    def _keep(self, text: str | None, elapsed_s: float, *, thinking: bool) -> None:
        piece = clean_block(text or "")
        if not piece:
            return
        if self.first_s is None:
            self.first_s = elapsed_s
        (self._thoughts if thinking else self._text).append(piece)
        self._on_piece(Piece(text=piece, thinking=thinking))

    def prefill_progress(self, chunk: Mapping[str, Any]) -> Progress:
        """How much of the prompt a chunk says is read."""
        told = chunk.get("prompt_progress")
        told = told if isinstance(told, dict) else {}
        done, total = told.get("processed"), told.get("total")
        return Progress(
            phase=Phase.PREFILL,
            tokens=done if isinstance(done, int) else None,
            tokens_total=total if isinstance(total, int) else None,
        )

    def figure(self, name: str) -> float | None:
        """One of the engine's timings; None where it is missing or no number."""
        value = self.timings.get(name)
        return float(value) if isinstance(value, int | float) and value >= 0 else None

    def count(self, name: str) -> int | None:
        """As `figure`, for tokens."""
        value = self.figure(name)
        return None if value is None else int(value)

    def seconds(self, name: str) -> float | None:
        """As `figure`, of milliseconds."""
        value = self.figure(name)
        return None if value is None else value / 1000


def answer_of(
    plan: MeasurePlan,
    gathered: Gathering,
    *,
    engine: str,
    version: str | None,
    backend: str,
    load_s: float | None,
    peak_memory_bytes: int | None,
    interrupted: bool,
    waiting: float | None = None,
) -> Answer:
    """Everything together once the stream has ended. Raises EngineError where nothing at all came."""
    if gathered.first_s is None and gathered.finish is None:
        raise EngineError(f"{engine} ended its answer before the first token")
    ending = Ending.LENGTH if gathered.finish == "length" else Ending.STOP
    return Answer(
        engine=engine,
        engine_version=version,
        backend=backend,
        threads=plan.threads or usable_cpus(),
        text=gathered.text,
        thinking=gathered.thoughts,
        ending=Ending.INTERRUPTED if interrupted else ending,
        load_s=load_s,
        prompt_tokens=gathered.count("prompt_n"),
        output_tokens=gathered.count("predicted_n"),
        ttft_s=gathered.first_s,
        prefill_s=gathered.seconds("prompt_ms"),
        decode_s=gathered.seconds("predicted_ms"),
        peak_memory_bytes=peak_memory_bytes,
        waiting=waiting,
    )
