"""Tensors of attention over compressed rows (DeepSeek V4), and of indexers over pooled positions (GLM-5 Next, Qwen4).

A row of the cache serves every head as key and value. Each layer sees a window of such rows; most also see rows that
stand for several tokens each: 4, of which an indexer picks some, or 128. Names and shapes as in llama.cpp's deepseek4,
glm5-next and qwen4exp, build b11434.
"""

from collections.abc import Iterator

from advisor.domain.architecture import Architecture, Attention

Named = tuple[str, tuple[int, ...]]

PICKED_RATIO = 4
"""Layers that compress so many tokens into a row have an indexer, and rows that overlap: twice the projections."""
WHOLE_RATIO = 128
"""Layers that compress so many see all of these rows (llama.cpp, DSV4_HCA_RATIO)."""
PICKED_ROWS = 512
"""Rows that the indexer of DeepSeek V4 picks for each token."""
INDEXER_TOP_K = 2048
"""Positions that the sparse indexer of DeepSeek-V3.2 and GLM-5 keeps for each token (index_topk of both)."""


def ratio_of(attention: Attention, layer: int) -> int:
    """Tokens that one compressed row of a layer stands for; 0 where it has none."""
    ratios = attention.compress_by_layer
    return ratios[layer] if ratios is not None and layer < len(ratios) else 0


def compressed_tensors(a: Architecture, layer: int) -> Iterator[Named]:
    """The attention of one layer, sinks included."""
    m = a.attention
    rank, width, groups, inner = m.q_lora_rank or 0, m.n_heads * m.k_dim, m.o_groups or 1, m.o_lora_rank or 0
    yield ("attn_sinks.weight", (m.n_heads,))
    yield ("attn_q_a.weight", (a.hidden, rank))
    yield ("attn_q_a_norm.weight", (rank,))
    yield ("attn_q_b.weight", (rank, width))
    yield ("attn_kv.weight", (a.hidden, m.k_dim))
    yield ("attn_kv_a_norm.weight", (m.k_dim,))
    yield ("attn_output_a.weight", (width // groups, inner * groups))
    yield ("attn_output_b.weight", (groups * inner, a.hidden))
    ratio = ratio_of(m, layer)
    if not ratio:
        return
    overlap = 2 if ratio == PICKED_RATIO else 1
    yield from _compressor("attn_compressor", a.hidden, m.k_dim, overlap, ratio)
    if ratio == PICKED_RATIO:
        dim, heads = m.indexer_dim or 0, m.indexer_heads or 0
        yield ("indexer.proj.weight", (a.hidden, heads))
        yield ("indexer.attn_q_b.weight", (rank, heads * dim))
        yield from _compressor("indexer_compressor", a.hidden, dim, 2, ratio)


def _compressor(name: str, hidden: int, dim: int, overlap: int, ratio: int) -> Iterator[Named]:
    """Projections that make one row of `dim` out of `ratio` tokens."""
    yield (f"{name}_kv.weight", (hidden, overlap * dim))
    yield (f"{name}_gate.weight", (hidden, overlap * dim))
    yield (f"{name}_ape.weight", (overlap * dim, ratio))
    yield (f"{name}_norm.weight", (dim,))


def compressor_state_elements(m: Attention, layer: int) -> int:
    """What a sequence keeps of tokens that do not fill a compressed row yet: contents and scores (F32 elements)."""
    ratio = ratio_of(m, layer)
    if not ratio:
        return 0
    if ratio != PICKED_RATIO:
        return 2 * ratio * m.k_dim
    return 2 * (2 * ratio) * 2 * (m.k_dim + (m.indexer_dim or 0))


def pooled_indexer_tensors(a: Architecture) -> Iterator[Named]:
    """What an indexer over pooled positions has beside the usual one, or in Qwen4, which has no other."""
    dim = a.attention.indexer_dim or 0
    if a.gguf_arch == "qwen4exp":
        yield ("indexer.q_proj.weight", (a.hidden, (a.attention.indexer_heads or 0) * dim))
        yield ("indexer.k_proj.weight", (a.hidden, dim))
        yield ("indexer.q_norm.weight", (dim,))
        yield ("indexer.k_norm.weight", (dim,))
        return
    yield ("indexer_compressor_gate.weight", (a.hidden, dim))
    yield ("indexer_compressor_ape.weight", (dim, a.attention.indexer_pool or 0))
