"""The terms of a decode step and of a prefill: what each would take at data-sheet rates (s), in `PARAMETERS` order.

Decode reads every dense weight, the used experts, the cache of each sequence and the recurrent state once. Prefill
multiplies every weight for each prompt token and reads them once a micro-batch. What a device really reaches is learned
(see calibration); these functions know bytes and FLOPs only.
"""

import math
from typing import NamedTuple

from advisor.estimate.calibration import Vector
from advisor.estimate.flops import attended, prefill_work
from advisor.estimate.kv_cache import read_bytes
from advisor.estimate.shape import ModelShape

US = 1e-6

SCORE_BYTES = 16.0
"""Of one attention score without flash attention: a product writes it, the softmax reads it and writes a share, a
product reads that, in F32 each (llama.cpp's `build_attn_mha`)."""


class Rates(NamedTuple):
    """Data-sheet rates of one device."""

    bandwidth_bytes_per_s: float
    f16_flops: float


class Bytes(NamedTuple):
    """Bytes one device holds of what a token reads: dense weights with head, and all routed experts."""

    dense: float
    experts: float


class Share(NamedTuple):
    """Share of the layers on a device (for cache and FLOPs), of the experts' work, and of the kernels launched there.

    In a tensor split each device holds a part of every layer and launches all kernels.
    """

    layers: float = 1.0
    experts: float = 1.0
    kernels: float = 1.0


WHOLE = Share()
"""A device that does all of it."""


def coverage(shape: ModelShape, tokens: float, slope: float = 0.0) -> float:
    """Share of the routed experts that `tokens` tokens touch: 1 - (1 - k/n)^tokens.

    `slope` lowers it beyond four tokens, since neighbours route alike (fitted to batch runs of six models).
    """
    if not shape.n_experts:
        return 0.0
    uniform = 1.0 - math.pow(1.0 - shape.expert_share, tokens)
    if tokens <= 4 or not slope:
        return uniform
    return max(shape.expert_share, uniform * (1.0 - slope * min(4.0, math.log2(tokens / 4))))


def decode_terms(
    shape: ModelShape,
    held: Bytes,
    rates: Rates,
    depth: float,
    *,
    kv_types: tuple[str, str] = ("f16", "f16"),
    flop_bytes: float = 0.0,
    unfused: float = 0.0,
    sequences: int = 1,
    batch_cost: float = 1.0,
    covered: float | None = None,
    devices: int = 1,
    share: Share = WHOLE,
) -> Vector:
    """Terms of one step in which each of `sequences` gets a token at this depth.

    `flop_bytes`, `unfused` and `devices` as in `read_bytes`.
    """
    bandwidth = rates.bandwidth_bytes_per_s
    used = shape.expert_share if covered is None else covered
    read = read_bytes(shape, depth, *kv_types, flop_bytes=flop_bytes, unfused=unfused, devices=devices)
    cache = read * sequences * share.layers
    state = sum(k.state_traffic_bytes * n for k, n in zip(shape.layers, shape.counts, strict=True))
    return (
        held.dense * batch_cost / bandwidth,
        held.experts * used / bandwidth,
        cache / bandwidth,
        shape.ops * US * share.kernels,
        0.0,
        0.0,
        0.0,
        state * sequences * share.layers / bandwidth,
    )  # fmt: skip


def score_bytes(shape: ModelShape, tokens: float, depth: float, chunk: float) -> float:
    """Bytes of attention scores that pass through memory without flash attention, `chunk` tokens at a time.

    Each micro-batch has scores of all its tokens with all that are cached, its own last ones too.
    """
    full, near = (attended(tokens, depth, w) + tokens * chunk / 2 for w in (0.0, float(shape.window)))
    rows = sum(n * kind.rows(full, near) for kind, n in zip(shape.layers, shape.counts, strict=True) if kind.reads)
    return rows * shape.n_heads * SCORE_BYTES


def overlapped(read_s: float, multiply_s: float) -> tuple[float, float]:
    """Reading and multiplying of kernels that do both at once, each lowered so that the root of the squares remains.

    One alone takes all of its time; where both take as long, each takes 0.71 of it.
    """
    together = math.hypot(read_s, multiply_s)
    return (read_s * read_s / together, multiply_s * multiply_s / together) if together else (0.0, 0.0)


def prefill_terms(
    shape: ModelShape,
    held: Bytes,
    rates: Rates,
    tokens: float,
    *,
    depth: float = 0.0,
    micro_batch: int = 512,
    half_rate_tokens: float = 60.0,
    expert_half_rate_tokens: float = 60.0,
    launch_cost: float = 1.0,
    reads_ahead: bool = False,
    caches_alone: bool = False,
    cost: tuple[float, float] = (1.0, 1.0),
    state_cost: float = 0.0,
    flash_attention: bool = True,
    other_cost: tuple[float, float] = (1.0, 1.0),
    share: Share = WHOLE,
) -> Vector:
    """Terms of reading `tokens` prompt tokens after `depth` earlier ones.

    Small micro-batches reach less: F(u) = F·u/(u + half_rate_tokens); so do experts, each of which gets few of the
    tokens. `launch_cost` is that of a kernel against one while decoding, where graphs of kernels are launched at once.
    With `reads_ahead` kernels read their next weights while they multiply (see `overlapped`), with `caches_alone` only
    what feeds a cache runs (see `prefill_work`). `cost` is that of a FLOP with the stored types of dense weights and of
    experts, against usual ones; `state_cost` that of a FLOP on recurrent states where kernels step through the tokens,
    0 where they multiply matrices as all others do. `other_cost` is that of a FLOP of attention and of one of recurrent
    states, which multiply no weights.
    """
    chunk = min(tokens, micro_batch)
    passes = math.ceil(tokens / micro_batch)
    work = prefill_work(shape, tokens, depth, caches_alone=caches_alone)
    scores = 0.0 if flash_attention else score_bytes(shape, tokens, depth, chunk)
    flops = rates.f16_flops / (1.0 + half_rate_tokens / chunk)
    dense_work = work.dense * cost[0] + (0.0 if state_cost else work.state * other_cost[1])
    touched = coverage(shape, chunk)
    expert_tokens = chunk * shape.expert_share / touched if touched else chunk
    expert_flops = rates.f16_flops / (1.0 + expert_half_rate_tokens / expert_tokens)
    dense = passes * held.dense / rates.bandwidth_bytes_per_s, (dense_work * share.layers + work.head) / flops
    expert_work = work.experts * cost[1] * share.experts
    experts = passes * held.experts * touched / rates.bandwidth_bytes_per_s, expert_work / expert_flops
    if reads_ahead:
        dense, experts = overlapped(*dense), overlapped(*experts)
    return (
        dense[0],
        experts[0],
        scores * share.layers / rates.bandwidth_bytes_per_s,
        passes * shape.ops * US * share.kernels * launch_cost,
        dense[1],
        experts[1],
        work.attention * other_cost[0] * share.layers / rates.f16_flops,
        state_cost * work.state * share.layers / rates.f16_flops,
    )  # fmt: skip
