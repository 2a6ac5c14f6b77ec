"""What each layer of a GGUF file is, read from its tensors' names; the header's metadata only fills in windows."""

import re
from collections.abc import Sequence

from advisor.domain.architecture import LayerKind
from advisor.hub.gguf_header import GgufArray, GgufHeader

_BLOCK = re.compile(r"(?:dec\.)?blk\.(\d+)\.(.+)")
_ATTENTION = frozenset({
    "attn_q.weight", "attn_qkv.weight", "attn_q_a.weight", "attn_kv_a_mqa.weight", "attn_output.weight",
})  # fmt: skip
_DELTA_NET = frozenset({"ssm_beta.weight", "ssm_alpha.weight", "ssm_ba.weight", "ssm_conv1d_q.weight"})

WINDOW_PERIODS: dict[str, int] = {
    "gemma2": 2, "gemma3": 6, "gemma-embedding": 6, "gpt-oss": 2, "cohere2": 4, "olmo2": 4, "exaone4": 4, "llama4": 4,
    "exaone-moe": 4, "afmoe": 4, "deepseek4": 0,
}  # fmt: skip
"""Where a header states a window but no pattern: every n-th layer attends to everything, 0: none (llama.cpp,
src/models/*.cpp, load_swa_pattern)."""
UNWINDOWED = frozenset({"phi3"})
"""States a window that llama.cpp does not use."""
CHUNK_TOKENS: dict[str, int] = {"llama4": 8192}
"""Chunked attention whose length no header states; a stated window of 0 is none (llama.cpp, src/models/llama4.cpp)."""


def layer_tensors(header: GgufHeader) -> dict[int, frozenset[str]]:
    """Names of each block's tensors, without the block's prefix."""
    found: dict[int, set[str]] = {}
    for tensor in header.tensors:
        match = _BLOCK.fullmatch(tensor.name)
        if match:
            found.setdefault(int(match[1]), set()).add(match[2])
    return {index: frozenset(names) for index, names in found.items()}


def layer_kinds(header: GgufHeader, arch: str, n_layers: int) -> str:
    """One letter a layer (`LayerKind`); empty where all are full attention."""
    blocks = layer_tensors(header)
    shared = header.integer(f"{arch}.attention.shared_kv_layers") or 0
    sliding = sliding_layers(header, arch, n_layers)
    letters = [
        _letter(blocks.get(i, frozenset()), sliding[i], reused=i >= n_layers - shared, chunked=arch == "llama4")
        for i in range(n_layers)
    ]
    kinds = "".join(letters)
    return "" if kinds == LayerKind.FULL * n_layers else kinds


def _letter(names: frozenset[str], sliding: bool, *, reused: bool, chunked: bool) -> str:
    """The kind of one block. A delta net has attention-like projections too, so it is looked for first."""
    if names & _DELTA_NET:
        return LayerKind.LINEAR
    if "shortconv.conv.weight" in names:
        return LayerKind.CONV
    attends = bool(names & _ATTENTION)
    if "ssm_in.weight" in names:
        return LayerKind.PARALLEL if attends else LayerKind.MAMBA
    if not attends:
        return LayerKind.MLP if "attn_norm.weight" in names else LayerKind.NONE
    if reused:
        return LayerKind.REUSED_SLIDING if sliding else LayerKind.REUSED
    if sliding:
        return LayerKind.CHUNKED if chunked else LayerKind.SLIDING
    return LayerKind.FULL


def window_tokens(header: GgufHeader, arch: str) -> int | None:
    """The sliding window or chunk, None where there is none or the engine ignores it."""
    if arch in UNWINDOWED:
        return None
    stated = header.integer(f"{arch}.attention.sliding_window")
    if stated is None:
        stated = header.integer(f"{arch}.attention.chunk_size") or CHUNK_TOKENS.get(arch)
    return stated or None


def sliding_layers(header: GgufHeader, arch: str, n_layers: int) -> Sequence[bool]:
    """Which layers attend to a window: the stated pattern, a stated period, or the architecture's own."""
    if window_tokens(header, arch) is None:
        return [False] * n_layers
    pattern = header.metadata.get(f"{arch}.attention.sliding_window_pattern")
    if isinstance(pattern, GgufArray) and pattern.head:
        head = [bool(value) for value in pattern.head]
        return [head[i % len(head)] for i in range(n_layers)]
    stated = header.integer(f"{arch}.attention.sliding_window_pattern")
    period = stated if stated is not None else WINDOW_PERIODS.get(arch, 1)
    if period < 1:
        return [True] * n_layers
    return [i % period < period - 1 for i in range(n_layers)]
