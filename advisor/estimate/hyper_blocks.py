"""From an architecture with hyper-connections to the buffers of its layers: what hyper_scratch lays out."""

from advisor.domain.architecture import Architecture, Attention, AttentionKind, LayerKind
from advisor.estimate.block_scratch import Feeding
from advisor.estimate.blocks import feeding_of
from advisor.estimate.compressed import INDEXER_TOP_K, PICKED_RATIO, ratio_of
from advisor.estimate.compressed_scratch import NEAR, PICKED, WHOLE, CompressedWidths
from advisor.estimate.hyper_scratch import DELTA, Hyper
from advisor.estimate.pooled_scratch import POOLED, PooledWidths
from advisor.estimate.recurrent import recurrent_widths
from advisor.estimate.tensors import is_moe_layer
from advisor.estimate.traits import Traits


def hyper_of(a: Architecture, t: Traits) -> Hyper | None:
    """Buffer widths of the whole model; None where it has one residual stream, or other attention than is known."""
    m = a.attention
    compressed = _compressed(a.hidden, m) if m.kind == AttentionKind.SHARED else None
    pooled = _pooled(a.hidden, m) if m.indexer_pool and m.kind == AttentionKind.MLA else None
    if not a.hyper_connections or (compressed or pooled) is None:
        return None
    routed = [index for index in range(a.n_layers) if is_moe_layer(a, index)]
    experts = feeding_of(a, t, routed[0]) if routed else None
    dense = feeding_of(a, t, 0) if not routed or routed[0] else None
    return Hyper(
        hidden=a.hidden, copies=a.hyper_connections, letters="".join([_letter(a, i) for i in range(a.n_layers)]),
        first_routed=routed[0] if routed else a.n_layers,
        feeding=(experts or Feeding())._replace(inner=dense.inner if dense else 0),
        compressed=compressed, pooled=pooled, recurrent=recurrent_widths(a, t), vocab=a.vocab,
    )  # fmt: skip


def _letter(a: Architecture, index: int) -> str:
    if a.layer_kinds()[index] == LayerKind.LINEAR:
        return DELTA
    if a.attention.kind != AttentionKind.SHARED:
        return POOLED
    ratio = ratio_of(a.attention, index)
    return PICKED if ratio == PICKED_RATIO else WHOLE if ratio else NEAR


def _compressed(hidden: int, m: Attention) -> CompressedWidths:
    return CompressedWidths(
        hidden=hidden, low_rank=m.q_lora_rank or 0, queries=m.n_heads * m.k_dim, row=m.k_dim,
        grouped=(m.o_groups or 1) * (m.o_lora_rank or 0), asked=(m.indexer_heads or 0) * (m.indexer_dim or 0),
        indexer=m.indexer_dim or 1,
    )  # fmt: skip


def _pooled(hidden: int, m: Attention) -> PooledWidths:
    rank, rope = m.kv_lora_rank or 0, m.rope_dim or 0
    return PooledWidths(
        hidden=hidden, low_rank=m.q_lora_rank or 0, queries=m.n_heads * ((m.nope_dim or 0) + rope),
        absorbed=m.n_heads * (rank + rope), output=m.n_heads * m.v_dim, row=rank + rope,
        asked=(m.indexer_heads or 0) * (m.indexer_dim or 0), indexer=m.indexer_dim or 1, pool=m.indexer_pool or 1,
        chosen=INDEXER_TOP_K,
    )  # fmt: skip
