"""Scratch of the layers whose buffers do not grow together, laid out one by one as llama.cpp asks for them.

Its graph allocator gives each buffer the tightest gap that holds it, or room at the end; what counts is the highest end
ever reached. A recurrent layer's states grow with sequences and its inputs with tokens, a sparse indexer's scores grow
with the depth: which of them fit into gaps decides, and no sum says it. Sizes are in floats, the order of the buffers
that of the graphs of build b11434, traced. Masks and indices lie apart.
"""

from functools import lru_cache
from typing import NamedTuple


class RecurrentWidths(NamedTuple):
    """Buffer widths of a recurrent layer: floats a token, or a sequence where the name says so."""

    kind: str
    """mamba, mamba2, gdn or kda."""
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


class RoutedWidths(NamedTuple):
    """Buffer widths of a layer of attention and routed experts without a shared one: floats a token."""

    hidden: int
    queries: int
    keys: int
    router: int
    inner: int
    """Hidden elements of all experts used."""
    gated: bool
    outer: int
    """Their outputs, before they are summed."""


Block = tuple[int, int]
"""Start and end in an arena."""
NOTHING: Block = (0, 0)
MASK = 1
"""Stands for the attention mask, which keeps the gaps on both of its sides apart; its size is counted elsewhere."""


class Arena:
    """Address space handed out by best fit; freed neighbours merge."""

    __slots__ = ("_gaps", "_tail", "peak")

    def __init__(self) -> None:
        self._gaps: list[Block] = []
        self._tail = 0
        self.peak = 0

    def take(self, size: int) -> Block:
        """A block of this size."""
        fitting = [gap for gap in self._gaps if gap[1] - gap[0] >= size]
        if not fitting:
            start, self._tail = self._tail, self._tail + size
            self.peak = max(self.peak, self._tail)
            return start, self._tail
        start, end = min(fitting, key=lambda gap: (gap[1] - gap[0], -gap[0]))
        self._gaps.remove((start, end))
        if end - start > size:
            self._gaps.append((start + size, end))
        return start, start + size

    def give(self, *blocks: Block) -> None:
        """Free blocks."""
        for block in blocks:
            low, high = block
            for gap in [gap for gap in self._gaps if gap[1] == low or gap[0] == high]:
                self._gaps.remove(gap)
                low, high = min(low, gap[0]), max(high, gap[1])
            if high == self._tail:
                self._tail = low
            elif high > low:
                self._gaps.append((low, high))


@lru_cache(maxsize=512)
def recurrent_floats(widths: RecurrentWidths, tokens: int, sequences: int) -> int:
    """Floats in the most crowded moment of recurrent layers: the first finds other gaps than those that follow.

    Where experts follow, which `_feed_forward` leaves out, the first layer speaks for all.
    """
    arena, w, hidden = Arena(), widths, tokens * widths.hidden
    _, mixed, _, residual, looked_up, _ = [arena.take(size) for size in (hidden, hidden, MASK, hidden, hidden, hidden)]
    arena.give(mixed, looked_up)
    history = NOTHING
    for _ in range(2 if w.ffn else 1):
        if w.kind in ("gdn", "kda"):
            out = _delta_net(arena, w, tokens, sequences)
        else:
            out, history = _mamba(arena, w, tokens, sequences, history)
        # the sum with what came in takes the place of the one or of the other
        out, residual = (residual, out) if w.kind == "gdn" else (out, residual)
        arena.give(residual)
        residual = _feed_forward(arena, w, tokens, out)
    return arena.peak


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


def _mamba(arena: Arena, w: RecurrentWidths, tokens: int, sequences: int, history: Block) -> tuple[Block, Block]:
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
    steps = arena.take(tokens * (w.heads or w.inner))
    scanned = arena.take(tokens * w.inner + sequences * w.state_per_sequence)
    arena.give(steps)
    arena.give(arena.take((sequences - 1) * w.state_per_sequence))
    if w.beside:
        out, ahead = arena.take(tokens * w.hidden), NOTHING
        arena.give(attended)
        product = _gated(arena, w, tokens, (projected, convolved, scanned))
        arena.give(arena.take(tokens * w.hidden), product)
        return out, ahead
    ahead = arena.take(sequences * w.conv_per_sequence)
    product = _gated(arena, w, tokens, (projected, convolved, scanned))
    if w.kind == "mamba2":
        normed = arena.take(tokens * w.inner)
        arena.give(product)
        product = normed
    out = arena.take(tokens * w.hidden)
    arena.give(product)
    return out, ahead


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


def _delta_net(arena: Arena, w: RecurrentWidths, tokens: int, sequences: int) -> Block:
    """A gated delta net, or Kimi's, whose queries, keys and values are convolved apart; returns the layer's output."""
    normed = arena.take(tokens * w.hidden)
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
def indexed_floats(widths: IndexedWidths, tokens: int, length: int) -> int:
    """Floats in the most crowded moment of compressed attention over `length` cells of a stream.

    Buffers of positions are given back layer by layer. Once their gap holds the rotated queries, what follows lies
    closer together and the output no longer fits beside it, so a later layer can need more than the first.
    """
    widths = widths._replace(chosen=min(widths.chosen, length))
    later = min(widths.layers, -(-widths.rotated // widths.chosen))
    return max(_indexed(widths, tokens, length, done) for done in (0, later))


def _indexed(w: IndexedWidths, tokens: int, length: int, done: int) -> int:
    """The same in the layer after `done` others."""
    arena, hidden = Arena(), tokens * w.hidden
    _, mixed, _ = arena.take(hidden), arena.take(hidden), arena.take(MASK)
    earlier = arena.take(tokens * w.chosen * done)
    arena.take(tokens * w.chosen * (w.layers - done))
    _, looked_up, _ = arena.take(hidden), arena.take(hidden), arena.take(hidden)
    arena.give(looked_up)
    normed = arena.take(hidden)
    arena.give(mixed)
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


@lru_cache(maxsize=256)
def boundary_floats(widths: RoutedWidths, tokens: int, mask: int) -> int:
    """Floats on a device whose first layer follows one in main memory; `mask` counts its attention masks.

    The outputs of the last experts there are handed over before they are summed. They come first, the masks after
    them, so that later layers find a gap that may not hold what they need.
    """
    arena, w, hidden = Arena(), widths, tokens * widths.hidden
    handed, beside = arena.take(tokens * w.outer), arena.take(hidden + 1)
    arena.take(mask)
    residual = arena.take(hidden)
    arena.give(handed, beside)
    for _ in range(4):
        normed = arena.take(hidden)
        plain, queries = arena.take(tokens * w.queries), arena.take(tokens * w.queries)
        arena.give(plain)
        values, keys = arena.take(tokens * w.keys), arena.take(tokens * w.keys)
        arena.give(normed)
        rotated = arena.take(tokens * w.keys)
        arena.give(keys, rotated, values)
        attended = arena.take(tokens * w.queries)
        arena.give(queries)
        entering = arena.take(hidden)
        arena.give(attended, residual)
        residual = _routed(arena, w, tokens)
        arena.give(entering)
    return arena.peak


def _routed(arena: Arena, w: RoutedWidths, tokens: int) -> Block:
    """Experts, until their outputs are summed."""
    normed = arena.take(tokens * w.hidden)
    scores, order = arena.take(tokens * w.router), arena.take(tokens * w.router)
    arena.give(scores)
    product = arena.take(tokens * w.inner)
    if w.gated:
        gate, up = product, arena.take(tokens * w.inner)
        arena.give(normed)
        product = arena.take(tokens * w.inner)
        arena.give(gate, up)
    else:
        arena.give(normed)
    outputs = arena.take(tokens * w.outer)
    arena.give(product, order)
    summed = arena.take(tokens * w.hidden)
    arena.give(outputs)
    return summed
