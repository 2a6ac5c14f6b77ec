"""What the buffers of a model's blocks come to, in floats a token: made once a model, read by compute_buffer."""

from typing import NamedTuple

from advisor.estimate.arena import ALONE, BOUNDARY
from advisor.estimate.layer_codes import LAYER_CODES

STATE_TOKENS = 512
"""States of a sequence are spread over a micro-batch of this many tokens."""


class Peaks(NamedTuple):
    """The most crowded moments of a place, floats a token, by what the cache's types and the kernel ask for.

    llama.cpp rotates keys and values before it quantizes them, with buffers of their own. Without flash attention the
    moments beside a layer's scores are counted without these, and apart from all others.
    """

    plain: int
    """Flash attention, nothing turned."""
    keys: int
    """Keys turned."""
    values: int
    both: int
    rest: int
    """Without flash attention, nothing turned: away from scores."""
    full: int
    """Beside the scores of a layer that attends to everything; 0: none."""
    window: int
    """Beside the scores of a layer with a window; 0: none."""
    keys_rest: int
    """The same with keys turned."""
    keys_full: int
    keys_window: int
    hollow: int
    """Where masks find room between other buffers; 0: they lie apart."""
    along: int = 0
    """Queries and output of an attention of main memory's last layers that an accelerator is handed with its cache."""


class Scratch(NamedTuple):
    """Blocks of a model in each place that they can be in."""

    alone: Peaks
    """In main memory, or wherever the embeddings are looked up as well."""
    device: Peaks
    """All layers on an accelerator, which is handed the embeddings."""
    boundaries: tuple[Peaks, ...]
    """An accelerator that takes over from main memory: where other layers meet, others."""
    starts: str
    """Which of these, a letter for each layer that it may take over at; the first layer has none."""
    window_heads: int
    """Query heads of a layer with a window."""
    transposed: int
    """Elements of each cached token that are copied beside the scores: values that lie within compressed keys."""
    key_turn: int
    """Floats of the matrices that turn keys, all caches together; 0: keys are not turned."""
    value_turn: int
    tables: int
    """Floats a token and layer of per-layer embeddings, which an accelerator is handed for each of its layers."""
    gap: int
    """Floats a token of the widest gap that could hold that copy."""

    def peaks(self, place: str, first: int) -> Peaks:
        """Those of a place; `first` is the layer that an accelerator takes over at."""
        if place != BOUNDARY:
            return self.alone if place == ALONE else self.device
        return self.boundaries[LAYER_CODES.index(self.starts[max(first, 1) - 1])] if self.starts else self.device
