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
        """Tokens that one request holds in the cache, on average over its life."""
        return self.prompt_tokens + self.output_tokens / 2

    def users_of(self, requests_per_s: float) -> float:
        """How many people a request rate stands for."""
        return requests_per_s / self.requests_per_s_per_user

    def with_output(self, output_tokens: int) -> "Demand":
        """The same demand with longer or shorter answers (a model that thinks)."""
        return replace(self, output_tokens=output_tokens)
