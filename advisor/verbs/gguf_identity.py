"""Which model a GGUF file holds: the catalog's where names and numbers agree, else what the header itself says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from advisor.catalog.library import Catalog
from advisor.domain.architecture import Architecture
from advisor.errors import UnknownName
from advisor.estimate.shape import ModelShape
from advisor.estimate.shaping import shape_of
from advisor.estimate.tensor_types import BLOCKS
from advisor.estimate.tensors import Tensor
from advisor.estimate.weighing import profile_from_tensors, weight_profile
from advisor.estimate.weights import WeightProfile
from advisor.hub.choose import quant_label
from advisor.hub.gguf_architecture import architecture_from_gguf
from advisor.hub.gguf_header import GgufArray, GgufHeader
from advisor.hub.gguf_types import FILE_TYPES
from advisor.hub.names import clean_text

_HUB_ADDRESS = re.compile(r"https://huggingface\.co/([\w.-]+/[\w.-]+)/?")
MAX_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a file is. `model` is a catalog id where `known`, else a name. None: the header was not understood."""

    model: str
    known: bool
    quant: str | None
    vocab: int | None
    architecture: Architecture | None
    shape: ModelShape | None = None
    weights: WeightProfile | None = None
    """Bytes of the tensors that are really in the file."""
    chats: bool = False
    """The file holds a chat template; a base model has none and goes on with a text."""


def identity_of(model: str, architecture: Architecture, quant: str, *, known: bool) -> Identity:
    """What a file of this architecture is when llama.cpp's own rules quantize it. `model` as in `Identity`."""
    return Identity(
        model=model, known=known, quant=quant, vocab=architecture.vocab, architecture=architecture,
        shape=shape_of(architecture), weights=weight_profile(architecture, quant),
    )  # fmt: skip


def vocabulary(header: GgufHeader) -> int | None:
    """Rows of the token embedding: tokens that a prompt may hold."""
    for tensor in header.tensors:
        if tensor.name == "token_embd.weight" and len(tensor.dims) == 2:
            return tensor.dims[1]
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    return tokens.count if isinstance(tokens, GgufArray) else None


def identify(header: GgufHeader, path: Path, catalog: Catalog, *, model: str | None = None) -> Identity:
    """`model` is the catalog id where the caller knows it (a download's manifest)."""
    file_type = header.integer("general.file_type")
    quant = quant_label(path.name) or (FILE_TYPES.get(file_type) if file_type is not None else None)
    found = next(
        filter(None, (_matching(n, header, catalog) for n in ([model] if model else _names(header, path)))), None
    )
    label = found[0] if found else clean_text(model or header.text("general.name") or path.stem, MAX_NAME) or "unnamed"
    architecture = found[1] if found else architecture_from_gguf(header)
    return Identity(
        model=label, known=found is not None, quant=quant, vocab=vocabulary(header), architecture=architecture,
        shape=shape_of(architecture) if architecture else None,
        weights=_weights(header, architecture, quant) if architecture else None,
        chats=bool(header.metadata.get("tokenizer.chat_template")),
    )  # fmt: skip


def _weights(header: GgufHeader, architecture: Architecture, quant: str | None) -> WeightProfile | None:
    """Bytes tensor by tensor as stored; None where a type is unknown."""
    types = {name.lower(): name for name in BLOCKS}
    tensors = [Tensor(t.name, t.dims) for t in header.tensors]
    stored = {t.name: types.get((t.type_name or "").lower()) for t in header.tensors}
    known = {name: kind for name, kind in stored.items() if kind is not None}
    if len(known) != len(tensors):
        return None
    return profile_from_tensors(architecture, quant or "?", tensors, known)


def _names(header: GgufHeader, path: Path) -> Iterator[str]:
    """What the model may be called, best first."""
    address = _HUB_ADDRESS.fullmatch(header.text("general.repo_url") or "")
    if address:
        yield address[1]
    stem = path.stem
    label = quant_label(path.name)
    if label:
        yield re.sub(rf"[-._]?{re.escape(label)}$", "", stem, flags=re.IGNORECASE)
    yield stem
    name = header.text("general.name")
    if name:
        yield name
    base = _HUB_ADDRESS.fullmatch(header.text("general.base_model.0.repo_url") or "")
    if base:
        yield base[1]


def _matching(name: str, header: GgufHeader, catalog: Catalog) -> tuple[str, Architecture] | None:
    """The catalog's model of this name, if the header's numbers are its numbers."""
    try:
        model = catalog.resolve(name)
    except UnknownName:
        return None
    a = model.architecture
    prefix = header.text("general.architecture") or ""
    layers = header.integer(f"{prefix}.block_count")
    if a is None or a.gguf_arch != prefix or layers is None:
        return None
    same = a.hidden == header.integer(f"{prefix}.embedding_length") and 0 <= layers - a.n_layers <= a.nextn_layers
    return (model.id, a) if same else None
