"""One model, or a list of them, as `catalog list` and `catalog show` give them out."""

from dataclasses import dataclass

from advisor.domain.entry import CatalogEntry
from advisor.domain.model import EvidenceRow, Model
from advisor.domain.workload import Task

CONTEXTS = (4096, 16384, 32768, 131072)
"""Contexts that `show` sizes, tokens, as far as the model goes."""
PROMPT_TOKENS = 1024
"""Length of the prompt whose FLOPs are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelListing:
    """Models that were asked for, best first where a task was named, and how many the catalog has."""

    entries: tuple[CatalogEntry, ...]
    total: int
    sha256: str
    task: Task | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Bytes of one quantization at one context: weights and cache. What the engine adds comes on top."""

    quant: str
    context: int
    weights_bytes: int
    kv_cache_bytes: int
    published: bool
    bits_per_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSheet:
    """Everything known of one model."""

    model: Model
    entry: CatalogEntry
    sizes: tuple[Size, ...]
    flops_per_token: float | None
    flops_per_prompt: float | None
    evidence: tuple[EvidenceRow, ...]
    cache_known: bool
    """False where the cache layout is the engine's own: sizes of the cache are rough."""


def best_mode(entry: CatalogEntry, task: str) -> tuple[float, float, str] | None:
    """(score, sd, grade) of a task in the mode that does it best; None where nothing is known."""
    found = [tasks[task] for tasks in entry.quality.values() if task in tasks]
    return max(found, key=lambda cell: cell[0]) if found else None
