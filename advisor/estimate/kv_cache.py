"""Bytes of the KV cache and of recurrent state, to the byte as llama.cpp allocates them (build b11434).

Contexts are padded to 256 cells. One unified stream holds the cells of all sequences; otherwise each sequence has a
stream of its own. Sliding-window layers keep the window plus one micro-batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from advisor.estimate.shape import ModelShape
from advisor.estimate.tensor_types import BLOCKS, row_bytes

CELL_PADDING = 256
"""llama.cpp rounds the context up to a multiple of this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLayout:
    """How an engine lays the cache out. `context` counts the tokens of all sequences together."""

    context: int
    sequences: int = 1
    unified: bool = True
    micro_batch: int = 512
    k_type: str = "f16"
    v_type: str = "f16"
    padding: int = CELL_PADDING
    full_window: bool = False
    """Window layers keep every token (--swa-full; engines without window caches)."""
    flash_attention: bool = True
    """Without it values are kept transposed, in rows as wide as those of the widest layer."""
    state_copies: int = 1
    """Recurrent states kept per sequence: 1, and one more for each step speculation may roll back."""

    @property
    def streams(self) -> int:
        """Parts of the cache that are kept apart: one for each sequence, or one for all."""
        return 1 if self.unified else self.sequences


def padded(tokens: int, padding: int = CELL_PADDING) -> int:
    """`tokens` rounded up."""
    return -(-tokens // padding) * padding


def cells(layout: CacheLayout) -> int:
    """Cells of one full-attention layer, all streams together."""
    if layout.unified:
        return padded(layout.context, layout.padding)
    return layout.sequences * padded(-(-layout.context // layout.sequences), layout.padding)


def window_cells(layout: CacheLayout, window: int) -> int:
    """Cells of one sliding-window layer, all streams together."""
    length = stream_cells(layout)
    if layout.full_window or not window:
        return length * layout.streams
    kept = window * (layout.sequences if layout.unified else 1) + layout.micro_batch
    return layout.streams * min(length, padded(min(length, kept), layout.padding))


def cache_bytes(
    shape: ModelShape, layout: CacheLayout, counts: Sequence[int] | None = None, *, devices: int = 1
) -> int:
    """Bytes of keys and values, of all layers or of `counts` of each kind of layer.

    `devices`: of a tensor split, all of which together hold this much.
    """
    full, window = cells(layout), window_cells(own_streams(shape, layout), shape.window)
    widest = 0 if layout.flash_attention else max((k.v_elements for k in shape.layers if k.cache), default=0)
    total = 0
    for kind, n in zip(shape.layers, counts or shape.counts, strict=True):
        if kind.cache and n:
            row = row_bytes(kind.k_elements, layout.k_type)
            row += row_bytes(max(kind.v_elements, widest), layout.v_type) if kind.v_elements else 0
            indexer = row_bytes(kind.indexer_elements, layout.k_type) if kind.indexer_elements else 0
            held = 0
            if kind.compression:
                further = row_bytes(kind.compressed_elements, layout.k_type) + indexer
                held = n * further * layout.sequences * compressed_cells(layout, kind.compression)
            else:
                row += indexer
            held += n * row * (full if kind.cache == "F" else window)
            total += round(held * kind.copies(devices))
        elif n and widest and not kind.reads and not shape.state_bytes:
            total += n * row_bytes(widest, layout.v_type) * full  # value rows of a layer that has no use for them
    return total


def stream_cells(layout: CacheLayout) -> int:
    """Cells of one stream."""
    return cells(layout) // layout.streams


def compressed_cells(layout: CacheLayout, compression: int) -> int:
    """Cells of one stream whose rows stand for so many tokens each."""
    return padded(-(-stream_cells(layout) // compression), layout.padding)


def own_streams(shape: ModelShape, layout: CacheLayout) -> CacheLayout:
    """Beside compressed rows each sequence has streams of its own, each as long as a unified one."""
    if not layout.unified or not any([kind.compression for kind in shape.layers]):
        return layout
    return replace(layout, unified=False, context=layout.sequences * cells(layout))


def state_bytes(shape: ModelShape, layout: CacheLayout, counts: Sequence[int] | None = None) -> int:
    """Bytes of recurrent state (F32) of all sequences."""
    one = sum(kind.state_bytes * n for kind, n in zip(shape.layers, counts or shape.counts, strict=True))
    return one * max(1, layout.sequences) * layout.state_copies


def refusal(shape: ModelShape, layout: CacheLayout) -> str | None:
    """Why llama.cpp (build b11434) would not make a cache of these types; None where it would.

    Blocks of a quantized type must fill each head, quantized values need flash attention, and compressed attention has
    keys alone, so both types are one.
    """
    packed = [t for t in (layout.k_type, layout.v_type) if BLOCKS[t].weights > 1]
    if not packed or not shape.head_divisor:
        return None
    if layout.v_type in packed and not layout.flash_attention:
        return f"{layout.v_type} values need flash attention"
    if shape.mla and layout.k_type != layout.v_type:
        return f"its keys hold the values too, so they cannot be {layout.k_type} and {layout.v_type}"
    for kind in packed:
        if shape.head_divisor % BLOCKS[kind].weights:
            return f"the width of its heads is not a multiple of {BLOCKS[kind].weights}, the block of {kind}"
    return None


def read_bytes(
    shape: ModelShape,
    depth: float,
    k_type: str = "f16",
    v_type: str = "f16",
    *,
    flop_bytes: float = 0.0,
    unfused: float = 0.0,
    devices: int = 1,
) -> float:
    """Bytes of cache that one new token of one sequence reads at this depth (tokens already there).

    `devices`: of a tensor split, all of which together read this much.

    `flop_bytes` adds what the arithmetic on them takes, as bytes that could be read meanwhile, a FLOP. `unfused`:
    attention goes in steps over all tokens, windows or not, and a byte costs this much more; 0: in one kernel.
    """
    k_size = BLOCKS[k_type].bytes / BLOCKS[k_type].weights
    v_size = BLOCKS[v_type].bytes / BLOCKS[v_type].weights
    near = min(depth, shape.window) if shape.window and not unfused else depth
    total = 0.0
    for kind, n in zip(shape.layers, shape.counts, strict=True):
        if kind.reads:
            row = kind.k_elements * k_size + kind.v_elements * v_size + flop_bytes * kind.attention_flops
            read = n * row * kind.rows(depth, near)
            if kind.compression:
                read += n * kind.indexer_elements * k_size * depth / kind.compression
            total += read * kind.copies(devices)
    return total * (unfused or 1.0)
