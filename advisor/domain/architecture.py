"""The integers of a model's architecture, from which bytes and FLOPs follow.

Field names follow `config.json` in meaning. A layer pattern is a string with one letter a layer; see `LayerKind`.
"""

from dataclasses import dataclass
from enum import StrEnum


class LayerKind(StrEnum):
    """What a layer does with earlier tokens: the closed alphabet of `Architecture.layers`."""

    FULL = "F"
    """Full attention."""
    SLIDING = "S"
    """Attention over a sliding window."""
    CHUNKED = "C"
    """Attention within a chunk."""
    LINEAR = "L"
    """Linear attention with a recurrent state (GDN, KDA, lightning)."""
    MAMBA = "M"
    """A Mamba or Mamba-2 mixer."""
    CONV = "V"
    """A short convolution."""
    MLP = "X"
    """A feed-forward block alone."""
    REUSED = "R"
    """Full attention that reads an earlier layer's cache."""
    REUSED_SLIDING = "Q"
    """Sliding-window attention that reads an earlier layer's cache."""
    PARALLEL = "P"
    """Full attention and a Mamba mixer side by side (Falcon-H1)."""
    NONE = "N"
    """No attention."""


class AttentionKind(StrEnum):
    """How keys and values are stored. MHA and MQA are GQA with n_kv_heads = n_heads or 1."""

    GQA = "gqa"
    MLA = "mla"
    SHARED = "shared"
    """One row a token is key and value of every head, some layers add rows that stand for many tokens (DeepSeek V4)."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Heads and their widths (elements per head)."""

    kind: AttentionKind = AttentionKind.GQA
    n_heads: int = 0
    n_kv_heads: int = 0
    k_dim: int = 0
    v_dim: int = 0
    kv_heads_by_layer: tuple[int, ...] | None = None
    """KV heads of each layer where they differ (0: no attention there)."""
    window: int | None = None
    """Sliding window or chunk, in tokens."""
    swa_k_dim: int | None = None
    """Head width of sliding-window layers where it differs."""
    swa_n_heads: int | None = None
    """Query heads of sliding-window layers where they differ."""
    swa_n_kv_heads: int | None = None
    q_lora_rank: int | None = None
    kv_lora_rank: int | None = None
    rope_dim: int | None = None
    """MLA: rotary part of a key."""
    nope_dim: int | None = None
    """MLA: non-rotary part of a key."""
    output_gate: bool = False
    bias: bool | None = None
    """Bias on q, k and v; None: as usual for the architecture."""
    qk_norm: bool | None = None
    causal: bool | None = None
    """Whether a token sees only earlier ones; None: as usual for the architecture."""
    indexer_heads: int | None = None
    """Sparse attention (DSA): heads of the indexer."""
    indexer_dim: int | None = None
    indexer_pool: int | None = None
    """Positions that the indexer pools into one before it chooses (GLM-5 Next)."""
    o_groups: int | None = None
    """Groups of heads whose outputs are projected apart, to `o_lora_rank` each, before the common projection."""
    o_lora_rank: int | None = None
    compress_by_layer: tuple[int, ...] | None = None
    """Tokens that one compressed row of a layer stands for (0: none), where layers see such rows beside a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearAttention:
    """The recurrent part of hybrid and state-space models (elements)."""

    kind: str
    """gdn, kda, mamba, mamba2, shortconv, lightning or rwkv."""
    conv: int = 0
    """Convolution width, in tokens."""
    k_heads: int = 0
    v_heads: int = 0
    k_dim: int = 0
    v_dim: int = 0
    d_inner: int = 0
    d_state: int = 0
    n_groups: int = 0
    n_heads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moe:
    """Experts of a mixture-of-experts model."""

    n_experts: int
    n_used: int
    ffn: int
    """Width of one routed expert."""
    n_shared: int = 0
    shared_ffn: int = 0
    """Width of all shared experts of a layer together."""
    first_dense: int = 0
    """Leading layers with a dense feed-forward block."""
    step: int = 1
    """Every step-th layer is a MoE layer (layer index i with (i + 1) % step == 0)."""
    latent: int | None = None
    """Width that routed experts read and write, between two projections, where it is not the hidden one."""
    hash_layers: int = 0
    """Leading layers whose experts a table chooses for each token of the vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Everything needed to list a model's tensors. `None` is unknown."""

    gguf_arch: str | None
    """llama.cpp's name of the architecture; None: llama.cpp cannot load it."""
    n_layers: int
    hidden: int
    vocab: int
    ffn: int | None = None
    """Width of the dense feed-forward block."""
    ffn_by_layer: tuple[int, ...] | None = None
    tied: bool | None = None
    """The output head is the token embedding."""
    attention: Attention
    layers: str = ""
    """One letter a layer (`LayerKind`), expanded; empty: all full attention."""
    linear: LinearAttention | None = None
    moe: Moe | None = None
    ple_vocab: int | None = None
    """Per-layer embeddings (Gemma 3n and 4), or a table of n-grams (Qwen4): rows."""
    ple_dim: int | None = None
    nextn_layers: int = 0
    """Multi-token-prediction blocks that a GGUF may carry."""
    encoder_layers: int = 0
    gated_ffn: bool | None = None
    """gate, up and down (True) or up and down only (False); None: as usual for the architecture."""
    max_positions: int | None = None
    """Learned position embeddings, where there are any."""
    hyper_connections: int = 0
    """Copies of the residual stream that are mixed before and after each block; 0: one, added to."""
    hyper_rank: int = 0
    """Rank of that mixing; 0: full."""
    kv_runtime_specific: bool = False
    """The cache layout is the engine's own (sparse indexers, compressed caches): formulas do not cover it."""

    def layer_kinds(self) -> str:
        """One letter a layer, `n_layers` long."""
        return self.layers or "F" * self.n_layers
