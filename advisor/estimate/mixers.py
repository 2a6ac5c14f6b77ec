"""Tensors of what mixes tokens in a layer: attention (GQA, MLA), linear attention, Mamba, short convolution.

Shapes are in ggml order (input width first). Names are llama.cpp's, without the "blk.N." prefix.
"""

from collections.abc import Iterator

from advisor.domain.architecture import Architecture, AttentionKind, LayerKind, LinearAttention
from advisor.estimate.compressed import compressed_tensors, pooled_indexer_tensors
from advisor.estimate.traits import Traits

Shape = tuple[int, ...]
Named = tuple[str, Shape]

_SLIDING = frozenset((LayerKind.SLIDING, LayerKind.REUSED_SLIDING))
_REUSED = frozenset((LayerKind.REUSED, LayerKind.REUSED_SLIDING))
ATTENTION_KINDS = frozenset("FSCRQP")
"""Letters of layers that hold an attention block."""


def query_heads(a: Architecture, kind: str) -> int:
    """Query heads of a layer of this kind."""
    attention = a.attention
    return attention.swa_n_heads if kind in _SLIDING and attention.swa_n_heads is not None else attention.n_heads


def kv_heads(a: Architecture, layer: int, kind: str) -> int:
    """KV heads of one layer."""
    attention = a.attention
    if attention.kv_heads_by_layer is not None and layer < len(attention.kv_heads_by_layer):
        return attention.kv_heads_by_layer[layer]
    if kind in _SLIDING and attention.swa_n_kv_heads is not None:
        return attention.swa_n_kv_heads
    return attention.n_kv_heads


def head_widths(a: Architecture, kind: str) -> tuple[int, int]:
    """Elements of one head's key and value in a layer of this kind."""
    attention = a.attention
    if kind in _SLIDING and attention.swa_k_dim is not None:
        return attention.swa_k_dim, attention.swa_k_dim
    return attention.k_dim, attention.v_dim


def has_value(a: Architecture, kind: str) -> bool:
    """False where the key projection serves as value too: full layers of Gemma 4 without per-layer embeddings."""
    return not (a.gguf_arch == "gemma4" and not a.ple_dim and kind in (LayerKind.FULL, LayerKind.REUSED))


def mixer_tensors(a: Architecture, t: Traits, layer: int, kind: str) -> Iterator[Named]:
    """Tensors of the mixer of one layer; nothing for a feed-forward layer."""
    if kind in ATTENTION_KINDS:
        if a.attention.kind == AttentionKind.MLA:
            yield from _mla(a, t)
        elif a.attention.kind == AttentionKind.SHARED:
            yield from compressed_tensors(a, layer)
        elif kv_heads(a, layer, kind):
            yield from _gqa(a, t, layer, kind)
    linear = a.linear
    if linear is None:
        return
    if kind == LayerKind.LINEAR:
        yield from _linear(a, linear)
    elif kind in (LayerKind.MAMBA, LayerKind.PARALLEL):
        yield from (_mamba2(a, linear) if linear.kind == "mamba2" else _mamba(a, linear))
    elif kind == LayerKind.CONV:
        yield ("shortconv.conv.weight", (linear.conv, a.hidden))
        yield ("shortconv.in_proj.weight", (a.hidden, 3 * a.hidden))
        yield ("shortconv.out_proj.weight", (a.hidden, a.hidden))


def _gqa(a: Architecture, t: Traits, layer: int, kind: str) -> Iterator[Named]:
    n_kv = kv_heads(a, layer, kind)
    k_dim, v_dim = head_widths(a, kind)
    heads = query_heads(a, kind)
    q, k, v = heads * k_dim, n_kv * k_dim, n_kv * v_dim
    owns = kind not in _REUSED or t.reused_has_kv
    q_out = 2 * q if t.output_gate == "double" else q
    if t.fused_qkv:
        parts = [("attn_qkv", q_out + k + v)]
    else:
        parts = [("attn_q", q_out)]
        parts += [("attn_k", k)] if owns else []
        parts += [("attn_v", v)] if owns and has_value(a, kind) else []
    for name, width in parts:
        yield (f"{name}.weight", (a.hidden, width))
        if t.qkv_bias:
            yield (f"{name}.bias", (width,))
    yield ("attn_output.weight", (heads * v_dim, a.hidden))
    yield from _attention_extras(a, t, kind, (q, k), owns)


def _attention_extras(a: Architecture, t: Traits, kind: str, widths: tuple[int, int], owns: bool) -> Iterator[Named]:
    heads = query_heads(a, kind)
    if t.out_bias:
        yield ("attn_output.bias", (a.hidden,))
    if t.qk_norm:
        k_dim, _ = head_widths(a, kind)
        q_norm, k_norm = (k_dim, k_dim) if t.qk_norm == "head" else widths
        yield ("attn_q_norm.weight", (q_norm,))
        if owns:
            yield ("attn_k_norm.weight", (k_norm,))
    if t.output_gate == "full":
        yield ("attn_gate.weight", (a.hidden, widths[0]))
    elif t.output_gate == "head":
        yield ("attn_gate.weight", (a.hidden, heads))
    if a.gguf_arch == "qwen4exp":
        yield from pooled_indexer_tensors(a)
    if t.sinks or (t.window_sinks and kind in _SLIDING):
        yield ("attn_sinks.weight", (heads,))


def _mla(a: Architecture, t: Traits) -> Iterator[Named]:
    m = a.attention
    rank, rope, nope = m.kv_lora_rank or 0, m.rope_dim or 0, m.nope_dim or 0
    if m.q_lora_rank:
        yield ("attn_q_a_norm.weight", (m.q_lora_rank,))
        yield ("attn_q_a.weight", (a.hidden, m.q_lora_rank))
        yield ("attn_q_b.weight", (m.q_lora_rank, m.n_heads * (nope + rope)))
    else:
        yield ("attn_q.weight", (a.hidden, m.n_heads * (nope + rope)))
    yield ("attn_kv_a_norm.weight", (rank,))
    yield ("attn_kv_a_mqa.weight", (a.hidden, rank + rope))
    if t.split_kv_b:
        yield ("attn_k_b.weight", (nope, rank, m.n_heads))
        yield ("attn_v_b.weight", (rank, m.v_dim, m.n_heads))
    else:
        yield ("attn_kv_b.weight", (rank, m.n_heads * (nope + m.v_dim)))
    yield ("attn_output.weight", (m.n_heads * m.v_dim, a.hidden))
    if t.output_gate:
        yield ("attn_gate.weight", (a.hidden, m.n_heads * (m.v_dim if t.output_gate == "full" else 1)))
    if m.indexer_heads and m.indexer_dim:
        yield ("indexer.k_norm.weight", (m.indexer_dim,))
        yield ("indexer.k_norm.bias", (m.indexer_dim,))
        yield ("indexer.proj.weight", (a.hidden, m.indexer_heads))
        yield ("indexer.attn_k.weight", (a.hidden, m.indexer_dim))
        yield ("indexer.attn_q_b.weight", (m.q_lora_rank or a.hidden, m.indexer_heads * m.indexer_dim))
        if m.indexer_pool:
            yield from pooled_indexer_tensors(a)


def _linear(a: Architecture, linear: LinearAttention) -> Iterator[Named]:
    if linear.kind == "kda":
        yield from _kda(a, linear)
    elif linear.kind == "lightning":
        width = linear.v_heads * linear.v_dim
        yield ("attn_qkv.weight", (a.hidden, 3 * width))
        yield ("attn_gate.weight", (a.hidden, width))
        yield ("attn_norm_2.weight", (width,))
        yield ("attn_output.weight", (width, a.hidden))
    else:
        yield from _gdn(a, linear)


def _gdn(a: Architecture, linear: LinearAttention) -> Iterator[Named]:
    """Gated delta net (Qwen3-Next, Qwen3.5)."""
    key, value = linear.k_heads * linear.k_dim, linear.v_heads * linear.v_dim
    yield ("attn_qkv.weight", (a.hidden, 2 * key + value))
    yield ("attn_gate.weight", (a.hidden, value))
    yield ("ssm_conv1d.weight", (linear.conv, 2 * key + value))
    yield ("ssm_dt.bias", (linear.v_heads,))
    yield ("ssm_a", (linear.v_heads,))
    if a.gguf_arch == "qwen3next":
        yield ("ssm_ba.weight", (a.hidden, 2 * linear.v_heads))
    else:
        yield ("ssm_beta.weight", (a.hidden, linear.v_heads))
        yield ("ssm_alpha.weight", (a.hidden, linear.v_heads))
    yield ("ssm_norm.weight", (linear.v_dim,))
    yield ("ssm_out.weight", (value, a.hidden))


def _kda(a: Architecture, linear: LinearAttention) -> Iterator[Named]:
    """Kimi delta attention. Decay and output gates go through a narrow projection, but for those of Ling 3.0 and the
    output gate of Kimi K3.
    """
    heads, dim = linear.v_heads or a.attention.n_heads, linear.v_dim
    width = heads * dim
    for part in "qkv":
        yield (f"attn_{part}.weight", (a.hidden, width))
        yield (f"ssm_conv1d_{part}.weight", (linear.conv, 1, width))
    for part in "fg":
        if a.gguf_arch == "kimi-k3" and part == "g":
            yield ("ssm_g.weight", (a.hidden, width))
            continue
        yield (f"ssm_{part}_a.weight", (a.hidden, width if a.gguf_arch == "bailingmoe3" else dim))
        if a.gguf_arch != "bailingmoe3":
            yield (f"ssm_{part}_b.weight", (dim, width))
    yield ("ssm_beta.weight", (a.hidden, heads))
    yield ("ssm_a", (heads,) if a.gguf_arch in ("glm5-next", "kimi-k3") else (1, heads))
    yield ("ssm_dt.bias", (width,))
    yield ("ssm_norm.weight", (dim,))
    yield ("attn_output.weight", (width, a.hidden))


def _mamba2(a: Architecture, linear: LinearAttention) -> Iterator[Named]:
    conv = linear.d_inner + 2 * linear.n_groups * linear.d_state
    yield ("ssm_in.weight", (a.hidden, linear.d_inner + conv + linear.n_heads))
    yield ("ssm_conv1d.weight", (linear.conv, conv))
    yield ("ssm_conv1d.bias", (conv,))
    yield ("ssm_dt.bias", (linear.n_heads,))
    yield ("ssm_a", (1, linear.n_heads))
    yield ("ssm_d", (1, linear.n_heads))
    if a.gguf_arch != "falcon-h1":
        yield ("ssm_norm.weight", (linear.d_inner // max(1, linear.n_groups), max(1, linear.n_groups)))
    yield ("ssm_out.weight", (linear.d_inner, a.hidden))


def step_rank(hidden: int, linear: LinearAttention) -> int:
    """Width of the step projection of Mamba 1: a sixteenth of the hidden size (as its authors set it) if not stated."""
    return linear.n_heads or -(-hidden // 16)


def _mamba(a: Architecture, linear: LinearAttention) -> Iterator[Named]:
    """Mamba 1."""
    rank, state, inner = step_rank(a.hidden, linear), linear.d_state, linear.d_inner
    yield ("ssm_in.weight", (a.hidden, 2 * inner))
    yield ("ssm_conv1d.weight", (linear.conv, inner))
    yield ("ssm_conv1d.bias", (inner,))
    yield ("ssm_x.weight", (inner, rank + 2 * state))
    if a.gguf_arch == "jamba":
        yield ("ssm_dt_norm.weight", (rank,))
        yield ("ssm_b_norm.weight", (state,))
        yield ("ssm_c_norm.weight", (state,))
    yield ("ssm_dt.weight", (rank, inner))
    yield ("ssm_dt.bias", (inner,))
    yield ("ssm_a", (state, inner))
    yield ("ssm_d", (inner,))
    yield ("ssm_out.weight", (inner, a.hidden))
