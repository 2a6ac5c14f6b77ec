"""The architecture of the model in a GGUF file, from its metadata and the shapes of its tensors.

Widths come from tensors where they show them: a header may be silent, a tensor cannot be. Keys: llama.cpp,
gguf-py/gguf/constants.py.
"""

from dataclasses import dataclass

from advisor.domain.architecture import Architecture, Attention, AttentionKind, LayerKind, LinearAttention, Moe
from advisor.hub.gguf_header import GgufArray, GgufHeader, GgufTensor
from advisor.hub.gguf_layers import layer_kinds, layer_tensors, window_tokens

MAX_LAYERS = 1000
_WINDOWED = frozenset((LayerKind.SLIDING, LayerKind.REUSED_SLIDING))


@dataclass(frozen=True, slots=True)
class _Keys:
    """The header, read with the architecture's own prefix."""

    header: GgufHeader
    arch: str
    shapes: dict[str, tuple[int, ...]]

    def number(self, key: str) -> int | None:
        """A whole number; of a value a layer, the largest."""
        values = self.by_layer(key)
        return max(values) if values else self.header.integer(f"{self.arch}.{key}")

    def by_layer(self, key: str) -> tuple[int, ...] | None:
        """One whole number a layer, None where there is no such list."""
        value = self.header.metadata.get(f"{self.arch}.{key}")
        if not isinstance(value, GgufArray) or not value.complete or not value.head:
            return None
        return (
            tuple(v for v in value.head if isinstance(v, int)) if all(isinstance(v, int) for v in value.head) else None
        )

    def width_out(self, suffix: str) -> int | None:
        """Output width of the first block's tensor of this name."""
        shape = self.shapes.get(suffix)
        return shape[1] if shape and len(shape) > 1 else None

    def width_in(self, suffix: str) -> int | None:
        """Input width of the first block's tensor of this name."""
        shape = self.shapes.get(suffix)
        return shape[0] if shape else None


def architecture_from_gguf(header: GgufHeader) -> Architecture | None:
    """The architecture, or None where the file holds no language model (a projector, an adapter, a vocabulary)."""
    arch = header.text("general.architecture")
    if not arch:
        return None
    keys = _Keys(header, arch, _first_shapes(header))
    embedding = _tensor(header, "token_embd.weight")
    blocks = keys.number("block_count")
    if not blocks or blocks > MAX_LAYERS or embedding is None or len(embedding.dims) != 2:
        return None
    nextn = _nextn_layers(keys)
    n_layers = blocks - nextn
    by_layer = keys.by_layer("feed_forward_length")
    return Architecture(
        gguf_arch=arch, n_layers=n_layers, hidden=embedding.dims[0], vocab=embedding.dims[1],
        ffn=_dense_width(keys), ffn_by_layer=by_layer[:n_layers] if by_layer and len(set(by_layer)) > 1 else None,
        tied=_tensor(header, "output.weight") is None,
        attention=_attention(keys, n_layers), layers=layer_kinds(header, arch, n_layers), linear=_linear(keys),
        moe=_moe(keys), ple_dim=keys.number("embedding_length_per_layer_input"), ple_vocab=_ple_vocab(header),
        nextn_layers=nextn, encoder_layers=blocks if _tensor(header, "enc.blk.0.attn_q.weight") else 0,
        max_positions=_positions(header), hyper_connections=keys.number("hyper_connection.count") or 0,
        hyper_rank=keys.width_out("hc_attn_down.weight") or 0,
    )  # fmt: skip


def _tensor(header: GgufHeader, name: str) -> GgufTensor | None:
    return next((tensor for tensor in header.tensors if tensor.name == name), None)


def _first_shapes(header: GgufHeader) -> dict[str, tuple[int, ...]]:
    """Shape of each kind of block tensor where it first occurs."""
    shapes: dict[str, tuple[int, ...]] = {}
    for tensor in header.tensors:
        _, found, rest = tensor.name.partition("blk.")
        if found:
            shapes.setdefault(rest.partition(".")[2], tensor.dims)
    return shapes


def _nextn_layers(keys: _Keys) -> int:
    """Prediction blocks at the end, counted among the blocks where the file carries them."""
    stated = keys.number("nextn_predict_layers") or 0
    carried = sum(any(name.startswith("nextn.") for name in names) for names in layer_tensors(keys.header).values())
    return max(stated, carried) if stated < (keys.number("block_count") or 0) else carried


def _dense_width(keys: _Keys) -> int | None:
    down = keys.width_in("ffn_down.weight")
    return down if down is not None else keys.number("feed_forward_length")


def _attention(keys: _Keys, n_layers: int) -> Attention:
    if keys.width_out("attn_kv_a_mqa.weight") is not None:
        return _latent_attention(keys)
    if keys.width_out("attn_kv.weight") is not None:
        return _compressed_attention(keys, n_layers)
    kinds = layer_kinds(keys.header, keys.arch, n_layers)
    heads, swa_heads = _query_heads(keys, kinds)
    if not heads or not any(name.startswith("attn_") for name in keys.shapes):
        return Attention(kind=AttentionKind.NONE)
    by_layer = keys.by_layer("attention.head_count_kv")
    varied = by_layer[:n_layers] if by_layer and len(set(by_layer)) > 1 else None
    n_kv = keys.number("attention.head_count_kv") or heads
    k_dim = keys.number("attention.key_length") or (keys.number("embedding_length") or 0) // heads
    swa, pool = keys.number("attention.key_length_swa"), _pooled(keys)
    return Attention(
        n_heads=heads, n_kv_heads=n_kv, k_dim=k_dim, v_dim=keys.number("attention.value_length") or k_dim,
        kv_heads_by_layer=varied, window=window_tokens(keys.header, keys.arch),
        swa_k_dim=swa if swa != k_dim else None, swa_n_heads=swa_heads,
        bias="attn_q.bias" in keys.shapes or "attn_qkv.bias" in keys.shapes,
        qk_norm="attn_q_norm.weight" in keys.shapes,
        output_gate="attn_gate.weight" in keys.shapes,
        indexer_heads=keys.number("attention.indexer.head_count") if pool else None,
        indexer_dim=keys.number("attention.indexer.key_length") if pool else None, indexer_pool=pool,
    )  # fmt: skip


def _pooled(keys: _Keys) -> int | None:
    """Positions that an indexer over keys as they are pools into one; None where there is none."""
    return max(keys.by_layer("attention.compress_ratios") or (0,)) or None


def _query_heads(keys: _Keys, kinds: str) -> tuple[int, int | None]:
    """Query heads of full layers, and of window layers where those have a number of their own."""
    most = keys.number("attention.head_count") or 0
    heads = list(zip(keys.by_layer("attention.head_count") or (), kinds, strict=False))
    full, window = ({n for n, kind in heads if n and (kind in _WINDOWED) == windowed} for windowed in (False, True))
    if len(full) != 1 or len(window) != 1 or full == window:
        return most, None
    return full.pop(), window.pop()


def _latent_attention(keys: _Keys) -> Attention:
    """MLA. Headers since the absorbed form state the decompressed widths as `*_mla`, older ones without the suffix."""
    heads = keys.number("attention.head_count") or 0
    rope = keys.number("rope.dimension_count") or 0
    key = keys.number("attention.key_length_mla") or keys.number("attention.key_length") or 0
    value = keys.number("attention.value_length_mla") or keys.number("attention.value_length") or 0
    return Attention(
        kind=AttentionKind.MLA, n_heads=heads, n_kv_heads=heads, k_dim=key, v_dim=value,
        q_lora_rank=keys.number("attention.q_lora_rank"), kv_lora_rank=keys.number("attention.kv_lora_rank"),
        rope_dim=rope, nope_dim=key - rope,
        indexer_heads=keys.number("attention.indexer.head_count"),
        indexer_dim=keys.number("attention.indexer.key_length"), indexer_pool=keys.number("attention.indexer.kpool"),
    )  # fmt: skip


def _compressed_attention(keys: _Keys, n_layers: int) -> Attention:
    """One row for keys and values, and rows that stand for several tokens (DeepSeek V4)."""
    ratios, width = keys.by_layer("attention.compress_ratios"), keys.number("attention.key_length") or 0
    return Attention(
        kind=AttentionKind.SHARED, n_heads=keys.number("attention.head_count") or 0, n_kv_heads=1,
        k_dim=width, v_dim=width, window=window_tokens(keys.header, keys.arch),
        q_lora_rank=keys.number("attention.q_lora_rank"), rope_dim=keys.number("rope.dimension_count"),
        o_groups=keys.number("attention.output_group_count"), o_lora_rank=keys.number("attention.output_lora_rank"),
        indexer_heads=keys.number("attention.indexer.head_count"),
        indexer_dim=keys.number("attention.indexer.key_length"),
        compress_by_layer=ratios[:n_layers] if ratios else None,
    )  # fmt: skip


def _linear(keys: _Keys) -> LinearAttention | None:
    conv = keys.number("shortconv.l_cache")
    if conv:
        return LinearAttention(kind="shortconv", conv=conv)
    conv = keys.number("ssm.conv_kernel")
    if not conv:
        return None
    inner, state = keys.number("ssm.inner_size") or 0, keys.number("ssm.state_size") or 0
    rank, groups = keys.number("ssm.time_step_rank") or 0, keys.number("ssm.group_count") or 0
    if "ssm_conv1d_q.weight" in keys.shapes:
        dim, heads = keys.number("kda.head_dim") or 0, keys.number("attention.head_count") or 0
        return LinearAttention(kind="kda", conv=conv, k_heads=heads, v_heads=heads, k_dim=dim, v_dim=dim)
    if "ssm_beta.weight" in keys.shapes or "ssm_ba.weight" in keys.shapes:
        v_dim = inner // rank if rank else 0
        return LinearAttention(kind="gdn", conv=conv, k_heads=groups, v_heads=rank, k_dim=state, v_dim=v_dim)
    kind = "mamba" if "ssm_x.weight" in keys.shapes else "mamba2"
    return LinearAttention(kind=kind, conv=conv, d_inner=inner, d_state=state, n_groups=groups, n_heads=rank)


def _moe(keys: _Keys) -> Moe | None:
    experts = keys.number("expert_count")
    if not experts or experts < 2:
        return None
    routed = keys.shapes.get("ffn_down_exps.weight")
    shared = keys.width_in("ffn_down_shexp.weight") or 0
    width = routed[0] if routed else keys.number("expert_feed_forward_length") or 0
    first, step = _expert_layers(keys.header)
    latent = keys.width_out("ffn_latent_down.weight") or keys.width_out("ffn_routed_down.weight")
    return Moe(
        n_experts=experts, n_used=keys.number("expert_used_count") or 0, ffn=width,
        n_shared=keys.number("expert_shared_count") or (1 if shared else 0), shared_ffn=shared,
        first_dense=first, step=step, latent=latent,
        hash_layers=keys.number("hash_layer_count") or 0,
    )  # fmt: skip


def _expert_layers(header: GgufHeader) -> tuple[int, int]:
    """First layer with experts, and every how many layers they come; dense layers between or before tell."""
    blocks = layer_tensors(header)
    routed = sorted(i for i, names in blocks.items() if any("_exps" in name for name in names))
    dense = [i for i, names in blocks.items() if "ffn_down.weight" in names and i not in routed]
    if not routed or not dense:
        return 0, 1
    if len(routed) > 1 and routed[0] < max(dense) < routed[-1]:
        return 0, routed[1] - routed[0]
    return routed[0], 1


def _ple_vocab(header: GgufHeader) -> int | None:
    tensor = _tensor(header, "per_layer_token_embd.weight")
    return tensor.dims[1] if tensor and len(tensor.dims) == 2 else None


def _positions(header: GgufHeader) -> int | None:
    tensor = _tensor(header, "position_embd.weight")
    return tensor.dims[1] if tensor and len(tensor.dims) == 2 else None
