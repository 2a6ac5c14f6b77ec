"""What a site asks of its machines: people into requests per second, and the lengths of those requests."""

from dataclasses import dataclass, replace

from advisor.sizing.constants import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Limits on the 95th percentile, in seconds; None: no limit."""

    max_ttft_s: float | None = None
    max_tpot_s: float | None = None
    max_latency_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """`users` people who use a task as `usage` says. Lengths in tokens; `prefix_hit` of a prompt is cached already."""

    users: int
    usage: Usage
    prompt_tokens: int
    output_tokens: int
    """Thinking tokens included."""
    targets: Targets
    prefix_hit: float = 0.0
    thinking_tokens: int = 0
    """Of the output, written before the answer."""
    window: int = 0
    """Tokens that each request has reserved in the cache, however few it writes; 0: as many as it needs."""

    @property
    def hidden_tokens(self) -> int:
        """Thinking that delays the first token people see; a limit on the whole answer pays for it there instead."""
        return 0 if self.targets.max_latency_s is not None else self.thinking_tokens

    @property
    def hidden_share(self) -> float:
        """`hidden_tokens` over all output."""
        return self.hidden_tokens / max(self.output_tokens, 1)

    @property
    def requests_per_s_per_user(self) -> float:
        """At the peak: active share x requests a minute / 60 x peak over mean."""
        return self.usage.active * self.usage.requests_per_minute / 60.0 * self.usage.peak

    @property
    def requests_per_s(self) -> float:
        """All users together, at the peak."""
        return self.users * self.requests_per_s_per_user

    @property
    def mean_tokens(self) -> float:
        """Tokens that one request has in the cache, on average over its life."""
        return self.prompt_tokens + self.output_tokens / 2

    @property
    def planned_tokens(self) -> float:
        """Tokens that room is kept for."""
        return max(self.mean_tokens, float(self.window))

    def users_of(self, requests_per_s: float) -> float:
        """How many people a request rate stands for."""
        return requests_per_s / self.requests_per_s_per_user

    def thinking(self, tokens: int) -> "Demand":
        """The same demand on a model that writes so many thinking tokens first."""
        return replace(self, output_tokens=self.output_tokens + tokens, thinking_tokens=tokens)
