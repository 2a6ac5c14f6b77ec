"""The key-value pairs that llama.cpp needs to build a model of an architecture: layers, widths, windows, experts.

What an architecture leaves open and what changes no byte (scales, gating functions, frequencies) gets a usual value.
Keys: llama-arch.cpp and each architecture's `load_arch_hparams`, build b11434.
"""

from advisor.bench.gguf_writing import Value, Wide
from advisor.domain.architecture import Architecture, Attention, AttentionKind, LayerKind, LinearAttention, Moe
from advisor.estimate.compressed import INDEXER_TOP_K, PICKED_ROWS
from advisor.estimate.mixers import ATTENTION_KINDS, kv_heads, query_heads
from advisor.estimate.streams import NGRAM_CONV, NGRAM_LAYER, NGRAM_SIZE
from advisor.estimate.traits import traits_of

Pairs = dict[str, Value]

_WINDOWED = frozenset((LayerKind.SLIDING, LayerKind.REUSED_SLIDING, LayerKind.CHUNKED))
_SIGMOID = 2
"""Gating function of the experts (LLAMA_EXPERT_GATING_FUNC_TYPE_SIGMOID); any would do but for DeepSeek V4."""
_SQRT_SOFTPLUS = 4


def metadata(a: Architecture, *, context: int | None = None, nextn: bool = False) -> Pairs:
    """Keys without the architecture's prefix. `context`: what the model was trained on, in tokens."""
    m, blocks = a.attention, a.n_layers + (a.nextn_layers if nextn else 0)
    trained = context or a.max_positions or 8192
    pairs: Pairs = {
        "vocab_size": a.vocab, "context_length": a.max_positions or trained, "embedding_length": a.hidden,
        "block_count": blocks, "feed_forward_length": _ffn(a, blocks), "attention.layer_norm_epsilon": 1e-5,
        "attention.layer_norm_rms_epsilon": 1e-6, "rope.freq_base": 1e6, "rope.dimension_sections": [16, 24, 24, 0],
        "logit_scale": 1.0, "use_parallel_residual": True,
    }  # fmt: skip
    if nextn and a.nextn_layers:
        pairs["nextn_predict_layers"] = a.nextn_layers
    if m.kind != AttentionKind.NONE:
        pairs |= _attention(a, m, blocks)
    if a.moe is not None:
        pairs |= _experts(a, a.moe)
    if a.linear is not None:
        pairs |= _linear(a, a.linear)
    if a.ple_dim is not None:
        pairs["embedding_length_per_layer_input"] = a.ple_dim
    if a.hyper_connections:
        pairs |= {"hyper_connection.count": a.hyper_connections, "hyper_connection.epsilon": 1e-6}
        pairs["hyper_connection.sinkhorn_iterations"] = 20
    return pairs | _special(a)


def _ffn(a: Architecture, blocks: int) -> Value:
    """Width of the dense block; one a layer where they differ, 0 where a layer has none."""
    kinds = a.layer_kinds()
    if a.gguf_arch == "qwen":
        return 2 * (a.ffn or 0)  # the first Qwen states gate and up together
    if traits_of(a).single_block:
        width = a.ffn or (a.moe.ffn if a.moe else 0)
        return [width if kind == LayerKind.MLP else 0 for kind in kinds]
    if a.ffn_by_layer:
        last = a.ffn_by_layer[-1]
        return [*a.ffn_by_layer, *[last] * (blocks - len(a.ffn_by_layer))]
    return a.ffn or (a.moe.ffn if a.moe else 0)


def _attention(a: Architecture, m: Attention, blocks: int) -> Pairs:
    t = traits_of(a)
    pairs: Pairs = {
        "attention.head_count": _query_heads(a, blocks), "attention.head_count_kv": _kv_heads(a, blocks),
        "attention.key_length": m.k_dim, "attention.value_length": m.v_dim, "rope.dimension_count": m.k_dim,
        "attention.causal": t.causal,
    }  # fmt: skip
    if m.kind == AttentionKind.MLA:
        pairs |= _latent(m, absorbed=t.mla_cache)
    if m.window:
        pairs["attention.sliding_window"] = m.window
        pairs["attention.sliding_window_pattern"] = [kind in _WINDOWED for kind in a.layer_kinds()]
        width = m.swa_k_dim or m.k_dim
        pairs |= {"attention.key_length_swa": width, "attention.value_length_swa": m.swa_k_dim or m.v_dim}
        pairs["rope.dimension_count_swa"] = width
    return pairs | (_compressed(a, m, blocks) if m.kind == AttentionKind.SHARED else {})


def _query_heads(a: Architecture, blocks: int) -> Value:
    """One number, or one a layer where window layers have more or fewer, or layers do not attend (Nemotron of NAS)."""
    kinds = a.layer_kinds()
    if a.attention.swa_n_heads is None and LayerKind.NONE not in kinds:
        return a.attention.n_heads
    heads = [0 if kind == LayerKind.NONE else query_heads(a, kind) for kind in kinds]
    return [*heads, *[a.attention.n_heads] * (blocks - len(heads))]


def _kv_heads(a: Architecture, blocks: int) -> Value:
    """One number, or one a layer where some layers attend with fewer or not at all."""
    kinds = a.layer_kinds()
    heads = [kv_heads(a, i, kind) if kind in ATTENTION_KINDS else 0 for i, kind in enumerate(kinds)]
    if a.attention.kind == AttentionKind.MLA and traits_of(a).mla_cache:
        heads = [min(n, 1) for n in heads]
    if len(set(heads)) == 1 or (a.gguf_arch or "").startswith(("qwen3", "qwen4")):
        return max(heads)
    return [*heads, *[max(heads)] * (blocks - len(heads))]


def _latent(m: Attention, *, absorbed: bool) -> Pairs:
    """MLA: what is cached (one row of the compressed cache and the rotary part), and the decompressed widths."""
    rank, rope, nope = m.kv_lora_rank or 0, m.rope_dim or 0, m.nope_dim or 0
    pairs: Pairs = {
        "attention.q_lora_rank": m.q_lora_rank or 0, "attention.kv_lora_rank": rank, "rope.dimension_count": rope,
        "attention.key_length": rank + rope if absorbed else nope + rope,
        "attention.value_length": rank if absorbed else m.v_dim,
    }  # fmt: skip
    if absorbed:
        pairs |= {"attention.key_length_mla": nope + rope, "attention.value_length_mla": m.v_dim}
    if m.indexer_heads and m.indexer_dim:
        pairs |= {
            "attention.indexer.head_count": m.indexer_heads, "attention.indexer.key_length": m.indexer_dim,
            "attention.indexer.top_k": INDEXER_TOP_K,
        }  # fmt: skip
    if m.indexer_pool:
        pairs["attention.indexer.kpool"] = m.indexer_pool
    return pairs


def _compressed(a: Architecture, m: Attention, blocks: int) -> Pairs:
    """Attention over compressed rows; each block states its ratio, prediction blocks none."""
    ratios = m.compress_by_layer or ()
    return {
        "attention.q_lora_rank": m.q_lora_rank or 0, "rope.dimension_count": m.rope_dim or 0,
        "rope.dimension_count_swa": m.rope_dim or 0, "attention.indexer.head_count": m.indexer_heads or 0,
        "attention.indexer.key_length": m.indexer_dim or 0,
        "attention.indexer.top_k": PICKED_ROWS, "attention.output_group_count": m.o_groups or 1,
        "attention.output_lora_rank": m.o_lora_rank or 0, "attention.compress_rope_freq_base": 160000.0,
        "attention.compress_ratios": [*ratios, *[0] * (blocks - len(ratios))],
        "hash_layer_count": a.moe.hash_layers if a.moe else 0, "swiglu_clamp_exp": [10.0] * blocks,
    }  # fmt: skip


def _experts(a: Architecture, moe: Moe) -> Pairs:
    latent: Pairs = {"moe_latent_size": moe.latent} if moe.latent else {}
    return latent | {
        "expert_count": moe.n_experts, "expert_used_count": moe.n_used, "expert_feed_forward_length": moe.ffn,
        "expert_shared_count": moe.n_shared, "expert_shared_feed_forward_length": moe.shared_ffn or 0,
        "leading_dense_block_count": moe.first_dense, "interleave_moe_layer_step": moe.step,
        "moe_every_n_layers": moe.step, "expert_gating_func": _SQRT_SOFTPLUS if moe.hash_layers else _SIGMOID,
        "expert_weights_scale": 1.0, "expert_weights_norm": True,
    }  # fmt: skip


def _linear(a: Architecture, linear: LinearAttention) -> Pairs:
    if linear.kind == "shortconv":
        return {"shortconv.l_cache": linear.conv}
    pairs: Pairs = {"ssm.conv_kernel": linear.conv}
    kinds = a.layer_kinds()
    if linear.kind == "gdn":
        pairs |= {
            "ssm.inner_size": linear.v_heads * linear.v_dim, "ssm.state_size": linear.k_dim,
            "ssm.time_step_rank": linear.v_heads, "ssm.group_count": linear.k_heads,
            "full_attention_interval": kinds.index(LayerKind.FULL) + 1 if LayerKind.FULL in kinds else len(kinds) + 1,
        }  # fmt: skip
    elif linear.kind == "kda":
        pairs |= {"kda.head_dim": linear.v_dim, "kda.gate_lower_bound": -5.0}
    elif linear.kind in ("mamba", "mamba2"):
        pairs |= {
            "ssm.inner_size": linear.d_inner, "ssm.state_size": linear.d_state,
            "ssm.time_step_rank": linear.n_heads or -(-a.hidden // 16), "ssm.group_count": linear.n_groups,
        }  # fmt: skip
    return pairs


def _special(a: Architecture) -> Pairs:
    """What single architectures ask for beside the usual."""
    kinds = a.layer_kinds()
    if a.gguf_arch == "apertus":
        return {f"xielu.{name}": [1.0] * a.n_layers for name in ("alpha_n", "alpha_p", "beta", "eps")}
    if a.gguf_arch == "llama4" and a.moe is None:
        return {"attention.sliding_window": 0, "expert_feed_forward_length": 0, "interleave_moe_layer_step": 0}
    if a.gguf_arch == "qwen4exp":
        return _ngrams(a)
    if a.gguf_arch == "kimi-k3":
        latent: Value = a.moe.latent or 0 if a.moe else 0
        return {
            "attn_res.block_size": 12, "activation.situ_beta": 4.0, "activation.situ_linear_beta": 25.0,
            "expert_latent_length": latent,
        }  # fmt: skip
    if a.gguf_arch in ("gemma3n", "gemma4"):
        reused = sum(kind in (LayerKind.REUSED, LayerKind.REUSED_SLIDING) for kind in kinds)
        return {"attention.shared_kv_layers": reused, "embedding_length_per_layer_input": a.ple_dim or 0}
    return {}


def _ngrams(a: Architecture) -> Pairs:
    """Qwen4: residual streams, indexers over pooled positions, and the table of n-grams in heads of one length."""
    heads, m = 16, a.attention
    rows = (a.ple_vocab or 0) // heads
    return {
        "hyper_connection.low_rank": a.hyper_rank, "attention.indexer.head_count": m.indexer_heads or 0,
        "attention.indexer.key_length": m.indexer_dim or 0, "attention.indexer.top_k": INDEXER_TOP_K,
        "attention.compress_ratios": [
            m.indexer_pool or 0 if kind == LayerKind.FULL else 0 for kind in a.layer_kinds()
        ],
        "ple.layers": [NGRAM_LAYER], "ple.ngram_size": NGRAM_SIZE, "ple.heads_per_ngram": heads // 2,
        "ple.conv_kernel": NGRAM_CONV,
        "ple.eos_token_id": 0, "ple.layer_multipliers": Wide([1, 1, 1]),
        "ple.head_offsets": Wide([rows * head for head in range(heads)]), "ple.head_vocab_sizes": Wide([rows] * heads),
    }  # fmt: skip


def file_architecture(a: Architecture) -> str:
    """The name of the architecture in a file. Nemotron-H with experts has one of its own."""
    if a.gguf_arch == "nemotron_h" and a.moe is not None:
        return "nemotron_h_moe"
    return a.gguf_arch or "llama"
