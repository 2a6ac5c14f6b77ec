"""From an architecture to the buffers of its blocks: what block_scratch lays out."""

from collections.abc import Callable, Sequence
from functools import partial

from advisor.domain.architecture import Architecture, AttentionKind, LayerKind
from advisor.estimate.altup_scratch import Streams
from advisor.estimate.attention_scratch import Cached, Mixing
from advisor.estimate.block_scratch import Feeding, Found, Layer, alone, boundary, device
from advisor.estimate.layer_codes import LAYER_CODES
from advisor.estimate.mixers import ATTENTION_KINDS, head_widths, kv_heads, query_heads
from advisor.estimate.recurrent import convolution_widths, recurrent_widths
from advisor.estimate.scratch import STATE_TOKENS, Peaks, Scratch
from advisor.estimate.tensors import ALTUP_INPUTS, LAUREL_RANK, dense_width, is_moe_layer
from advisor.estimate.traits import Traits

_TURNED_WIDTH = 64
"""llama.cpp rotates what it quantizes where heads are a multiple of this wide."""
_ALIKE = 3
"""Layers in a row that tell what gaps the next one finds, and how often the same must be laid out."""
_WINDOWED = frozenset((LayerKind.SLIDING, LayerKind.REUSED_SLIDING, LayerKind.CHUNKED))
_LOOKED_UP_AHEAD = ("mamba", "mamba2", "conv")
"""Recurrent layers whose convolution inputs are looked up while the layer before is at work."""
_SPARSE_LAYERS = 10
"""Gemma 3n: leading layers whose activations are sparse, in every published size (llama.cpp, n_layer_sparsity)."""


def scratch_of(a: Architecture, t: Traits) -> Scratch:
    """Floats a token that the blocks of a model take, wherever they are."""
    kinds = a.layer_kinds()
    layers = [_layer(a, t, index, kinds[index]) for index in range(a.n_layers)] or [Layer(a.hidden, None, None)]
    _look_ahead(layers)
    tables, first = (a.ple_dim or 0) * a.n_layers, _shortened(layers)
    caches = [_turned(a, t, cache) for cache in _CACHES]
    found = _each(caches, lambda cache: alone(first, tables, cache))
    handed = _each(caches, lambda cache: device(first, tables, cache))
    boundaries, starts = _boundaries(layers, caches)
    compressed = a.attention.kind == AttentionKind.MLA and t.mla_cache
    return Scratch(
        alone=_peaks(found), device=_peaks(handed), boundaries=boundaries, starts=starts,
        window_heads=query_heads(a, LayerKind.SLIDING),
        transposed=a.attention.kv_lora_rank or 0 if compressed else 0,
        key_turn=_turn_floats(a, caches[1].keys, a.attention.k_dim),
        value_turn=_turn_floats(a, caches[2].values, _TURNED_WIDTH), tables=a.ple_dim or 0,
        gap=found[_UNFLASHED].gap,
    )  # fmt: skip


def _boundaries(layers: Sequence[Layer], caches: Sequence[Cached]) -> tuple[tuple[Peaks, ...], str]:
    """Peaks of accelerators that take over midway, and which of these is meant at each layer but the first.

    What is handed over depends on the layer before, what gaps it leaves on the two that follow.
    """
    found: dict[tuple[int, tuple[Layer, ...]], Peaks] = {}
    starts = []
    for first in range(1, len(layers)):
        along = _taken_along(layers, first)
        met = (along, tuple(layers[first - 1 : first + 2]))
        if met not in found:
            passes = _each(caches, partial(boundary, layers[first - 1], _shortened(layers[first:])))
            found[met] = _peaks(passes)._replace(along=along)
        starts.append(LAYER_CODES[list(found).index(met)])
    return tuple(found.values()), "".join(starts)


def _taken_along(layers: Sequence[Layer], first: int) -> int:
    """Floats a token of queries and output of the attention that goes with a recurrent layer on an accelerator.

    It stands before the lookup of that layer's inputs, and has no weights that would keep it in main memory.
    """
    for layer in reversed(layers[:first]):
        mixing = layer.mixing
        if mixing is not None and (mixing.recurrent or layer.routed or not layer.looks_ahead):
            return 0
        if mixing is not None:
            return mixing.queries + mixing.output
    return 0


_CACHES = (
    Cached(), Cached(keys=True), Cached(values=True), Cached(keys=True, values=True), Cached(flash=False),
    Cached(keys=True, flash=False),
)  # fmt: skip


_UNFLASHED = 4
"""The first of them without flash attention."""


def _each(caches: Sequence[Cached], lay_out: Callable[[Cached], Found]) -> list[Found]:
    """One pass for each of the caches, those that are alike laid out once."""
    found = {cache: lay_out(cache) for cache in dict.fromkeys(caches)}
    return [found[cache] for cache in caches]


def _peaks(found: Sequence[Found]) -> Peaks:
    flashed = [one.rest for one in found[:_UNFLASHED]]
    scored = [x for one in found[_UNFLASHED:] for x in (one.rest, one.full, one.window)]
    return Peaks(*[*flashed, *scored, found[0].hollow])


def _turned(a: Architecture, t: Traits, cache: Cached) -> Cached:
    """What of keys and values is turned: those that are quantized, where heads are wide enough."""
    m = a.attention
    plain = (m.kind == AttentionKind.GQA or not t.mla_cache) and t.causal
    return cache._replace(
        keys=cache.keys and plain and m.k_dim % _TURNED_WIDTH == 0,
        values=cache.values and plain and m.v_dim % _TURNED_WIDTH == 0,
    )


def _turn_floats(a: Architecture, turned: bool, width: int) -> int:
    """Of the matrices that turn keys or values: as wide as the largest power of two in `width`; one for each cache."""
    largest = width & -width
    kinds = set(a.layer_kinds()) & set(ATTENTION_KINDS)
    caches = len({kind in _WINDOWED for kind in kinds})
    return caches * largest**2 if turned else 0


def _shortened(layers: Sequence[Layer]) -> list[Layer]:
    """Layers up to the last that follows others than before, runs cut short: those that come then find known gaps."""
    found: list[Layer] = []
    for layer in layers:
        if found[-_ALIKE:] != [layer] * _ALIKE:
            found.append(layer)
    often: dict[tuple[Layer, ...], int] = {}
    end = 0
    for index in range(len(found)):
        run = tuple(found[max(0, index + 1 - _ALIKE) : index + 1])
        often[run] = often.get(run, 0) + 1
        end = index + 1 if often[run] < _ALIKE else end
    return found[:end]


def _look_ahead(layers: list[Layer]) -> None:
    """Mark the layers in which the next recurrent one's inputs are looked up; a dense block alone has no place."""
    for index, layer in enumerate(layers):
        recurrent = layer.mixing.recurrent if layer.mixing else None
        if recurrent is None or recurrent.kind not in _LOOKED_UP_AHEAD:
            continue
        before = index - 1
        while before >= 0 and layers[before].mixing is None and not layers[before].routed:
            before -= 1
        if before >= 0:
            layers[before] = layers[before]._replace(looks_ahead=recurrent.conv_per_sequence)


def _layer(a: Architecture, t: Traits, index: int, kind: str) -> Layer:
    bare = (t.single_block and kind != LayerKind.MLP) or a.gguf_arch in ("mamba", "mamba2")
    feeding = None if bare else feeding_of(a, t, index)
    shares = feeding is not None and feeding.used_inner > 0 and feeding.shared > 0
    return Layer(
        hidden=a.hidden,
        mixing=_mixing(a, t, index, kind),
        feeding=feeding,
        parallel=t.parallel,
        early=t.early_projection,
        into_residual=t.into_residual,
        handed=3 if (t.parallel and t.norm_bias) or shares else 2,
        norms_sum="attn_output_norm" in t.norms,
        streams=_streams(a, t, index, kind) if a.gguf_arch == "gemma3n" else None,
    )


def _streams(a: Architecture, t: Traits, index: int, kind: str) -> Streams:
    """A layer of Gemma 3n."""
    return Streams(
        hidden=a.hidden, copies=ALTUP_INPUTS, mixing=_attention(a, t, index, kind), inner=dense_width(a, index) or 0,
        laurel=LAUREL_RANK, per_layer=a.ple_dim or 0, sparse=index < _SPARSE_LAYERS,
    )  # fmt: skip


def _mixing(a: Architecture, t: Traits, index: int, kind: str) -> Mixing | None:
    if kind in (LayerKind.MLP, LayerKind.NONE):
        return None
    if kind not in ATTENTION_KINDS:
        return _recurrent(a, t, kind)
    if a.attention.kind == AttentionKind.MLA:
        return _compressed(a, t)
    return _attention(a, t, index, kind) if kv_heads(a, index, kind) else None


def _recurrent(a: Architecture, t: Traits, kind: str) -> Mixing:
    widths = convolution_widths(a) if kind == LayerKind.CONV else recurrent_widths(a, t)
    if widths is None:
        return Mixing()
    conv, state = widths.conv_per_sequence // STATE_TOKENS, widths.state_per_sequence // STATE_TOKENS
    return Mixing(recurrent=widths._replace(conv_per_sequence=conv, state_per_sequence=state))


def _compressed(a: Architecture, t: Traits) -> Mixing:
    m = a.attention
    rank, rope, output = m.kv_lora_rank or 0, m.rope_dim or 0, m.n_heads * m.v_dim
    queries = m.n_heads * ((m.nope_dim or 0) + rope)
    if not t.mla_cache:
        return Mixing(queries=queries, keys=queries, values=output, output=output)
    return Mixing(
        low_rank=m.q_lora_rank or 0, queries=queries, absorbed=m.n_heads * rank, rotated=m.n_heads * rope,
        keys=rank + rope, values=rank, output=output,
    )  # fmt: skip


def _attention(a: Architecture, t: Traits, index: int, kind: str) -> Mixing:
    n_kv, heads = kv_heads(a, index, kind), query_heads(a, kind)
    k, v = head_widths(a, kind)
    if kind in (LayerKind.REUSED, LayerKind.REUSED_SLIDING):
        n_kv = 0
    windows = bool(a.attention.window) and any(other in _WINDOWED for other in a.layer_kinds())
    return Mixing(
        windowed=windows and kind in _WINDOWED, queries=heads * k, keys=n_kv * k, values=n_kv * v, output=heads * v,
        fused=t.fused_qkv, keys_first=windows or not t.causal, normed="attn_norm" in t.norms or not t.norms,
        turned=t.qk_norm == "head" or _is_rotated(t, index, kind),
        gate={"full": heads * v, "head": heads}.get(t.output_gate, 0), doubled=t.output_gate == "double",
        sub_norm="attn_sub_norm" in t.norms, cached=t.causal,
    )  # fmt: skip


def _is_rotated(t: Traits, index: int, kind: str) -> bool:
    skipped = t.unrotated_every and (index + 1) % t.unrotated_every == 0
    return not (t.positions or skipped or kind in t.unrotated)


def feeding_of(a: Architecture, t: Traits, index: int) -> Feeding | None:
    """The feed-forward block of a layer; None where it has none."""
    before = {"attn_norm", "ffn_norm"} & set(t.norms)
    normed = t.single_block or "ffn_norm" in before or not t.norms or (bool(before) and len(t.norms) > 1)
    moe = a.moe
    width = dense_width(a, index) or 0
    if moe is not None and is_moe_layer(a, index):
        # Gemma 4's dense block serves as the shared expert
        shared = width if a.gguf_arch == "gemma4" else moe.shared_ffn or moe.n_shared * moe.ffn
        return Feeding(
            normed=normed, gated=t.gated, router=moe.n_experts, biased=t.router_bias, used_inner=moe.n_used * moe.ffn,
            used_outer=moe.n_used * (moe.latent or a.hidden), shared=shared, weighted_first=t.weighted_first,
        )  # fmt: skip
    if not width:
        return None
    return Feeding(normed=normed, inner=width, gated=t.gated, fused_gate=t.fused_gate)
