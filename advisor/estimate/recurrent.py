"""What the recurrent layers of an architecture keep and work on, in elements."""

from advisor.domain.architecture import Architecture, LayerKind
from advisor.estimate.layer_scratch import RecurrentWidths
from advisor.estimate.mixers import step_rank
from advisor.estimate.traits import Traits


def state_elements(a: Architecture, kind: str) -> tuple[int, int]:
    """Elements of one sequence in one layer: inputs of the convolution, and the state."""
    linear = a.linear
    assert linear is not None
    if kind in (LayerKind.MAMBA, LayerKind.PARALLEL):
        channels = linear.d_inner + 2 * linear.n_groups * linear.d_state
        return (linear.conv - 1) * channels, linear.d_state * linear.d_inner
    value = linear.v_heads * linear.v_dim
    if linear.kind == "kda":
        heads = linear.v_heads or a.attention.n_heads
        return 3 * (linear.conv - 1) * heads * linear.v_dim, heads * linear.v_dim**2
    if linear.kind == "lightning":
        return 0, linear.v_heads * linear.v_dim**2
    key = linear.k_heads * linear.k_dim
    return (linear.conv - 1) * (value + 2 * key), linear.k_dim * value


def recurrent_widths(a: Architecture, t: Traits) -> RecurrentWidths | None:
    """Buffers of a recurrent layer; None where there is none that llama.cpp knows, or a short convolution alone."""
    linear = a.linear
    if linear is None or linear.kind not in ("mamba", "mamba2", "gdn", "kda"):
        return None
    conv, state = state_elements(a, LayerKind.MAMBA if linear.kind.startswith("mamba") else LayerKind.LINEAR)
    channels = conv // max(1, linear.conv - 1)
    if linear.kind == "gdn":
        inner, heads, projected = linear.v_heads * linear.v_dim, linear.v_heads, channels
        keys = linear.k_dim * (linear.v_heads if a.gguf_arch == "qwen3next" else linear.k_heads)
    elif linear.kind == "kda":
        heads = linear.v_heads or a.attention.n_heads
        inner = projected = channels = keys = heads * linear.v_dim
    else:
        inner, heads, keys = linear.d_inner, linear.n_heads if linear.kind == "mamba2" else 0, 0
        projected = inner + channels + heads
    steps = step_rank(a.hidden, linear) if linear.kind == "mamba" else 0
    parallel = LayerKind.PARALLEL in a.layer_kinds()
    return RecurrentWidths(
        kind=linear.kind, hidden=a.hidden, projected=projected, channels=channels, inner=inner, keys=keys, heads=heads,
        conv_per_sequence=conv, state_per_sequence=state,
        beside=a.attention.n_heads * a.attention.k_dim if parallel else 0,
        ffn=a.ffn or 0 if t.gated and a.moe is None and not t.single_block else 0,
        selected=steps + 2 * linear.d_state if steps else 0, steps=steps, ahead=a.moe is None,
    )  # fmt: skip


def convolution_widths(a: Architecture) -> RecurrentWidths:
    """Buffers of a layer that is a gated short convolution."""
    assert a.linear is not None
    return RecurrentWidths(
        kind="conv", hidden=a.hidden, projected=3 * a.hidden, channels=a.hidden, inner=a.hidden, keys=0, heads=0,
        conv_per_sequence=a.hidden * (a.linear.conv - 1), state_per_sequence=0, beside=0, ffn=0,
    )  # fmt: skip
