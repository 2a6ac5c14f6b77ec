"""How the layers of each architecture are built: which norms, biases and fused projections it has.

One entry per name that llama.cpp uses for an architecture (`general.architecture`), read from its tensor-creation code,
build b11434. A model that llama.cpp cannot load has no name there; its layers are told from its configuration.
"""

from dataclasses import dataclass, replace

from advisor.domain.architecture import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What an architecture's layers have beyond the numbers in `Architecture`."""

    fused_qkv: bool = False
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: str = ""
    """head: one weight per element of a head; all: one per element of q and k; "": none."""
    norm_bias: bool = False
    """Layer norms with a bias; otherwise RMS norms."""
    norms: tuple[str, ...] = ("attn_norm", "ffn_norm")
    """Norms of a layer with `hidden` weights each."""
    final_norm: str = "output_norm"
    embedding_norm: bool = False
    gated: bool = True
    fused_gate: bool = False
    """ffn_up holds gate and up."""
    ffn_bias: bool = False
    tied: bool = False
    """Where the configuration is silent."""
    output_bias: bool = False
    token_types: int = 0
    positions: bool = False
    """Learned position embeddings."""
    sinks: bool = False
    router_bias: bool = False
    expert_bias: bool = False
    shared_gate: bool = False
    single_block: bool = False
    """A layer is a mixer or a feed-forward block, never both."""
    split_kv_b: bool = True
    """MLA: k_b and v_b apart (llama.cpp's absorbed form)."""
    mla_cache: bool = True
    """MLA caches the compressed rows; False: full keys and values."""
    reused_has_kv: bool = False
    """Layers that read another layer's cache still carry k and v projections."""
    rope_freqs: bool = False
    window_sinks: bool = False
    causal: bool = True
    parallel: bool = False
    """Attention and the feed-forward block work on the same input."""
    early_projection: bool = False
    """Of those: attention's output is projected before the feed-forward block works."""
    weighted_first: bool = False
    """What enters the experts is weighted, not what leaves them."""
    into_residual: bool = False
    """Sums take the place of what came into a block, not of what it made."""
    unrotated: str = ""
    """Kinds of layers whose queries and keys are not rotated by position."""
    unrotated_every: int = 0
    """So are those of every layer with this number."""
    experts_type: str = ""
    """Type of the experts in published GGUFs: weights trained in it are converted only by presets with fewer bits."""
    dense_beside: bool = False
    """A dense feed-forward block works beside the experts of each layer."""
    softcapped: bool = False
    """Attention scores pass through a soft cap, which not every engine's fused attention knows."""
    output_gate: str = ""
    """Gate on attention's output: double (q twice as wide), full (a projection of its own), head (one value a head)."""


LLAMA = Traits()
_QWEN2 = Traits(qkv_bias=True)
_QWEN3 = Traits(qk_norm="head")
_GEMMA2_NORMS = ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm")
_GEMMA3 = Traits(qk_norm="head", norms=_GEMMA2_NORMS, tied=True)
_POST = ("post_attention_norm", "post_ffw_norm")
_NEXT = Traits(qk_norm="head", norms=("attn_norm", "post_attention_norm"), shared_gate=True, output_gate="double")
_GPT = Traits(fused_qkv=True, qkv_bias=True, out_bias=True, norm_bias=True, gated=False, ffn_bias=True)
_BERT = Traits(
    qkv_bias=True, out_bias=True, norm_bias=True, norms=("attn_output_norm", "layer_output_norm"), gated=False,
    ffn_bias=True, tied=True, token_types=2, positions=True, embedding_norm=True, final_norm="", causal=False,
)  # fmt: skip
_ENCODER = replace(_BERT, token_types=0, positions=False)
_DEEPSEEK = Traits(router_bias=True)
_COHERE = Traits(norms=("attn_norm",), tied=True, parallel=True)
_MAMBA = Traits(norms=("attn_norm",), tied=True, into_residual=True)

TRAITS: dict[str, Traits] = {
    "llama": LLAMA, "mistral": LLAMA, "mistral3": LLAMA, "mistral4": LLAMA, "baichuan": LLAMA, "deci": LLAMA,
    "arcee": Traits(gated=False), "smollm3": Traits(tied=True, unrotated_every=4), "internlm2": LLAMA, "xverse": LLAMA,
    "orion": _GPT,
    "exaone": LLAMA, "ernie4_5": LLAMA, "ernie4_5-moe": Traits(router_bias=True), "paddleocr": LLAMA,
    "minicpm": Traits(tied=True), "olmo": Traits(norms=(), final_norm=""), "llada": LLAMA, "dream": _QWEN2,
    "llama4": Traits(unrotated="F", weighted_first=True), "granite": LLAMA, "granitemoe": LLAMA, "deepseek": LLAMA,
    "granitehybrid": Traits(unrotated="F"),
    "seed_oss": Traits(qkv_bias=True, norms=("attn_norm", "post_attention_norm")),
    "qwen": Traits(fused_qkv=True, qkv_bias=True), "qwen2": _QWEN2, "qwen2vl": _QWEN2,
    "qwen2moe": Traits(qkv_bias=True, shared_gate=True), "qwen3": _QWEN3, "qwen3moe": _QWEN3, "qwen3vl": _QWEN3,
    "qwen3vlmoe": _QWEN3, "qwen3next": _NEXT, "qwen35": _NEXT, "qwen35moe": _NEXT,
    "qwen4exp": replace(_NEXT, norms=(), final_norm=""),
    "gemma": Traits(tied=True), "gemma2": Traits(norms=_GEMMA2_NORMS, tied=True, softcapped=True), "gemma3": _GEMMA3,
    "gemma-embedding": replace(_GEMMA3, causal=False),
    "gemma3n": replace(_GEMMA3, reused_has_kv=True),
    "gemma4": replace(_GEMMA3, rope_freqs=True, dense_beside=True),
    "phi2": Traits(
        qkv_bias=True, out_bias=True, norm_bias=True, norms=("attn_norm",), gated=False, ffn_bias=True,
        output_bias=True, parallel=True, early_projection=True, into_residual=True),
    "phi3": Traits(fused_qkv=True, fused_gate=True, into_residual=True),
    "phimoe": Traits(qkv_bias=True, out_bias=True, norm_bias=True, output_bias=True, into_residual=True),
    "gpt-oss": Traits(
        qkv_bias=True, out_bias=True, norms=("attn_norm", "post_attention_norm"), sinks=True, expert_bias=True,
        experts_type="mxfp4",
    ),
    "deepseek2": _DEEPSEEK, "deepseek32": _DEEPSEEK, "glm-dsa": _DEEPSEEK,
    "glm5-next": _DEEPSEEK,
    "deepseek4": Traits(router_bias=True, experts_type="mxfp4"),
    "kimi-linear": _DEEPSEEK,
    "kimi-k3": Traits(router_bias=True, output_gate="full", experts_type="mxfp4"),
    "minicpm3": Traits(split_kv_b=False, mla_cache=False, tied=True), "plm": Traits(split_kv_b=False, mla_cache=False),
    "chatglm": Traits(qkv_bias=True, fused_gate=True),
    "glm4": Traits(fused_gate=True, norms=_GEMMA2_NORMS),
    "glm4moe": Traits(qkv_bias=True, norms=("attn_norm", "post_attention_norm"), router_bias=True),
    "minimax-m2": Traits(qk_norm="all", router_bias=True), "minimax-01": LLAMA,
    "mimo2": Traits(router_bias=True, window_sinks=True),
    "step35": Traits(qk_norm="head", output_gate="head", router_bias=True),
    "mellum": _QWEN3, "nanbeige": LLAMA,
    "laguna": Traits(qk_norm="head", output_gate="head", router_bias=True),
    "afmoe": Traits(qk_norm="head", norms=_GEMMA2_NORMS, router_bias=True, output_gate="full"),
    "hy_v3": Traits(qk_norm="head", router_bias=True),
    "hunyuan-dense": Traits(qk_norm="head", tied=True), "hunyuan-moe": _QWEN3,
    "dots1": Traits(qk_norm="head", router_bias=True),
    "bailingmoe2": Traits(fused_qkv=True, qk_norm="head", router_bias=True),
    "bailingmoe3": Traits(router_bias=True, output_gate="head"),
    "exaone4": Traits(qk_norm="head", norms=_POST), "exaone-moe": Traits(qk_norm="head", router_bias=True),
    "olmo2": Traits(qk_norm="all", norms=_POST), "olmoe": Traits(qk_norm="all"),
    "apertus": Traits(qk_norm="head", gated=False),
    "muse-glimmer": Traits(qk_norm="head", norms=_GEMMA2_NORMS, output_gate="full"),
    "command-r": _COHERE, "cohere2": replace(_COHERE, unrotated="F"),
    "cohere2moe": replace(_COHERE, unrotated="F"),
    "stablelm": Traits(norm_bias=True),
    "bitnet": Traits(norms=("attn_norm", "attn_sub_norm", "ffn_norm"), tied=True),
    "starcoder2": Traits(qkv_bias=True, out_bias=True, norm_bias=True, gated=False, ffn_bias=True, tied=True),
    "falcon": Traits(fused_qkv=True, norm_bias=True, norms=("attn_norm",), gated=False, tied=True, parallel=True),
    "gptneox": replace(_GPT, parallel=True), "gpt2": replace(_GPT, positions=True, tied=True),
    "bloom": replace(_GPT, tied=True, embedding_norm=True),
    "starcoder": replace(_GPT, positions=True, tied=True), "mpt": Traits(fused_qkv=True, gated=False, tied=True),
    "nemotron": Traits(norm_bias=True, gated=False),
    "nemotron_h": Traits(norms=("attn_norm",), gated=False, single_block=True, unrotated="F"),
    "nemotron_h_moe": Traits(norms=("attn_norm",), gated=False, single_block=True, router_bias=True, unrotated="F"),
    "falcon-h1": LLAMA, "jamba": LLAMA, "mamba": _MAMBA, "mamba2": _MAMBA,
    "lfm2": Traits(qk_norm="head", tied=True, final_norm="token_embd_norm", into_residual=True),
    "lfm2moe": Traits(qk_norm="head", tied=True, final_norm="token_embd_norm", router_bias=True, into_residual=True),
    "bert": _BERT, "nomic-bert": Traits(
        norm_bias=True, norms=("attn_output_norm", "layer_output_norm"), tied=True, token_types=2,
        embedding_norm=True, final_norm="", fused_qkv=True, causal=False,
    ),
    "jina-bert-v2": replace(_BERT, positions=False, gated=True), "jina-bert-v3": replace(_ENCODER, token_types=1),
    "nomic-bert-moe": replace(_ENCODER, token_types=1, fused_qkv=True), "eurobert": Traits(tied=True, causal=False),
    "modern-bert": Traits(fused_qkv=True, fused_gate=True, tied=True, embedding_norm=True, causal=False),
    "t5": Traits(tied=True), "t5encoder": Traits(tied=True, causal=False),
}  # fmt: skip


def _habits(architecture: Architecture) -> Traits:
    """The family's habits; for a model without a name in llama.cpp, those of BERT, GPT-2 or Llama, as it resembles."""
    name = architecture.gguf_arch
    if name == "granitehybrid" and architecture.moe is not None:
        return LLAMA
    if name == "nemotron_h" and architecture.moe is not None:
        return TRAITS["nemotron_h_moe"]
    if name == "laguna" and not architecture.attention.window:
        return replace(TRAITS["laguna"], output_gate="full")  # Laguna M.1 (src/models/laguna.cpp)
    if name is not None:
        return TRAITS.get(name, LLAMA)
    if architecture.attention.causal is False:
        return replace(_ENCODER, gated=architecture.gated_ffn is not False, positions=bool(architecture.max_positions))
    if architecture.gated_ffn is not False:
        return LLAMA
    return replace(
        _GPT, fused_qkv=False, positions=architecture.max_positions is not None, tied=True, embedding_norm=False
    )


def traits_of(architecture: Architecture) -> Traits:
    """Traits of an architecture, with what its configuration states put over the family's habits.

    An architecture nobody has listed is built like Llama: right but for norms and biases (well under 0.1 % of bytes).
    """
    base = _habits(architecture)
    attention = architecture.attention
    changes: dict[str, object] = {}
    if attention.bias is not None:
        changes["qkv_bias"] = attention.bias
    if attention.qk_norm is not None and attention.qk_norm != bool(base.qk_norm):
        changes["qk_norm"] = "head" if attention.qk_norm else ""
    if attention.causal is not None:
        changes["causal"] = attention.causal
    if architecture.gated_ffn is not None and architecture.gated_ffn != base.gated:
        changes["gated"] = architecture.gated_ffn
    if architecture.tied is not None:
        changes["tied"] = architecture.tied
    return replace(base, **changes) if changes else base  # type: ignore[arg-type]
