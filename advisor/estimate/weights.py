"""Bytes of a model's weights in one quantization, split the way engines place and read them.

GGUF presets follow llama.cpp's per-tensor rules and are exact for files made by its own quantizer; other formats follow
their bits per weight. A profile is compact and turns into a flat JSON row and back, so that thousands can be prepared.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple, cast

from advisor.domain.architecture import Architecture
from advisor.estimate.formats import flat_bits, preset_of
from advisor.estimate.quant_rules import QuantContext, assign_types
from advisor.estimate.tensor_types import TYPE_NAMES, aligned, tensor_bytes
from advisor.estimate.tensors import LAYER_CODES, NAMES, Tensor, tensor_list
from advisor.estimate.traits import traits_of

_EMBEDDINGS = frozenset(
    ("token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight")
)
_REPACKED = frozenset(("q4_0", "q4_K", "iq4_nl", "mxfp4"))
"""Types that llama.cpp's CPU backend on x86 with AVX2 copies into its own layout (rows a multiple of 8)."""


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


def quant_context(architecture: Architecture, *, imatrix: bool) -> QuantContext:
    """What the quantizer's rules ask of a model."""
    a = architecture.attention
    kv = max(architecture.attention.kv_heads_by_layer or (a.n_kv_heads,))
    if a.kind == "mla" and traits_of(architecture).mla_cache:
        kv = 1
    return QuantContext(
        architecture=architecture.gguf_arch,
        n_layers=architecture.n_layers,
        gqa=a.n_heads // kv if kv else 1,
        n_experts=architecture.moe.n_experts if architecture.moe else 0,
        imatrix=imatrix,
        llama_70b=architecture.gguf_arch == "llama" and architecture.n_layers == 80 and kv != a.n_heads,
    )


def weight_profile(architecture: Architecture, quant: str, *, imatrix: bool = True) -> WeightProfile:
    """Bytes of `quant` for this architecture. Raises KeyError for a quantization nobody has described."""
    tensors = tensor_list(architecture)
    preset = preset_of(quant)
    if preset is not None:
        types = assign_types(tensors, preset, quant_context(architecture, imatrix=imatrix))
        sizes = {t.name: aligned(tensor_bytes(t.shape, types[t.name])) for t in tensors}
        kind = "gguf"
    else:
        kind, types, sizes = flat_bits(tensors, quant)
    return _profile(architecture, (quant, kind), tensors, types, sizes)


def profile_from_tensors(
    architecture: Architecture, quant: str, tensors: Sequence[Tensor], types: dict[str, str]
) -> WeightProfile:
    """The profile of a file whose header was read: every tensor with its type (lower-case ggml names)."""
    sizes = {t.name: aligned(tensor_bytes(t.shape, types[t.name])) for t in tensors}
    return _profile(architecture, (quant, "gguf"), tensors, types, sizes)


def _header_bytes(architecture: Architecture, kind: str) -> int:
    """Tokenizer and metadata: about 25 B a token for SentencePiece, 60 B for BPE with its merges (two real files)."""
    if kind != "gguf":
        return 100 * (architecture.n_layers + 1) * 12
    sentencepiece = (architecture.gguf_arch or "").startswith("gemma") or architecture.vocab <= 33000
    return (25 if sentencepiece else 60) * architecture.vocab


@lru_cache(maxsize=NAMES)
def _layer_of(name: str) -> str | None:
    head, _, rest = name.partition("blk.")
    return head + rest.split(".", 1)[0] if rest else None


def _profile(
    a: Architecture,
    quant: tuple[str, str],
    tensors: Sequence[Tensor],
    types: dict[str, str],
    sizes: dict[str, int],
) -> WeightProfile:
    name, kind = quant
    by_layer: dict[str, list[int]] = {}
    mix: dict[str, list[int]] = {}
    outer: Counter[str] = Counter()
    for t in tensors:
        size, layer, is_expert = sizes[t.name], _layer_of(t.name), "_exps." in t.name
        shares = mix.setdefault(types[t.name], [0, 0, 0])
        if layer is None:
            outer[t.name] += size
            shares[2] += size if t.name == "output.weight" else 0
            continue
        repacked = size if types[t.name] in _REPACKED and len(t.shape) > 1 and t.shape[1] % 8 == 0 else 0
        row = by_layer.setdefault(layer, [0, 0, 0, 0])
        row[is_expert] += size
        row[2 + is_expert] += repacked
        shares[is_expert] += size
    tied = "output.weight" not in outer
    if tied and "token_embd.weight" in types:
        mix[types["token_embd.weight"]][2] += outer["token_embd.weight"]
    rows = [LayerBytes(*row) for row in by_layer.values()]
    kinds = list(dict.fromkeys(rows))
    embedding = sum(size for name, size in outer.items() if name in _EMBEDDINGS)
    return WeightProfile(
        quant=name, format=kind, parameters=sum(t.elements for t in tensors), tensor_bytes=sum(sizes.values()),
        header_bytes=_header_bytes(a, kind), embedding_bytes=embedding,
        token_embedding_bytes=outer["token_embd.weight"], output_bytes=outer["output.weight"],
        other_bytes=sum(outer.values()) - embedding - outer["output.weight"], tied=tied,
        layer_codes="".join(LAYER_CODES[kinds.index(row)] for row in rows), layers=tuple(kinds),
        types=tuple(TypeBytes(TYPE_NAMES.index(k), *v) for k, v in mix.items() if any(v)),
    )  # fmt: skip
