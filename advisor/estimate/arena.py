"""Address space as llama.cpp's graph allocator hands it out (ggml-alloc.c, build b11434).

A buffer gets the tightest gap that holds it, or room at the end; what counts is the highest end ever reached.
"""

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
        found, width = None, 0
        for gap in self._gaps:
            wide = gap[1] - gap[0]
            if wide >= size and (found is None or wide < width or (wide == width and gap[0] > found[0])):
                found, width = gap, wide
        if found is None:
            start, self._tail = self._tail, self._tail + size
            self.peak = max(self.peak, self._tail)
            return start, self._tail
        start, end = found
        self._gaps.remove(found)
        if width > size:
            self._gaps.append((start + size, end))
        return start, start + size

    def widest_gap(self) -> int:
        """Size of the widest gap."""
        return max([end - start for start, end in self._gaps], default=0)

    def give(self, *blocks: Block) -> None:
        """Free blocks."""
        for block in blocks:
            low, high = block
            if low == high:
                continue
            for gap in [gap for gap in self._gaps if gap[1] == low or gap[0] == high]:
                self._gaps.remove(gap)
                low, high = min(low, gap[0]), max(high, gap[1])
            if high == self._tail:
                self._tail = low
            else:
                self._gaps.append((low, high))


ALONE, DEVICE, BOUNDARY = "alone", "device", "boundary"
"""Where layers are: with the embeddings, on an accelerator that is handed those, or on one that takes over midway."""


def begin(arena: Arena, hidden: int, place: str, handed: int = 2) -> Block:
    """What a graph holds before its first layer of `hidden` floats; returns what goes into that.

    Embeddings can be handed in or looked up, and both are mixed: the one and its mixture stay to the end. Masks lie
    between; gaps stay where the others were. Midway, what is left to be summed is `handed` over in so many buffers.
    """
    if place == ALONE:
        _, mixed, _, entering, looked_up, _ = [arena.take(n) for n in (hidden, hidden, MASK, hidden, hidden, hidden)]
        arena.give(mixed, looked_up)
    elif place == DEVICE:
        mixed, looked_up, entering, _, _ = [arena.take(size) for size in (hidden, hidden, hidden, MASK, hidden)]
        arena.give(mixed, looked_up)
    else:
        entering, *others = [arena.take(hidden) for _ in range(handed)]
        arena.take(MASK)
        arena.give(*others)
    return entering
