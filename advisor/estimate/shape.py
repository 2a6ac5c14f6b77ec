"""A model's shape: the numbers that footprints and times need, independent of quantization, in a compact form.

Layers that are alike are described once; a letter a layer says which. `shaping.shape_of` derives a shape from an
architecture; `to_row` and `from_row` turn one into a flat JSON list and back.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from advisor.estimate.layer_codes import LAYER_CODES
from advisor.estimate.layer_scratch import IndexedWidths, RecurrentWidths
from advisor.estimate.scratch import Peaks, Scratch

if TYPE_CHECKING:
    from advisor.estimate.hyper_scratch import Hyper


def _hyper(*row: object) -> "Hyper":
    """Imported for the few models that have it."""
    from advisor.estimate.hyper_scratch import Hyper

    return Hyper.from_row(*row)


_LAYERS = 17
"""Place of the kinds of layers in a row; their counts follow."""
_WIDTHS: dict[str, Callable[..., Any]] = {
    "recurrent": RecurrentWidths,
    "indexed": IndexedWidths,
    "hyper": _hyper,
}


class LayerShape(NamedTuple):
    """One kind of layer. Elements are per token in the cache; states are per sequence."""

    cache: str
    """What it keeps: F every token, W a window of tokens, "" nothing."""
    reads: str
    """What it attends to: F, W or ""; a layer that reuses another's cache reads without keeping."""
    k_elements: int
    v_elements: int
    attention_flops: int
    """Per attended token and new token."""
    indexer_elements: int
    state_bytes: int
    state_traffic_bytes: int
    """Read and written per new token."""
    state_flops: int
    dense_params: int
    expert_params: int
    ops: int
    """Kernels launched per token, after the usual fusions."""
    compression: int = 0
    """Tokens that one row of a further cache stands for; 0: there is none."""
    compressed_elements: int = 0
    """Elements of such a row, without those of its indexer."""
    kv_heads: int = 0
    """Heads that a tensor split can deal out to devices; a latent that all query heads share counts as one."""

    def copies(self, devices: int) -> float:
        """Copies of its cache that a tensor split over `devices` keeps: no device holds less than one head."""
        return max(1.0, devices / self.kv_heads) if self.kv_heads else 1.0

    def rows(self, full: float, near: float) -> float:
        """Rows it attends to, of `full` tokens and `near` ones in the window."""
        return (full if self.reads == "F" else near) + (full / self.compression if self.compression else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Everything the estimators ask of a model beside its bytes."""

    n_layers: int
    hidden: int
    vocab: int
    total_params: int
    active_params: int
    dense_params: int
    """Multiplied for every token, output head left out."""
    expert_params: int
    """All routed experts of all layers."""
    output_params: int
    n_experts: int
    n_used: int
    window: int
    """Sliding window or chunk in tokens; 0: none."""
    mla: bool
    causal: bool
    n_heads: int
    sinks: bool
    ops: int
    layer_codes: str
    layers: tuple[LayerShape, ...]
    counts: tuple[int, ...]
    """How often each kind of layer occurs."""
    scratch: Scratch
    known: bool = True
    """False where the cache layout is the engine's own: sizes are rough."""
    recurrent: RecurrentWidths | None = None
    """Buffers of its recurrent layers, where those decide the scratch."""
    indexed: IndexedWidths | None = None
    """Buffers of its attention, where a sparse indexer chooses what it attends to."""
    hyper: "Hyper | None" = None
    """Buffers of the whole model, where it mixes copies of the residual stream."""
    head_divisor: int = 0
    """Greatest common divisor of the widths of a cached key and value, one head each; 0: nothing is cached."""

    last_ffn_params: int = 0
    """Of the last layer's feed-forward block: dense, and all routed experts. Prompt tokens whose output nobody asks for
    skip it; 0 where every token's output counts."""
    last_expert_params: int = 0
    softcapped: bool = False
    """Attention scores pass through a soft cap."""

    @property
    def state_bytes(self) -> int:
        """Recurrent state of one sequence, all layers."""
        return sum(kind.state_bytes * n for kind, n in zip(self.layers, self.counts, strict=True))

    @property
    def expert_share(self) -> float:
        """Share of the routed experts that one token uses."""
        return self.n_used / self.n_experts if self.n_experts else 0.0

    def layer(self, index: int) -> LayerShape:
        """One layer."""
        return self.layers[LAYER_CODES.index(self.layer_codes[index])]

    def counts_between(self, first: int, last: int) -> tuple[int, ...]:
        """How often each kind of layer occurs among layers first to last - 1."""
        if first <= 0 and last >= self.n_layers:
            return self.counts
        part = self.layer_codes[first:last]
        return tuple(part.count(LAYER_CODES[i]) for i in range(len(self.layers)))

    def to_row(self) -> list[Any]:
        """A flat list of numbers and strings for JSON."""
        row = list(astuple(self))
        row[_LAYERS] = [value for layer in self.layers for value in layer]
        row[_LAYERS + 1] = list(self.counts)
        return row

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "ModelShape":
        """The shape that `to_row` wrote."""
        n = len(LayerShape._fields)
        flat = cast(list[Any], row[_LAYERS])
        layers = tuple(LayerShape(*flat[i : i + n]) for i in range(0, len(flat), n))
        values = dict(zip(cls.__slots__, row, strict=True))
        one, device, boundaries, *rest = cast(list[Any], values["scratch"])
        scratch = Scratch(Peaks(*one), Peaks(*device), tuple(Peaks(*peaks) for peaks in boundaries), *rest)
        values.update(layers=layers, counts=tuple(row[_LAYERS + 1]), scratch=scratch)
        for name, widths in _WIDTHS.items():
            values[name] = None if values[name] is None else widths(*cast(list[Any], values[name]))
        return cls(**values)
