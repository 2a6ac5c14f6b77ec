"""Bytes of an engine's scratch memory: llama.cpp's compute buffer, and the activation peak of batch servers.

llama.cpp reserves the peak of its prefill graph for one micro-batch: attention masks, and the widest of feed-forward
block, attention and output. Fitted to its allocator (build b11434) over 8 models: exact for dense ones.
"""

from advisor.estimate.constants import EngineProfile
from advisor.estimate.kv_cache import CacheLayout, cells, window_cells
from advisor.estimate.shape import ModelShape

PIPELINE_COPIES = 4
"""Input copies llama.cpp keeps when layers are spread over several GPUs (GGML_SCHED_MAX_COPIES)."""


def mask_bytes(shape: ModelShape, layout: CacheLayout, *, flash_attention: bool = True) -> int:
    """Attention masks of one micro-batch: every cell of one stream, and of the window cache where there is one."""
    streams = 1 if layout.unified else layout.sequences
    size = 2 if flash_attention else 4
    tokens = min(layout.micro_batch, layout.context)
    total = 0
    if any(kind.cache == "F" for kind in shape.layers):
        total += size * tokens * (cells(layout) // streams)
    if any(kind.cache == "W" for kind in shape.layers):
        total += size * tokens * (window_cells(layout, shape.window) // streams)
    return total


def compute_bytes(shape: ModelShape, layout: CacheLayout, engine: EngineProfile, *, devices: int = 1) -> int:
    """Scratch of one device. With several devices the masks are held in four copies."""
    tokens = min(layout.micro_batch, layout.context)
    outputs = tokens if engine.all_outputs else min(tokens, layout.sequences)
    output_floats = outputs * shape.vocab // max(1, tokens) + 6 * shape.hidden + 10
    floats = max(shape.ffn_floats, shape.attention_floats, output_floats)
    mask = mask_bytes(shape, layout, flash_attention=engine.flash_attention)
    total = 4 * tokens * floats + mask * (PIPELINE_COPIES if devices > 1 else 1)
    if not engine.flash_attention:
        total += 4 * tokens * shape.n_heads * cells(layout) * (2 if shape.sinks else 1)
    return int(total * engine.activation_factor) + _dequantized_bytes(shape, layout)


def _dequantized_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """A 16-bit copy of one layer's keys and values, which flash attention needs of a quantized cache."""
    if layout.k_type in ("f16", "bf16", "f32") and layout.v_type in ("f16", "bf16", "f32"):
        return 0
    widest = max((kind.k_elements + kind.v_elements for kind in shape.layers if kind.cache == "F"), default=0)
    return 2 * cells(layout) * widest


def host_buffer_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """Pinned host memory beside a GPU: masks, the micro-batch's embeddings, and the logits of each sequence."""
    tokens = min(layout.micro_batch, layout.context)
    return mask_bytes(shape, layout) + 4 * tokens * shape.hidden + 4 * shape.vocab * layout.sequences
