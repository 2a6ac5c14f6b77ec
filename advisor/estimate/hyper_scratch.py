"""Scratch of models whose layers mix copies of the residual stream (hyper-connections: DeepSeek V4, GLM-5 Next).

What their attention looks up grows with context and sequences, so everything is laid out at once, masks and indices
among it; sizes are in floats. The order of the buffers is that of the graphs of build b11434, traced.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from advisor.estimate.arena import ALONE, BOUNDARY, NOTHING, Arena, Block
from advisor.estimate.block_scratch import Feeding, dense_block, routed_experts
from advisor.estimate.compressed_scratch import CompressedWidths, compress, compressed_attention
from advisor.estimate.extent import Extent, Own
from advisor.estimate.layer_scratch import RecurrentWidths, delta_net
from advisor.estimate.pooled_scratch import PooledWidths, pooled_attention

DELTA = "k"
"""Letter of a layer with a delta net; the others stand with their attention."""


_FEW = 4
"""Sequences up to which some layers speak for all."""
_PARTS = {
    "feeding": Feeding, "compressed": CompressedWidths, "pooled": PooledWidths, "recurrent": RecurrentWidths,
}  # fmt: skip


class Hyper(NamedTuple):
    """Buffer widths of a model with hyper-connections: floats a token."""

    hidden: int
    copies: int
    """Of the residual stream."""
    letters: str
    """What mixes tokens, a letter a layer."""
    first_routed: int
    """The first layer with experts."""
    feeding: Feeding
    """Experts, and the width of the dense block in the layers before."""
    compressed: CompressedWidths | None
    pooled: PooledWidths | None
    recurrent: RecurrentWidths | None
    vocab: int

    @property
    def attention(self) -> CompressedWidths | PooledWidths:
        """The kind of attention it has."""
        widths = self.compressed or self.pooled
        assert widths is not None
        return widths

    @classmethod
    def from_row(cls, *row: object) -> "Hyper":
        """From lists in the place of tuples, as JSON holds them."""
        values: dict[str, Any] = dict(zip(cls._fields, row, strict=True))
        values.update({name: part(*values[name]) for name, part in _PARTS.items() if values[name] is not None})
        return cls(**values)


@lru_cache(maxsize=256)
def hyper_floats(h: Hyper, x: Extent, layers: int, place: str = ALONE) -> int:
    """Floats in the most crowded moment of so many `layers`: the first ones, the last where an accelerator has them."""
    arena, first = Arena(), 0 if place == ALONE else len(h.letters) - layers
    letters = h.letters[first : first + layers]
    streams, own = _begin(arena, h, x, letters, place)
    done = 0
    for i in _telling(h, x, letters, first):
        for _ in filter(h.attention.chooses, letters[done:i]):
            arena.give(*next(own))
        done = i + 1
        mine = next(own) if h.attention.chooses(letters[i]) else Own()
        streams = _layer(_Moment(arena, h, x, first), first + i, streams, mine)
    last = arena.take(x.outputs * h.copies * h.hidden)
    arena.give(streams)
    arena.take(x.outputs * h.hidden)
    arena.give(last)
    arena.take(x.outputs * h.vocab)
    return arena.peak


def hyper_input_floats(h: Hyper, x: Extent) -> int:
    """Floats in main memory beside an accelerator that has every layer: masks, indices and embeddings."""
    arena, copies = Arena(), 4 if h.pooled else 2
    arena.take(x.tokens * (copies * h.hidden + 1))
    h.attention.indices(arena, x)
    h.attention.masks(arena, x, (), apart=False)
    return arena.peak


def _telling(h: Hyper, x: Extent, letters: str, first: int) -> list[int]:
    """Layers that need to be laid out: the leading ones, as far as any is unlike those before it.

    Zeros that layers write are given back one by one. Over compressed rows those gaps decide where streams come to lie:
    three more layers and the last two that choose come within 5 % of all layers, but not where many sequences are.
    """
    alike = [(letter, first + i >= h.first_routed) for i, letter in enumerate(letters)]
    leading = max([alike.index(kind) for kind in set(alike)], default=-1) + 1
    if h.pooled:
        return [*range(leading)]
    if x.sequences > _FEW:
        return [*range(len(letters))]
    leading = min(leading + 3, len(letters))
    last = [i for i in range(leading, len(letters)) if h.attention.chooses(letters[i])][-2:]
    return [*range(leading), *(range(last[0], last[-1] + 1) if last else ())]


class _Moment(NamedTuple):
    """What is laid out where."""

    arena: Arena
    h: Hyper
    x: Extent
    first: int
    """The first layer here."""


def _begin(arena: Arena, h: Hyper, x: Extent, letters: str, place: str) -> tuple[Block, Iterator[Own]]:
    """The copies of the residual stream beside masks and indices, and what each layer that chooses has of its own."""
    if place == BOUNDARY:
        return _handed_over(arena, h, x, letters)
    hidden, w = x.tokens * h.hidden, h.attention
    layers = sum(map(w.chooses, letters))
    if place == ALONE:
        arena.take(hidden + x.tokens)
        gone = [arena.take(hidden)] if h.pooled else []
        w.indices(arena, x)
        zeros = w.zeros(arena, x, min(layers, 1))
        own = w.masks(arena, x, zeros, apart=False)
        own += [Own(block) for block in w.zeros(arena, x, layers - 1)]
        embedded = arena.take(hidden)
        gone += [arena.take(hidden)] if h.pooled else []
    else:
        zeros = w.zeros(arena, x, layers)
        gone = [arena.take(hidden), arena.take(hidden)] if h.pooled else []
        embedded = arena.take(hidden)
        w.indices(arena, x)
        own = w.masks(arena, x, zeros, apart=True)
    if h.pooled:
        arena.take(hidden)
    arena.give(*gone)
    streams = arena.take(h.copies * hidden)
    arena.give(embedded)
    return streams, iter(own)


def _handed_over(arena: Arena, h: Hyper, x: Extent, letters: str) -> tuple[Block, Iterator[Own]]:
    """The same on an accelerator that takes over midway: what is left to be mixed is handed over.

    Where an accelerator lacks the fused operation for a part of the model, every product of two streams is handed over
    as a part of its own, each with all streams (GLM-5 Next, traced).
    """
    hidden, w = x.tokens * h.hidden, h.attention
    zeros = w.zeros(arena, x, sum(map(w.chooses, letters)))
    if h.pooled:
        parts = [arena.take(h.copies * hidden + h.copies**2 * x.tokens) for _ in range(h.copies**2)]
        gone = [*parts, arena.take(hidden)]
    else:
        gone = [arena.take(hidden), arena.take(hidden), arena.take(h.copies * hidden)]
    w.indices(arena, x)
    own = w.masks(arena, x, zeros, apart=True)
    if h.pooled:
        arena.give(arena.take(hidden), *gone)
        return arena.take(h.copies * hidden), iter(own)
    arena.give(gone.pop(1))
    streams = arena.take(h.copies * hidden)
    arena.give(*gone)
    return streams, iter(own)


def _layer(at: _Moment, index: int, streams: Block, own: Own) -> Block:
    """One layer: what mixes tokens, then its feed-forward block."""
    entering, held = _enter(at, streams, early=False)
    streams = _leave(at, _mix(at, index, entering, own), streams, held)
    entering, held = _enter(at, streams, early=at.h.compressed is not None)
    return _leave(at, _feed(at, index, entering), streams, held)


def _enter(at: _Moment, streams: Block, *, early: bool) -> tuple[Block, tuple[Block, ...]]:
    """What enters a block, mixed of all streams, and what is held for mixing its output with them again.

    The weights of that are made `early`, before the block works, or behind it.
    """
    arena, n, tokens = at.arena, at.h.copies, at.x.tokens
    normed = arena.take(n * tokens * at.h.hidden)
    weights = arena.take((n + 2) * n * tokens)
    arena.give(normed)
    held: tuple[Block, ...] = (weights,)
    if early:
        held = arena.take(n * tokens), arena.take(n * n * tokens)
    before = arena.take(n * tokens)
    arena.give(weights if early else NOTHING)
    entering = arena.take(tokens * at.h.hidden)
    arena.give(before)
    return entering, held


def _leave(at: _Moment, out: Block, streams: Block, held: tuple[Block, ...]) -> Block:
    """The streams with what a block made."""
    arena, n, tokens = at.arena, at.h.copies, at.x.tokens
    if len(held) == 1:
        weights = held[0]
        held = arena.take(n * tokens), arena.take(n * n * tokens)
        arena.give(weights)
    following = arena.take(n * tokens * at.h.hidden)
    arena.give(out, streams, *held)
    return following


def _mix(at: _Moment, index: int, entering: Block, own: Own) -> Block:
    """A layer's attention or delta net."""
    arena, h, x, first = at
    letter = h.letters[index]
    if letter == DELTA:
        assert h.recurrent is not None
        return delta_net(arena, h.recurrent, x.tokens, x.sequences, entering)
    if h.pooled is not None:
        return pooled_attention(arena, h.pooled, x, entering, own)
    assert h.compressed is not None
    if letter not in h.letters[first:index]:  # nothing of it stays, and the first finds what others find
        compress(arena, h.compressed, x, letter)
    return compressed_attention(arena, h.compressed, x, kind=letter, entering=entering, zeros=own.zeros)


def _feed(at: _Moment, index: int, entering: Block) -> Block:
    """A layer's experts, or its dense block."""
    arena, h, x, _ = at
    f, hidden = _of_all(h.feeding, x.tokens), x.tokens * h.hidden
    if index < h.first_routed:
        return dense_block(arena, hidden, f, entering)
    summed = routed_experts(arena, hidden, f, entering)
    arena.give(dense_block(arena, hidden, f._replace(inner=f.shared), entering))
    return summed


def _of_all(f: Feeding, tokens: int) -> Feeding:
    """The widths of all tokens together."""
    return f._replace(
        inner=f.inner * tokens, router=f.router * tokens, used_inner=f.used_inner * tokens,
        used_outer=f.used_outer * tokens, shared=f.shared * tokens,
    )  # fmt: skip
