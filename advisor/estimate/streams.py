"""Tensors that mix the copies of the residual stream (DeepSeek V4, Kimi K3, Qwen4), and of tables of n-grams beside it.

Names and shapes as in llama.cpp's deepseek4, kimi-k3 and qwen4exp, build b11434.
"""

from collections.abc import Iterator

from advisor.domain.architecture import Architecture

Named = tuple[str, tuple[int, ...]]

NGRAM_LAYER = 1
"""The layer that reads the table of n-grams (ple.layers of Qwen3.8 Flash Next)."""
NGRAM_CONV = 4
NGRAM_SIZE = 3
"""Width of the convolution over what was looked up, in steps of the longest n-gram, and its tokens (the same model)."""


def hyper_connection_tensors(a: Architecture, part: str) -> Iterator[Named]:
    """What mixes the copies of the residual stream before and after one block (`part`: attn or ffn)."""
    n = a.hyper_connections
    if a.hyper_rank:
        yield from _low_rank(a, f"hc_{part}")
        yield (f"hc_{part}_inject.weight", (n * a.hidden, n))
        return
    yield (f"hc_{part}_fn.weight", (n * a.hidden, (2 + n) * n))
    yield (f"hc_{part}_base.weight", ((2 + n) * n,))
    yield (f"hc_{part}_scale.weight", (3,))


def _low_rank(a: Architecture, name: str) -> Iterator[Named]:
    width = a.hyper_connections * a.hidden
    yield (f"{name}_norm.weight", (a.hidden, a.hyper_connections))
    yield (f"{name}_down.weight", (width, a.hyper_rank))
    yield (f"{name}_up.weight", (a.hyper_rank, width))


def residual_head_tensors(a: Architecture) -> Iterator[Named]:
    """What makes one of the streams before the output head."""
    if a.gguf_arch == "kimi-k3":
        yield ("output_res_score.weight", (a.hidden,))
    elif a.hyper_rank:
        yield from _low_rank(a, "output_hc")
    elif a.gguf_arch == "deepseek4":
        yield ("output_hc_fn.weight", (a.hyper_connections * a.hidden, a.hyper_connections))
        yield ("output_hc_base.weight", (a.hyper_connections,))
        yield ("output_hc_scale.weight", (1,))


def has_ngrams(a: Architecture) -> bool:
    """Whether its extra table holds n-grams, not a row for each token and layer."""
    return a.gguf_arch == "qwen4exp" and bool(a.ple_dim)


def ngram_elements(a: Architecture) -> int:
    """Elements of the table of n-grams, of which a token meets a row of each head; 0 where there is none."""
    return (a.ple_vocab or 0) * (a.ple_dim or 0) if has_ngrams(a) else 0


def ngram_tensors(a: Architecture) -> Iterator[Named]:
    """What brings looked-up n-grams into the residual streams of one layer."""
    n = a.hyper_connections
    yield ("ple_key.weight", (a.hidden, n * a.hidden))
    yield ("ple_value.weight", (a.hidden, a.hidden))
    for part in ("key", "query", "conv"):
        yield (f"ple_norm_{part}.weight", (a.hidden, n))
    yield ("ple_conv1d.weight", (NGRAM_CONV, n * a.hidden))


def ngram_state_elements(a: Architecture, layer: int) -> int:
    """What a sequence keeps for the convolution over looked-up n-grams (F32 elements)."""
    if not has_ngrams(a) or layer != NGRAM_LAYER:
        return 0
    return (NGRAM_CONV - 1) * NGRAM_SIZE * a.hyper_connections * a.hidden
