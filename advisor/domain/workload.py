"""What is asked of a model, and how fast it must answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A kind of work with its usual shape. Lengths in tokens, times in seconds."""

    name: str
    title: str
    prompt_tokens: int
    output_tokens: int
    thinking_tokens: int
    """Written before the answer by a model that thinks."""
    max_ttft_s: float | None
    max_tpot_s: float | None
    max_latency_s: float | None
    categories: tuple[str, ...]
    """Model categories that can do it."""
    cached_tokens: int = 0
    """Of earlier turns, in the cache when the prompt comes: not read anew, but each new token attends to them."""
    context: int | None = None
    """Window that the work needs; None: the usual one, or what holds prompt and answer."""
    modality: str = "text"
    encoder_positions: int = 0
    """What an encoder of images or sound works through for one usual prompt: patches of a picture, frames of speech."""
    capability: str | None = None
    """tools, where a model must be able to call them."""
    scale: str = ""
    """What the quality score means to a person."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One request of a task as it will be served. `context` is the window to reserve per user, in tokens."""

    task: str
    prompt_tokens: int
    output_tokens: int
    thinking_tokens: int = 0
    cached_tokens: int = 0
    """As of a task."""
    context: int
    users: int = 1

    @property
    def needed_tokens(self) -> int:
        """What the window must hold."""
        return self.cached_tokens + self.prompt_tokens + self.thinking_tokens + self.output_tokens

    @property
    def prompt_words(self) -> str:
        """`4000 prompt`, or with earlier turns `4000 prompt (24000 more cached)`."""
        return f"{self.prompt_tokens} prompt" + (f" ({self.cached_tokens} more cached)" if self.cached_tokens else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits in seconds; None: no limit. `stated`: the user gave it, so it is hard; else it is a target."""

    max_ttft_s: float | None = None
    max_tpot_s: float | None = None
    max_latency_s: float | None = None
    stated: bool = False
    confidence: float = 0.9
    """A choice meets a stated limit when it does so with at least this probability."""
    target_confidence: float = 0.5
    """The same of a target: nobody asked for it, so it is enough that it is likelier met than missed."""

    @property
    def required(self) -> float:
        """The probability with which these limits must be kept."""
        return self.confidence if self.stated else self.target_confidence
