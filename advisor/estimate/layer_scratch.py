"""Scratch of the layers whose buffers do not grow together, laid out one by one as llama.cpp asks for them.

Its graph allocator gives each buffer the tightest gap that holds it, or room at the end; what counts is the highest end
ever reached. A recurrent layer's states grow with sequences and its inputs with tokens, a sparse indexer's scores grow
with the depth: which of them fit into gaps decides, and no sum says it. Sizes are in floats, the order of the buffers
that of the graphs of build b11434, traced. Masks and indices lie apart.
"""

from functools import lru_cache
from typing import NamedTuple

from advisor.estimate.arena import ALONE, NOTHING, Arena, Block, begin

_HANDED = 3
"""Parts of a sum that the layer before leaves: what came in, routed experts, and a shared one as all of these have."""


class RecurrentWidths(NamedTuple):
    """Buffer widths of a recurrent layer: floats a token, or a sequence where the name says so."""

    kind: str
    """mamba, mamba2, gdn, kda, or conv: a short convolution."""
    hidden: int
    projected: int
    """Output of the input projection."""
    channels: int
    """Convolved channels."""
    inner: int
    keys: int
    """Queries, or keys, of a delta net, as wide as its kernel takes them (one a value head in Qwen3-Next)."""
    heads: int
    conv_per_sequence: int
    state_per_sequence: int
    beside: int
    """Queries of an attention that works beside the recurrence, in the same layer; 0: none."""
    ffn: int
    """A gated dense feed-forward block that follows in the same layer; 0: none, or experts."""
    selected: int = 0
    """Mamba: what the steps and both projections of the state are made of, and how much of that are the steps."""
    steps: int = 0
    ahead: bool = True
    """The next layer's convolution inputs are looked up before this one is through: where no experts lie between."""


class IndexedWidths(NamedTuple):
    """Buffer widths of compressed attention with a sparse indexer: floats a token, all heads together."""

    hidden: int
    low_rank: int
    """Compressed queries."""
    queries: int
    rotated: int
    """The part of the queries that is rotated by position."""
    absorbed: int
    """Queries in the compressed space of the keys, and the output there."""
    indexer: int
    """The indexer's queries."""
    chosen: int
    """Positions that are attended to; every layer has a buffer for them from the start of the graph."""
    layers: int


@lru_cache(maxsize=512)
def recurrent_floats(widths: RecurrentWidths, tokens: int, sequences: int, place: str = ALONE) -> int:
    """Floats in the most crowded moment of recurrent layers: the first finds other gaps than those that follow.

    Where experts follow, which `_feed_forward` leaves out, the first layer speaks for all.
    """
    arena, w = Arena(), widths
    residual = begin(arena, tokens * w.hidden, place)
    history = NOTHING
    for _ in range(2 if w.ffn else 1):
        out, history = recurrent_layer(arena, w, tokens, sequences, history, ahead=w.ahead)
        # the sum with what came in takes the place of the one or of the other
        out, residual = (residual, out) if w.kind == "gdn" else (out, residual)
        arena.give(residual)
        residual = _feed_forward(arena, w, tokens, out)
    return arena.peak


def recurrent_layer(
    arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, history: Block, *, ahead: bool
) -> tuple[Block, Block]:
    """One layer's output, and the next one's convolution inputs where they are looked up `ahead`."""
    if w.kind in ("gdn", "kda"):
        return delta_net(arena, w, tokens, sequences, arena.take(tokens * w.hidden)), history
    if w.kind == "conv":
        return _short_convolution(arena, w, tokens, sequences, history, ahead=ahead)
    return _mamba(arena, w, tokens, sequences, history, ahead=ahead)


def _feed_forward(arena: Arena, w: RecurrentWidths, tokens: int, residual: Block) -> Block:
    """A dense block; experts are counted elsewhere and leave their sum in a buffer all the same."""
    if not w.ffn:
        return residual
    normed = arena.take(tokens * w.hidden)
    gate, up = arena.take(tokens * w.ffn), arena.take(tokens * w.ffn)
    arena.give(normed)
    product = arena.take(tokens * w.ffn)
    arena.give(gate, up)
    out = arena.take(tokens * w.hidden)
    arena.give(product, residual)
    return out


def _mamba(
    arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, history: Block, *, ahead: bool
) -> tuple[Block, Block]:
    """Mamba and Mamba-2, with the attention that works beside it in Falcon-H1.

    Returns the layer's output, and the next one's `history` if that was looked up before this layer was through.
    """
    attended = _attention(arena, w, tokens)
    history = arena.take(sequences * w.conv_per_sequence) if history is NOTHING else history
    normed = arena.take(tokens * w.hidden)
    projected = arena.take(tokens * w.projected)
    arena.give(normed)
    window = arena.take(tokens * w.channels + sequences * w.conv_per_sequence)
    arena.give(history)
    convolved = arena.take(tokens * w.channels)
    arena.give(window)
    selected, narrow = arena.take(tokens * w.selected), arena.take(tokens * w.steps)
    steps = arena.take(tokens * (w.heads or w.inner))
    arena.give(narrow)
    scanned = arena.take(tokens * w.inner + sequences * w.state_per_sequence)
    arena.give(steps, selected)
    arena.give(arena.take((sequences - 1) * w.state_per_sequence))
    if w.beside:
        out = arena.take(tokens * w.hidden)
        arena.give(attended)
        product = _gated(arena, w, tokens, (projected, convolved, scanned))
        arena.give(arena.take(tokens * w.hidden), product)
        return out, NOTHING
    following = arena.take(sequences * w.conv_per_sequence) if ahead else NOTHING
    product = _gated(arena, w, tokens, (projected, convolved, scanned))
    if w.kind == "mamba2":
        normed = arena.take(tokens * w.inner)
        arena.give(product)
        product = normed
    out = arena.take(tokens * w.hidden)
    arena.give(product)
    return out, following


def _short_convolution(
    arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, history: Block, *, ahead: bool
) -> tuple[Block, Block]:
    """A gated short convolution (LFM2): the layer's output, and the next one's `history` where that is looked up."""
    history = arena.take(sequences * w.conv_per_sequence) if history is NOTHING else history
    normed = arena.take(tokens * w.hidden)
    projected = arena.take(tokens * w.projected)
    arena.give(normed)
    gated = arena.take(tokens * w.channels)
    window = arena.take(tokens * w.channels + sequences * w.conv_per_sequence)
    arena.give(history, gated)
    following = arena.take(sequences * w.conv_per_sequence) if ahead else NOTHING
    convolved = arena.take(tokens * w.inner)
    arena.give(window, projected)
    out = arena.take(tokens * w.hidden)
    arena.give(convolved)
    return out, following


def _gated(arena: Arena, w: RecurrentWidths, tokens: int, blocks: tuple[Block, Block, Block]) -> Block:
    """The scan's output times its gate, a part of what was projected; Mamba adds the skipped input in place."""
    projected, convolved, scanned = blocks
    gate = arena.take(tokens * w.inner)
    arena.give(projected)
    skipped = convolved
    if w.kind == "mamba2":
        skipped = arena.take(tokens * w.inner)
        arena.give(convolved)
    arena.give(scanned)
    product = arena.take(tokens * w.inner)
    arena.give(gate, skipped)
    return product


def _attention(arena: Arena, w: RecurrentWidths, tokens: int) -> Block:
    """Attention beside the recurrence: its output waits until both are added."""
    if not w.beside:
        return NOTHING
    normed = arena.take(tokens * w.hidden)
    plain = arena.take(tokens * w.beside)
    rotated = arena.take(tokens * w.beside)
    arena.give(plain, normed)
    attended = arena.take(tokens * w.beside)
    arena.give(rotated)
    return attended


def delta_net(arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, normed: Block) -> Block:
    """A gated delta net, or Kimi's, whose queries, keys and values are convolved apart; returns the layer's output."""
    history = arena.take(sequences * w.conv_per_sequence)
    inputs = _convolved_apart if w.kind == "kda" else _convolved
    states, held = inputs(arena, w, tokens, sequences, history)
    strength = arena.take(tokens * w.heads)
    result = arena.take(tokens * w.inner + sequences * w.state_per_sequence)
    arena.give(*held, strength, states)
    output = arena.take(tokens * w.inner)
    arena.give(result)
    gate = arena.take(tokens * w.inner)
    arena.give(normed)
    active = arena.take(tokens * w.inner)
    arena.give(gate, active)
    out = arena.take(tokens * w.hidden)
    arena.give(output)
    return out


def _convolved(
    arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, history: Block
) -> tuple[Block, tuple[Block, ...]]:
    """All channels in one convolution: the states that were looked up, and what the delta net works on."""
    projected = arena.take(tokens * w.projected)
    window = arena.take(tokens * w.channels + sequences * w.conv_per_sequence)
    arena.give(history, projected)
    states = arena.take(sequences * w.state_per_sequence)
    convolved = arena.take(tokens * w.channels)
    arena.give(window)
    queries, keys = arena.take(tokens * w.keys), arena.take(tokens * w.keys)
    return states, (queries, keys, convolved, arena.take(tokens * w.heads))


def _convolved_apart(
    arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, history: Block
) -> tuple[Block, tuple[Block, ...]]:
    """The same with three convolutions, and a decay for every channel."""
    windows = []
    for _ in range(3):
        projected = arena.take(tokens * w.projected)
        windows.append(arena.take(tokens * w.channels + sequences * w.conv_per_sequence // 3))
        arena.give(projected)
    arena.give(history)
    states = arena.take(sequences * w.state_per_sequence)
    held = []
    for window, steps in zip(windows, (3, 3, 2), strict=True):
        block = window
        for _ in range(steps):
            following = arena.take(tokens * w.inner)
            arena.give(block)
            block = following
        held.append(block)
    raw = arena.take(tokens * w.inner)
    held.append(arena.take(tokens * w.inner))
    arena.give(raw)
    return states, tuple(held)


@lru_cache(maxsize=64)
def indexed_floats(widths: IndexedWidths, tokens: int, length: int, place: str = ALONE) -> int:
    """Floats in the most crowded moment of compressed attention over `length` cells of a stream.

    Buffers of positions are given back layer by layer. Once their gap holds the rotated queries, what follows lies
    closer together and the output no longer fits beside it, so a later layer can need more than the first.
    """
    widths = widths._replace(chosen=min(widths.chosen, length))
    later = min(widths.layers, -(-widths.rotated // widths.chosen))
    return max(_indexed(widths, tokens, length, done, place) for done in (0, later))


def _indexed(w: IndexedWidths, tokens: int, length: int, done: int, place: str) -> int:
    """The same in the layer after `done` others."""
    arena, hidden = Arena(), tokens * w.hidden
    begin(arena, hidden, place, _HANDED)
    earlier = arena.take(tokens * w.chosen * done)
    arena.take(tokens * w.chosen * (w.layers - done))
    normed = arena.take(hidden)
    arena.give(earlier)
    low = arena.take(tokens * w.low_rank)
    queries, absorbed = arena.take(tokens * w.queries), arena.take(tokens * w.absorbed)
    rotated = arena.take(tokens * w.rotated)
    arena.give(queries)
    joined = arena.take(tokens * (w.absorbed + w.rotated))
    arena.give(absorbed, rotated)
    asked = arena.take(tokens * w.indexer)
    arena.give(low)
    turned = arena.take(tokens * w.indexer)
    arena.give(asked)
    asked = arena.take(tokens * w.indexer)
    arena.give(turned, normed)
    scores = arena.take(tokens * length)
    arena.give(asked)
    best = arena.take(tokens * w.chosen)
    arena.give(scores, best)
    empty, mask = arena.take(tokens * length // 2), arena.take(tokens * length // 2)
    arena.give(empty)
    arena.take(tokens * w.absorbed)
    arena.give(joined, mask)
    return arena.peak
