"""Which storage type each tensor gets under a GGUF preset: the rules of llama.cpp's quantizer, build b11434.

The rules walk the tensors layer by layer and count them by category, so a tensor's type depends on those before it.
Held against the type snapshots that llama.cpp ships with its own tests.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from advisor.estimate.tensor_types import BLOCKS
from advisor.estimate.tensors import NAMES, Tensor

BASE_TYPE: dict[str, str] = {
    "F32": "f32", "F16": "f16", "BF16": "bf16", "Q4_0": "q4_0", "Q4_1": "q4_1", "Q5_0": "q5_0", "Q5_1": "q5_1",
    "Q8_0": "q8_0", "Q2_K": "q2_K", "Q2_K_S": "q2_K", "Q3_K_S": "q3_K", "Q3_K_M": "q3_K", "Q3_K_L": "q3_K",
    "Q4_K_S": "q4_K", "Q4_K_M": "q4_K", "Q5_K_S": "q5_K", "Q5_K_M": "q5_K", "Q6_K": "q6_K",
    "IQ1_S": "iq1_s", "IQ1_M": "iq1_m", "IQ2_XXS": "iq2_xxs", "IQ2_XS": "iq2_xs", "IQ2_S": "iq2_xs",
    "IQ2_M": "iq2_s", "IQ3_XXS": "iq3_xxs", "IQ3_XS": "iq3_s", "IQ3_S": "iq3_s", "IQ3_M": "iq3_s",
    "IQ4_NL": "iq4_nl", "IQ4_XS": "iq4_xs", "TQ1_0": "tq1_0", "TQ2_0": "tq2_0", "MXFP4_MOE": "mxfp4",
    "NVFP4": "nvfp4", "Q1_0": "q1_0", "Q2_0": "q2_0",
}  # fmt: skip
"""The type most tensors of a preset get."""

_KEPT = (
    "_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj",
    "ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight", "time_mix_first.weight",
    "time_mix_w0.weight", "time_mix_w1.weight", "time_mix_w2.weight", "attn_rel_b.weight", ".position_embd",
    "sam.pos_embd", "sam.neck.", "sam.net_", ".rel_pos", ".patch_embd", ".patch_merger",
)  # fmt: skip
"""Parts of names of tensors that stay as converted."""
_KEPT_HALF = ("altup_proj", "altup_unembd_proj", "altup_router", "laurel_l.", "laurel_r.", "per_layer_model_proj")
"""Of those, what Gemma 3n's converter leaves in 16 bits: bytes of its published Q8_0 files say so (to 0.1 %)."""

_CATEGORIES = (
    ("attn_qkv.weight", "v"), ("attn_kv_b.weight", "v"), ("attn_v.weight", "v"), ("attn_k.weight", "k"),
    ("attn_q.weight", "q"), ("attn_output.weight", "o"), ("ffn_up", "up"), ("ffn_gate", "gate"),
    ("ffn_down", "down"),
)  # fmt: skip
_FALLBACK = {
    **dict.fromkeys(("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"), "iq4_nl"),
    **dict.fromkeys(("q2_0", "q2_K", "q3_K", "tq1_0", "tq2_0"), "q4_0"),
    "q4_K": "q5_0", "q5_K": "q5_1", "q6_K": "q8_0",
}  # fmt: skip
"""What a tensor gets whose rows do not divide into the type's blocks."""

_LOW = frozenset(("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ2_S", "IQ2_M", "IQ1_M"))
_LOW_UPPER = frozenset(("IQ2_S", "IQ2_M"))
_LAYER = re.compile(r"(?:\w+\.)?blk\.(\d+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantContext:
    """What the rules ask of a model."""

    architecture: str | None
    n_layers: int
    """All layers, prediction blocks included."""
    gqa: int
    """Query heads a KV head."""
    n_experts: int = 0
    imatrix: bool = False
    llama_70b: bool = False
    """80 layers of grouped-query Llama: their v tensors are raised one step."""


@dataclass(slots=True)
class _Walk:
    """Counters of one pass over the tensors."""

    preset: str
    base: str
    context: QuantContext
    n_v: int
    seen: dict[str, int] = field(default_factory=dict)

    def next(self, category: str) -> int:
        """How many tensors of this category came before."""
        index = self.seen.get(category, 0)
        self.seen[category] = index + 1
        return index


def assign_types(tensors: Iterable[Tensor], preset: str, context: QuantContext) -> dict[str, str]:
    """Storage type of every tensor, by name. Raises KeyError for a preset that llama.cpp does not have."""
    ordered = sorted(tensors, key=_order)
    base = BASE_TYPE[preset]
    if base in ("f32", "f16", "bf16"):
        return {t.name: base if is_quantized(t) else _kept(t, context) for t in ordered}
    walk = _Walk(preset, base, context, sum(1 for t in ordered if category(t.name) == "v"))
    tied = all(t.name != "output.weight" for t in ordered)
    return {
        t.name: _fitting(_type(walk, t, tied), t.shape[0]) if is_quantized(t) else _kept(t, context) for t in ordered
    }


def _kept(tensor: Tensor, context: QuantContext) -> str:
    """The type of a tensor that no preset touches."""
    if "tid2eid" in tensor.name:
        return "i32"
    half = context.architecture == "gemma3n" and any(part in tensor.name for part in _KEPT_HALF)
    return "f16" if half else "f32"


def is_quantized(tensor: Tensor) -> bool:
    """Whether a preset touches this tensor at all."""
    return len(tensor.shape) > 1 and _may_be_quantized(tensor.name)


@lru_cache(maxsize=NAMES)
def _may_be_quantized(name: str) -> bool:
    return (
        name.endswith("weight")
        and name not in ("position_embd.weight", "token_types.weight")
        and not any(part in name for part in _KEPT)
    )


@lru_cache(maxsize=NAMES)
def category(name: str) -> str:
    """Which group of rules a tensor falls under; "" for none."""
    if name == "output.weight":
        return "output"
    if name in ("token_embd.weight", "per_layer_token_embd.weight"):
        return "embedding"
    return next((kind for part, kind in _CATEGORIES if part in name), "")


def _order(tensor: Tensor) -> tuple[int, str]:
    return _order_of(tensor.name)


@lru_cache(maxsize=NAMES)
def _order_of(name: str) -> tuple[int, str]:
    match = _LAYER.match(name)
    return (int(match[1]) if match else -1, name)


def _fitting(kind: str, row: int) -> str:
    if row % BLOCKS[kind].weights == 0:
        return kind
    smaller = _FALLBACK.get(kind, kind)
    return smaller if row % BLOCKS[smaller].weights == 0 else "f16"


def _type(walk: _Walk, tensor: Tensor, tied: bool) -> str:
    kind = category(tensor.name)
    if walk.context.architecture == "gemma3n" and tensor.name.startswith("per_layer_token_embd"):
        return walk.base  # its files were made before the quantizer told this table from other weights
    if kind == "output" or (tied and kind == "embedding"):
        return _output_type(walk, tensor.shape[0])
    if walk.preset == "MXFP4_MOE":
        return "mxfp4" if len(tensor.shape) > 2 and tensor.shape[2] > 1 else "q8_0"
    if kind == "embedding":
        return _embedding_type(walk)
    if walk.preset in _LOW:
        return _low_type(walk, kind)
    rule = {"v": _v_type, "k": _qk_type, "q": _qk_type, "o": _o_type, "down": _down_type}.get(kind)
    if rule is not None:
        return rule(walk, tensor.name, kind)
    return _up_gate_type(walk, tensor.name, kind) if kind in ("up", "gate") else walk.base


def _output_type(walk: _Walk, row: int) -> str:
    if walk.preset == "MXFP4_MOE" or walk.base == "q8_0" or walk.context.architecture == "falcon":
        return "q8_0"
    if row % BLOCKS[walk.base].weights:
        return "q8_0"
    return "q5_K" if walk.preset in _LOW or walk.preset == "IQ3_XXS" else "q6_K"


def _embedding_type(walk: _Walk) -> str:
    if walk.preset in ("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"):
        return "q2_K"
    if walk.preset in ("IQ2_S", "IQ2_M", "IQ3_XXS"):
        return "iq3_s"
    return "q4_K" if walk.preset in ("TQ1_0", "TQ2_0", "Q2_0") else walk.base


def _low_type(walk: _Walk, kind: str) -> str:
    """Presets of 2 bits and less."""
    c = walk.context
    better = "iq3_s" if walk.preset in _LOW_UPPER else "q2_K"
    if kind == "v":
        return "q4_K" if c.gqa >= 4 or c.n_experts >= 4 else better
    if kind == "k" and c.n_experts == 8:
        return "q4_K"
    if kind == "down":
        return better if walk.next(kind) < c.n_layers // 8 else walk.base
    if kind == "o":
        if c.n_experts == 8:
            return "q5_K"
        if walk.preset in ("IQ1_S", "IQ1_M"):
            return "iq2_xxs"
        return "iq3_s" if walk.preset in _LOW_UPPER else walk.base
    return walk.base


def _more_bits(index: int, count: int) -> bool:
    """The first and last eighth, and every third between."""
    eighth = count // 8
    return index < eighth or index >= 7 * count // 8 or (index - eighth) % 3 == 2


_V_BY_GQA = {
    "Q2_K": ("q4_K", "q3_K"), "Q2_K_S": ("q4_K", "q2_K"), "IQ3_XS": ("q4_K", "iq3_s"), "IQ3_S": ("q4_K", "iq3_s"),
    "IQ4_NL": ("q5_K", "iq4_nl"), "IQ4_XS": ("q5_K", "iq4_xs"),
}  # fmt: skip
"""Type of v with at least four query heads a KV head, and with fewer."""


def _v_type(walk: _Walk, name: str, kind: str) -> str:
    index, c = walk.next(kind), walk.context
    chosen = _v_by_preset(walk, index)
    if c.llama_70b and chosen in ("q3_K", "q4_K"):
        chosen = "q5_K"
    return "q8_0" if c.n_experts == 8 else chosen


def _v_by_preset(walk: _Walk, index: int) -> str:
    preset, grouped = walk.preset, walk.context.gqa >= 4
    if preset in _V_BY_GQA:
        return _V_BY_GQA[preset][0 if grouped else 1]
    if preset == "IQ3_XXS":
        return "q4_K" if grouped else ("iq3_xxs" if walk.context.imatrix else "iq3_s")
    if preset in ("Q4_K_M", "Q5_K_M"):
        return "q6_K" if _more_bits(index, walk.n_v) else walk.base
    if preset == "Q3_K_M":
        return "q5_K" if index < 2 else "q4_K"
    if preset == "Q4_K_S":
        return "q5_K" if index < 4 else walk.base
    return {"IQ3_M": "q4_K", "Q3_K_L": "q5_K"}.get(preset, walk.base)


def _qk_type(walk: _Walk, name: str, kind: str) -> str:
    if kind == "k" and walk.context.n_experts == 8:
        return "q8_0"
    return {"IQ3_XS": "iq3_xxs", "IQ3_XXS": "iq2_s"}.get(walk.preset, walk.base)


_O_MIXTRAL = frozenset(
    ("Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL", "Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS")
)
_O_USUAL = {"Q2_K": "q3_K", "IQ3_XXS": "iq3_s", "Q3_K_M": "q4_K", "Q3_K_L": "q5_K", "IQ3_M": "q4_K"}


def _o_type(walk: _Walk, name: str, kind: str) -> str:
    if walk.context.architecture == "falcon":
        return "q4_K" if walk.preset == "Q3_K_L" else walk.base
    if walk.context.n_experts == 8:
        return "q5_K" if walk.preset in _O_MIXTRAL else walk.base
    return _O_USUAL.get(walk.preset, walk.base)


def _layer_index(walk: _Walk, name: str, kind: str) -> int:
    """Position in the stack: counted for dense models, read from the name where experts share a layer."""
    index = walk.next(kind)
    match = _LAYER.match(name)
    return int(match[1]) if walk.context.n_experts > 1 and match else index


def _down_type(walk: _Walk, name: str, kind: str) -> str:
    layer, n = _layer_index(walk, name, kind), walk.context.n_layers
    first = layer < n // 8
    if walk.context.architecture == "falcon":
        return _down_falcon(walk, layer)
    if walk.preset in ("Q4_K_M", "Q5_K_M"):
        return "q6_K" if _more_bits(layer, n) else walk.base
    if walk.preset == "Q3_K_M":
        return "q5_K" if layer < n // 16 else "q4_K"
    if walk.preset == "IQ3_M" and walk.context.n_experts == 8 and _more_bits(layer, n):
        return "q4_K"
    fixed = {"Q2_K": "q3_K", "Q3_K_L": "q5_K"}.get(walk.preset, walk.base)
    return _down_first(walk, fixed) if first else _down_rest(walk, fixed)


def _down_first(walk: _Walk, fixed: str) -> str:
    """The first eighth of the layers."""
    if walk.context.imatrix:
        raised = {"Q4_0": "q4_1", "Q5_0": "q5_1"}
    else:
        raised = {"IQ4_NL": "q5_K", "IQ4_XS": "q5_K", "IQ3_XXS": "q4_K"}
    return {"Q2_K_S": "q4_K", "IQ3_M": "q4_K", "Q4_K_S": "q5_K", **raised}.get(walk.preset, fixed)


def _down_rest(walk: _Walk, fixed: str) -> str:
    return "q3_K" if walk.preset == "IQ3_XXS" and not walk.context.imatrix else fixed


def _down_falcon(walk: _Walk, layer: int) -> str:
    n = walk.context.n_layers
    more = _more_bits(layer, n)
    if walk.preset == "Q4_K_M":
        return "q6_K" if layer < n // 16 else ("q5_K" if more else "q4_K")
    if walk.preset == "Q3_K_M":
        return "q5_K" if layer < n // 16 else ("q4_K" if more else "q3_K")
    if walk.preset == "Q5_K_M" and more:
        return "q6_K"
    return {"Q2_K": "q3_K", "Q3_K_L": "q4_K"}.get(walk.preset, walk.base)


def _up_gate_type(walk: _Walk, name: str, kind: str) -> str:
    layer, n = _layer_index(walk, name, kind), walk.context.n_layers
    return "iq3_xxs" if walk.preset == "IQ3_XS" and n // 8 <= layer < 7 * n // 8 else walk.base
