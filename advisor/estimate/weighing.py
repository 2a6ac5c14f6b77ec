"""From an architecture and a quantization, or from a file's tensors, to a profile of the weights.

GGUF presets follow llama.cpp's per-tensor rules and are exact for files made by its own quantizer; other formats follow
their bits per weight.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from advisor.domain.architecture import Architecture
from advisor.estimate.formats import flat_bits, padded_bytes, preset_of
from advisor.estimate.layer_codes import LAYER_CODES
from advisor.estimate.quant_rules import QuantContext, assign_types
from advisor.estimate.tensor_types import BLOCKS, TYPE_NAMES, aligned, tensor_bytes
from advisor.estimate.tensors import NAMES, Tensor, tensor_list
from advisor.estimate.traits import traits_of
from advisor.estimate.weights import LayerBytes, TypeBytes, WeightProfile

_EMBEDDINGS = frozenset(
    ("token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight")
)
_REPACKED = frozenset(("q4_0", "q4_K", "iq4_nl", "mxfp4"))
"""Types that llama.cpp's CPU backend on x86 with AVX2 copies into its own layout (rows a multiple of 8)."""


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


def preset_types(
    architecture: Architecture, tensors: Sequence[Tensor], preset: str, *, imatrix: bool = True
) -> dict[str, str]:
    """Type of each tensor in a published file of a preset. Raises KeyError for one that llama.cpp does not have."""
    types = assign_types(tensors, preset, quant_context(architecture, imatrix=imatrix))
    kept = traits_of(architecture).experts_type
    if not kept:
        return types
    return {
        name: kept if "_exps.weight" in name and _bits(kind) >= _bits(kept) else kind for name, kind in types.items()
    }


def _bits(kind: str) -> float:
    return 8 * BLOCKS[kind].bytes / BLOCKS[kind].weights


def weight_profile(architecture: Architecture, quant: str, *, imatrix: bool = True) -> WeightProfile:
    """Bytes of `quant` for this architecture. Raises KeyError for a quantization nobody has described.

    MXFP4 is the preset with MXFP4 experts for a mixture of experts, and all linear layers for a dense model. In MLX a
    model trained in it keeps its experts and has all else in 8 bits (mlx-community's MXFP4-Q8, 12.0 GB of GPT-OSS 20B).
    """
    tensors = tensor_list(architecture)
    preset = preset_of(quant)
    if preset == "MXFP4_MOE" and architecture.moe is None:
        preset = None  # nothing of a dense model is MXFP4 there; its MXFP4 is the layout of safetensors
    if preset is not None:
        types = preset_types(architecture, tensors, preset, imatrix=imatrix)
        sizes = {t.name: aligned(tensor_bytes(t.shape, types[t.name])) for t in tensors}
        kind = "gguf"
    else:
        trained = traits_of(architecture).experts_type == "mxfp4"
        name = "mlx-mxfp4-q8" if trained and quant == "mlx-mxfp4" else quant.removesuffix("_MOE")
        kind, types, sizes = flat_bits(tensors, name)
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
            if t.name == "output.weight":
                shares[2] += size
            elif t.name not in _EMBEDDINGS:
                shares[0] += size
            continue
        repacked = size if types[t.name] in _REPACKED and len(t.shape) > 1 and t.shape[1] % 8 == 0 else 0
        size = padded_bytes(t, size, name) if kind == "safetensors" else size
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
