"""One model as ranking needs it: a light row of the compiled catalog."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class CatalogEntry(NamedTuple):
    """One model as ranking needs it, straight from the compiled index."""

    id: str
    name: str
    family: str
    vendor: str
    category: str
    thinking: str
    """never, toggle or always."""
    commercial: bool | None
    licence: str | None
    official: bool
    downloadable: bool
    released: str | None
    context_max: int | None
    """Longest stated context, tokens."""
    engines: Sequence[str]
    modalities: Sequence[str]
    capabilities: Sequence[str]
    domain: str | None
    total_params: int | None
    active_params: int | None
    training_tokens: int | None
    published: Mapping[str, Sequence[str]]
    """Quantizations with files on the hub, by format."""
    quality: Mapping[str, Mapping[str, tuple[float, float, str]]]
    """(score, sd, grade) by mode and task."""
    tuning: str | None = None
    """base, instruct; None: not stated."""

    @property
    def published_quants(self) -> Sequence[str]:
        """GGUF quantizations with files on the hub."""
        return self.published.get("gguf", ())
