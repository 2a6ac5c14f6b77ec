"""Small GGUF and safetensors files for tests, written byte by byte so that any part of them can be wrong."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_CODES = {"u32": (4, "I"), "i32": (5, "i"), "f32": (6, "f"), "bool": (7, "?"), "u64": (10, "Q")}


def gguf_string(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(value: Any) -> bytes:
    """Kind and value: text, a whole number (u32), a float, a bool, or a list of one of these."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    items = [gguf_value(item) for item in value]
    kind = items[0][:4] if items else struct.pack("<I", 4)
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(items)) + b"".join(item[4:] for item in items)


def gguf_bytes(
    metadata: Mapping[str, Any], tensors: Sequence[tuple[str, tuple[int, ...], int, bytes]] = (), *, alignment: int = 32
) -> bytes:
    """A whole file. A tensor is (name, dims fastest first, type number, data)."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    head += [gguf_string(key) + gguf_value(value) for key, value in metadata.items()]
    body = bytearray()
    for name, dims, kind, data in tensors:
        head.append(gguf_string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, len(body)))
        body += data + bytes(-len(data) % alignment)
    start = b"".join(head)
    return start + bytes(-len(start) % alignment) + bytes(body)


def gguf_with_payload(payload: bytes) -> bytes:
    """A sound file whose single tensor holds `payload` as 8-bit integers."""
    return gguf_bytes({"general.architecture": "llama"}, [("payload", (len(payload),), 24, payload)])


def safetensors_bytes(header: Mapping[str, Any] | bytes, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data
