"""The first layers of a model as a model of their own: what a layer takes can be measured without the rest.

Two slices that differ by whole periods of the layer pattern tell the time of a layer from that of everything else.
"""

import math
from dataclasses import replace

from advisor.domain.architecture import Architecture
from advisor.estimate.weighing import weight_profile

STEP_BYTES = 256 << 20
"""Least by which the larger slice's layers outgrow the smaller's: more than any processor's cache holds."""


def first_layers(a: Architecture, count: int) -> Architecture:
    """A model of the first `count` layers, with the whole vocabulary."""
    heads, widths = a.attention.kv_heads_by_layer, a.ffn_by_layer
    return replace(
        a, n_layers=count, layers=a.layers[:count], nextn_layers=0, ffn_by_layer=widths[:count] if widths else None,
        attention=replace(a.attention, kv_heads_by_layer=heads[:count] if heads else None),
    )  # fmt: skip


def slice_depths(a: Architecture, quant: str) -> tuple[int, ...]:
    """Layers of two slices, the smaller first; one number, all layers, where the model is hardly larger than that.

    Raises KeyError for a quantization nobody has described.
    """
    lead, unit = a.moe.first_dense if a.moe else 0, period(a)
    small = lead + unit
    if small + unit > a.n_layers:
        return (a.n_layers,)
    whole, one = (weight_profile(first_layers(a, n), quant).tensor_bytes for n in (small + unit, small))
    units = max(1, math.ceil(STEP_BYTES / max(1, whole - one)))
    return small, min(a.n_layers, small + units * unit)


def period(a: Architecture) -> int:
    """Layers after which the pattern behind the leading dense ones repeats itself; all of them if it never does."""
    lead, step = (a.moe.first_dense, a.moe.step) if a.moe else (0, 1)
    kinds = a.layer_kinds()[lead:]
    found = next((n for n in range(1, len(kinds)) if kinds[n:] == kinds[:-n]), len(kinds))
    return min(math.lcm(found, step), len(kinds))
