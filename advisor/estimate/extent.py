"""How much is asked of a model at once: what decides buffers that do not grow with the micro-batch alone."""

from typing import NamedTuple

from advisor.estimate.arena import NOTHING, Block
from advisor.estimate.tensor_types import BLOCKS


class Extent(NamedTuple):
    """Tokens of a micro-batch, and the cache they look into."""

    tokens: int
    sequences: int
    streams: int
    """Parts of the cache that are kept apart."""
    full: int
    """Cells of one of these that hold every token."""
    near: int
    """Cells of one that hold a window; 0: there is none."""
    few: int
    """Rows of one that stand for a few tokens each, of which an indexer picks; 0: there are none."""
    many: int
    """Rows of one that stand for many tokens each."""
    flash: bool
    """Flash attention, whose masks are in 16 bits."""
    k_type: str
    outputs: int
    """Tokens whose logits are asked for."""

    @property
    def packed(self) -> bool:
        """Whether keys are quantized, and therefore turned before."""
        return BLOCKS[self.k_type].weights > 1

    def mask(self, cells: int) -> int:
        """Floats of a mask over so many cells."""
        return self.tokens * cells // (2 if self.flash else 1)


class Own(NamedTuple):
    """What lies ready from the start for the mask of one layer, which gives it back."""

    zeros: Block = NOTHING
    slots: Block = NOTHING
    mask: Block = NOTHING
