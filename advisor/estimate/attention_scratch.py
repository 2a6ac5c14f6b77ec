"""Scratch of attention, buffer by buffer as llama.cpp asks for them (build b11434): sizes in floats a token."""

from typing import NamedTuple

from advisor.estimate.arena import NOTHING, Arena, Block
from advisor.estimate.layer_scratch import RecurrentWidths

_SCORES = 1 << 40
"""Stands for a layer's scores: wider than any gap, so that they lie at the end."""


class Mixing(NamedTuple):
    """Buffer widths of what mixes tokens; a recurrent layer has an output alone, its own buffers lie elsewhere."""

    windowed: bool = False
    queries: int = 0
    keys: int = 0
    values: int = 0
    output: int = 0
    fused: bool = False
    """One projection for queries, keys and values."""
    keys_first: bool = False
    """Keys are made before values: where some layers have a window."""
    normed: bool = True
    """A norm stands before it."""
    turned: bool = True
    """Queries and keys are copied once, as they are rotated by position or normed."""
    gate: int = 0
    """Width of a gate's projection on the output."""
    doubled: bool = False
    """Queries are projected together with their gate."""
    sub_norm: bool = False
    """A norm before the output's projection."""
    cached: bool = True
    """False: keys and values of the micro-batch alone, copied in 16 bits for flash attention."""
    low_rank: int = 0
    absorbed: int = 0
    """Compressed attention: queries in the compressed space, all heads; 0: none."""
    rotated: int = 0
    recurrent: RecurrentWidths | None = None
    """A recurrent layer's."""


class Cached(NamedTuple):
    """What the cache's types and the kernel ask for."""

    keys: bool = False
    """Turned before they are quantized."""
    values: bool = False
    flash: bool = True


class Pass:
    """One pass over a model's layers."""

    def __init__(self, cache: Cached) -> None:
        self.arena, self.cache = Arena(), cache
        self.beside = {False: 0, True: 0}
        self.gap = self.hollow = 0
        self.history = NOTHING

    def scores(self, windowed: bool) -> Block:
        """Scores, beside which the queries still lie."""
        arena, before = self.arena, self.arena.peak
        self.gap = max(self.gap, arena.widest_gap())
        block = arena.take(_SCORES)
        self.beside[windowed] = max(self.beside[windowed], arena.peak - _SCORES)
        arena.peak = before
        return block


def project(work: Pass, hidden: int, m: Mixing, attended: Block) -> Block:
    """Attention's output in the model's width."""
    if not m.output:
        return attended
    arena = work.arena
    turns = int(work.cache.values and not (m.absorbed or m.gate or m.doubled)) + m.sub_norm
    attended = turn(arena, attended, m.output, turns)
    out = arena.take(hidden)
    arena.give(attended)
    return out


def attend(work: Pass, hidden: int, m: Mixing, *, shared: bool) -> tuple[Block, Block]:
    """Attention up to the sum over values, and the norm before it if that is `shared` with what follows."""
    arena = work.arena
    normed = arena.take(hidden) if m.normed else NOTHING
    if not m.output:
        out = arena.take(hidden)
        arena.give(normed)
        return out, NOTHING
    if m.absorbed:
        return _compressed(work, m, normed), NOTHING
    kept = shared or m.gate > 0
    made = (_fused if m.fused else _apart)(work, m, NOTHING if kept else normed)
    out = _weigh(work, m, made)
    if not m.gate:
        return out, normed if kept else NOTHING
    out = turn(arena, out, m.output, int(work.cache.values))
    factor = arena.take(m.gate)
    arena.give(normed)
    if m.gate < m.output:
        product = arena.take(m.output)
        arena.give(factor)
        factor = product
    arena.give(out)
    return factor, NOTHING


class _Made(NamedTuple):
    """What attention works on: queries, keys and values if no cache holds them, and a gate."""

    queries: Block
    held: tuple[Block, ...] = ()
    gate: Block = NOTHING


def _weigh(work: Pass, m: Mixing, made: _Made) -> Block:
    """The sum over values, and its gate where that came with the queries."""
    out = (_flash if work.cache.flash else _scored)(work, m, made)
    if not m.doubled:
        return out
    out = turn(work.arena, out, m.output, int(work.cache.values))
    factor = work.arena.take(m.output)
    work.arena.give(made.gate, out)
    return factor


def _flash(work: Pass, m: Mixing, made: _Made) -> Block:
    arena, halves = work.arena, []
    for block, width in zip(made.held, (m.keys, m.values), strict=False):
        halves.append(arena.take(width // 2))
        arena.give(block)
    out = arena.take(m.output)
    arena.give(made.queries, *halves)
    return out


def _scored(work: Pass, m: Mixing, made: _Made) -> Block:
    arena, transposed = work.arena, NOTHING
    if made.held:
        transposed = arena.take(m.values)
        arena.give(made.held[1])
    scores = work.scores(m.windowed)
    arena.give(made.queries, *made.held[:1])
    weighed = arena.take(m.output)
    arena.give(scores, transposed)
    out = arena.take(m.output)
    arena.give(weighed)
    return out


def turn(arena: Arena, block: Block, width: int, often: int) -> Block:
    """What is left of a block that is written anew so many times."""
    for _ in range(often):
        turned = arena.take(width)
        arena.give(block)
        block = turned
    return block


def handed_on(arena: Arena, block: Block, width: int, hidden: int) -> Block:
    """What a block becomes that is brought to a width, turned there, and projected to the hidden one."""
    brought = arena.take(width)
    arena.give(block)
    brought = turn(arena, brought, width, 1)
    projected = arena.take(hidden)
    arena.give(brought)
    return projected


def _apart(work: Pass, m: Mixing, normed: Block) -> _Made:
    """Queries, keys and values by projections of their own; `normed` goes with the last of those."""
    arena, cache = work.arena, work.cache
    turns = int(m.turned) + cache.keys
    gate = arena.take(2 * m.queries) if m.doubled else NOTHING
    queries = turn(arena, arena.take(m.queries), m.queries, turns - m.doubled)
    if not m.keys:
        arena.give(normed)
        return _Made(queries)
    plan = [(m.keys, turns), (m.values, int(cache.values))]
    blocks: list[Block] = []
    for width, often in plan if m.keys_first else reversed(plan):
        block = arena.take(width)
        if blocks:
            arena.give(normed)
        blocks.append(turn(arena, block, width, often))
    if m.cached:
        arena.give(*reversed(blocks))
        return _Made(queries, (), gate)
    return _Made(queries, tuple(blocks), gate)


def _fused(work: Pass, m: Mixing, normed: Block) -> _Made:
    """The same by one projection, of which values stay a part unless they are turned."""
    arena, cache = work.arena, work.cache
    values = arena.take(m.queries + m.keys + m.values)
    arena.give(normed)
    queries = turn(arena, arena.take(m.queries), m.queries, int(cache.keys))
    whole, turned = values, NOTHING
    if cache.values:
        turned = turn(arena, arena.take(m.values), m.values, 1)
    keys = arena.take(m.keys)
    if cache.values:
        arena.give(whole)
        values = turned
    keys = turn(arena, keys, m.keys, int(cache.keys))
    if m.cached:
        arena.give(keys, values)
        return _Made(queries)
    return _Made(queries, (keys, values))


def _compressed(work: Pass, m: Mixing, normed: Block) -> Block:
    """Multi-head latent attention in its absorbed form."""
    arena = work.arena
    low = arena.take(m.low_rank) if m.low_rank else NOTHING
    queries = arena.take(m.queries)
    arena.give(low)
    absorbed, rotated = arena.take(m.absorbed), arena.take(m.rotated)
    arena.give(queries)
    joined = arena.take(m.absorbed + m.rotated)
    arena.give(absorbed, rotated)
    compressed = arena.take(m.keys)
    arena.give(normed)
    latent = arena.take(m.values)
    turned = arena.take(m.keys - m.values)
    arena.give(compressed)
    keys = arena.take(m.keys)
    arena.give(latent, turned, keys)
    scores = NOTHING if work.cache.flash else work.scores(m.windowed)
    if scores != NOTHING:
        arena.give(joined)
    attended = arena.take(m.absorbed)
    arena.give(joined if scores == NOTHING else scores)
    out = arena.take(m.output)
    arena.give(attended)
    again = arena.take(m.output)
    arena.give(out)
    return again
