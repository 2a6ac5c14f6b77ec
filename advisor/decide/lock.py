"""A choice written down, so that a script can ask later whether it still holds."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedFile:
    """One file of the choice."""

    path: str
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A choice with the request it answers. Times in seconds, memory in bytes."""

    created: str
    catalog_sha256: str
    model: str
    quant: str
    engine: str
    repo: str | None
    revision: str | None
    files: tuple[LockedFile, ...]
    task: str
    prompt_tokens: int
    output_tokens: int
    context: int
    users: int
    kv_type: str
    max_ttft_s: float | None
    max_tpot_s: float | None
    max_latency_s: float | None
    confidence: float
    memory_bytes: int
    latency_s: float | None
    cached_tokens: int = 0
    mode: str | None = None
    """Thinking or not; None: as a person gets it without asking."""


class Subject(StrEnum):
    """What a finding is about."""

    MODEL = "model"
    FILES = "files"
    MEMORY = "memory"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked."""

    subject: Subject
    holds: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockCheck:
    """Every finding on one machine."""

    lock: Lock
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """All of them hold."""
        return all(f.holds for f in self.findings)

    @property
    def files_changed(self) -> bool:
        """The published files are no longer the ones that were locked."""
        return any(not f.holds and f.subject is Subject.FILES for f in self.findings)
