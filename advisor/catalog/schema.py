"""The form of the catalog's files, as dataclasses that pydantic validates at the border.

One `FamilyFile` holds a family's models. Vocabularies are closed, unknown keys are refused, numbers are bounded.
Only validation and overlays import this module: compiled data needs neither it nor pydantic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, Len
from pydantic import ConfigDict, Strict, StrictBool, StringConstraints

from advisor.catalog.evidence_schema import EvidenceForm, HubBenchmarksFile
from advisor.catalog.vocabulary import Count, Date, RepoId, Text
from advisor.domain.model import Category, Thinking, Tuning

Kind = Literal["dense", "moe", "hybrid", "hybrid+moe", "ssm", "encoder", "encoder-decoder"]
Engine = Literal["llama.cpp", "mlx", "vllm", "transformers", "whisper.cpp"]
Modality = Literal["text", "image", "video", "audio"]
Capability = Literal["tools", "structured_output", "code"]
Format = Literal["gguf", "mlx", "safetensors", "ggml", "ollama"]
Relation = Literal["finetune", "distilled", "pruned", "merged", "quantized"]
SourceKind = Literal["hub", "header", "config", "card", "leaderboard", "catalog", "code", "page", "inferred", "hand"]
LinearKind = Literal["gdn", "kda", "mamba", "mamba2", "shortconv", "lightning", "rwkv"]

Width = Annotated[int, Strict(), Ge(0), Le(10**8)]
Tokens = Annotated[int, Strict(), Ge(1), Le(10**9)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Path = Annotated[str, StringConstraints(pattern=r"^[\w+][\w.+ ()@=-]*(/[\w+][\w.+ ()@=-]*)*$", max_length=300)]
Layers = Annotated[
    str, StringConstraints(pattern=r"^([FSCLMVXRQPN]+(\*\d{1,3})?( [FSCLMVXRQPN]+(\*\d{1,3})?)*)?$", max_length=300)
]
"""Groups of layer letters, each with an optional repeat: `LLLF*8`, `S*5 F`."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$")]
"""ISO 639, with script and region where one is stated: `en`, `zho-Hans`, `pt-BR`."""
SourceId = Annotated[str, StringConstraints(pattern=r"^(s\d{3,4}|hub)$")]
"""An entry of sources.yaml; `hub` in overlays that were read from there, at the artifact's revision."""

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsForm:
    """Parameter counts, elements."""

    __pydantic_config__ = _CLOSED
    total: Count | None = None
    active: Count | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionForm:
    """See `domain.architecture.Attention`."""

    __pydantic_config__ = _CLOSED
    kind: Literal["gqa", "mla", "shared", "none"] = "gqa"
    n_heads: Width = 0
    n_kv_heads: Width = 0
    k_dim: Width = 0
    v_dim: Width = 0
    kv_heads_by_layer: list[Width] | None = None
    window: Tokens | None = None
    swa_k_dim: Width | None = None
    swa_n_heads: Width | None = None
    swa_n_kv_heads: Width | None = None
    q_lora_rank: Width | None = None
    kv_lora_rank: Width | None = None
    rope_dim: Width | None = None
    nope_dim: Width | None = None
    output_gate: StrictBool = False
    bias: StrictBool | None = None
    qk_norm: StrictBool | None = None
    causal: StrictBool | None = None
    indexer_heads: Width | None = None
    indexer_dim: Width | None = None
    indexer_pool: Width | None = None
    o_groups: Width | None = None
    o_lora_rank: Width | None = None
    compress_by_layer: list[Width] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearForm:
    """See `domain.architecture.LinearAttention`."""

    __pydantic_config__ = _CLOSED
    kind: LinearKind
    conv: Width = 0
    k_heads: Width = 0
    v_heads: Width = 0
    k_dim: Width = 0
    v_dim: Width = 0
    d_inner: Width = 0
    d_state: Width = 0
    n_groups: Width = 0
    n_heads: Width = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoeForm:
    """See `domain.architecture.Moe`."""

    __pydantic_config__ = _CLOSED
    n_experts: Count
    n_used: Count
    ffn: Count
    n_shared: Width = 0
    shared_ffn: Width = 0
    first_dense: Width = 0
    step: Count = 1
    latent: Count | None = None
    hash_layers: Width = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureForm:
    """See `domain.architecture.Architecture`."""

    __pydantic_config__ = _CLOSED
    gguf_arch: Text | None = None
    n_layers: Count
    hidden: Count
    vocab: Count
    ffn: Width | None = None
    ffn_by_layer: list[Width] | None = None
    tied: StrictBool | None = None
    attention: AttentionForm
    layers: Layers = ""
    linear: LinearForm | None = None
    moe: MoeForm | None = None
    ple_vocab: Count | None = None
    ple_dim: Width | None = None
    nextn_layers: Width = 0
    encoder_layers: Width = 0
    gated_ffn: StrictBool | None = None
    max_positions: Tokens | None = None
    hyper_connections: Width = 0
    hyper_rank: Width = 0
    kv_runtime_specific: StrictBool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextForm:
    """Context lengths, tokens."""

    __pydantic_config__ = _CLOSED
    native: Tokens | None = None
    extended: Tokens | None = None
    method: Text | None = None
    effective: Tokens | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceForm:
    """What the licence allows."""

    __pydantic_config__ = _CLOSED
    id: Text | None = None
    commercial: StrictBool | None = None
    gated: StrictBool | None = None
    url: Text | None = None
    conditions: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageForm:
    """Where the weights come from."""

    __pydantic_config__ = _CLOSED
    base: RepoId | None = None
    relation: Relation | None = None
    teacher: RepoId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartForm:
    """One of several files that belong together."""

    __pydantic_config__ = _CLOSED
    path: Path
    bytes: Count | None = None
    sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileForm:
    """One published quantization: a file (`path`) or several that belong together (`parts`)."""

    __pydantic_config__ = _CLOSED
    quant: Text
    path: Path | None = None
    parts: list[Path | PartForm] | None = None
    bytes: Count | None = None
    approx_bytes: Count | None = None
    sha256: Sha256 | None = None
    source: SourceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactForm:
    """A repository with published files. `source` holds for every file that names none.

    `listed` false: the repository is known but not its list of files; `files` then has the quantizations that its
    maker publishes as a rule, and the names are read when one is downloaded.
    """

    __pydantic_config__ = _CLOSED
    repo: Text
    format: Format
    role: Literal["model", "mmproj"] = "model"
    listed: StrictBool = True
    revision: Commit | None = None
    imatrix: StrictBool | None = None
    source: SourceId
    files: Annotated[list[FileForm], Len(1, 200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelForm:
    """One model. `facts` gives the sources of each filled field."""

    __pydantic_config__ = _CLOSED
    id: RepoId
    name: Text
    category: Category
    revision: Commit | None = None
    released: Date | None = None
    params: ParamsForm | None = None
    kind: Kind | None = None
    architecture: ArchitectureForm | None = None
    context: ContextForm | None = None
    modalities: list[Modality] = field(default_factory=lambda: ["text"])
    capabilities: list[Capability] = field(default_factory=list)
    thinking: Thinking = Thinking.NEVER
    tuning: Tuning | None = None
    languages: list[Language] = field(default_factory=list)
    licence: LicenceForm | None = None
    engines: list[Engine] = field(default_factory=list)
    downloadable: StrictBool = True
    official: StrictBool = True
    lineage: LineageForm | None = None
    training_tokens: Count | None = None
    aliases: list[Text] = field(default_factory=list)
    domain: Literal["medical", "legal", "finance", "security"] | None = None
    note: Text | None = None
    artifacts: list[ArtifactForm] = field(default_factory=list)
    facts: dict[str, list[SourceId]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFile:
    """`catalog/models/VENDOR/FAMILY.yaml`."""

    __pydantic_config__ = _CLOSED
    schema: Literal[1]
    family: Text
    vendor: Text
    models: Annotated[list[ModelForm], Len(1, 400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForm:
    """Where facts were read. `licence` lets a build leave a source out."""

    __pydantic_config__ = _CLOSED
    id: SourceId
    kind: SourceKind
    at: Text
    """URL, repository path or document."""
    revision: Text | None = None
    retrieved: Date | None = None
    licence: Text | None = None
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesFile:
    """`catalog/sources.yaml`."""

    __pydantic_config__ = _CLOSED
    schema: Literal[1]
    sources: list[SourceForm]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationForm:
    """See `domain.quantization.Quantization`."""

    __pydantic_config__ = _CLOSED
    name: Text
    format: Format
    bits_per_weight: Annotated[float, Ge(0.5), Le(32.5)]
    imatrix: StrictBool = False
    offered: StrictBool = True
    note: Text | None = None
    aliases: list[Text] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationsFile:
    """`catalog/quantizations.yaml`."""

    __pydantic_config__ = _CLOSED
    schema: Literal[1]
    source: Text
    quantizations: list[QuantizationForm]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverPublishedForm:
    """Names that people ask for and nobody ever published."""

    __pydantic_config__ = _CLOSED
    names: Annotated[list[Text], Len(1, 20)]
    reason: Text
    instead: RepoId
    source: SourceId


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverPublishedFile:
    """`catalog/never_published.yaml`."""

    __pydantic_config__ = _CLOSED
    schema: Literal[1]
    models: list[NeverPublishedForm]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyForm:
    """What an overlay forbids: ids and vendors (shell patterns), licences. Deny wins over every other layer."""

    __pydantic_config__ = _CLOSED
    models: list[Text] = field(default_factory=list)
    vendors: list[Text] = field(default_factory=list)
    licences: list[Text] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayFile:
    """A file that changes the catalog for one user or organisation: facts and results on top, and what is denied."""

    __pydantic_config__ = _CLOSED
    schema: Literal[1]
    family: Text | None = None
    vendor: Text | None = None
    models: list[Mapping[str, Any]] = field(default_factory=list)
    evidence: list[EvidenceForm] = field(default_factory=list)
    deny: DenyForm = field(default_factory=DenyForm)


FILE_FORMS: dict[str, type] = {
    "family": FamilyFile,
    "sources": SourcesFile,
    "quantizations": QuantizationsFile,
    "never-published": NeverPublishedFile,
    "hub-benchmarks": HubBenchmarksFile,
    "overlay": OverlayFile,
}
"""By name of the generated JSON Schema."""
