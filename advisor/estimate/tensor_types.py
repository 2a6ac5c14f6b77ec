"""Storage types of single tensors: block sizes and bytes. GGUF's own types (ggml block layout) and nothing else.

A tensor of shape (n0, n1, ...) takes `n1 * ... * (n0 / block) * block_bytes` bytes; n0 must be a multiple of the block.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

ALIGNMENT = 32
"""GGUF aligns the data of each tensor to 32 bytes (general.alignment default)."""


class Block(NamedTuple):
    """Weights in one block and the bytes they take."""

    weights: int
    bytes: int


BLOCKS: dict[str, Block] = {
    "f32": Block(1, 4), "f16": Block(1, 2), "bf16": Block(1, 2),
    "q4_0": Block(32, 18), "q4_1": Block(32, 20), "q5_0": Block(32, 22), "q5_1": Block(32, 24), "q8_0": Block(32, 34),
    "q2_K": Block(256, 84), "q3_K": Block(256, 110), "q4_K": Block(256, 144), "q5_K": Block(256, 176),
    "q6_K": Block(256, 210),
    "iq1_s": Block(256, 50), "iq1_m": Block(256, 56), "iq2_xxs": Block(256, 66), "iq2_xs": Block(256, 74),
    "iq2_s": Block(256, 82), "iq3_xxs": Block(256, 98), "iq3_s": Block(256, 110), "iq4_nl": Block(32, 18),
    "iq4_xs": Block(256, 136), "tq1_0": Block(256, 54), "tq2_0": Block(256, 66),
    "mxfp4": Block(32, 17), "nvfp4": Block(64, 36), "q1_0": Block(128, 18), "q2_0": Block(64, 18),
    "i32": Block(1, 4),
}  # fmt: skip
"""By lower-case ggml name, as printed by libggml (type_name, blck_size, type_size), build b11434."""

TYPE_NAMES = tuple(BLOCKS)
"""Index of a type in compact rows."""


def tensor_bytes(shape: Sequence[int], kind: str) -> int:
    """Bytes of one tensor stored as `kind`, unaligned."""
    block = BLOCKS[kind]
    return math.prod(shape[1:]) * (shape[0] // block.weights) * block.bytes


def aligned(size_bytes: int) -> int:
    """`size_bytes` rounded up to the alignment of GGUF tensor data."""
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def row_bytes(elements: int, kind: str) -> int:
    """Bytes of a row of `elements` (a KV-cache row); rows that do not divide into blocks round up."""
    block = BLOCKS[kind]
    return -(-elements // block.weights) * block.bytes
