"""Bytes of an engine's scratch memory: llama.cpp's compute buffer, and the activation peak of batch servers.

llama.cpp reserves the peak of its prefill graph for one micro-batch: attention masks, and the widest of feed-forward
block, attention, recurrent scan and output. Sizes follow its allocator (build b11434), traced over widths, heads and
experts of 73 architectures: exact with flash attention for nearly all of them.
"""

from advisor.estimate.constants import EngineProfile
from advisor.estimate.kv_cache import CacheLayout, cells, window_cells
from advisor.estimate.shape import ModelShape

_INDEXED_IN_GAPS = 16384
"""Cells whose indexer scores cost nothing."""
_HOST_COPIES = 4
"""Of a micro-batch's embeddings, in main memory beside an accelerator."""
PIPELINE_COPIES = 4
"""Input copies llama.cpp keeps when layers are spread over several GPUs (GGML_SCHED_MAX_COPIES)."""
_PIPELINE_HIDDEN = {"first": 11, "later": 6, "host": 6}
"""Copies of a micro-batch's hidden state that a pipeline adds on its first device, on later ones and in main memory
(traced with two remote devices over three models, build b11434)."""


def mask_bytes(shape: ModelShape, layout: CacheLayout, *, flash_attention: bool = True) -> int:
    """Attention masks of one micro-batch: every cell of one stream, and of the window cache where there is one.

    An encoder has no cache: its tokens attend to each other. A sparse indexer has a mask of its own.
    """
    streams = 1 if layout.unified else layout.sequences
    size = 2 if flash_attention else 4
    tokens = min(layout.micro_batch, layout.context)
    if not shape.causal:
        return size * tokens * tokens
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
    waiting = 5 * shape.hidden
    scores = _indexer_floats(shape, layout) if engine.flash_attention else _score_floats(shape, layout)
    floats = max(
        tokens * shape.ffn_floats,
        tokens * (shape.attention_floats + scores),
        outputs * shape.vocab + tokens * (waiting + shape.hidden + 10),
        tokens * waiting + _scan_floats(shape, tokens, layout.sequences),
    )
    mask = mask_bytes(shape, layout, flash_attention=engine.flash_attention)
    total = 4 * floats + mask
    unpacked = _dequantized_bytes(shape, layout) if backend in engine.unpacks_cache else 0
    return int(total * engine.activation_factor) + unpacked


def _is_indexed(shape: ModelShape) -> bool:
    """Whether a sparse indexer chooses what each token attends to."""
    return shape.mla and any([kind.indexer_elements for kind in shape.layers])


def _indexer_floats(shape: ModelShape, layout: CacheLayout) -> int:
    """A sparse indexer's scores, a float a token and cell: short ones lie in gaps of the allocation, long ones do not.

    Where the step lies depends on depth and widths (16k to 48k cells in DeepSeek-V3.2 and GLM-5); the first is taken.
    """
    length = cells(layout) // (1 if layout.unified else layout.sequences)
    return length if length > _INDEXED_IN_GAPS and _is_indexed(shape) else 0


def _score_floats(shape: ModelShape, layout: CacheLayout) -> int:
    """Without flash attention a layer's scores exist: a float a token, head and attended cell."""
    if not shape.causal:
        return shape.n_heads * min(layout.micro_batch, layout.context)
    streams = 1 if layout.unified else layout.sequences
    if any(kind.reads == "F" for kind in shape.layers):
        return shape.n_heads * (cells(layout) // streams)
    return shape.n_heads * (window_cells(layout, shape.window) // streams) if shape.window else 0


def _scan_floats(shape: ModelShape, tokens: int, sequences: int) -> int:
    """A recurrent layer's inputs, convolution and states.

    A delta net's buffers sit in gaps of the allocation while its states are small; as they grow past the hidden state
    and past half of the channels, one and then two more buffers of all channels are needed, and last the states
    themselves count twice. Traced over head counts, widths and 1 to 16 sequences.
    """
    if not shape.scan_floats:
        return 0
    usual = tokens * shape.scan_floats + sequences * shape.scan_state_floats
    channels = shape.scan_channels
    if not channels:
        return usual
    states = sequences * max(kind.state_traffic_bytes for kind in shape.layers) // 8
    if states > tokens * (channels + shape.hidden) // 2:
        return max(usual, 4 * tokens * channels, 5 * tokens * channels // 2 + 2 * states)
    return max(usual, 3 * tokens * channels) if states > tokens * shape.hidden else usual


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
