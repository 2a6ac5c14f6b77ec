"""From an architecture to its shape: what each kind of layer keeps, reads and computes."""

import math
from collections.abc import Sequence

from advisor.domain.architecture import Architecture, AttentionKind, LayerKind
from advisor.estimate.blocks import scratch_of
from advisor.estimate.compressed import INDEXER_TOP_K, PICKED_RATIO, compressor_state_elements, ratio_of
from advisor.estimate.hyper_blocks import hyper_of
from advisor.estimate.layer_codes import LAYER_CODES
from advisor.estimate.layer_scratch import IndexedWidths
from advisor.estimate.mixers import ATTENTION_KINDS, head_widths, kv_heads, query_heads
from advisor.estimate.recurrent import recurrent_widths, state_elements
from advisor.estimate.shape import LayerShape, ModelShape
from advisor.estimate.streams import ngram_elements, ngram_state_elements
from advisor.estimate.tensors import Tensor, is_moe_layer, tensor_list
from advisor.estimate.traits import Traits, traits_of

_STATE_FLOPS = 7
"""FLOPs per state element and token of a delta net or Mamba-2 layer (decay, outer product, read-out)."""
_POOLED_ROW = {"glm5-next": 3, "qwen4exp": 2}
"""What an indexer over pooled positions keeps of each, in widths of its key (llama.cpp, indexer_kpool_row)."""
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
    unused += ngram_elements(a)
    outer = total - body - expert_total - looked_up - (0 if t.tied else output)
    last_ffn, last_experts = _last_block(tensors, a.n_layers - 1) if t.causal else (0, 0)
    return ModelShape(
        n_layers=a.n_layers, hidden=a.hidden, vocab=a.vocab, total_params=total, active_params=total - unused,
        dense_params=body + max(0, outer), expert_params=expert_total, output_params=output,
        n_experts=n_experts, n_used=n_used, window=a.attention.window or 0,
        mla=a.attention.kind == AttentionKind.MLA and t.mla_cache, causal=t.causal, n_heads=a.attention.n_heads,
        sinks=t.sinks,
        ops=sum(row.ops for row in rows), layer_codes="".join(LAYER_CODES[kinds.index(row)] for row in rows),
        layers=tuple(kinds), counts=tuple(rows.count(kind) for kind in kinds),
        known=not a.kv_runtime_specific, recurrent=recurrent_widths(a, t), indexed=_indexed_widths(a, t),
        hyper=hyper_of(a, t),
        scratch=scratch_of(a, t), head_divisor=_head_divisor(a, t),
        last_ffn_params=last_ffn, last_expert_params=last_experts, softcapped=t.softcapped,
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
    ratio = ratio_of(a.attention, index) if reads else 0
    state += 4 * (compressor_state_elements(a.attention, index) + ngram_state_elements(a, index))
    return LayerShape(
        cache=reads if owns else "", reads=reads, k_elements=k, v_elements=v, attention_flops=flops,
        indexer_elements=_indexer_elements(a, ratio) if reads else 0,
        state_bytes=state, state_traffic_bytes=traffic, state_flops=state_flops,
        dense_params=dense, expert_params=experts, ops=_ops(a, t, kind, index),
        compression=ratio, compressed_elements=k if ratio else 0,
        kv_heads=_cached_heads(a, t, kind, index) if reads else 0,
    )  # fmt: skip


def _indexer_elements(a: Architecture, ratio: int) -> int:
    """What an indexer keeps of each cached row that it chooses from."""
    m = a.attention
    if m.indexer_pool:
        return (m.indexer_dim or 0) * _POOLED_ROW.get(a.gguf_arch or "", 1)
    chooses = m.kind == AttentionKind.MLA or (m.kind == AttentionKind.SHARED and ratio == PICKED_RATIO)
    return m.indexer_dim or 0 if chooses else 0


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
    if m.kind == AttentionKind.SHARED:
        return m.k_dim, 0, 4 * m.n_heads * m.k_dim
    n_kv = kv_heads(a, index, kind)
    k_dim, v_dim = head_widths(a, kind)
    return n_kv * k_dim, n_kv * v_dim, 2 * query_heads(a, kind) * (k_dim + v_dim)


def _cached_heads(a: Architecture, t: Traits, kind: str, index: int) -> int:
    if a.attention.kind == AttentionKind.GQA:
        return kv_heads(a, index, kind)
    return a.attention.n_heads if a.attention.kind == AttentionKind.MLA and not t.mla_cache else 1


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
    conv, state = state_elements(a, kind)
    return 4 * (conv + state), 2 * 4 * state, _STATE_FLOPS * state


def _compressed_ops(a: Architecture, index: int) -> int:
    """Kernels that compressed rows and hyper-connections add (llama.cpp's deepseek4; fused operations are one)."""
    ops = 16 if a.hyper_connections else 0
    if a.attention.kind != AttentionKind.SHARED:
        return ops
    ratio = ratio_of(a.attention, index)
    return ops + 11 + (25 if ratio == PICKED_RATIO else 8 if ratio else 0)


def _ops(a: Architecture, t: Traits, kind: str, index: int) -> int:
    """Kernels of one layer after the usual fusions: counted in llama.cpp's graphs for eight architectures."""
    ops = _compressed_ops(a, index) + (9 if kind in ATTENTION_KINDS else 0)
    ops += 3 * t.qkv_bias + 2 * bool(t.qk_norm) if kind in ATTENTION_KINDS else 0
    if a.attention.kind == AttentionKind.MLA and kind in ATTENTION_KINDS:
        ops += 11
    if kind in (LayerKind.LINEAR, LayerKind.MAMBA, LayerKind.PARALLEL):
        ops += 17
    if kind == LayerKind.CONV:
        ops += 6
    if t.single_block and kind != LayerKind.MLP:
        return ops + 2
    routed = is_moe_layer(a, index)
    ops += len(t.norms) + (17 if routed else 6) + (7 if routed and t.dense_beside else 0)
    return ops + 2 * t.expert_bias + 2 * bool(a.ple_dim)


def _indexed_widths(a: Architecture, t: Traits) -> IndexedWidths | None:
    """Buffers of attention with a sparse indexer; None without one."""
    m = a.attention
    if not (m.kind == AttentionKind.MLA and t.mla_cache and m.indexer_dim) or m.indexer_pool:
        return None
    rope = m.rope_dim or 0
    return IndexedWidths(
        hidden=a.hidden, low_rank=m.q_lora_rank or 0, queries=m.n_heads * ((m.nope_dim or 0) + rope),
        rotated=m.n_heads * rope, absorbed=m.n_heads * (m.kv_lora_rank or 0),
        indexer=(m.indexer_heads or 0) * m.indexer_dim, chosen=INDEXER_TOP_K, layers=a.n_layers,
    )  # fmt: skip
