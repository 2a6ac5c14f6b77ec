"""Scratch of attention and feed-forward blocks, laid out buffer by buffer as llama.cpp asks for them.

All of these buffers grow with the micro-batch alone, but for the scores that exist without flash attention: sizes are
floats a token, and one pass over a model's first layers tells them for every context. The order of the buffers is that
of the graphs of build b11434, traced over its architectures. Masks and indices lie apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

from advisor.estimate.altup_scratch import Pair, Streams, handed_over, project_tables, stack, streams_layer
from advisor.estimate.arena import ALONE, BOUNDARY, DEVICE, MASK, NOTHING, Arena, Block, begin
from advisor.estimate.attention_scratch import Cached, Mixing, Pass, attend, project
from advisor.estimate.layer_scratch import recurrent_layer


class Feeding(NamedTuple):
    """Buffer widths of a feed-forward block; `inner` 0: there is none."""

    normed: bool = True
    inner: int = 0
    gated: bool = True
    fused_gate: bool = False
    router: int = 0
    biased: bool = False
    used_inner: int = 0
    """Hidden elements of all experts used; 0: none."""
    used_outer: int = 0
    shared: int = 0
    weighted_first: bool = False
    """What enters the experts is weighted, not what leaves them."""


class Layer(NamedTuple):
    """One layer."""

    hidden: int
    mixing: Mixing | None
    feeding: Feeding | None
    parallel: bool = False
    """Both blocks work on the same input, and attention's output waits for the other."""
    early: bool = False
    """A parallel block that projects attention's output before the other works."""
    into_residual: bool = False
    """The sum takes the place of what came in."""
    looks_ahead: int = 0
    """Convolution inputs of the recurrent layer that follows, which are looked up in this one already."""
    handed: int = 2
    """Buffers that are left to be summed at its end: what it made, what came in, and attention's output beside it."""
    norms_sum: bool = False
    """Norms stand after the sums (BERT)."""
    streams: Streams | None = None
    """The whole layer, where it has several residual streams."""

    @property
    def feeding_normed(self) -> bool:
        """Whether the feed-forward block has a norm of its own."""
        return self.feeding is not None and self.feeding.normed

    @property
    def routed(self) -> bool:
        """Whether it has experts."""
        return self.feeding is not None and self.feeding.used_inner > 0


class Found(NamedTuple):
    """Floats a token of one pass: the most away from scores, beside those of each kind, and the widest gap there."""

    rest: int
    full: int
    window: int
    gap: int
    hollow: int
    """Where masks find room between others; 0: nowhere."""


def alone(layers: Sequence[Layer], tables: int, cache: Cached) -> Found:
    """All layers where the embeddings are looked up; `tables` are per-layer embeddings of all layers."""
    work = Pass(cache)
    arena = work.arena
    residual = begin(arena, layers[0].hidden, ALONE)
    raw, selected = arena.take(tables), arena.take(tables)
    arena.give(raw)
    return _all(work, layers, residual, tables, selected)


def device(layers: Sequence[Layer], tables: int, cache: Cached) -> Found:
    """All layers on an accelerator that is handed the embeddings, or what was made of them."""
    work = Pass(cache)
    arena, hidden = work.arena, layers[0].hidden
    if tables:
        selected, residual, _ = arena.take(tables), arena.take(hidden), arena.take(MASK)
        return _all(work, layers, residual, tables, selected)
    return _all(work, layers, begin(arena, hidden, DEVICE), 0, NOTHING)


def boundary(before: Layer, layers: Sequence[Layer], cache: Cached) -> Found:
    """Layers on an accelerator that takes over from main memory behind the layer `before`.

    What is left to be summed there is handed over; the masks come after it.
    """
    work = Pass(cache)
    arena, hidden = work.arena, before.hidden
    if before.streams is not None:
        return _streams(work, layers, handed_over(arena, before.streams), None)
    if before.feeding is not None and before.routed and before.feeding.shared and before.looks_ahead:
        residual = _summed_here(work, before, before.feeding)
    elif before.feeding is not None and before.routed and not before.feeding.shared:
        experts, beside = arena.take(before.feeding.used_outer), arena.take(hidden + 1)
        arena.take(MASK)
        residual = arena.take(hidden)
        arena.give(experts)
        work.history = arena.take(before.looks_ahead) if before.looks_ahead else NOTHING
        residual = _sum(arena, before, residual, beside, NOTHING)
    else:
        work.history = arena.take(before.looks_ahead) if before.looks_ahead and not before.routed else NOTHING
        residual = begin(arena, hidden, BOUNDARY, before.handed)
    for layer in layers:
        residual = _layer(work, layer, residual, NOTHING)
    return _found(work)


def _summed_here(work: Pass, before: Layer, feeding: Feeding) -> Block:
    """Experts are handed over and summed before the next layer's inputs are looked up; masks find room where they lay.

    Those inputs are the accelerator's own, and what comes before them in the graph goes with them. The index of states
    that stays behind the experts keeps the gap there apart from what follows.
    """
    arena = work.arena
    experts, _ = arena.take(feeding.used_outer), arena.take(MASK)
    summed = arena.take(before.hidden)
    arena.give(experts)
    work.history = arena.take(before.looks_ahead)
    others = [arena.take(before.hidden), arena.take(before.hidden)]
    work.hollow = arena.widest_gap()
    arena.take(MASK)
    arena.give(*others)
    return summed


def _all(work: Pass, layers: Sequence[Layer], residual: Block, tables: int, selected: Block) -> Found:
    arena, embedded = work.arena, residual if tables else NOTHING
    several = layers[0].streams
    if several is not None:
        made = stack(arena, several.hidden, several.copies)
        return _streams(work, layers, made, (tables, selected, embedded))
    for layer in layers:
        residual = _layer(work, layer, residual, embedded)
        if embedded != NOTHING:
            project_tables(arena, tables, selected, embedded)
            embedded = NOTHING
        if tables:
            arena.give(arena.take(layer.hidden))
    return _found(work)


def _streams(work: Pass, layers: Sequence[Layer], made: Pair, tables: tuple[int, Block, Block] | None) -> Found:
    """Layers with several residual streams."""
    for layer in layers:
        assert layer.streams is not None
        made, tables = streams_layer(work, layer.streams, made, tables), None
    return _found(work)


def _found(work: Pass) -> Found:
    return Found(work.arena.peak, work.beside[False], work.beside[True], work.gap, work.hollow)


def _layer(work: Pass, layer: Layer, residual: Block, kept: Block) -> Block:
    arena, mixing, feeding = work.arena, layer.mixing, layer.feeding
    attended, normed = _mix(work, layer, mixing) if mixing is not None else (NOTHING, NOTHING)
    if mixing is not None and not layer.parallel:
        attended = project(work, layer.hidden, mixing, attended)
        residual, attended = _sum(arena, layer, attended, residual, kept), NOTHING
    if feeding is None:
        return residual
    if feeding.normed:
        normed = arena.take(layer.hidden)
    out = _experts(work, layer, feeding, normed) if layer.routed else dense_block(arena, layer.hidden, feeding, normed)
    if mixing is not None and layer.parallel:
        arena.give(attended if layer.early else project(work, layer.hidden, mixing, attended))
    return _sum(arena, layer, out, residual, kept)


def _mix(work: Pass, layer: Layer, mixing: Mixing) -> tuple[Block, Block]:
    """What mixes tokens, its output not yet projected unless that comes early, and the norm that is still read."""
    ahead = layer.looks_ahead if not layer.routed else 0
    if mixing.recurrent is not None:
        looked_up, work.history = work.history, NOTHING
        attended, work.history = recurrent_layer(work.arena, mixing.recurrent, 1, 1, looked_up, ahead=ahead > 0)
        return attended, NOTHING
    attended, normed = attend(work, layer.hidden, mixing, shared=layer.parallel and not layer.feeding_normed)
    if ahead:
        work.history = work.arena.take(ahead)
    if layer.early:
        attended = project(work, layer.hidden, mixing, attended)
    return attended, normed


def _sum(arena: Arena, layer: Layer, out: Block, residual: Block, kept: Block) -> Block:
    """The sum of what a block made and what came in, unless that is `kept` for others; a norm of it after the block."""
    if residual != kept:
        stays, gone = (residual, out) if layer.into_residual else (out, residual)
        arena.give(gone)
        out = stays
    if layer.norms_sum:
        normed = arena.take(layer.hidden)
        arena.give(out)
        out = normed
    return out


def dense_block(arena: Arena, hidden: int, f: Feeding, normed: Block) -> Block:
    """The output of a dense block."""
    if f.fused_gate:
        both = arena.take(2 * f.inner)
        arena.give(normed)
        product = arena.take(f.inner)
        arena.give(both)
    elif f.gated:
        gate, up = arena.take(f.inner), arena.take(f.inner)
        arena.give(normed)
        product = arena.take(f.inner)
        arena.give(gate, up)
    else:
        product = arena.take(f.inner)
        arena.give(normed)
    out = arena.take(hidden)
    arena.give(product)
    return out


def _experts(work: Pass, layer: Layer, f: Feeding, normed: Block) -> Block:
    """Routed experts, and a shared one beside them."""
    arena = work.arena
    summed = routed_experts(arena, layer.hidden, f, normed)
    if layer.looks_ahead:
        work.history = arena.take(layer.looks_ahead)
    if f.shared:
        shared = f._replace(inner=f.shared, fused_gate=False)
        arena.give(dense_block(arena, layer.hidden, shared, normed))
    return summed


def routed_experts(arena: Arena, hidden: int, f: Feeding, normed: Block) -> Block:
    """The sum of the routed experts' outputs."""
    probabilities = arena.take(f.router)
    biased = arena.take(f.router) if f.biased else NOTHING
    order = arena.take(f.router)
    arena.give(biased, probabilities)
    entering = arena.take(f.used_outer) if f.weighted_first else NOTHING
    product = arena.take(f.used_inner)
    if f.gated:
        gate, up = product, arena.take(f.used_inner)
        if not f.shared:
            arena.give(normed)
        arena.give(entering)
        product = arena.take(f.used_inner)
        arena.give(gate, up)
    elif not f.shared:
        arena.give(normed)
    outputs = arena.take(f.used_outer)
    arena.give(product, order)
    summed = arena.take(hidden)
    arena.give(outputs)
    return summed
