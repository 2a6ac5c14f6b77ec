"""GGUF headers of whole models, built from an architecture as llama.cpp's converter writes them (no weights)."""

from advisor.domain.architecture import Architecture, AttentionKind
from advisor.estimate.tensors import tensor_list
from advisor.hub.gguf_header import GgufArray, GgufHeader, GgufTensor


def header_of(a: Architecture) -> GgufHeader:
    """Every tensor as F16, and the metadata from which the architecture can be read back."""
    tensors, offset = [], 0
    for name, shape in tensor_list(a):
        size = 2
        for dim in shape:
            size *= dim
        tensors.append(GgufTensor(name=name, dims=shape, type_id=1, type_name="F16", offset=offset, bytes=size))
        offset += -(-size // 32) * 32
    prefix = f"{a.gguf_arch}."
    stated = {**_outer(a), **_attention(a), **_indexer(a), **_mixers(a), **_experts(a)}
    metadata = {prefix + key: value for key, value in stated.items() if value is not None}
    return GgufHeader(
        version=3, metadata={"general.architecture": a.gguf_arch, **metadata}, tensors=tuple(tensors), alignment=32,
        data_offset=0, end_offset=offset, file_bytes=offset,
    )  # fmt: skip


def _listed(values):
    return GgufArray(count=len(values), head=tuple(values))


def _outer(a):
    return {
        "block_count": a.n_layers + a.nextn_layers if a.nextn_layers else a.n_layers,
        "nextn_predict_layers": a.nextn_layers or None,
        "embedding_length": a.hidden,
        "feed_forward_length": _listed(a.ffn_by_layer) if a.ffn_by_layer else a.ffn,
        "embedding_length_per_layer_input": a.ple_dim,
        "hyper_connection.count": a.hyper_connections or None,
    }


def _attention(a):
    m = a.attention
    if m.kind == AttentionKind.MLA:
        return {
            "attention.head_count": m.n_heads, "attention.head_count_kv": 1, "attention.q_lora_rank": m.q_lora_rank,
            "attention.kv_lora_rank": m.kv_lora_rank, "attention.key_length": (m.kv_lora_rank or 0) + (m.rope_dim or 0),
            "attention.value_length": m.kv_lora_rank, "rope.dimension_count": m.rope_dim,
            "attention.key_length_mla": (m.nope_dim or 0) + (m.rope_dim or 0), "attention.value_length_mla": m.v_dim,
        }  # fmt: skip
    kinds = a.layer_kinds()
    windowed = [kind in "SQC" for kind in kinds]
    return {
        "attention.head_count": _heads(a),
        "attention.head_count_kv": _kv_heads(a),
        "attention.key_length": m.k_dim or None,
        "attention.value_length": m.v_dim or None,
        "attention.key_length_swa": m.swa_k_dim,
        "attention.value_length_swa": m.swa_k_dim,
        "attention.sliding_window": 0 if a.gguf_arch == "llama4" and not m.window else m.window,
        "attention.sliding_window_pattern": _listed(windowed) if m.window and any(windowed) else None,
        "attention.shared_kv_layers": sum(kind in "RQ" for kind in kinds) or None,
    }


def _indexer(a):
    m = a.attention
    stated = {"head_count": m.indexer_heads, "key_length": m.indexer_dim, "kpool": m.indexer_pool}
    if m.kind == AttentionKind.GQA and m.indexer_pool:
        pools = [m.indexer_pool if kind == "F" else 0 for kind in a.layer_kinds()]
        return {
            "attention.indexer.head_count": m.indexer_heads, "attention.indexer.key_length": m.indexer_dim,
            "attention.compress_ratios": _listed(pools),
        }  # fmt: skip
    found = {f"attention.indexer.{key}": value for key, value in stated.items()}
    if m.kind != AttentionKind.SHARED:
        return found
    return found | {
        "attention.q_lora_rank": m.q_lora_rank, "rope.dimension_count": m.rope_dim,
        "attention.output_group_count": m.o_groups, "attention.output_lora_rank": m.o_lora_rank,
        "attention.compress_ratios": _listed(m.compress_by_layer), "attention.sliding_window_pattern": None,
    }  # fmt: skip


def _heads(a):
    m = a.attention
    if m.swa_n_heads is not None:
        return _listed([m.swa_n_heads if kind in "SQ" else m.n_heads for kind in a.layer_kinds()])
    return m.n_heads or None


def _kv_heads(a):
    m = a.attention
    if m.kv_heads_by_layer:
        return _listed(m.kv_heads_by_layer)
    if m.swa_n_kv_heads is not None:
        return _listed([m.swa_n_kv_heads if kind in "SQ" else m.n_kv_heads for kind in a.layer_kinds()])
    return m.n_kv_heads or None


def _mixers(a):
    x = a.linear
    if x is None:
        return {}
    if x.kind == "shortconv":
        return {"shortconv.l_cache": x.conv}
    if x.kind == "kda":
        return {"ssm.conv_kernel": x.conv, "kda.head_dim": x.v_dim}
    if x.kind == "gdn":
        return {"ssm.conv_kernel": x.conv, "ssm.state_size": x.k_dim, "ssm.group_count": x.k_heads,
                "ssm.time_step_rank": x.v_heads, "ssm.inner_size": x.v_heads * x.v_dim}  # fmt: skip
    return {"ssm.conv_kernel": x.conv, "ssm.inner_size": x.d_inner, "ssm.state_size": x.d_state,
            "ssm.group_count": x.n_groups or None, "ssm.time_step_rank": x.n_heads or None}  # fmt: skip


def _experts(a):
    x = a.moe
    if x is None:
        return {}
    return {"expert_count": x.n_experts, "expert_used_count": x.n_used, "expert_feed_forward_length": x.ffn,
            "expert_shared_count": x.n_shared or None, "hash_layer_count": x.hash_layers or None}  # fmt: skip
