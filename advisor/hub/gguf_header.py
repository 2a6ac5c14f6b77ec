"""A strict, bounded reader of GGUF headers. It never reads weights, never trusts a count, and raises only BadDocument.

Every count is capped before anything is allocated, every byte that is claimed must exist, and every tensor must lie
inside the file without overlap. Time and memory follow the header's real length. Format: ggml-org/ggml docs/gguf.md,
versions 2 and 3, little-endian.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from advisor.errors import BadDocument
from advisor.hub.gguf_types import TENSOR_TYPES
from advisor.hub.names import clean_text

MAX_KEYS = 65_536
MAX_TENSORS = 65_536
"""The largest models published (DeepSeek, Kimi) have about 1,100 to 2,000 tensors."""
MAX_STRING_BYTES = 4 << 20
MAX_NAME_BYTES = 65_535
MAX_ARRAY_ITEMS = 4 << 20
"""Vocabularies reach 262,144 tokens today, merges about twice that."""
MAX_DIMENSIONS = 4
MAX_HEADER_BYTES = 256 << 20
MAX_ELEMENTS = 1 << 50
KEPT_NUMBERS = 1024
"""Enough for a value a layer."""
KEPT_STRINGS = 64

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9

Scalar = int | float | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufArray:
    """An array of metadata: how many items, and the first of them."""

    count: int
    head: tuple[Scalar, ...]

    @property
    def complete(self) -> bool:
        """Whether `head` holds every item."""
        return len(self.head) == self.count


Value = Scalar | GgufArray


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTensor:
    """One tensor. `dims` is fastest axis first; `type_name` and `bytes` are None for a type we do not know."""

    name: str
    dims: tuple[int, ...]
    type_id: int
    type_name: str | None
    offset: int
    bytes: int | None

    @property
    def elements(self) -> int:
        """Product of the dimensions."""
        count = 1
        for dim in self.dims:
            count *= dim
        return count


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """All of a header: `tensors` in file order; tensor data starts at `data_offset` and ends at `end_offset`."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[GgufTensor, ...]
    alignment: int
    data_offset: int
    end_offset: int
    file_bytes: int

    def text(self, key: str) -> str | None:
        """A string of the metadata, cleaned and at most 200 long, or None."""
        value = self.metadata.get(key)
        return clean_text(value) if isinstance(value, str) else None

    def integer(self, key: str) -> int | None:
        """A whole number of the metadata, or None."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


class _Reader:
    """Reads forward and counts; nothing beyond the file or the header's cap is ever asked for."""

    __slots__ = ("_file", "pos", "size")

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.pos = 0
        self.size = size

    def _claim(self, count: int) -> None:
        if self.pos + count > self.size:
            if not self.size:
                raise BadDocument("the file is empty")
            raise BadDocument(
                f"not a whole GGUF header: byte {self.pos + count:,} is needed, the file has {self.size:,}"
            )
        if self.pos + count > MAX_HEADER_BYTES:
            raise BadDocument(f"the GGUF header is larger than {MAX_HEADER_BYTES >> 20} MiB")

    def take(self, count: int) -> bytes:
        self._claim(count)
        data = self._file.read(count)
        if len(data) != count:
            raise BadDocument(f"the GGUF header is cut short at {self.pos + len(data)}")
        self.pos += count
        return data

    def skip(self, count: int) -> None:
        self._claim(count)
        self._file.seek(count, io.SEEK_CUR)
        self.pos += count

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def string_length(self, cap: int) -> int:
        length = self.u64()
        if length > cap:
            raise BadDocument(f"the GGUF header has a string of {length} bytes")
        return length

    def name(self) -> str:
        return self.take(self.string_length(MAX_NAME_BYTES)).decode("utf-8", "replace")


def read_gguf_file(path: Path) -> GgufHeader:
    """Header of a file on disk. Raises BadDocument, or OSError where it cannot be opened."""
    with path.open("rb", buffering=1 << 16) as file:
        return read_gguf_header(file, path.stat().st_size)


def read_gguf_header(file: BinaryIO, size_bytes: int) -> GgufHeader:
    """Header from a stream positioned at its start, of a file of `size_bytes` in all. Raises BadDocument."""
    reader = _Reader(file, size_bytes)
    if reader.take(4) != b"GGUF":
        raise BadDocument("not a GGUF file")
    version = reader.u32()
    if version not in (2, 3):
        raise BadDocument(f"GGUF version {version} is not supported")
    tensor_count, key_count = reader.u64(), reader.u64()
    if key_count > MAX_KEYS or tensor_count > MAX_TENSORS:
        raise BadDocument(f"the GGUF header claims {key_count} keys and {tensor_count} tensors")
    metadata = _read_metadata(reader, key_count)
    alignment = _alignment(metadata)
    tensors = _read_tensors(reader, tensor_count, alignment)
    data_offset = -(-reader.pos // alignment) * alignment
    end_offset = _check_layout(tensors, data_offset, size_bytes)
    return GgufHeader(
        version=version, metadata=metadata, tensors=tensors, alignment=alignment,
        data_offset=data_offset, end_offset=end_offset, file_bytes=size_bytes,
    )  # fmt: skip


def _read_metadata(reader: _Reader, count: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(count):
        raw = reader.name()
        key = clean_text(raw, 500)
        if not key or key in metadata:
            raise BadDocument(f"the GGUF header has the key `{clean_text(raw, 60)}` twice or without a name")
        metadata[key] = _read_value(reader, reader.u32())
    return metadata


def _read_value(reader: _Reader, kind: int) -> Value:
    if kind in _SCALARS:
        return _read_scalar(reader, _SCALARS[kind])
    if kind == _STRING:
        return reader.take(reader.string_length(MAX_STRING_BYTES)).decode("utf-8", "replace")
    if kind == _ARRAY:
        return _read_array(reader)
    raise BadDocument(f"the GGUF header has a value of the unknown kind {kind}")


def _read_scalar(reader: _Reader, code: str) -> Scalar:
    value: Scalar = struct.unpack("<" + code, reader.take(struct.calcsize("<" + code)))[0]
    return value


def _read_array(reader: _Reader) -> GgufArray:
    kind, count = reader.u32(), reader.u64()
    if count > MAX_ARRAY_ITEMS:
        raise BadDocument(f"the GGUF header has an array of {count} items")
    if kind in _SCALARS:
        code = _SCALARS[kind]
        width, kept = struct.calcsize("<" + code), min(count, KEPT_NUMBERS)
        head = struct.unpack(f"<{kept}{code}", reader.take(width * kept))
        reader.skip(width * (count - kept))
        return GgufArray(count=count, head=head)
    if kind == _STRING:
        return _read_strings(reader, count)
    raise BadDocument(f"the GGUF header has an array of the kind {kind}")


def _read_strings(reader: _Reader, count: int) -> GgufArray:
    head: list[Scalar] = []
    for index in range(count):
        length = reader.string_length(MAX_STRING_BYTES)
        if index < KEPT_STRINGS:
            head.append(reader.take(length).decode("utf-8", "replace"))
        else:
            reader.skip(length)
    return GgufArray(count=count, head=tuple(head))


def _alignment(metadata: Mapping[str, Value]) -> int:
    value = metadata.get("general.alignment", 32)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 1 << 20 or value & (value - 1):
        raise BadDocument("the GGUF header states an alignment that is no power of two")
    return value


def _read_tensors(reader: _Reader, count: int, alignment: int) -> tuple[GgufTensor, ...]:
    tensors: list[GgufTensor] = []
    seen: set[str] = set()
    for _ in range(count):
        tensor = _read_tensor(reader)
        if not tensor.name or tensor.name in seen:
            raise BadDocument(f"the GGUF header has the tensor `{tensor.name[:60]}` twice or without a name")
        if tensor.offset % alignment:
            raise BadDocument(f"the tensor `{tensor.name[:60]}` is not aligned")
        seen.add(tensor.name)
        tensors.append(tensor)
    return tuple(tensors)


def _read_tensor(reader: _Reader) -> GgufTensor:
    name = clean_text(reader.name(), 200)
    rank = reader.u32()
    if rank > MAX_DIMENSIONS:
        raise BadDocument(f"the tensor `{name[:60]}` has {rank} dimensions")
    dims: tuple[int, ...] = struct.unpack(f"<{rank}Q", reader.take(8 * rank))
    elements = 1
    for dim in dims:
        elements *= dim
        if dim == 0 or elements > MAX_ELEMENTS:
            raise BadDocument(f"the tensor `{name[:60]}` has an impossible shape")
    type_id, offset = reader.u32(), reader.u64()
    known = TENSOR_TYPES.get(type_id)
    if known is not None and (dims[0] if dims else 1) % known.block_elements:
        raise BadDocument(f"a row of the tensor `{name[:60]}` is not a whole number of blocks")
    return GgufTensor(
        name=name, dims=dims, type_id=type_id, type_name=known.name if known else None, offset=offset,
        bytes=elements // known.block_elements * known.block_bytes if known else None,
    )  # fmt: skip


def _check_layout(tensors: tuple[GgufTensor, ...], data_offset: int, size_bytes: int) -> int:
    """End of the last tensor. Raises BadDocument where tensors overlap or leave the file."""
    end = 0
    for tensor in sorted(tensors, key=lambda t: t.offset):
        if tensor.offset < end:
            raise BadDocument(f"the tensor `{tensor.name[:60]}` overlaps its neighbour")
        end = tensor.offset + (tensor.bytes or 0)
        if data_offset + end > size_bytes:
            raise BadDocument(
                f"the tensor `{tensor.name[:60]}` ends at {data_offset + end}, the file at {size_bytes} bytes"
            )
    return data_offset + end if tensors else min(data_offset, size_bytes)
