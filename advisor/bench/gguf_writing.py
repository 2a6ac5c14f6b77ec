"""Writes the head of a GGUF file: key-value pairs, then name, shape, type and offset of each tensor.

Format: docs/gguf.md of ggml, version 3, little-endian; numbers of types from ggml.h, build b11434.
"""

import struct
from collections.abc import Mapping, Sequence

from advisor.estimate.tensor_types import aligned, tensor_bytes
from advisor.estimate.tensors import Tensor


class Wide(tuple[int, ...]):
    """Whole numbers that are written in 64 bits."""

    __slots__ = ()


Value = int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[bool]
"""A whole number is written as u32, or i32 in a list; other numbers as f32."""

TYPE_IDS = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "q2_K": 10, "q3_K": 11, "q4_K": 12,
    "q5_K": 13, "q6_K": 14, "iq2_xxs": 16, "iq2_xs": 17, "iq3_xxs": 18, "iq1_s": 19, "iq4_nl": 20, "iq3_s": 21,
    "iq2_s": 22, "iq4_xs": 23, "iq1_m": 29, "bf16": 30, "tq1_0": 34, "tq2_0": 35, "mxfp4": 39, "nvfp4": 40,
    "q1_0": 41, "q2_0": 42, "i32": 26,
}  # fmt: skip
_U32, _I32, _F32, _BOOL, _STRING, _ARRAY, _U64 = 4, 5, 6, 7, 8, 9, 10


def text(value: str) -> bytes:
    """A string with its length before it."""
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def array(key: str, kind: int, count: int, body: bytes) -> bytes:
    """A list of `count` values of a type (see `STRINGS`, `FLOATS`, `INTEGERS`), already packed."""
    return text(key) + struct.pack("<IIQ", _ARRAY, kind, count) + body


STRINGS, FLOATS, INTEGERS = _STRING, _F32, _I32


def pair(key: str, value: Value) -> bytes:
    """One key with its value."""
    if isinstance(value, bool):
        return text(key) + struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return text(key) + struct.pack("<II", _U32, value)
    if isinstance(value, float):
        return text(key) + struct.pack("<If", _F32, value)
    if isinstance(value, str):
        return text(key) + struct.pack("<I", _STRING) + text(value)
    if isinstance(value, Wide):
        return array(key, _U64, len(value), struct.pack(f"<{len(value)}Q", *value))
    if value and isinstance(value[0], bool):
        return array(key, _BOOL, len(value), struct.pack(f"<{len(value)}?", *value))
    if value and isinstance(value[0], float):
        return array(key, _F32, len(value), struct.pack(f"<{len(value)}f", *value))
    return array(key, _I32, len(value), struct.pack(f"<{len(value)}i", *value))


def header(pairs: Sequence[bytes], tensors: Sequence[Tensor], types: Mapping[str, str]) -> bytes:
    """Everything before the data of the first tensor, padded to it. Raises KeyError for an unknown type."""
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(pairs)), *pairs]
    offset = 0
    for t in tensors:
        parts.append(text(t.name) + struct.pack(f"<I{len(t.shape)}Q", len(t.shape), *t.shape))
        parts.append(struct.pack("<IQ", TYPE_IDS[types[t.name]], offset))
        offset += aligned(tensor_bytes(t.shape, types[t.name]))
    head = b"".join(parts)
    return head + b"\0" * (-len(head) % 32)
