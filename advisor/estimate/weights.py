"""Bytes of a model's weights in one quantization, split the way engines place and read them.

A profile is compact and turns into a flat JSON row and back, so that thousands can be prepared; `weighing` makes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

from advisor.estimate.layer_codes import LAYER_CODES


class LayerBytes(NamedTuple):
    """Bytes of one layer: dense part, routed experts, and how much of each the CPU backend copies on loading."""

    dense: int
    experts: int
    dense_repacked: int
    experts_repacked: int


_NO_LAYERS = LayerBytes(0, 0, 0, 0)


class TypeBytes(NamedTuple):
    """Bytes stored in one type (index into `TYPE_NAMES`): layers, routed experts, output head."""

    type_index: int
    dense: int
    experts: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightProfile:
    """Bytes of one quantization of one model. Totals count each tensor once, aligned as in the file."""

    quant: str
    format: str
    """gguf, mlx or safetensors."""
    parameters: int
    tensor_bytes: int
    header_bytes: int
    embedding_bytes: int
    """Looked up, not multiplied: token, position and per-layer embeddings."""
    token_embedding_bytes: int
    output_bytes: int
    """A separate output head; 0 where the token embedding serves."""
    other_bytes: int
    """Final norms and whatever lies outside layers."""
    tied: bool
    layer_codes: str
    """One letter a layer, an index into `layers` (see LAYER_CODES)."""
    layers: tuple[LayerBytes, ...]
    types: tuple[TypeBytes, ...]

    @property
    def file_bytes(self) -> int:
        """The whole file, tokenizer and metadata included (about ±0.05 %)."""
        return self.tensor_bytes + self.header_bytes

    @property
    def loaded_bytes(self) -> int:
        """In memory: as in the file, but for experts that are padded when they are loaded."""
        layers = sum((part.dense + part.experts) * n for part, n in self.counts())
        return layers + self.embedding_bytes + self.output_bytes + self.other_bytes

    @property
    def bits_per_weight(self) -> float:
        """Tensor bits over parameters."""
        return 8 * self.tensor_bytes / self.parameters if self.parameters else 0.0

    @property
    def head_bytes(self) -> int:
        """What the last matrix product reads: the output head, or the token embedding that serves as one."""
        return self.output_bytes or self.token_embedding_bytes

    @property
    def dense_bytes(self) -> int:
        """Layers without routed experts."""
        return sum(part.dense * n for part, n in self.counts())

    @property
    def expert_bytes(self) -> int:
        """Routed experts of all layers."""
        return sum(part.experts * n for part, n in self.counts())

    def scaled_to(self, file_bytes: int) -> "WeightProfile":
        """This profile stretched to a published file's size, for files not made by the plain rules."""
        factor = max(0.0, file_bytes - self.header_bytes) / self.tensor_bytes

        def stretched(values: Sequence[int]) -> list[int]:
            return [round(value * factor) for value in values]

        return replace(
            self, tensor_bytes=round(self.tensor_bytes * factor), embedding_bytes=round(self.embedding_bytes * factor),
            token_embedding_bytes=round(self.token_embedding_bytes * factor),
            output_bytes=round(self.output_bytes * factor), other_bytes=round(self.other_bytes * factor),
            layers=tuple(LayerBytes(*stretched(part)) for part in self.layers),
            types=tuple(TypeBytes(part.type_index, *stretched(part[1:])) for part in self.types),
        )  # fmt: skip

    def counts(self) -> list[tuple[LayerBytes, int]]:
        """Each kind of layer with how often it occurs."""
        return [(part, self.layer_codes.count(LAYER_CODES[i])) for i, part in enumerate(self.layers)]

    def between(self, first: int, last: int) -> LayerBytes:
        """Sum over layers first to last - 1."""
        if last <= first:
            return _NO_LAYERS
        part = self.layer_codes if first <= 0 and last >= len(self.layer_codes) else self.layer_codes[first:last]
        dense = experts = dense_repacked = experts_repacked = 0
        for i, kind in enumerate(self.layers):
            n = part.count(LAYER_CODES[i])
            if n:
                dense += n * kind[0]
                experts += n * kind[1]
                dense_repacked += n * kind[2]
                experts_repacked += n * kind[3]
        return LayerBytes(dense, experts, dense_repacked, experts_repacked)

    def to_row(self) -> list[Any]:
        """A flat list of numbers and strings for JSON."""
        return [
            self.quant, self.format, self.parameters, self.tensor_bytes, self.header_bytes, self.embedding_bytes,
            self.token_embedding_bytes, self.output_bytes, self.other_bytes, int(self.tied), self.layer_codes,
            [n for part in self.layers for n in part], [n for part in self.types for n in part],
        ]  # fmt: skip

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "WeightProfile":
        """The profile that `to_row` wrote."""
        layers, types = cast(list[int], row[11]), cast(list[int], row[12])
        return cls(
            quant=row[0], format=row[1], parameters=row[2], tensor_bytes=row[3], header_bytes=row[4],
            embedding_bytes=row[5], token_embedding_bytes=row[6], output_bytes=row[7], other_bytes=row[8],
            tied=bool(row[9]), layer_codes=row[10],
            layers=tuple(LayerBytes(*layers[i : i + 4]) for i in range(0, len(layers), 4)),
            types=tuple(TypeBytes(*types[i : i + 4]) for i in range(0, len(types), 4)),
        )  # fmt: skip
