"""Scratch of compressed attention whose indexer chooses among pools of positions (GLM-5 Next), buffer by buffer.

The order is that of llama.cpp's graph (build b11434, traced). Widths are in floats a token; what a layer lays out also
grows with the pools it scores and the cells it masks.
"""

from collections.abc import Sequence
from typing import NamedTuple

from advisor.estimate.arena import Arena, Block
from advisor.estimate.attention_scratch import handed_on, turn
from advisor.estimate.extent import Extent, Own
from advisor.estimate.tensor_types import row_bytes

POOLED = "f"
"""Letter of a layer with this attention."""
_POOL_PADDING = 64
"""Pools are counted in multiples of this, one more than there are (llama.cpp, kpool_pad)."""


class PooledWidths(NamedTuple):
    """Buffer widths of the attention."""

    hidden: int
    low_rank: int
    queries: int
    """Of all heads together, as those that follow."""
    absorbed: int
    output: int
    row: int
    """A row of the cache."""
    asked: int
    """An indexer's queries."""
    indexer: int
    """An indexer's key."""
    pool: int
    """Positions in a pool."""
    chosen: int
    """Positions that are attended to."""

    def pools(self, x: Extent) -> tuple[int, int]:
        """Pools of all sequences, each as long as a stream, and the same with padding."""
        real = x.sequences * x.full // self.pool
        return real, (real // _POOL_PADDING + 1) * _POOL_PADDING

    def best(self, x: Extent) -> int:
        """Pools that are chosen."""
        return min(self.pools(x)[1], self.chosen // self.pool)

    def slots(self, x: Extent) -> int:
        """Slots of a mask for the positions in these, and for those that are in no pool yet."""
        return self.pool * self.best(x) + self.pool - 1

    def chooses(self, letter: str) -> bool:
        """Whether a layer makes a mask of its own."""
        return letter == POOLED

    def zeros(self, arena: Arena, x: Extent, layers: int) -> list[Block]:
        """What is written in the place of pools into the rows of so many layers, and rows to begin their masks with."""
        rows = (2 * self.slots(x) + x.full) // (2 if x.flash else 1)
        return [arena.take(x.tokens * self.indexer + rows) for _ in range(layers)]

    def indices(self, arena: Arena, x: Extent) -> None:
        """What stands before the masks: pools with their positions, and the mask of pools."""
        real, pools = self.pools(x)
        arena.take((self.pool + 1) * pools + x.tokens * pools // 2 + x.tokens * (self.pool + 3) + x.sequences)
        arena.take(2 * real)

    def masks(self, arena: Arena, x: Extent, zeros: Sequence[Block], *, apart: bool) -> list[Own]:
        """Masks of slots and positions, with what pools consist of: one for all, or `apart` for each layer."""
        sizes = self.pool * self.pools(x)[0] + x.tokens * self.slots(x), x.mask(x.full)
        if not apart:
            arena.take(sum(sizes))
        return [Own(block, *([arena.take(size) for size in sizes] if apart else ())) for block in zeros]


def pooled_attention(arena: Arena, w: PooledWidths, x: Extent, entering: Block, own: Own) -> Block:
    """The attention of one layer up to its projected output."""
    _pool_keys(arena, w, x, own.zeros)
    low = arena.take(x.tokens * w.low_rank)
    slots = _choose(arena, w, x)
    plain = arena.take(x.tokens * w.queries)
    arena.give(low)
    queries = arena.take(x.tokens * w.absorbed)
    arena.give(plain)
    row = arena.take(x.tokens * w.row)
    arena.give(entering)
    arena.give(row)
    out = _weigh(arena, w, x, queries, (slots, own))
    return handed_on(arena, out, x.tokens * w.output, x.tokens * w.hidden)


def _weigh(arena: Arena, w: PooledWidths, x: Extent, queries: Block, chosen: tuple[Block, Own]) -> Block:
    width = x.tokens * w.absorbed
    if x.flash:
        mask = _open_mask(arena, w, x, *chosen)
        out = arena.take(width)
        arena.give(queries, mask)
        return out
    values = arena.take(x.streams * x.full * row_bytes(w.row, x.k_type) // 4)
    scores = arena.take(width // w.row * x.full)
    arena.give(queries)
    arena.give(_open_mask(arena, w, x, *chosen))
    out = arena.take(width)
    arena.give(values, scores)
    return out


def _pool_keys(arena: Arena, w: PooledWidths, x: Extent, zeros: Block) -> None:
    """Keys and gates of the tokens, written beside room for the pool's, then pools made anew of all positions."""
    width, made = x.tokens * w.indexer, w.pools(x)[0] * w.indexer
    keys = turn(arena, arena.take(width), width, 1)
    gates = arena.take(width)
    joined = arena.take(2 * width)
    arena.give(keys, gates)
    longer = arena.take(3 * width)
    arena.give(joined, zeros, longer)
    found = arena.take(2 * w.pool * made)
    weights = turn(arena, arena.take(w.pool * made), w.pool * made, 2)
    contents = arena.take(w.pool * made)
    arena.give(found, weights)
    pooled = arena.take(made)
    arena.give(contents, pooled)


def _choose(arena: Arena, w: PooledWidths, x: Extent) -> Block:
    """Positions of the pools that score best, in order."""
    pools, best = w.pools(x)[1], w.best(x)
    asked, pooled = arena.take(x.tokens * w.asked), arena.take(pools * w.indexer)
    weights = arena.take(x.tokens * w.asked // w.indexer)
    scores = arena.take(x.tokens * pools)
    arena.give(asked, pooled, weights)
    top, copied = arena.take(x.tokens * best), arena.take(x.tokens * best)
    found = arena.take(x.tokens * best)
    arena.give(scores, top)
    order = arena.take(x.tokens * best)
    arena.give(found)
    ordered = arena.take(x.tokens * best)
    arena.give(copied, order)
    ordered = turn(arena, ordered, x.tokens * best, 2)
    positions = arena.take(x.tokens * w.pool * best)
    arena.give(ordered)
    return turn(arena, positions, x.tokens * w.slots(x), 1)


def _open_mask(arena: Arena, w: PooledWidths, x: Extent, slots: Block, own: Own) -> Block:
    """The mask with the chosen positions open; slots that stand for nothing write behind its end."""
    width = w.slots(x)
    empty = arena.take(x.mask(width))
    cells = turn(arena, slots, x.tokens * width, 1)
    behind = arena.take(width)
    live = arena.take(x.tokens * width)
    arena.give(own.slots, live, behind)
    cells = turn(arena, cells, x.tokens * width, 1)
    closed = arena.take(x.mask(x.full + width))
    arena.give(empty, cells)
    mask = arena.take(x.mask(x.full))
    arena.give(closed, own.mask)
    return mask
