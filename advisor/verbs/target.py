"""`MODEL[:QUANT]` as people type it. Ollama tags such as `qwen3:8b` hold a colon too, so the whole text is tried first."""

from advisor.catalog.library import Catalog
from advisor.domain.model import Model
from advisor.errors import UnknownName, UsageError


def parse_target(text: str, catalog: Catalog) -> tuple[Model, str | None]:
    """The model and the quantization named, None where none is. Raises UnknownName with suggestions."""
    if not text.strip() or len(text) > 300:
        raise UsageError("MODEL is empty or too long", hint="name a model, e.g. qwen3-8b or Qwen/Qwen3-8B:Q4_K_M")
    try:
        return catalog.resolve(text), None
    except UnknownName as unknown:
        name, colon, quant = text.rpartition(":")
        if not colon or not name:
            raise
        try:
            model = catalog.resolve(name)
        except UnknownName:
            raise unknown from None
        return model, catalog.resolve_quant(quant).name
