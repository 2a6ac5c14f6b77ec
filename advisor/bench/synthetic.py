"""Writes GGUF files with real shapes and random weights, so that a machine can be measured with nothing downloaded.

Tensors and their types follow the same rules as real files (`estimate.tensors`, `estimate.quant_rules`). Scales are
small so that activations stay finite; the vocabulary is made-up words in a SentencePiece frame. Format: docs/gguf.md of
ggml.
"""

import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from advisor.domain.architecture import Architecture, Attention
from advisor.estimate.quant_rules import assign_types
from advisor.estimate.tensor_types import BLOCKS, aligned, tensor_bytes
from advisor.estimate.tensors import Tensor, tensor_list
from advisor.estimate.weighing import quant_context

TILE_BYTES = 1 << 20
"""Random data is made once a type and repeated: weights need not differ, they must not be zero."""
_TYPE_IDS = {
    "f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8, "q2_K": 10, "q3_K": 11, "q4_K": 12,
    "q5_K": 13, "q6_K": 14, "iq4_nl": 20, "iq4_xs": 23, "mxfp4": 39,
}  # fmt: skip
"""Numbers of ggml types (ggml.h)."""
_SCALE_OFFSETS = {
    "q4_0": (0,), "q5_0": (0,), "q8_0": (0,), "iq4_nl": (0,), "iq4_xs": (0,), "q4_1": (0, 2), "q5_1": (0, 2),
    "q4_K": (0, 2), "q5_K": (0, 2), "q2_K": (80, 82), "q3_K": (108,), "q6_K": (208,),
}  # fmt: skip
"""Where a block keeps its half-precision scales (ggml-common.h)."""
_SCALE = struct.pack("<e", 0.002)
_U32, _F32, _STRING, _ARRAY, _I32 = 4, 6, 8, 9, 5

THIN = Architecture(
    gguf_arch="llama", n_layers=24, hidden=512, vocab=32000, ffn=1536, tied=False,
    attention=Attention(n_heads=8, n_kv_heads=4, k_dim=64, v_dim=64), max_positions=8192,
)  # fmt: skip
"""Many kernels over few bytes: shows what a kernel costs."""
WIDE = Architecture(
    gguf_arch="llama", n_layers=3, hidden=4096, vocab=32000, ffn=14336, tied=False,
    attention=Attention(n_heads=32, n_kv_heads=8, k_dim=128, v_dim=128), max_positions=8192,
)  # fmt: skip
"""Layers of an 8B model, far beyond any cache: shows what reading and multiplying weights costs."""


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _pair(key: str, value: int | float | str) -> bytes:
    if isinstance(value, str):
        return _text(key) + struct.pack("<I", _STRING) + _text(value)
    if isinstance(value, float):
        return _text(key) + struct.pack("<If", _F32, value)
    return _text(key) + struct.pack("<II", _U32, value)


def _array(key: str, kind: int, count: int, body: bytes) -> bytes:
    return _text(key) + struct.pack("<IIQ", _ARRAY, kind, count) + body


def _metadata(a: Architecture, name: str) -> list[bytes]:
    p, m = a.gguf_arch or "llama", a.attention
    numbers: dict[str, int | float] = {
        "vocab_size": a.vocab, "context_length": a.max_positions or 8192, "embedding_length": a.hidden,
        "block_count": a.n_layers, "feed_forward_length": a.ffn or 0, "attention.head_count": m.n_heads,
        "attention.head_count_kv": m.n_kv_heads, "attention.key_length": m.k_dim, "attention.value_length": m.v_dim,
        "attention.layer_norm_rms_epsilon": 1e-6, "rope.dimension_count": m.k_dim, "rope.freq_base": 1e6,
    }  # fmt: skip
    if m.window:
        numbers["attention.sliding_window"] = m.window
    if a.moe:
        numbers |= {
            "expert_count": a.moe.n_experts, "expert_used_count": a.moe.n_used, "expert_feed_forward_length": a.moe.ffn,
        }  # fmt: skip
    pairs = [_pair("general.architecture", p), _pair("general.name", name)]
    return pairs + [_pair(f"{p}.{key}", value) for key, value in numbers.items()] + _tokenizer(a.vocab)


def _tokenizer(vocab: int) -> list[bytes]:
    """Byte tokens as SentencePiece needs them, then numbered words."""
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    words = ["<unk>", "<s>", "</s>", *bytes_, *(f"w{i}" for i in range(vocab - 259))]
    kinds = [2, 3, 3, *[6] * 256, *[1] * (vocab - 259)]
    return [
        _pair("tokenizer.ggml.model", "llama"),
        _array("tokenizer.ggml.tokens", _STRING, vocab, b"".join(map(_text, words))),
        _array("tokenizer.ggml.scores", _F32, vocab, struct.pack(f"<{vocab}f", *(-float(i) for i in range(vocab)))),
        _array("tokenizer.ggml.token_type", _I32, vocab, struct.pack(f"<{vocab}i", *kinds)),
        _pair("tokenizer.ggml.bos_token_id", 1),
        _pair("tokenizer.ggml.eos_token_id", 2),
        _pair("tokenizer.ggml.unknown_token_id", 0),
    ]


def _header(a: Architecture, name: str, tensors: list[Tensor], types: dict[str, str]) -> bytes:
    pairs = _metadata(a, name)
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(pairs)), *pairs]
    offset = 0
    for t in tensors:
        parts.append(_text(t.name) + struct.pack(f"<I{len(t.shape)}Q", len(t.shape), *t.shape))
        parts.append(struct.pack("<IQ", _TYPE_IDS[types[t.name]], offset))
        offset += aligned(tensor_bytes(t.shape, types[t.name]))
    head = b"".join(parts)
    return head + b"\0" * (-len(head) % 32)


def tile(kind: str, source: random.Random) -> bytes:
    """About a megabyte of plausible blocks of a type."""
    if kind == "f32":
        return struct.pack("<4096f", *(source.uniform(-0.03, 0.03) for _ in range(4096))) * 64
    if kind == "f16":
        return struct.pack("<4096e", *(source.uniform(-0.03, 0.03) for _ in range(4096))) * 128
    size = BLOCKS[kind].bytes
    data = bytearray(source.randbytes(TILE_BYTES // size * size))
    count = len(data) // size
    for offset in _SCALE_OFFSETS.get(kind, ()):
        data[offset::size] = bytes([_SCALE[0]]) * count
        data[offset + 1 :: size] = bytes([_SCALE[1]]) * count
    if kind == "mxfp4":
        data[0::size] = bytes([120]) * count
    return bytes(data)


def _pieces(t: Tensor, kind: str, tiles: dict[str, bytes], source: random.Random) -> Iterator[bytes]:
    """The content of one tensor, padded: ones for norms, else random blocks."""
    size = tensor_bytes(t.shape, kind)
    if "norm" in t.name:
        unit = struct.pack("<f", 1.0) * 1024
    else:
        if kind not in tiles:
            tiles[kind] = tile(kind, source)
        unit = tiles[kind]
    whole, rest = divmod(size, len(unit))
    for _ in range(whole):
        yield unit
    yield unit[:rest] + b"\0" * (aligned(size) - size)


def write_gguf(
    file: BinaryIO, architecture: Architecture, quant: str, *, name: str = "synthetic", seed: int = 1
) -> int:
    """Write a whole model; returns its bytes. Raises KeyError for a type or quantization that is not known here."""
    tensors = list(tensor_list(architecture))
    types = dict(assign_types(tensors, quant, quant_context(architecture, imatrix=True)))
    source = random.Random(seed)
    tiles: dict[str, bytes] = {}
    written = file.write(_header(architecture, name, tensors, types))
    for t in tensors:
        for piece in _pieces(t, types[t.name], tiles, source):
            written += file.write(piece)
    return written


def write_model(path: Path, architecture: Architecture, quant: str, *, name: str = "synthetic") -> int:
    """As `write_gguf`, into a file."""
    with path.open("wb", buffering=1 << 20) as file:
        return write_gguf(file, architecture, quant, name=name)
