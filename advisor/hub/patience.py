"""How long the hub room waits for what. Every timer of a download is a field here, so a test can make it short."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds, unless the name says otherwise."""

    connect_s: float = 10.0
    read_s: float = 15.0
    """Silence on an open connection: a stall, not a slow link."""
    idle_attempts: int = 6
    """Attempts in a row that gain nothing. Attempts that gain something are not counted."""
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    """Waits between attempts double from the first to the longest, with jitter."""
    retry_after_cap_s: float = 300.0
    """A server that asks for more is told to the user instead of obeyed."""
    least_rate_bytes_per_s: float = 4096.0
    rate_window_s: float = 20.0
    slow_windows: int = 3
    """Windows in a row under the least rate end the attempt: a drip would otherwise take for ever."""
    lock_silence_s: float = 30.0
    """How long another process may hold a file without a sign of life."""
    answer_deadline_s: float = 60.0
    """A small answer (JSON, headers) must be complete by then."""


DEFAULT_PATIENCE = Patience()
