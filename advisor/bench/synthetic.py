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

from advisor.bench.gguf_metadata import metadata
from advisor.bench.gguf_writing import FLOATS, INTEGERS, STRINGS, array, header, pair, text
from advisor.domain.architecture import Architecture, Attention, Moe
from advisor.estimate.formats import preset_of
from advisor.estimate.tensor_types import BLOCKS, aligned, tensor_bytes
from advisor.estimate.tensors import Tensor, tensor_list
from advisor.estimate.weighing import preset_types

TILE_BYTES = 1 << 20
"""Random data is made once a type and repeated: weights need not differ, they must not be zero."""
_SCALE_OFFSETS = {
    "q4_0": (0,), "q5_0": (0,), "q8_0": (0,), "iq4_nl": (0,), "iq4_xs": (0,), "q4_1": (0, 2), "q5_1": (0, 2),
    "q4_K": (0, 2), "q5_K": (0, 2), "q2_K": (80, 82), "q3_K": (108,), "q6_K": (208,), "iq2_xxs": (0,), "iq2_xs": (0,),
    "iq2_s": (0,), "iq3_xxs": (0,), "iq3_s": (0,), "iq1_s": (0,),
}  # fmt: skip
"""Where a block keeps its half-precision scales (ggml-common.h)."""
_SCALE = struct.pack("<e", 0.002)

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
EXPERTS = Architecture(
    gguf_arch="qwen3moe", n_layers=4, hidden=2048, vocab=32000, ffn=0, tied=False,
    attention=Attention(n_heads=32, n_kv_heads=4, k_dim=128, v_dim=128), max_positions=8192,
    moe=Moe(n_experts=64, n_used=8, ffn=768),
)  # fmt: skip
"""Layers of a 30B mixture with half of its experts: shows what reading and multiplying experts costs."""


def _pairs(a: Architecture, name: str) -> list[bytes]:
    arch = a.gguf_arch or "llama"
    own = [pair(key if key.startswith("xielu") else f"{arch}.{key}", value) for key, value in metadata(a).items()]
    return [pair("general.architecture", arch), pair("general.name", name), *own, *_tokenizer(a.vocab)]


def _tokenizer(vocab: int) -> list[bytes]:
    """Byte tokens as SentencePiece needs them, then numbered words."""
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    words = ["<unk>", "<s>", "</s>", *bytes_, *(f"w{i}" for i in range(vocab - 259))]
    kinds = [2, 3, 3, *[6] * 256, *[1] * (vocab - 259)]
    return [
        pair("tokenizer.ggml.model", "llama"),
        array("tokenizer.ggml.tokens", STRINGS, vocab, b"".join(map(text, words))),
        array("tokenizer.ggml.scores", FLOATS, vocab, struct.pack(f"<{vocab}f", *(-float(i) for i in range(vocab)))),
        array("tokenizer.ggml.token_type", INTEGERS, vocab, struct.pack(f"<{vocab}i", *kinds)),
        pair("tokenizer.ggml.bos_token_id", 1),
        pair("tokenizer.ggml.eos_token_id", 2),
        pair("tokenizer.ggml.unknown_token_id", 0),
    ]


def tile(kind: str, source: random.Random) -> bytes:
    """About a megabyte of plausible blocks of a type."""
    if kind == "f32":
        return struct.pack("<4096f", *(source.uniform(-0.03, 0.03) for _ in range(4096))) * 64
    if kind == "f16":
        return struct.pack("<4096e", *(source.uniform(-0.03, 0.03) for _ in range(4096))) * 128
    if kind == "bf16":
        return b"".join(struct.pack("<f", source.uniform(-0.03, 0.03))[2:] for _ in range(4096)) * 128
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
    types = preset_types(architecture, tensors, preset_of(quant) or quant)
    source = random.Random(seed)
    tiles: dict[str, bytes] = {}
    written = file.write(header(_pairs(architecture, name), tensors, types))
    for t in tensors:
        for piece in _pieces(t, types[t.name], tiles, source):
            written += file.write(piece)
    return written


def write_model(path: Path, architecture: Architecture, quant: str, *, name: str = "synthetic") -> int:
    """As `write_gguf`, into a file."""
    with path.open("wb", buffering=1 << 20) as file:
        return write_gguf(file, architecture, quant, name=name)
