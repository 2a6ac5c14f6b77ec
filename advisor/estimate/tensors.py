"""The list of tensors that a model's GGUF file holds, from the integers of its architecture alone.

Names and shapes (input width first) are those of llama.cpp's converter and loader, build b11434. Everything else in
this room follows from these lists: bytes, parameter counts, FLOPs.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from advisor.domain.architecture import Architecture, AttentionKind, LayerKind
from advisor.estimate.mixers import Named, mixer_tensors
from advisor.estimate.streams import (
    NGRAM_LAYER,
    has_ngrams,
    hyper_connection_tensors,
    ngram_elements,
    ngram_tensors,
    residual_head_tensors,
)
from advisor.estimate.traits import Traits, traits_of

ALTUP_INPUTS = 4
"""Gemma 3n: altup_num_inputs of every published size."""
LAUREL_RANK = 64
"""Gemma 3n: laurel_rank of every published size."""


NAMES = 32768
"""Tensor names whose properties are remembered: models share most of them, and a catalog has some 20,000."""


class Tensor(NamedTuple):
    """A tensor's full name and its shape, input width first."""

    name: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Number of weights."""
        return math.prod(self.shape)


class ParameterCount(NamedTuple):
    """Parameters of a model: all, and those that one token meets (unused experts left out)."""

    total: int
    active: int


@lru_cache(maxsize=4)
def tensor_list(architecture: Architecture, *, nextn: bool = False) -> tuple[Tensor, ...]:
    """Every tensor of the language model. `nextn` adds the multi-token-prediction blocks some files carry."""
    a, t = architecture, traits_of(architecture)
    tensors = [Tensor(*named) for named in _outer(a, t)]
    kinds = a.layer_kinds()
    prefix = "dec.blk" if a.encoder_layers and a.n_layers else "blk"
    for layer in range(a.n_layers):
        tensors += [Tensor(f"{prefix}.{layer}.{name}", shape) for name, shape in _layer(a, t, layer, kinds[layer])]
        if prefix == "dec.blk":
            tensors += [Tensor(f"{prefix}.{layer}.{name}", shape) for name, shape in _cross(a, t)]
    for layer in range(a.encoder_layers):
        tensors += [Tensor(f"enc.blk.{layer}.{name}", shape) for name, shape in _layer(a, t, layer, "F")]
    for layer in range(a.n_layers, a.n_layers + (a.nextn_layers if nextn else 0)):
        tensors += [Tensor(f"blk.{layer}.{name}", shape) for name, shape in _nextn(a, t, layer)]
    return tuple(tensors)


def count_parameters(architecture: Architecture) -> ParameterCount:
    """Parameters of the language model, counted tensor by tensor; the output head counts once where it is tied."""
    total = experts = 0
    for tensor in tensor_list(architecture):
        total += tensor.elements
        experts += tensor.elements if "_exps." in tensor.name else 0
    moe = architecture.moe
    unused = experts * (moe.n_experts - moe.n_used) // moe.n_experts if moe and moe.n_experts else 0
    return ParameterCount(total, total - unused - ngram_elements(architecture))


def _norm(name: str, width: int, t: Traits) -> Iterator[Named]:
    yield (f"{name}.weight", (width,))
    if t.norm_bias:
        yield (f"{name}.bias", (width,))


def _outer(a: Architecture, t: Traits) -> Iterator[Named]:
    yield ("token_embd.weight", (a.hidden, a.vocab))
    if not t.tied:
        yield ("output.weight", (a.hidden, a.vocab))
        if t.output_bias:
            yield ("output.bias", (a.vocab,))
    if t.token_types:
        yield ("token_types.weight", (a.hidden, t.token_types))
    if t.positions and a.max_positions:
        yield ("position_embd.weight", (a.hidden, a.max_positions))
    if t.embedding_norm:
        yield from _norm("token_embd_norm", a.hidden, t)
    if t.final_norm:
        yield from _norm(t.final_norm, a.hidden, t)
    if t.rope_freqs:
        yield ("rope_freqs.weight", (a.attention.k_dim // 2,))
    if a.ple_dim:
        yield from _per_layer_embeddings(a)
    yield from residual_head_tensors(a)


def _per_layer_embeddings(a: Architecture) -> Iterator[Named]:
    if has_ngrams(a):
        yield ("per_layer_token_embd.weight", (a.ple_dim or 0, a.ple_vocab or 0))
        return
    width = (a.ple_dim or 0) * a.n_layers
    # Gemma 3n's converter fills both tables up to the same number of rows
    rows = a.vocab if a.gguf_arch == "gemma3n" else a.ple_vocab or a.vocab
    yield ("per_layer_token_embd.weight", (width, rows))
    yield ("per_layer_model_proj.weight", (a.hidden, width))
    yield ("per_layer_proj_norm.weight", (a.ple_dim or 0,))
    if a.gguf_arch == "gemma3n":
        yield ("altup_proj.weight", (a.hidden, a.hidden, ALTUP_INPUTS - 1))
        yield ("altup_unembd_proj.weight", (a.hidden, a.hidden, ALTUP_INPUTS - 1))


def _layer(a: Architecture, t: Traits, layer: int, kind: str) -> Iterator[Named]:
    for name in _layer_norms(a, t, layer, kind):
        width = a.attention.n_heads * a.attention.v_dim if name == "attn_sub_norm" else a.hidden
        if name == "ffn_norm" and a.gguf_arch == "falcon-h1":
            yield (name, (width,))
        else:
            yield from _norm(name, width, t)
    yield from mixer_tensors(a, t, layer, kind)
    if not _is_bare_mixer(a, t, kind):
        yield from _feed_forward(a, t, layer)
    yield from _layer_extras(a, layer)


def _layer_norms(a: Architecture, t: Traits, layer: int, kind: str) -> Iterator[str]:
    empty_ffn = a.ffn_by_layer is not None and layer < len(a.ffn_by_layer) and not a.ffn_by_layer[layer]
    for name in t.norms:
        if name == "ffn_norm" and (empty_ffn or _is_bare_mixer(a, t, kind)):
            continue
        if name == "attn_norm" and (kind == LayerKind.NONE or (a.gguf_arch == "modern-bert" and layer == 0)):
            continue
        yield name


def _is_bare_mixer(a: Architecture, t: Traits, kind: str) -> bool:
    """Layers without a feed-forward block: Mamba stacks, and the mixers of single-block hybrids."""
    return (t.single_block and kind != LayerKind.MLP) or a.gguf_arch in ("mamba", "mamba2")


def _layer_extras(a: Architecture, layer: int) -> Iterator[Named]:
    if a.gguf_arch == "kimi-k3":
        yield ("attn_res_score.weight", (a.hidden,))
        yield ("ffn_res_score.weight", (a.hidden,))
    if a.hyper_connections:
        yield from hyper_connection_tensors(a, "attn")
        yield from hyper_connection_tensors(a, "ffn")
    if has_ngrams(a):
        yield from ngram_tensors(a) if layer == NGRAM_LAYER else ()
    elif a.ple_dim:
        yield from _per_layer_extras(a, a.ple_dim)


def _per_layer_extras(a: Architecture, width: int) -> Iterator[Named]:
    """What brings a layer's embeddings into it (Gemma 3n and 4), and Gemma 3n's other residual paths."""
    yield ("inp_gate.weight", (a.hidden, width))
    yield ("proj.weight", (width, a.hidden))
    yield ("post_norm.weight", (a.hidden,))
    if a.gguf_arch != "gemma3n":
        return
    n = ALTUP_INPUTS
    yield ("altup_correct_coef.weight", (n, n))
    yield ("altup_correct_scale.weight", (a.hidden,))
    yield ("altup_predict_coef.weight", (n, n * n))
    yield ("altup_router.weight", (a.hidden, n))
    yield ("altup_router_norm.weight", (a.hidden,))
    yield ("laurel_l.weight", (a.hidden, LAUREL_RANK))
    yield ("laurel_r.weight", (LAUREL_RANK, a.hidden))
    yield ("laurel_post_norm.weight", (a.hidden,))


def is_moe_layer(a: Architecture, layer: int) -> bool:
    """Whether this layer's feed-forward block is a mixture of experts."""
    moe = a.moe
    return moe is not None and moe.n_experts > 1 and layer >= moe.first_dense and (layer + 1) % max(1, moe.step) == 0


def dense_width(a: Architecture, layer: int) -> int | None:
    """Width of a layer's dense feed-forward block, in elements; None: not stated."""
    return a.ffn_by_layer[layer] if a.ffn_by_layer and layer < len(a.ffn_by_layer) else a.ffn


def _feed_forward(a: Architecture, t: Traits, layer: int) -> Iterator[Named]:
    routed = is_moe_layer(a, layer)
    if routed:
        yield from _experts(a, t, hashed=layer < a.moe.hash_layers if a.moe else False)
    if routed and a.gguf_arch != "gemma4":
        return
    width = dense_width(a, layer)
    if width is None and a.moe is not None:
        width = a.moe.ffn
    if not width:
        return
    yield from _dense(a, t, width)


def _dense(a: Architecture, t: Traits, width: int) -> Iterator[Named]:
    parts = [("ffn_up", a.hidden, 2 * width if t.fused_gate else width), ("ffn_down", width, a.hidden)]
    if t.gated and not t.fused_gate:
        parts.insert(0, ("ffn_gate", a.hidden, width))
    for name, n_in, n_out in parts:
        yield (f"{name}.weight", (n_in, n_out))
        if t.ffn_bias and not (t.gated and name != "ffn_down"):
            yield (f"{name}.bias", (n_out,))
    if a.gguf_arch == "bitnet":
        yield ("ffn_sub_norm.weight", (width,))


def _experts(a: Architecture, t: Traits, *, hashed: bool = False) -> Iterator[Named]:
    moe = a.moe
    assert moe is not None
    n, width, inner = moe.n_experts, moe.ffn, moe.latent or a.hidden
    yield ("ffn_gate_inp.weight", (a.hidden, n))
    if moe.latent:
        name = "ffn_routed" if a.gguf_arch == "kimi-k3" else "ffn_latent"
        yield (f"{name}_down.weight", (a.hidden, inner))
        yield (f"{name}_up.weight", (inner, a.hidden))
        if a.gguf_arch == "kimi-k3":
            yield ("ffn_routed_norm.weight", (inner,))
    if a.gguf_arch == "gemma4":
        yield ("ffn_gate_inp.scale", (a.hidden,))
        for name in ("pre_ffw_norm_2", "post_ffw_norm_1", "post_ffw_norm_2"):
            yield (f"{name}.weight", (a.hidden,))
        parts = [("ffn_gate_up_exps", a.hidden, 2 * width)]
    else:
        parts = [("ffn_gate_exps", inner, width)] if t.gated else []
        parts += [("ffn_up_exps", inner, width)]
    for name, n_in, n_out in (*parts, ("ffn_down_exps", width, inner)):
        yield (f"{name}.weight", (n_in, n_out, n))
        if t.expert_bias:
            yield (f"{name}.bias", (n_out, n))
    if t.expert_bias:
        yield ("ffn_gate_inp.bias", (n,))
    if hashed:
        yield ("ffn_gate_tid2eid.weight", (moe.n_used, a.vocab))
    elif t.router_bias:
        yield ("exp_probs_b" if a.gguf_arch == "hy_v3" else "exp_probs_b.bias", (n,))
    yield from _shared_experts(a, t)


def _shared_experts(a: Architecture, t: Traits) -> Iterator[Named]:
    moe = a.moe
    assert moe is not None
    width = moe.shared_ffn or moe.n_shared * moe.ffn
    # Gemma 4's dense block serves as the shared expert
    if not width or a.gguf_arch == "gemma4":
        return
    if t.gated:
        yield ("ffn_gate_shexp.weight", (a.hidden, width))
    yield ("ffn_up_shexp.weight", (a.hidden, width))
    yield ("ffn_down_shexp.weight", (width, a.hidden))
    if t.shared_gate:
        yield ("ffn_gate_inp_shexp.weight", (a.hidden,))


def _cross(a: Architecture, t: Traits) -> Iterator[Named]:
    """Cross-attention of a decoder layer."""
    width = a.attention.n_heads * a.attention.k_dim
    yield from _norm("cross_attn_norm", a.hidden, t)
    for part in ("q", "k", "v"):
        yield (f"cross_attn_{part}.weight", (a.hidden, width))
    yield ("cross_attn_o.weight", (width, a.hidden))


def _nextn(a: Architecture, t: Traits, layer: int) -> Iterator[Named]:
    """A multi-token-prediction block: a layer of full attention, and the projection that feeds it.

    Those of Step 3.5 are dense whatever the model is, and have a head each (llama.cpp, conversion/step3.py).
    """
    kind = LayerKind.FULL if a.attention.kind != AttentionKind.NONE else LayerKind.NONE
    if a.gguf_arch == "step35":
        yield from _layer(replace(a, moe=None), t, layer, LayerKind.SLIDING)
        yield ("nextn.shared_head_head.weight", (a.hidden, a.vocab))
    else:
        yield from _layer(a, t, layer, kind)
    yield ("nextn.eh_proj.weight", (2 * a.hidden, a.hidden))
    for name in ("enorm", "hnorm", "shared_head_norm"):
        yield (f"nextn.{name}.weight", (a.hidden,))
