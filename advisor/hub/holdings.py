"""What a model's files hold, whatever their format and wherever they are: tensors, architecture, context, template.

Only headers are read. All files of a split or sharded model are read, so that sizes are exact.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from advisor.domain.architecture import Architecture
from advisor.errors import BadDocument, UsageError
from advisor.hub.config_architecture import architecture_from_config, context_from_config
from advisor.hub.gguf_architecture import architecture_from_gguf
from advisor.hub.gguf_header import GgufHeader, read_gguf_header
from advisor.hub.gguf_types import FILE_TYPES
from advisor.hub.names import clean_text
from advisor.hub.safetensors_header import SafetensorsHeader, read_safetensors_header

MAX_CONFIG_BYTES = 4 << 20
MAX_INDEX_BYTES = 64 << 20
"""The index of a model with 100,000 tensors takes a tenth of it."""
INDEX_SUFFIX = ".safetensors.index.json"
_SPLIT = re.compile(r"(.+)-\d{5}-of-(\d{5})\.gguf", re.IGNORECASE)
_RISKY = re.compile(r"__\w+__|\battr\s*\(|\bimport\b|\blipsum\b|\bcycler\b|\bnamespace\b.*__")
"""What attacks on template engines use (CVE-2024-34359, CVE-2026-5760); no ordinary chat template needs it."""
_MAX_TEMPLATE = 256 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTensor:
    """One tensor: `bytes` is None for a type whose size is unknown."""

    name: str
    type_name: str
    elements: int
    bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """All that the headers say."""

    format: str
    """gguf or safetensors."""
    files: tuple[tuple[str, int], ...]
    """Name and bytes of each file read."""
    tensors: tuple[HeldTensor, ...]
    name: str | None = None
    preset: str | None = None
    """The quantization preset that the file claims."""
    context: int | None = None
    architecture_name: str | None = None
    architecture: Architecture | None = None
    version: int | None = None
    template_bytes: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedStream:
    """A file to read: its name, its length, and a stream at its start."""

    name: str
    size_bytes: int
    stream: BinaryIO


def read_local(path: Path) -> Holdings:
    """Holdings of a file, a split file (any part), or a folder of safetensors. Raises BadDocument or UsageError."""
    try:
        paths = _local_files(path)
        return read_streams([(p.name, p) for p in paths], _local_config(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def read_streams(files: Sequence[tuple[str, Path | NamedStream]], config: Mapping[str, Any] | None) -> Holdings:
    """Holdings of files of one format, in order."""
    headers = [_read_one(name, file) for name, file in files]
    ggufs = [(name, header) for name, header in headers if isinstance(header, GgufHeader)]
    if len(ggufs) == len(headers):
        return _from_gguf(ggufs)
    tensors = [(name, header) for name, header in headers if isinstance(header, SafetensorsHeader)]
    if len(tensors) != len(headers):
        raise UsageError("the files are of different formats", hint="name one file or one folder")
    return _from_safetensors(tensors, config)


def parse_config(data: bytes, *, name: str = "config.json") -> Mapping[str, Any]:
    """A `config.json`, or another object of that kind. Raises BadDocument."""
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"{name} is not JSON") from error
    if not isinstance(config, dict):
        raise BadDocument(f"{name} is not an object")
    return config


def _local_files(path: Path) -> list[Path]:
    if path.name.endswith(INDEX_SUFFIX):
        return _indexed(path)
    if not path.is_dir():
        split = _SPLIT.fullmatch(path.name)
        if split is None:
            return [path]
        parts = [path.with_name(f"{split[1]}-{i:05d}-of-{split[2]}.gguf") for i in range(1, int(split[2]) + 1)]
        missing = [part.name for part in parts if not part.exists()]
        if missing:
            raise UsageError(f"{missing[0]} is missing beside {path.name}", hint="a split model needs all its parts")
        return parts
    index = next(iter(sorted(path.glob(f"*{INDEX_SUFFIX}"))), None)
    if index is not None:
        return _indexed(index)
    found = sorted(path.glob("*.safetensors"))
    if len(found) > 1:
        found = [file for file in found if not file.name.startswith("consolidated")] or found
    ggufs = [file for file in sorted(path.glob("*.gguf")) if "mmproj" not in file.name.lower()]
    if found or not ggufs:
        if not found:
            raise UsageError(f"{path} holds no GGUF and no safetensors files")
        return found
    first = _local_files(ggufs[0])
    if set(first) != set(ggufs):
        raise UsageError(f"{path} holds several GGUF models", hint=f"name one, e.g. {ggufs[0].name}")
    return first


def _indexed(index: Path) -> list[Path]:
    """The shards that an index names, all of them beside it. Raises BadDocument, or UsageError where one is missing."""
    if index.stat().st_size > MAX_INDEX_BYTES:
        raise BadDocument(f"{index.name} is larger than {MAX_INDEX_BYTES >> 20} MiB")
    where = parse_config(index.read_bytes(), name=index.name).get("weight_map")
    names = set(where.values()) if isinstance(where, dict) else set()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise BadDocument(f"{index.name} names no files beside it")
    missing = sorted(name for name in names if not index.with_name(name).is_file())
    if missing:
        raise UsageError(
            f"{clean_text(missing[0], 80)} is missing beside {index.name}: {len(missing)} of {len(names)} shards",
            hint="name a single shard to see what that one holds",
        )
    return [index.with_name(name) for name in sorted(names)]


def _local_config(path: Path) -> Mapping[str, Any] | None:
    config = (path if path.is_dir() else path.parent) / "config.json"
    if not config.is_file() or config.stat().st_size > MAX_CONFIG_BYTES:
        return None
    return parse_config(config.read_bytes())


def _read_one(name: str, file: Path | NamedStream) -> tuple[str, GgufHeader | SafetensorsHeader]:
    shown = clean_text(name, 200)
    try:
        if isinstance(file, Path):
            return name, _read_file(file)
        is_gguf = name.lower().endswith(".gguf")
        return name, _read_header(file.stream, file.size_bytes, is_gguf=is_gguf)
    except BadDocument as error:
        raise BadDocument(f"{shown}: {error.message}", hint=error.hint) from error


def _read_file(file: Path) -> GgufHeader | SafetensorsHeader:
    with file.open("rb", buffering=1 << 16) as stream:
        is_gguf = stream.read(4) == b"GGUF"
        if not is_gguf and file.suffix.lower() not in (".gguf", ".safetensors"):
            raise BadDocument("neither a GGUF nor a safetensors file")
        stream.seek(0)
        return _read_header(stream, file.stat().st_size, is_gguf=is_gguf or file.suffix.lower() == ".gguf")


def _read_header(stream: BinaryIO, size_bytes: int, *, is_gguf: bool) -> GgufHeader | SafetensorsHeader:
    return read_gguf_header(stream, size_bytes) if is_gguf else read_safetensors_header(stream, size_bytes)


def _from_gguf(headers: Sequence[tuple[str, GgufHeader]]) -> Holdings:
    first = headers[0][1]
    tensors = [tensor for _, header in headers for tensor in header.tensors]
    whole = replace(first, tensors=tuple(tensors))
    arch = first.text("general.architecture")
    template = first.metadata.get("tokenizer.chat_template")
    preset = first.integer("general.file_type")
    held = tuple(
        HeldTensor(
            name=t.name, type_name=t.type_name or f"type {t.type_id}", elements=t.elements, bytes=t.bytes
        )
        for t in tensors
    )  # fmt: skip
    return Holdings(
        format="gguf", files=tuple((name, header.file_bytes) for name, header in headers), tensors=held,
        name=first.text("general.name"), preset=FILE_TYPES.get(preset) if preset is not None else None,
        context=first.integer(f"{arch}.context_length"), architecture_name=arch,
        architecture=architecture_from_gguf(whole), version=first.version,
        template_bytes=len(template.encode()) if isinstance(template, str) else None,
        warnings=(*_template_warnings(template), *_twice(held), *_slack(headers)),
    )  # fmt: skip


def _from_safetensors(headers: Sequence[tuple[str, SafetensorsHeader]], config: Mapping[str, Any] | None) -> Holdings:
    held = tuple(
        HeldTensor(name=t.name, type_name=t.dtype, elements=t.elements, bytes=t.bytes)
        for _, header in headers
        for t in header.tensors
    )
    config = config or {}
    kind = config.get("model_type")
    quantization = config.get("quantization_config") or config.get("quantization")
    method = quantization.get("quant_method", "mlx") if isinstance(quantization, Mapping) else None
    return Holdings(
        format="safetensors", files=tuple((name, header.file_bytes) for name, header in headers), tensors=held,
        preset=clean_text(str(method), 40) if method else None, context=context_from_config(config),
        architecture_name=clean_text(kind, 60) if isinstance(kind, str) else None,
        architecture=architecture_from_config(config), warnings=tuple(_twice(held)),
    )  # fmt: skip


def _template_warnings(template: object) -> Iterable[str]:
    if not isinstance(template, str):
        return
    if len(template) > _MAX_TEMPLATE:
        yield f"the chat template is unusually long ({len(template)} characters)"
    match = _RISKY.search(template)
    if match:
        yield f"the chat template holds `{clean_text(match[0], 40)}`, which ordinary templates do not need"


def _twice(tensors: Sequence[HeldTensor]) -> Iterable[str]:
    if len({tensor.name for tensor in tensors}) != len(tensors):
        yield "the same tensor is in more than one file"


def _slack(headers: Sequence[tuple[str, GgufHeader]]) -> Iterable[str]:
    """Bytes behind the last tensor have no use; a little is padding."""
    for name, header in headers:
        extra = header.file_bytes - header.end_offset
        if extra > header.alignment and all(tensor.bytes is not None for tensor in header.tensors):
            yield f"{clean_text(name, 80)} goes on for {extra} bytes behind its last tensor"
