"""Bytes of an engine's scratch memory: llama.cpp's compute buffer, and the activation peak of batch servers.

llama.cpp reserves the peak of its prefill graph for one micro-batch: attention masks, and the widest of feed-forward
block, attention, output, and of the layers that are laid out buffer by buffer (layer_scratch). Sizes follow its
allocator (build b11434), traced over widths, heads and experts of 74 architectures: exact with flash attention for
nearly all of them.
"""

from advisor.estimate.constants import EngineProfile
from advisor.estimate.kv_cache import CacheLayout, cells, window_cells
from advisor.estimate.layer_scratch import boundary_floats, indexed_floats, recurrent_floats
from advisor.estimate.shape import ModelShape

_INPUT_FLOATS = 10
"""Positions, cache indices and token numbers of one token, in floats."""
_HOST_COPIES = 4
"""Of a micro-batch's embeddings, in main memory beside an accelerator."""
PIPELINE_COPIES = 4
"""Input copies llama.cpp keeps when layers are spread over several GPUs (GGML_SCHED_MAX_COPIES)."""
_PIPELINE_HIDDEN = {"first": 11, "later": 6, "host": 6}
"""Copies of a micro-batch's hidden state that a pipeline adds on its first device, on later ones and in main memory
(traced with two remote devices over three models, build b11434)."""


def mask_bytes(shape: ModelShape, layout: CacheLayout, *, flash_attention: bool = True) -> int:
    """Attention masks of one micro-batch: every cell of one stream, and of the window cache where there is one.

    An encoder has no cache: its tokens attend to each other, all or those in the window. A sparse indexer has a mask of
    its own.
    """
    streams = 1 if layout.unified else layout.sequences
    size = 2 if flash_attention else 4
    tokens = min(layout.micro_batch, layout.context)
    if not shape.causal:
        return size * tokens * tokens * len({kind.reads for kind in shape.layers if kind.reads})
    caches = "".join([kind.cache for kind in shape.layers])
    total = 0
    if "F" in caches:
        total += size * tokens * (cells(layout) // streams)
    if "W" in caches:
        total += size * tokens * (window_cells(layout, shape.window) // streams)
    if _is_indexed(shape):
        total += 2 * tokens * (cells(layout) // streams)
    return total


def compute_bytes(shape: ModelShape, layout: CacheLayout, engine: EngineProfile, *, backend: str = "") -> int:
    """Scratch of one device; `backend` "" is the processor."""
    tokens = min(layout.micro_batch, layout.context)
    outputs = tokens if engine.all_outputs else min(tokens, layout.sequences)
    outputs = outputs if shape.causal else 0
    waiting, spare = 5 * shape.hidden, _spare_floats(shape, layout)
    scores = 0 if engine.flash_attention else _score_floats(shape, layout)
    floats = max(
        tokens * (shape.ffn_floats - spare),
        tokens * (shape.attention_floats - spare + scores),
        outputs * shape.vocab + tokens * (waiting + shape.hidden + _INPUT_FLOATS),
        _laid_out_floats(shape, layout, tokens) + tokens * _INPUT_FLOATS,
    )
    mask = mask_bytes(shape, layout, flash_attention=engine.flash_attention)
    total = 4 * floats + mask
    unpacked = _dequantized_bytes(shape, layout) if backend in engine.unpacks_cache else 0
    return int(total * engine.activation_factor) + unpacked


def boundary_bytes(shape: ModelShape, layout: CacheLayout, engine: EngineProfile, *, backend: str = "") -> int:
    """Scratch of an accelerator whose first layer follows one in main memory."""
    whole = compute_bytes(shape, layout, engine, backend=backend)
    if shape.routed is None or not engine.flash_attention:
        return max(0, whole - (1 + shape.left_behind) * embedded_bytes(shape, layout))
    mask = mask_bytes(shape, layout)
    unpacked = _dequantized_bytes(shape, layout) if backend in engine.unpacks_cache else 0
    return 4 * boundary_floats(shape.routed, min(layout.micro_batch, layout.context), mask // 4) + unpacked


def head_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """Scratch of an accelerator that holds the output head alone: each sequence's last hidden state and its logits."""
    return 4 * shape.hidden * layout.sequences + output_bytes(shape, layout)


def _is_indexed(shape: ModelShape) -> bool:
    """Whether a sparse indexer chooses what each token attends to."""
    return shape.mla and any([kind.indexer_elements for kind in shape.layers])


def _laid_out_floats(shape: ModelShape, layout: CacheLayout, tokens: int) -> int:
    """Layers whose buffers grow apart from each other."""
    if shape.recurrent is not None:
        return recurrent_floats(shape.recurrent, tokens, layout.sequences)
    if shape.indexed is not None:
        return indexed_floats(shape.indexed, tokens, _stream_cells(layout))
    return 0


def _spare_floats(shape: ModelShape, layout: CacheLayout) -> int:
    """Room a token for positions that a sparse indexer cannot choose, since a stream holds fewer; all layers."""
    if shape.indexed is None:
        return 0
    return shape.indexed.layers * max(0, shape.indexed.chosen - _stream_cells(layout))


def _stream_cells(layout: CacheLayout) -> int:
    return cells(layout) // (1 if layout.unified else layout.sequences)


def _score_floats(shape: ModelShape, layout: CacheLayout) -> int:
    """Without flash attention a layer's scores exist: a float a token, head and attended cell."""
    if not shape.causal:
        return shape.n_heads * min(layout.micro_batch, layout.context)
    streams = 1 if layout.unified else layout.sequences
    if any(kind.reads == "F" for kind in shape.layers):
        return shape.n_heads * (cells(layout) // streams)
    return shape.n_heads * (window_cells(layout, shape.window) // streams) if shape.window else 0


def _dequantized_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """A 16-bit copy of one layer's keys and values, which some kernels of flash attention need of a quantized cache."""
    if layout.k_type in ("f16", "bf16", "f32") and layout.v_type in ("f16", "bf16", "f32"):
        return 0
    widest = max((kind.k_elements + kind.v_elements for kind in shape.layers if kind.cache == "F"), default=0)
    return 2 * cells(layout) * widest


def pipeline_bytes(shape: ModelShape, layout: CacheLayout, engine: EngineProfile, place: str) -> int:
    """What one place ("first", "later", "host") holds more when whole layers of a model lie on several accelerators.

    Micro-batches are in flight together: each has its masks and hidden states.
    """
    masks = PIPELINE_COPIES if place != "host" else PIPELINE_COPIES - 1
    mask = mask_bytes(shape, layout, flash_attention=engine.flash_attention)
    return masks * mask + _PIPELINE_HIDDEN[place] * embedded_bytes(shape, layout)


def embedded_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """The micro-batch's embeddings: looked up in main memory, so absent from an accelerator's scratch."""
    return 4 * min(layout.micro_batch, layout.context) * shape.hidden


def host_buffer_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """Main memory beside an accelerator that has every layer: masks, inputs, and logits of each sequence.

    Inputs are four copies of the embeddings: as looked up, as handed in, and the two merged (build b11434, traced with
    a remote device).
    """
    inputs = _HOST_COPIES * embedded_bytes(shape, layout)
    return mask_bytes(shape, layout) + inputs + output_bytes(shape, layout)


def output_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """Logits of each sequence's last token, kept in main memory for the caller."""
    return 4 * shape.vocab * layout.sequences
