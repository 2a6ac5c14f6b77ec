"""Which file formats an engine loads, and which of the engines on offer a model would run on."""

from collections.abc import Sequence
from functools import lru_cache

from advisor.domain.entry import CatalogEntry
from advisor.estimate.formats import format_of, in_format

ENGINE_FORMATS = {"mlx": "mlx", "vllm": "safetensors", "transformers": "safetensors", "exllamav2": "exl"}
"""What an engine loads first of all, where it is not GGUF."""
FURTHER_FORMATS = {"lmstudio": ("mlx",), "openai_api": ("safetensors", "mlx")}
"""What an engine loads besides."""
ENGINE_FAMILIES = {"embedded": "llama.cpp", "ollama": "llama.cpp", "lmstudio": "llama.cpp"}
"""Engines that load whatever llama.cpp loads."""

UNQUANTIZED = ("transformers",)
"""Engines whose kernels for narrow weights are for a few devices: they are offered with weights of 16 bits and more."""
WIDE = ("F32", "BF16", "F16", "FP16")


def formats_of(engine: str) -> tuple[str, ...]:
    """File formats that an engine loads, its own first."""
    return (ENGINE_FORMATS.get(engine, "gguf"), *FURTHER_FORMATS.get(engine, ()))


@lru_cache(maxsize=1024)
def file_format(engine: str, quant: str) -> str | None:
    """The file format in which an engine loads a quantization of this name; None where it does not."""
    return next((form for form in formats_of(engine) if format_of(in_format(quant, (form,))) == form), None)


def takes(engine: str, quant: str) -> bool:
    """Whether an engine is offered with a quantization of this name."""
    return file_format(engine, quant) is not None and (engine not in UNQUANTIZED or quant.upper() in WIDE)


def engine_for(entry: CatalogEntry, offered: Sequence[str], quant: str | None = None) -> str | None:
    """The first engine of these that loads the model from published files, else the first that loads it at all.

    With a quantization: of those that load files of that name.
    """
    loading = [name for name in offered if _loads(name, entry) and (quant is None or takes(name, quant))]
    return next((name for name in loading if _published(entry, name, quant)), loading[0] if loading else None)


def _loads(engine: str, entry: CatalogEntry) -> bool:
    return ENGINE_FAMILIES.get(engine, engine) in entry.engines


def _published(entry: CatalogEntry, engine: str, quant: str | None) -> bool:
    found = quants_for(entry, engine)
    return bool(found) if quant is None else quant in found


def quants_for(entry: CatalogEntry, engine: str) -> Sequence[str]:
    """Published quantizations in the format that an engine loads."""
    found = entry.published.get(ENGINE_FORMATS.get(engine, "gguf"), ())
    return [name for name in found if name in WIDE] if engine in UNQUANTIZED else found
