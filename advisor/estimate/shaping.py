"""From an architecture to its shape: what each kind of layer keeps, reads and computes."""

import math
from collections.abc import Sequence

from advisor.domain.architecture import Architecture, AttentionKind, LayerKind
from advisor.estimate.layer_codes import LAYER_CODES
from advisor.estimate.layer_scratch import IndexedWidths, RecurrentWidths, RoutedWidths
from advisor.estimate.mixers import ATTENTION_KINDS, head_widths, kv_heads, query_heads
from advisor.estimate.shape import LayerShape, ModelShape
from advisor.estimate.tensors import Tensor, is_moe_layer, tensor_list
from advisor.estimate.traits import Traits, traits_of

_STATE_FLOPS = 7
"""FLOPs per state element and token of a delta net or Mamba-2 layer (decay, outer product, read-out)."""
INDEXER_TOP_K = 2048
"""Positions that the sparse indexer of DeepSeek-V3.2 and GLM-5 keeps for each token (index_topk of both)."""
_INPUT_FLOATS = 9
"""Positions, cache indices and token numbers of one token, in floats."""
_LOOKED_UP = ("token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight")


def shape_of(architecture: Architecture) -> ModelShape:
    """The shape of an architecture. Takes milliseconds: prepare it once a model."""
    a, t = architecture, traits_of(architecture)
    tensors = tensor_list(a)
    dense, experts = _params_by_layer(tensors)
    rows = [_layer(a, t, i, dense.get(i, 0), experts.get(i, 0)) for i in range(a.n_layers)]
    kinds = list(dict.fromkeys(rows))
    output = a.hidden * a.vocab if t.causal else 0
    looked_up = sum(x.elements for x in tensors if x.name in _LOOKED_UP)
    body = sum(dense.values())
    total, expert_total = sum(x.elements for x in tensors), sum(experts.values())
    n_experts, n_used = (a.moe.n_experts, a.moe.n_used) if a.moe and expert_total else (0, 0)
    unused = expert_total * (n_experts - n_used) // n_experts if n_experts else 0
    outer = total - body - expert_total - looked_up - (0 if t.tied else output)
    last_ffn, last_experts = _last_block(tensors, a.n_layers - 1) if t.causal else (0, 0)
    return ModelShape(
        n_layers=a.n_layers, hidden=a.hidden, vocab=a.vocab, total_params=total, active_params=total - unused,
        dense_params=body + max(0, outer), expert_params=expert_total, output_params=output,
        n_experts=n_experts, n_used=n_used, window=a.attention.window or 0,
        mla=a.attention.kind == AttentionKind.MLA and t.mla_cache, causal=t.causal, n_heads=a.attention.n_heads,
        sinks=t.sinks, ffn_floats=_ffn_floats(a, t), attention_floats=_attention_floats(a, t),
        ops=sum(row.ops for row in rows), layer_codes="".join(LAYER_CODES[kinds.index(row)] for row in rows),
        layers=tuple(kinds), counts=tuple(rows.count(kind) for kind in kinds),
        known=not a.kv_runtime_specific, recurrent=_recurrent_widths(a, t), indexed=_indexed_widths(a, t),
        routed=_routed_widths(a, t), left_behind=_left_behind(a, t), head_divisor=_head_divisor(a, t),
        last_ffn_params=last_ffn, last_expert_params=last_experts,
    )  # fmt: skip


def _last_block(tensors: Sequence[Tensor], index: int) -> tuple[int, int]:
    """Elements of a layer's feed-forward block: what every token multiplies, and the routed experts."""
    block = [x for x in tensors if f"blk.{index}.ffn_" in x.name and not x.name.startswith("enc.")]
    experts = sum(x.elements for x in block if "_exps." in x.name)
    return sum(x.elements for x in block) - experts, experts


def _params_by_layer(tensors: Sequence[Tensor]) -> tuple[dict[int, int], dict[int, int]]:
    """Elements of each layer: dense and routed. Encoder layers count with negative indices."""
    dense: dict[int, int] = {}
    experts: dict[int, int] = {}
    for x in tensors:
        head, _, rest = x.name.partition("blk.")
        if rest:
            index = int(rest.split(".", 1)[0])
            target = experts if "_exps." in x.name else dense
            key = -1 - index if head == "enc." else index
            target[key] = target.get(key, 0) + x.elements
    return dense, experts


def _layer(a: Architecture, t: Traits, index: int, dense: int, experts: int) -> LayerShape:
    kind = a.layer_kinds()[index]
    reads = _reads(a, kind, index)
    k, v, flops = _attention(a, t, kind, index) if reads else (0, 0, 0)
    owns = bool(reads) and kind not in (LayerKind.REUSED, LayerKind.REUSED_SLIDING) and t.causal
    state, traffic, state_flops = _state(a, kind)
    indexer = a.attention.indexer_dim or 0 if reads and a.attention.kind == AttentionKind.MLA else 0
    return LayerShape(
        cache=reads if owns else "", reads=reads, k_elements=k, v_elements=v, attention_flops=flops,
        indexer_elements=indexer, state_bytes=state, state_traffic_bytes=traffic, state_flops=state_flops,
        dense_params=dense, expert_params=experts, ops=_ops(a, t, kind, index),
    )  # fmt: skip


def _reads(a: Architecture, kind: str, index: int) -> str:
    if kind not in ATTENTION_KINDS:
        return ""
    if a.attention.kind == AttentionKind.GQA and not kv_heads(a, index, kind):
        return ""
    windowed = kind in (LayerKind.SLIDING, LayerKind.REUSED_SLIDING, LayerKind.CHUNKED)
    return "W" if windowed and a.attention.window else "F"


def _attention(a: Architecture, t: Traits, kind: str, index: int) -> tuple[int, int, int]:
    """Cache elements of keys and values, and FLOPs per attended token."""
    m = a.attention
    if m.kind == AttentionKind.MLA and t.mla_cache:
        rank, rope = m.kv_lora_rank or 0, m.rope_dim or 0
        return rank + rope, 0, 2 * m.n_heads * (2 * rank + rope)
    if m.kind == AttentionKind.MLA:
        key = (m.nope_dim or 0) + (m.rope_dim or 0)
        return m.n_heads * key, m.n_heads * m.v_dim, 2 * m.n_heads * (key + m.v_dim)
    n_kv = kv_heads(a, index, kind)
    k_dim, v_dim = head_widths(a, kind)
    return n_kv * k_dim, n_kv * v_dim, 2 * query_heads(a, kind) * (k_dim + v_dim)


def _head_divisor(a: Architecture, t: Traits) -> int:
    m = a.attention
    if m.kind == AttentionKind.NONE or not t.causal:
        return 0
    if m.kind == AttentionKind.MLA:
        rank, rope = m.kv_lora_rank or 0, m.rope_dim or 0
        return math.gcd(rank + rope, rank) if t.mla_cache else math.gcd((m.nope_dim or 0) + rope, m.v_dim)
    return math.gcd(m.k_dim, m.v_dim, m.swa_k_dim or 0)


def _state(a: Architecture, kind: str) -> tuple[int, int, int]:
    """Bytes of the recurrent state (F32), bytes moved per token, FLOPs per token.

    Convolution part: (conv - 1) inputs of every channel. State part: one matrix a head.
    """
    linear = a.linear
    if linear is None or kind not in (LayerKind.LINEAR, LayerKind.MAMBA, LayerKind.CONV, LayerKind.PARALLEL):
        return 0, 0, 0
    if kind == LayerKind.CONV:
        return 4 * a.hidden * (linear.conv - 1), 0, 0
    conv, state = _state_elements(a, kind)
    return 4 * (conv + state), 2 * 4 * state, _STATE_FLOPS * state


def _state_elements(a: Architecture, kind: str) -> tuple[int, int]:
    linear = a.linear
    assert linear is not None
    if kind in (LayerKind.MAMBA, LayerKind.PARALLEL):
        channels = linear.d_inner + 2 * linear.n_groups * linear.d_state
        return (linear.conv - 1) * channels, linear.d_state * linear.d_inner
    value = linear.v_heads * linear.v_dim
    if linear.kind == "kda":
        heads = linear.v_heads or a.attention.n_heads
        return 3 * (linear.conv - 1) * heads * linear.v_dim, heads * linear.v_dim**2
    if linear.kind == "lightning":
        return 0, linear.v_heads * linear.v_dim**2
    key = linear.k_heads * linear.k_dim
    return (linear.conv - 1) * (value + 2 * key), linear.k_dim * value


def _ops(a: Architecture, t: Traits, kind: str, index: int) -> int:
    """Kernels of one layer after the usual fusions: counted in llama.cpp's graphs for eight architectures."""
    ops = 9 if kind in ATTENTION_KINDS else 0
    ops += 3 * t.qkv_bias + 2 * bool(t.qk_norm) if ops else 0
    if a.attention.kind == AttentionKind.MLA and kind in ATTENTION_KINDS:
        ops += 11
    if kind in (LayerKind.LINEAR, LayerKind.MAMBA, LayerKind.PARALLEL):
        ops += 17
    if kind == LayerKind.CONV:
        ops += 6
    if t.single_block and kind != LayerKind.MLP:
        return ops + 2
    ops += len(t.norms) + (17 if is_moe_layer(a, index) else 6)
    return ops + 2 * t.expert_bias + 2 * bool(a.ple_dim)


def _waiting_floats(a: Architecture, t: Traits) -> int:
    """Floats a token that wait beside any block: copies of the hidden state, positions and indices.

    Per-layer embeddings of all layers are looked up at the start; Gemma 3n projects them into a second copy. A sparse
    indexer has room for the chosen positions of every layer.
    """
    waiting = t.residual_floats * a.hidden + _INPUT_FLOATS
    waiting += INDEXER_TOP_K * a.n_layers if a.attention.indexer_dim else 0
    return waiting + (a.ple_dim or 0) * a.n_layers * (2 if a.gguf_arch == "gemma3n" else 1)


def _ffn_floats(a: Architecture, t: Traits) -> int:
    """Scratch floats a token of the widest feed-forward block.

    A gated block holds gate, up and their product; without a gate the one product is overwritten. Experts do so for
    each one used, and their outputs take the place of gate and up where there are and they fit, else room of their own.
    """
    waiting, wide = _waiting_floats(a, t), 3 if t.gated else 1
    dense = wide * (max(a.ffn_by_layer) if a.ffn_by_layer else (a.ffn or 0))
    if a.moe is None or a.moe.n_experts < 2:
        return waiting + dense
    inner, outer = a.moe.n_used * a.moe.ffn, a.moe.n_used * (a.moe.latent or a.hidden)
    routed = wide * inner + (outer if outer > (wide - 1) * inner else 0)
    return waiting + max(routed, dense if a.moe.first_dense or a.moe.step > 1 else 0)


def _attention_floats(a: Architecture, t: Traits) -> int:
    """Scratch floats a token of attention: queries, keys and output; for MLA the absorbed queries of every head."""
    m, waiting = a.attention, _waiting_floats(a, t)
    if m.kind == AttentionKind.NONE:
        return 0
    if m.kind != AttentionKind.MLA or not t.mla_cache:
        return waiting + 3 * m.n_heads * max(m.k_dim, m.swa_k_dim or 0)
    return waiting + m.n_heads * (2 * (m.kv_lora_rank or 0) + (m.nope_dim or 0) + 3 * (m.rope_dim or 0))


def _recurrent_widths(a: Architecture, t: Traits) -> RecurrentWidths | None:
    """Buffers of a recurrent layer; None where there is none that llama.cpp knows, or a short convolution alone."""
    linear = a.linear
    if linear is None or linear.kind not in ("mamba", "mamba2", "gdn", "kda"):
        return None
    conv, state = _state_elements(a, LayerKind.MAMBA if linear.kind.startswith("mamba") else LayerKind.LINEAR)
    channels = conv // max(1, linear.conv - 1)
    if linear.kind == "gdn":
        inner, heads, projected = linear.v_heads * linear.v_dim, linear.v_heads, channels
        keys = linear.k_dim * (linear.v_heads if a.gguf_arch == "qwen3next" else linear.k_heads)
    elif linear.kind == "kda":
        heads = linear.v_heads or a.attention.n_heads
        inner = projected = channels = keys = heads * linear.v_dim
    else:
        inner, heads, keys = linear.d_inner, linear.n_heads if linear.kind == "mamba2" else 0, 0
        projected = inner + channels + heads
    parallel = LayerKind.PARALLEL in a.layer_kinds()
    return RecurrentWidths(
        kind=linear.kind, hidden=a.hidden, projected=projected, channels=channels, inner=inner, keys=keys, heads=heads,
        conv_per_sequence=conv, state_per_sequence=state,
        beside=a.attention.n_heads * a.attention.k_dim if parallel else 0,
        ffn=a.ffn or 0 if t.gated and a.moe is None and not t.single_block else 0,
    )  # fmt: skip


def _indexed_widths(a: Architecture, t: Traits) -> IndexedWidths | None:
    """Buffers of attention with a sparse indexer; None without one."""
    m = a.attention
    if not (m.kind == AttentionKind.MLA and t.mla_cache and m.indexer_dim):
        return None
    rope = m.rope_dim or 0
    return IndexedWidths(
        hidden=a.hidden, low_rank=m.q_lora_rank or 0, queries=m.n_heads * ((m.nope_dim or 0) + rope),
        rotated=m.n_heads * rope, absorbed=m.n_heads * (m.kv_lora_rank or 0),
        indexer=(m.indexer_heads or 0) * m.indexer_dim, chosen=INDEXER_TOP_K, layers=a.n_layers,
    )  # fmt: skip


def _routed_widths(a: Architecture, t: Traits) -> RoutedWidths | None:
    """Buffers of a layer whose experts are all routed; None for others."""
    m, moe = a.attention, a.moe
    if moe is None or moe.n_experts < 2 or m.kind != AttentionKind.GQA or a.linear is not None:
        return None
    if moe.shared_ffn or moe.first_dense or moe.step > 1:
        return None
    return RoutedWidths(
        hidden=a.hidden, queries=m.n_heads * max(m.k_dim, m.swa_k_dim or 0), keys=m.n_kv_heads * m.k_dim,
        router=moe.n_experts, inner=moe.n_used * moe.ffn, gated=t.gated, outer=moe.n_used * a.hidden,
    )  # fmt: skip


def _left_behind(a: Architecture, t: Traits) -> int:
    """Traced on a remote device (build b11434): two copies of a plain dense layer, one of most others."""
    plain = a.moe is None and a.linear is None and a.attention.kind == AttentionKind.GQA and a.ple_dim is None
    return t.split_saves if plain and len(t.norms) != 1 else 1
