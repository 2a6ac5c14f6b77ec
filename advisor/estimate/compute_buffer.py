"""Bytes of an engine's scratch memory: llama.cpp's compute buffer, and the activation peak of batch servers.

llama.cpp reserves the peak of its prefill graph for one micro-batch: attention masks, the most crowded moment of the
layers, which are laid out buffer by buffer (blocks, layer_scratch), and the logits. Sizes follow its allocator (build
b11434), traced over the widths, heads and experts of 74 architectures.
"""

from advisor.estimate.arena import ALONE, BOUNDARY, DEVICE
from advisor.estimate.compressed import PICKED_RATIO, WHOLE_RATIO
from advisor.estimate.constants import EngineProfile
from advisor.estimate.extent import Extent
from advisor.estimate.kv_cache import (
    CacheLayout,
    cells,
    compressed_cells,
    own_streams,
    state_bytes,
    stream_cells,
    window_cells,
)
from advisor.estimate.layer_codes import LAYER_CODES
from advisor.estimate.layer_scratch import indexed_floats, recurrent_floats
from advisor.estimate.scratch import STATE_TOKENS, Peaks
from advisor.estimate.shape import ModelShape
from advisor.estimate.tensor_types import BLOCKS, row_bytes

_INPUT_FLOATS = 10
"""Positions, cache indices and token numbers of one token, in floats."""
_WAITING = {ALONE: 5, DEVICE: 4, BOUNDARY: 2}
"""Copies of the hidden state before logits that no gap holds: what is handed in and mixed stays to the end."""
_SCORED = Peaks._fields.index("rest")
_SCORED_KEYS = Peaks._fields.index("keys_rest")
_HOST_COPIES = 4
"""Of a micro-batch's embeddings, in main memory beside an accelerator."""
_ROOM = 4
"""A gap so many times as large as the masks takes them and what else lies there; in a smaller one they push that out,
and cost their size after all (traced over the contexts of two hybrids)."""
PIPELINE_COPIES = 4
"""Input copies llama.cpp keeps when layers are spread over several GPUs (GGML_SCHED_MAX_COPIES)."""
_PIPELINE_HIDDEN = {"first": 11, "later": 6, "host": 6}
"""Copies of a micro-batch's hidden state that a pipeline adds on its first device, on later ones and in main memory
(traced with two remote devices over three models, build b11434)."""


def mask_bytes(shape: ModelShape, layout: CacheLayout, *, flash_attention: bool = True, first: int = 0) -> int:
    """Attention masks of one micro-batch: every cell of one stream, and of the window cache where there is one.

    Those that layers from `first` on read.

    An encoder has no cache: its tokens attend to each other, all or those in the window. A sparse indexer has a mask of
    its own.
    """
    size = 2 if flash_attention else 4
    tokens = min(layout.micro_batch, layout.context)
    if not shape.causal:
        return size * tokens * tokens * len({kind.reads for kind in shape.layers if kind.reads})
    if any([kind.compression for kind in shape.layers]):
        return (
            4 * tokens * max([compressed_cells(layout, kind.compression) for kind in shape.layers if kind.compression])
        )
    codes = shape.layer_codes[first:]
    caches = "".join([kind.reads for code, kind in zip(LAYER_CODES, shape.layers, strict=False) if code in codes])
    total = 0
    if "F" in caches:
        total += size * tokens * stream_cells(layout)
    if "W" in caches:
        total += size * tokens * (window_cells(layout, shape.window) // layout.streams)
    if shape.indexed is not None:
        total += 2 * tokens * stream_cells(layout)
    return total


def compute_bytes(
    shape: ModelShape,
    layout: CacheLayout,
    engine: EngineProfile,
    *,
    backend: str = "",
    place: str = ALONE,
    layers: int | None = None,
) -> int:
    """Scratch of one device that has so many of the `layers`, None: all; `backend` "" is the processor."""
    tokens = min(layout.micro_batch, layout.context)
    unpacked = _dequantized_bytes(shape, layout) if backend in engine.unpacks_cache else 0
    if shape.hyper is not None:
        from advisor.estimate.hyper_scratch import hyper_floats

        held = shape.n_layers if layers is None else layers
        return (
            int(4 * hyper_floats(shape.hyper, _extent(shape, layout, engine), held, place) * engine.activation_factor)
            + unpacked
        )
    length = stream_cells(layout)
    first = shape.n_layers - layers if place == BOUNDARY and layers is not None else 0
    mask = mask_bytes(shape, layout, flash_attention=engine.flash_attention, first=first)
    chosen = 0
    outputs = tokens if engine.all_outputs else min(tokens, layout.sequences)
    floats = _logits_floats(shape, outputs, tokens, mask // 4, place) if shape.causal else 0
    if shape.indexed is not None:
        indexed = shape.indexed._replace(layers=shape.n_layers if layers is None else layers)
        chosen = indexed.layers * min(indexed.chosen, length)
        floats = max(floats, indexed_floats(indexed, tokens, length, place))
    if shape.recurrent is not None and (place != BOUNDARY or _states_decide(shape, first, tokens, layout)):
        floats = max(floats, recurrent_floats(shape.recurrent, tokens, layout.sequences, place))
    peaks = shape.scratch.peaks(place, first)
    floats = max(floats, _block_floats(shape, layout, engine, tokens, peaks) + tokens * chosen)
    if 4 * tokens * peaks.hollow >= _ROOM * mask:
        mask = 0
    total = 4 * (floats + tokens * _INPUT_FLOATS) + mask + _row_index_bytes(shape, tokens, engine)
    return int(total * engine.activation_factor) + unpacked


def _states_decide(shape: ModelShape, first: int, tokens: int, layout: CacheLayout) -> bool:
    """Whether a recurrent layer is the first on an accelerator, or states weigh more than the blocks account for."""
    if shape.layer(first).state_bytes:
        return True
    counts = shape.counts_between(first, shape.n_layers)
    return layout.sequences * STATE_TOKENS > tokens and state_bytes(shape, layout, counts) > 0


def _extent(shape: ModelShape, layout: CacheLayout, engine: EngineProfile) -> Extent:
    """What is asked of a model whose buffers are laid out all at once."""
    own, tokens = own_streams(shape, layout), min(layout.micro_batch, layout.context)
    rows = {kind.compression: compressed_cells(own, kind.compression) for kind in shape.layers if kind.compression}
    return Extent(
        tokens=tokens, sequences=layout.sequences, streams=own.streams, full=stream_cells(own),
        near=window_cells(own, shape.window) // own.streams, few=rows.get(PICKED_RATIO, 0),
        many=rows.get(WHOLE_RATIO, 0), flash=engine.flash_attention, k_type=layout.k_type,
        outputs=tokens if engine.all_outputs else min(tokens, layout.sequences),
    )  # fmt: skip


def boundary_bytes(
    shape: ModelShape, layout: CacheLayout, engine: EngineProfile, first: int, *, backend: str = ""
) -> int:
    """Scratch of an accelerator that takes over from main memory at layer `first`."""
    layers = shape.n_layers - first
    whole = compute_bytes(shape, layout, engine, backend=backend, place=BOUNDARY, layers=layers)
    whole = max(whole, _attention_along_bytes(shape, layout, engine, first))
    tables = 4 * min(layout.micro_batch, layout.context) * shape.scratch.tables * layers
    return whole + tables + _handed_cache_bytes(shape, layout, first)


def _attention_along_bytes(shape: ModelShape, layout: CacheLayout, engine: EngineProfile, first: int) -> int:
    """An attention in main memory that goes with the accelerator's first layer: queries, cache, masks and output."""
    along = shape.scratch.peaks(BOUNDARY, first).along
    if not along or not engine.flash_attention:
        return 0
    attending = next(kind for kind in map(shape.layer, range(first - 1, -1, -1)) if kind.reads)
    row = row_bytes(attending.k_elements, layout.k_type) + row_bytes(attending.v_elements, layout.v_type)
    return 4 * min(layout.micro_batch, layout.context) * along + cells(layout) * row + mask_bytes(shape, layout)


def head_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """Scratch of an accelerator that holds the output head alone: each sequence's last hidden state and its logits."""
    return 4 * shape.hidden * layout.sequences + output_bytes(shape, layout)


def _block_floats(shape: ModelShape, layout: CacheLayout, engine: EngineProfile, tokens: int, peaks: Peaks) -> int:
    """The most crowded moment of attention and feed-forward blocks."""
    scratch = shape.scratch
    keys, values = (BLOCKS[t].weights > 1 for t in (layout.k_type, layout.v_type))
    matrices = keys * scratch.key_turn + values * scratch.value_turn
    if engine.flash_attention:
        return tokens * peaks[keys + 2 * values] + matrices
    rest, full, window = peaks[_SCORED_KEYS if keys else _SCORED :][:3]
    floats = tokens * rest
    if full:
        scores = shape.n_heads * (stream_cells(layout) if shape.causal else tokens)
        copied = cells(layout) * scratch.transposed // 2
        copied = copied if copied > tokens * scratch.gap else 0
        floats = max(floats, tokens * (full + _beyond(scores, scratch.gap)) + copied)
    if window:
        length = window_cells(layout, shape.window) // layout.streams if shape.causal else tokens
        floats = max(floats, tokens * (window + _beyond(scratch.window_heads * length, scratch.gap)))
    return floats + matrices


def _beyond(scores: int, gap: int) -> int:
    """Floats a token that scores take at the end: a short micro-batch's may find a gap."""
    return scores if scores > gap else 0


def _logits_floats(shape: ModelShape, outputs: int, tokens: int, mask: int, place: str) -> int:
    """Logits, behind what stays to the end of the graph, unless the gaps there hold them."""
    logits, waiting = outputs * shape.vocab, _WAITING[place]
    if logits <= (waiting - 2) * tokens * shape.hidden + mask:
        return 0
    return logits + waiting * tokens * shape.hidden


def _row_index_bytes(shape: ModelShape, tokens: int, engine: EngineProfile) -> int:
    """Without flash attention values are written element by element, and each has an index of 8 bytes, each cache."""
    if engine.flash_attention or not shape.causal:
        return 0
    kept = {kind.cache for kind in shape.layers if kind.cache and kind.v_elements}
    widest = max([kind.v_elements for kind in shape.layers], default=0)
    return 8 * tokens * widest * len(kept)


def _handed_cache_bytes(shape: ModelShape, layout: CacheLayout, first: int) -> int:
    """Caches in main memory that layers on an accelerator read: each of these layers is handed one whole."""
    present = [shape.layer(index) for index in range(first, shape.n_layers)]
    kept = {kind.cache for kind in present}
    if not shape.causal or all(kind.reads in kept for kind in present):
        return 0
    lengths = {"F": cells(layout), "W": window_cells(layout, shape.window)}
    return sum(
        lengths[kind.reads] * (row_bytes(kind.k_elements, layout.k_type) + row_bytes(kind.v_elements, layout.v_type))
        for kind in present
        if kind.reads and kind.reads not in kept
    )


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


def host_buffer_bytes(shape: ModelShape, layout: CacheLayout, engine: EngineProfile) -> int:
    """Main memory beside an accelerator that has every layer: masks, inputs, and logits of each sequence.

    Inputs are four copies of the embeddings: as looked up, as handed in, and the two merged (build b11434, traced with
    a remote device); where per-layer embeddings are looked up, those and the mixture as well.
    """
    if shape.hyper is not None:
        from advisor.estimate.hyper_scratch import hyper_input_floats

        return 4 * hyper_input_floats(shape.hyper, _extent(shape, layout, engine)) + output_bytes(shape, layout)
    tokens = min(layout.micro_batch, layout.context)
    inputs = _HOST_COPIES * embedded_bytes(shape, layout)
    if shape.scratch.tables:
        inputs += embedded_bytes(shape, layout) + 4 * tokens * shape.scratch.tables * shape.n_layers
    inputs += _row_index_bytes(shape, tokens, engine)
    mask = mask_bytes(shape, layout, flash_attention=engine.flash_attention)
    return mask + inputs + output_bytes(shape, layout)


def output_bytes(shape: ModelShape, layout: CacheLayout) -> int:
    """Logits of each sequence's last token, kept in main memory for the caller."""
    return 4 * shape.vocab * layout.sequences
