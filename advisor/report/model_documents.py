"""The shape of the JSON documents about catalogued models. Same rules as `documents`."""

from typing import Any, Literal

from typing_extensions import TypedDict


class Params(TypedDict):
    """Elements in all, and those used for one token."""

    total: int | None
    active: int | None


class TaskScore(TypedDict):
    """Expected score of the unquantized weights in their best mode, 0 to 100."""

    score: float
    p10: float
    p90: float
    grade: Literal["measured", "sibling", "imputed", "prior"]


class _Entry(TypedDict):
    model: str
    name: str
    family: str
    vendor: str
    category: str
    released: str | None
    params: Params
    context: int | None
    license: str | None
    commercial: bool | None
    modalities: list[str]
    capabilities: list[str]
    thinking: Literal["never", "toggle", "always"]
    tuning: Literal["base", "instruct"] | None
    engines: list[str]
    downloadable: bool
    official: bool
    published: dict[str, list[str]]
    quality: dict[str, TaskScore]


class CatalogList(TypedDict):
    """`advisor catalog list --json`."""

    schema: Literal["advisor.catalog/1"]
    sha256: str
    total: int
    task: str | None
    models: list[_Entry]


class Footprint(TypedDict):
    """Bytes of one quantization at one context; `total` leaves out what an engine adds."""

    quant: str
    context: int
    weights: int
    kv_cache: int
    total: int
    bits_per_weight: float
    published: bool


class ModelFlops(TypedDict):
    """Floating point operations for one output token, and for a prompt of `prompt_tokens`."""

    per_output_token: int
    prompt: int
    prompt_tokens: int


class ModelSheet(_Entry):
    """`advisor catalog show MODEL --json`."""

    schema: Literal["advisor.model/1"]
    kind: str | None
    languages: list[str]
    licence: dict[str, Any]
    contexts: dict[str, Any]
    aliases: list[str]
    domain: str | None
    note: str | None
    training_tokens: int | None
    tokens_per_parameter: float | None
    architecture: dict[str, Any] | None
    artifacts: list[dict[str, Any]]
    footprints: list[Footprint]
    cache_layout_known: bool
    flops: ModelFlops | None
    evidence: list[dict[str, Any]]
    lineage: dict[str, Any]
    sources: dict[str, str]


MODEL_DOCUMENTS: dict[str, type] = {"catalog": CatalogList, "model": ModelSheet}
