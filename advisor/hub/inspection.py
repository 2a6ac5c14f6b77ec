"""What follows from the headers of a model's files: parameters, exact bytes, mix of types, cache by context."""

from dataclasses import dataclass

from advisor.errors import UsageError
from advisor.estimate.compute_buffer import compute_bytes
from advisor.estimate.constants import EngineProfile
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, refusal, state_bytes
from advisor.estimate.shape import ModelShape
from advisor.estimate.shaping import shape_of
from advisor.estimate.tensor_types import BLOCKS
from advisor.hub.holdings import Holdings

_SERVER = EngineProfile(name="llama.cpp")
"""Micro-batches of 512 tokens, flash attention, logits of the last token: llama-server's defaults."""
CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
"""Shown as far as the model was trained, and its own length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShare:
    """All tensors of one type. `bytes` is None for a type whose size is unknown."""

    type_name: str
    tensors: int
    elements: int
    bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheNeed:
    """Memory beside the weights for one sequence of `context` tokens."""

    context: int
    kv_cache_bytes: int
    state_bytes: int
    compute_bytes: int
    """Scratch of llama-server with its defaults, on the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Everything read and what follows from it. `source`: a path, or REPO@COMMIT."""

    target: str
    source: str
    holdings: Holdings
    parameters: int
    tensor_bytes: int | None
    bits_per_weight: float | None
    mix: tuple[TypeShare, ...]
    kv_type: str
    caches: tuple[CacheNeed, ...]
    fetched_bytes: int = 0


def measure(
    holdings: Holdings, *, target: str, source: str, contexts: tuple[int, ...], kv_type: str, fetched_bytes: int = 0
) -> Inspection:
    """Everything that can be computed from `holdings`. Raises UsageError for an unknown cache type."""
    parameters = sum(tensor.elements for tensor in holdings.tensors)
    sizes = [tensor.bytes for tensor in holdings.tensors]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    return Inspection(
        target=target, source=source, holdings=holdings, parameters=parameters, tensor_bytes=total,
        bits_per_weight=8 * total / parameters if total is not None and parameters else None,
        mix=_mix(holdings), kv_type=kv_type, caches=_caches(holdings, contexts, kv_type), fetched_bytes=fetched_bytes,
    )  # fmt: skip


def _mix(holdings: Holdings) -> tuple[TypeShare, ...]:
    """By type, the one with most elements first."""
    names = dict.fromkeys(tensor.type_name for tensor in holdings.tensors)
    shares = []
    for name in names:
        same = [tensor for tensor in holdings.tensors if tensor.type_name == name]
        known = None not in [tensor.bytes for tensor in same]
        shares.append(
            TypeShare(
                type_name=name, tensors=len(same), elements=sum(tensor.elements for tensor in same),
                bytes=sum(tensor.bytes or 0 for tensor in same) if known else None,
            )
        )  # fmt: skip
    return tuple(sorted(shares, key=lambda share: -share.elements))


def _caches(holdings: Holdings, contexts: tuple[int, ...], kv_type: str) -> tuple[CacheNeed, ...]:
    """Exact cache of one sequence as llama.cpp lays it out; empty where the layout is not known."""
    if holdings.architecture is None:
        return ()
    if kv_type not in BLOCKS:
        raise UsageError(f"`{kv_type[:20]}` is not a cache type", hint="use f16, q8_0 or q4_0")
    shape = _shape(holdings)
    if shape is None or not shape.known:
        return ()
    refused = refusal(shape, CacheLayout(context=1, k_type=kv_type, v_type=kv_type))
    if refused:
        raise UsageError(f"llama.cpp keeps no {kv_type} cache of it: {refused}", hint="leave --kv-type out")
    longest = holdings.context
    usual = tuple(c for c in CONTEXTS if longest is None or c < longest) + ((longest,) if longest else ())
    needs = []
    for context in contexts or usual:
        layout = CacheLayout(context=context, k_type=kv_type, v_type=kv_type)
        cache = cache_bytes(shape, layout)
        needs.append(
            CacheNeed(
                context=context, kv_cache_bytes=cache, state_bytes=state_bytes(shape, layout),
                compute_bytes=compute_bytes(shape, layout, _SERVER),
            )
        )  # fmt: skip
    return tuple(needs)


def _shape(holdings: Holdings) -> ModelShape | None:
    """The shape, None where a hostile or odd header makes none (a zero where a width must be)."""
    assert holdings.architecture is not None
    try:
        return shape_of(holdings.architecture)
    except (ArithmeticError, ValueError, IndexError, AssertionError):
        return None
