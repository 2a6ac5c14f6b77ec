"""Quantization formats beside GGUF: how many bits a weight takes and which tensors stay at 16 bits.

Figures are the storage layouts of each format; embeddings, output head, norms and router stay 16-bit unless said
otherwise. Names are matched without regard to case.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from advisor.estimate.quant_rules import BASE_TYPE
from advisor.estimate.tensors import Tensor


class FlatFormat(NamedTuple):
    """A format with one figure for all quantized weights."""

    format: str
    bits: float
    embeddings_too: bool
    type_name: str
    """The ggml type that is read and multiplied at a like cost."""
    experts_only: bool = False
    """Where there are experts, all else is stored as `rest` says."""
    rest: tuple[float, str] = (16.0, "bf16")
    padding: int = 1
    """Engines round the width of an expert up to a multiple of this when they load it."""
    multiplied: str = "f16"
    """What matrix units multiply it in, where they can (see `matrix_rate`); f16: it is unpacked first."""


FORMATS: dict[str, FlatFormat] = {
    "bf16-safetensors": FlatFormat("safetensors", 16.0, True, "bf16"),
    "fp16-safetensors": FlatFormat("safetensors", 16.0, True, "f16"),
    "fp8": FlatFormat("safetensors", 8 + 32 / 16384, False, "q8_0", multiplied="fp8"),
    "int8": FlatFormat("safetensors", 8.0, False, "q8_0", multiplied="int8"),
    "gptq-int4": FlatFormat("safetensors", 4 + 20 / 128, False, "q4_0"),
    "gptq-int8": FlatFormat("safetensors", 8 + 20 / 128, False, "q8_0"),
    "awq": FlatFormat("safetensors", 4 + 20 / 128, False, "q4_0"),
    "w4a16": FlatFormat("safetensors", 4 + 16 / 128, False, "q4_0"),
    "nf4": FlatFormat("safetensors", 4.127, False, "q4_0"),
    "mxfp4": FlatFormat("safetensors", 4.25, False, "mxfp4", experts_only=True, padding=256, multiplied="mxfp4"),
    "nvfp4-safetensors": FlatFormat("safetensors", 4.5, False, "nvfp4", multiplied="fp4"),
    "mlx-bf16": FlatFormat("mlx", 16.0, True, "bf16"),
    "mlx-2bit": FlatFormat("mlx", 2.5, True, "q2_K"),
    "mlx-3bit": FlatFormat("mlx", 3.5, True, "q3_K"),
    "mlx-4bit": FlatFormat("mlx", 4.5, True, "q4_0"),
    "mlx-5bit": FlatFormat("mlx", 5.5, True, "q5_0"),
    "mlx-6bit": FlatFormat("mlx", 6.5, True, "q6_K"),
    "mlx-8bit": FlatFormat("mlx", 8.5, True, "q8_0"),
    "mlx-mxfp4": FlatFormat("mlx", 4.25, True, "mxfp4"),
    "mlx-mxfp4-q8": FlatFormat("mlx", 4.25, True, "mxfp4", experts_only=True, rest=(8.5, "q8_0")),
    "mlx-nvfp4": FlatFormat("mlx", 4.5, True, "nvfp4"),
}
"""MLX: q bits, and a 16-bit scale and bias a group of 64. GPTQ and AWQ: groups of 128 with scale and zero point.
MXFP4 as gpt-oss is published: 12.8 and 60.8 GiB by its model cards, of which vLLM makes 13.7 and 64.4 GiB since its
experts are 2880 wide."""

_ALIASES = {
    "gptq": "gptq-int4", "gptq-4bit": "gptq-int4", "awq-int4": "awq", "awq-4bit": "awq", "bnb-4bit": "nf4",
    "int4": "w4a16", "mxfp4-safetensors": "mxfp4",
    "nf4-bnb": "nf4", "fp8-dynamic": "fp8", "fp8-block": "fp8", "w8a8": "int8", "w8a16": "int8",
    "safetensors-bf16": "bf16-safetensors", "safetensors-fp16": "fp16-safetensors",
    "nvfp4-modelopt": "nvfp4-safetensors", "4bit": "mlx-4bit", "8bit": "mlx-8bit", "6bit": "mlx-6bit",
    "5bit": "mlx-5bit", "3bit": "mlx-3bit", "mlx-fp16": "mlx-bf16", "4-bit": "mlx-4bit", "8-bit": "mlx-8bit",
    "mlx-4bit-dwq": "mlx-4bit", "gptq-int4-g128": "gptq-int4", "awq-int4-g128": "awq", "bf16-hf": "bf16-safetensors",
}  # fmt: skip


_RECIPES = {"Q2_K": "Q2_K", "Q3_K": "Q3_K_L", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M", "Q6_K": "Q6_K", "Q8_K": "Q8_0"}


def bare_name(quant: str) -> str:
    """A GGUF name in capitals, without the mark of dynamic mixes."""
    return quant.upper().removeprefix("UD-")


def preset_of(quant: str) -> str | None:
    """The preset of llama.cpp's quantizer that a GGUF name stands for, or comes closest to; None for other formats.

    Names with UD- or ending in _L or _XL are recipes of single publishers, with embeddings and some tensors raised:
    use the published size (`WeightProfile.scaled_to`) or the file's header.
    """
    name = bare_name(quant)
    if name == "MXFP4":
        return "MXFP4_MOE"
    if name in BASE_TYPE:
        return name
    if not name.endswith(("_L", "_XL")):
        return None
    return _RECIPES.get(name.rpartition("_")[0])


def is_recipe(quant: str) -> bool:
    """Whether a GGUF name stands for a publisher's own mix, whose tensor types follow no preset."""
    name = quant.upper()
    return name.startswith("UD-") or (name.endswith(("_L", "_XL")) and name not in BASE_TYPE)


_ELSEWHERE = {
    "NVFP4": {"mlx": "mlx-nvfp4", "safetensors": "nvfp4-safetensors"},
    "MXFP4": {"mlx": "mlx-mxfp4", "safetensors": "mxfp4-safetensors"},
    "BF16": {"mlx": "mlx-bf16", "safetensors": "bf16-safetensors"},
    "F16": {"mlx": "mlx-bf16", "safetensors": "fp16-safetensors"},
}
"""Names that several file formats share: which tensors a format writes that way differs."""


_EXPERTS = "_exps."
"""Part of the names of routed experts' tensors."""


def in_format(quant: str, formats: Sequence[str]) -> str:
    """What an engine that reads these file formats loads for a quantization's name; the name itself for GGUF."""
    if "gguf" in formats:
        return quant
    names = _ELSEWHERE.get(quant.upper(), {})
    return next((names[format] for format in formats if format in names), quant)


def format_of(name: str) -> str | None:
    """The file format of a quantization by the name `in_format` gives it; None for a name that nobody has described."""
    if preset_of(name) is not None:
        return "gguf"
    key = _key(name)
    chosen = _exl(key) or FORMATS.get(_ALIASES.get(key, key))
    return chosen.format if chosen else None


def multiplied_in(quant: str, form: str) -> tuple[str, bool]:
    """What a quantization of a file format is multiplied in, and whether that holds for experts alone, if any."""
    key = _key(in_format(quant, (form,)))
    chosen = FORMATS.get(_ALIASES.get(key, key)) if form == "safetensors" else None
    return (chosen.multiplied, chosen.experts_only) if chosen else ("f16", False)


def known_quants() -> tuple[str, ...]:
    """Every quantization that a weight profile can be computed for."""
    return (*BASE_TYPE, *FORMATS)


def flat_bits(tensors: Sequence[Tensor], quant: str) -> tuple[str, dict[str, str], dict[str, int]]:
    """Format, type of each tensor and bytes of each tensor. Raises KeyError for an unknown name."""
    name = _key(quant)
    chosen = _exl(name) or FORMATS[_ALIASES.get(name, name)]
    types, sizes = {}, {}
    if chosen.experts_only and not any(_EXPERTS in t.name for t in tensors):
        chosen = chosen._replace(experts_only=False)
    for t in tensors:
        bits, kind = _bits(t, chosen)
        types[t.name] = kind
        sizes[t.name] = math.ceil(t.elements * bits / 8)
    return chosen.format, types, sizes


def padded_bytes(tensor: Tensor, size: int, quant: str) -> int:
    """What a tensor of so many bytes takes once it is loaded."""
    chosen = FORMATS.get(_ALIASES.get(_key(quant), _key(quant)))
    if chosen is None or chosen.padding == 1 or _EXPERTS not in tensor.name:
        return size
    width = tensor.shape[0 if "down" in tensor.name else 1]
    return size * (-(-width // chosen.padding) * chosen.padding) // width


def _bits(tensor: Tensor, chosen: FlatFormat) -> tuple[float, str]:
    outer = "blk." not in tensor.name
    if len(tensor.shape) < 2 or "ffn_gate_inp" in tensor.name or "conv" in tensor.name:
        return 16.0, "bf16"
    if outer and not chosen.embeddings_too:
        return 16.0, "bf16"
    if chosen.experts_only and _EXPERTS not in tensor.name:
        return chosen.rest
    return chosen.bits, chosen.type_name


def _key(quant: str) -> str:
    return quant.lower().replace("_", "-").replace(" ", "-")


def _exl(name: str) -> FlatFormat | None:
    """EXL2 and EXL3 name their bits: exl2-4.25."""
    kind, _, bits = name.partition("-")
    if kind not in ("exl2", "exl3") or not bits.replace(".", "", 1).isdigit():
        return None
    return FlatFormat("exl", float(bits), False, "q4_0")
