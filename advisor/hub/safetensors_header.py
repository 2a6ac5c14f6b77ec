"""A strict, bounded reader of safetensors headers: eight bytes of length, then JSON. It never reads weights.

Duplicate keys, gaps in claims beyond the file, wrong sizes and headers over 25 MB are refused with BadDocument. Format:
huggingface/safetensors README; the cap is huggingface_hub's own (SAFETENSORS_MAX_HEADER_LENGTH).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from advisor.errors import BadDocument
from advisor.hub.names import clean_text

MAX_HEADER_BYTES = 25_000_000
MAX_TENSORS = 200_000
MAX_DIMENSIONS = 16

BITS_BY_DTYPE: dict[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Element widths (safetensors, `Dtype`). A name that is not here is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeTensor:
    """One tensor: `shape` slowest axis first."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    bytes: int

    @property
    def elements(self) -> int:
        """Product of the shape."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetensorsHeader:
    """All tensors of one file, in order of offset; `metadata` is what the writer noted."""

    tensors: tuple[SafeTensor, ...]
    metadata: Mapping[str, str]
    data_offset: int
    file_bytes: int


def read_safetensors_file(path: Path) -> SafetensorsHeader:
    """Header of a file on disk. Raises BadDocument, or OSError where it cannot be opened."""
    with path.open("rb") as file:
        return read_safetensors_header(file, path.stat().st_size)


def read_safetensors_header(file: BinaryIO, size_bytes: int) -> SafetensorsHeader:
    """Header from a stream positioned at its start, of a file of `size_bytes` in all. Raises BadDocument."""
    prefix = file.read(8)
    if len(prefix) != 8:
        raise BadDocument("not a safetensors file")
    length = int.from_bytes(prefix, "little")
    if length < 2 or length > MAX_HEADER_BYTES or 8 + length > size_bytes:
        raise BadDocument(f"not a safetensors file: a header of {length} bytes in a file of {size_bytes}")
    data = file.read(length)
    if len(data) != length:
        raise BadDocument("the safetensors header is cut short")
    document = _parse(data)
    notes = document.pop("__metadata__", {})
    if len(document) > MAX_TENSORS:
        raise BadDocument(f"the safetensors header has {len(document)} tensors")
    tensors = sorted((_read_tensor(name, entry) for name, entry in document.items()), key=lambda t: t.offset)
    _check_layout(tensors, size_bytes - 8 - length)
    return SafetensorsHeader(
        tensors=tuple(tensors), metadata=_read_notes(notes), data_offset=8 + length, file_bytes=size_bytes
    )


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadDocument("the safetensors header has a key twice")
    return found


def _parse(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise BadDocument("the safetensors header is not JSON") from error
    if not isinstance(document, dict):
        raise BadDocument("the safetensors header is not an object")
    return document


def _read_notes(notes: Any) -> dict[str, str]:
    if not isinstance(notes, dict):
        raise BadDocument("the safetensors metadata is not an object")
    return {clean_text(str(key)): clean_text(str(value)) for key, value in notes.items()}


def _is_count(value: Any, limit: int = 1 << 50) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit


def _read_tensor(raw: str, entry: Any) -> SafeTensor:
    name = clean_text(raw, 300)
    if not name or not isinstance(entry, dict):
        raise BadDocument(f"the safetensors header is not understood at `{name[:60]}`")
    dtype, shape, span = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS_BY_DTYPE:
        raise BadDocument(f"the tensor `{name[:60]}` has the unknown type {clean_text(str(dtype), 20)}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(_is_count(dim) for dim in shape):
        raise BadDocument(f"the tensor `{name[:60]}` has an impossible shape")
    if not isinstance(span, list) or len(span) != 2 or not all(_is_count(end) for end in span) or span[0] > span[1]:
        raise BadDocument(f"the tensor `{name[:60]}` has an impossible place")
    bits = math.prod(shape) * BITS_BY_DTYPE[dtype]
    if bits != 8 * (span[1] - span[0]):
        raise BadDocument(f"the tensor `{name[:60]}` does not fill its place")
    return SafeTensor(name=name, dtype=dtype, shape=tuple(shape), offset=span[0], bytes=span[1] - span[0])


def _check_layout(tensors: list[SafeTensor], data_bytes: int) -> None:
    end = 0
    for tensor in tensors:
        if tensor.offset < end:
            raise BadDocument(f"the tensor `{tensor.name[:60]}` overlaps its neighbour")
        end = tensor.offset + tensor.bytes
    if end > data_bytes:
        raise BadDocument(f"the tensors end at {end}, the data at {data_bytes} bytes")
