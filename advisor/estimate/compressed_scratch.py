"""Scratch of attention over compressed rows (DeepSeek V4), buffer by buffer as llama.cpp asks (build b11434, traced).

Widths are in floats a token; what a layer lays out also grows with the rows it sees and with the sequences at work.
"""

from collections.abc import Sequence
from typing import NamedTuple

from advisor.estimate.arena import NOTHING, Arena, Block
from advisor.estimate.attention_scratch import handed_on, turn
from advisor.estimate.compressed import PICKED_RATIO, PICKED_ROWS, WHOLE_RATIO
from advisor.estimate.extent import Extent, Own
from advisor.estimate.tensor_types import row_bytes

NEAR, PICKED, WHOLE = "n", "p", "w"
"""What a layer sees beside its window: nothing, rows of few tokens of which an indexer picks, all rows of many."""


class CompressedWidths(NamedTuple):
    """Buffer widths of the attention."""

    hidden: int
    low_rank: int
    queries: int
    """Of all heads together."""
    row: int
    """A row of the cache: key and value of every head."""
    grouped: int
    """Outputs of all groups of heads."""
    asked: int
    """An indexer's queries, all heads together."""
    indexer: int
    """A row of an indexer."""

    def chooses(self, letter: str) -> bool:
        """Whether a layer makes a mask of its own."""
        return letter == PICKED

    def zeros(self, arena: Arena, x: Extent, layers: int) -> list[Block]:
        """What is written into the masks of so many layers that choose."""
        return [arena.take(x.mask(min(x.few, PICKED_ROWS))) for _ in range(layers)]

    def indices(self, arena: Arena, x: Extent) -> None:
        """What stands before the masks: that of the window, positions, and the matrices that turn rows."""
        turned = 3 * self.row**2 if x.packed else 0
        arena.take(x.mask(x.near) + 3 * x.tokens + turned + self.indexer**2 + 2 * _indices(x, PICKED_RATIO))

    def masks(self, arena: Arena, x: Extent, zeros: Sequence[Block], *, apart: bool) -> list[Own]:
        """Masks of compressed rows, which all layers share even where others have theirs `apart`."""
        arena.take(x.tokens * x.few // 2 + x.mask(x.few) + _indices(x, WHOLE_RATIO) + x.mask(x.many))
        return [Own(block) for block in zeros]


def compressed_attention(
    arena: Arena, w: CompressedWidths, x: Extent, *, kind: str, entering: Block, zeros: Block
) -> Block:
    """The attention of one layer up to its projected output, behind `compress`."""
    queries, row = x.tokens * w.queries, x.tokens * w.row
    low, kept = arena.take(x.tokens * w.low_rank), kind == PICKED
    asked = arena.take(queries)
    arena.give(NOTHING if kept else low)
    asked = turn(arena, asked, queries, 1 + x.packed)
    keys = arena.take(row)
    arena.give(NOTHING if kept else entering)
    arena.give(turn(arena, keys, row, 1 + x.packed))
    out = turn(arena, _weigh(arena, w, x, kind=kind, asked=asked, beside=(low, entering, zeros)), queries, 1 + x.packed)
    return handed_on(arena, out, x.tokens * w.grouped, x.tokens * w.hidden)


def compress(arena: Arena, w: CompressedWidths, x: Extent, kind: str) -> None:
    """New rows of a layer: nothing of this stays."""
    if kind == PICKED:
        _compress(arena, x, w.row, PICKED_RATIO)
        _compress(arena, x, w.indexer, PICKED_RATIO)
    elif kind == WHOLE:
        _compress(arena, x, w.row, WHOLE_RATIO)


def _weigh(
    arena: Arena, w: CompressedWidths, x: Extent, *, kind: str, asked: Block, beside: tuple[Block, Block, Block]
) -> Block:
    """The sum over values of the window and of compressed rows, which are copied side by side."""
    rows = {NEAR: 0, PICKED: x.few, WHOLE: x.many}[kind]
    joined = x.streams * (x.near + rows) * row_bytes(w.row, x.k_type) // 4
    mask, keys = NOTHING, arena.take(joined) if rows else NOTHING
    scores, values, queries = NOTHING, NOTHING, x.tokens * w.queries
    if not x.flash:
        values = arena.take(joined)
        scores = arena.take(queries // w.row * (x.near + rows))
        arena.give(keys, asked)
        keys = asked = NOTHING
    if kind == PICKED:
        mask = _pick(arena, w, x, beside)
    elif rows:
        mask = arena.take(x.mask(x.near + rows))
    if x.flash:
        out = arena.take(queries)
        arena.give(asked, keys, mask)
        return out
    arena.give(mask)
    out = arena.take(queries)
    arena.give(values, scores)
    return turn(arena, out, queries, 1)


def _pick(arena: Arena, w: CompressedWidths, x: Extent, beside: tuple[Block, Block, Block]) -> Block:
    """The mask of what an indexer picks, joined with that of the window."""
    (low, entering, zeros), rows = beside, x.few
    asked = arena.take(x.tokens * w.asked)
    arena.give(low)
    asked = turn(arena, asked, x.tokens * w.asked, 2)
    weights = arena.take(x.tokens * w.asked // w.indexer)
    arena.give(entering)
    scores = arena.take(x.tokens * rows)
    arena.give(asked, weights)
    best = arena.take(x.tokens * min(rows, PICKED_ROWS))
    arena.give(scores)
    best = turn(arena, best, x.tokens * min(rows, PICKED_ROWS), 1)
    empty = arena.take(x.mask(rows))
    arena.give(zeros, best)
    picked = arena.take(x.mask(rows))
    arena.give(empty)
    mask = arena.take(x.mask(x.near + rows))
    arena.give(picked)
    return mask


def _compress(arena: Arena, x: Extent, width: int, ratio: int) -> None:
    """New rows out of the tokens at hand and those that a sequence keeps of before; then what it keeps from now on."""
    overlap = 2 if ratio == PICKED_RATIO else 1
    made = overlap * width * x.tokens
    contents = arena.take(made)
    gathered = _gather(arena, x, width, ratio)
    scores = arena.take(made)
    arena.give(arena.take(made))
    weights = _gather(arena, x, width, ratio)
    arena.give(weights)
    rows = width * _blocks(x, ratio)
    summed = arena.take(rows)
    arena.give(gathered)
    arena.give(turn(arena, summed, rows, 1))
    for block in (contents, scores):
        kept = arena.take(overlap * width * min(x.tokens, _kept_rows(x, ratio)))
        arena.give(block, kept)


def _gather(arena: Arena, x: Extent, width: int, ratio: int) -> Block:
    """What goes into each row, side by side; rows that overlap take the half of each token from two of them."""
    overlap = 2 if ratio == PICKED_RATIO else 1
    read, with_kept = width * ratio * _blocks(x, ratio), overlap * width * (x.tokens + _kept_rows(x, ratio))
    joined = arena.take(with_kept)
    if overlap == 1:
        found = turn(arena, joined, read, 1)
        return turn(arena, found, read, 1)
    empty = arena.take(overlap * width)
    longer = arena.take(with_kept + overlap * width)
    arena.give(joined, empty)
    found = arena.take(overlap * overlap * read)
    arena.give(longer)
    halves = arena.take(read), arena.take(read)
    arena.give(found)
    joined = arena.take(overlap * read)
    arena.give(*halves)
    return turn(arena, joined, overlap * read, 1)


def _blocks(x: Extent, ratio: int) -> int:
    """Rows that a micro-batch may complete at most."""
    return x.tokens // ratio + x.sequences


def _kept_rows(x: Extent, ratio: int) -> int:
    """Tokens of all sequences that did not fill a row yet."""
    return (2 if ratio == PICKED_RATIO else 1) * ratio * x.sequences


def _indices(x: Extent, ratio: int) -> int:
    """Positions, and where to read and write, of what is compressed."""
    overlap, blocks = 2 if ratio == PICKED_RATIO else 1, _blocks(x, ratio)
    return x.tokens + overlap * ratio * blocks + 3 * blocks + 2 * min(x.tokens, _kept_rows(x, ratio))
