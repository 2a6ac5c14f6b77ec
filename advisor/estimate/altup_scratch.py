"""Scratch of layers that carry several residual streams (AltUp of Gemma 3n), buffer by buffer as llama.cpp asks.

One stream goes through the layer; what the others will be is predicted before it and corrected behind it. The order of
the buffers is that of the graphs of build b11434, traced; sizes are floats a token.
"""

from typing import NamedTuple

from advisor.estimate.arena import MASK, Arena, Block
from advisor.estimate.attention_scratch import Mixing, Pass, attend, project


class Streams(NamedTuple):
    """Widths of a layer with several residual streams."""

    hidden: int
    copies: int
    mixing: Mixing
    inner: int
    laurel: int
    """Width of the narrow product beside attention."""
    per_layer: int
    """Per-layer embedding that is added behind the layer."""
    sparse: bool
    """Only the largest activations of the feed-forward block are kept."""


Pair = tuple[Block, Block]
"""All streams, as they were joined and laid side by side: both are read until the next layer has predicted."""


def stack(arena: Arena, hidden: int, count: int) -> Pair:
    """The streams made of the embeddings, each brought to their length."""
    others = (count - 1) * hidden
    repeated, made = arena.take(others), arena.take(others)
    arena.give(repeated)
    squares = arena.take(hidden)
    length = arena.take(1)
    arena.give(squares)
    scaled = arena.take(others)
    arena.give(length, made)
    joined = arena.take(count * hidden)
    arena.give(scaled)
    return joined, arena.take(count * hidden)


def handed_over(arena: Arena, s: Streams) -> Pair:
    """Streams that an accelerator is handed midway, before they are joined; masks come behind them."""
    others, made, first = [arena.take(size) for size in ((s.copies - 1) * s.hidden, s.hidden, s.hidden)]
    arena.take(MASK)
    return _join(arena, s, others, (made, first))


def _join(arena: Arena, s: Streams, others: Block, rest: Pair) -> Pair:
    arena.give(rest[0])
    joined = arena.take(s.copies * s.hidden)
    arena.give(rest[1], others)
    return joined, arena.take(s.copies * s.hidden)


def streams_layer(work: Pass, s: Streams, streams: Pair, tables: tuple[int, Block, Block] | None) -> Pair:
    """One layer; `tables` are per-layer embeddings that are made in the first: floats, as looked up, the embeddings."""
    arena, hidden = work.arena, s.hidden
    predicted = _predict(arena, s, streams)
    out, normed = attend(work, hidden, s.mixing, shared=True)
    attended = project(work, hidden, s.mixing, out)
    narrow, beside = arena.take(s.laurel), arena.take(hidden)
    arena.give(narrow, normed, beside)
    out = _feed(arena, s)
    arena.give(attended)
    innovation = arena.take(hidden)
    corrected = arena.take(s.copies * hidden)
    arena.give(innovation, out, predicted)
    scaled = arena.take(hidden)
    gate = arena.take(s.per_layer)
    arena.give(scaled)
    if tables is not None:
        project_tables(arena, *tables)
    added = arena.take(hidden)
    arena.give(gate)
    others = arena.take((s.copies - 1) * hidden)
    return _join(arena, s, others, (added, corrected))


def _predict(arena: Arena, s: Streams, streams: Pair) -> Block:
    joined, aside = streams
    router = arena.take(s.hidden)
    modalities = arena.take(s.copies)
    arena.give(router)
    weights = arena.take(s.copies**2)
    arena.give(modalities)
    mixed = arena.take(s.copies * s.hidden)
    arena.give(aside, weights)
    predicted = arena.take(s.copies * s.hidden)
    arena.give(mixed, joined)
    return predicted


def _feed(arena: Arena, s: Streams) -> Block:
    normed = arena.take(s.hidden)
    gate, up = arena.take(s.inner), arena.take(s.inner)
    arena.give(normed)
    if s.sparse:
        arena.give(arena.take(s.inner))
    arena.give(up)
    out = arena.take(s.hidden)
    arena.give(gate)
    return out


def project_tables(arena: Arena, tables: int, selected: Block, embedded: Block) -> None:
    """Per-layer embeddings are joined with what the embeddings say of each layer, once the first layer needs them."""
    projected = arena.take(tables)
    arena.give(embedded)
    normed = arena.take(tables)
    arena.give(projected, selected)
    arena.take(tables)
    arena.give(normed)
