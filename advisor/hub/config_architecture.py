"""The architecture in a `config.json`, for models of plain attention (or MLA), windows and experts.

A model type that is not in the table gives None: its layers would be guessed. Key names: transformers' configurations.
"""

from collections.abc import Mapping
from typing import Any

from advisor.domain.architecture import Architecture, Attention, AttentionKind, Moe

GGUF_NAMES: dict[str, str] = {
    "llama": "llama", "mistral": "llama", "mixtral": "llama", "mistral3": "mistral3", "ministral3": "mistral3",
    "qwen2": "qwen2", "qwen2_moe": "qwen2moe", "qwen3": "qwen3", "qwen3_moe": "qwen3moe", "gemma": "gemma",
    "gemma2": "gemma2", "gemma3": "gemma3", "gemma3_text": "gemma3", "phi3": "phi3", "phi": "phi2", "olmo2": "olmo2",
    "olmoe": "olmoe", "gpt_oss": "gpt-oss", "smollm3": "smollm3", "granite": "granite", "granitemoe": "granitemoe",
    "starcoder2": "starcoder2", "stablelm": "stablelm", "cohere": "command-r", "internlm2": "internlm2",
    "deepseek_v2": "deepseek2", "deepseek_v3": "deepseek2", "glm4": "glm4", "glm4_moe": "glm4moe",
    "exaone": "exaone", "gpt_neox": "gptneox", "gpt2": "gpt2", "seed_oss": "seed_oss", "ernie4_5": "ernie4_5",
    "qwen2_vl": "qwen2vl", "qwen2_5_vl": "qwen2vl", "qwen3_vl": "qwen3vl", "qwen3_vl_moe": "qwen3vlmoe",
}  # fmt: skip
"""`model_type` to llama.cpp's name of the architecture."""

_LIMIT = 1 << 31


def architecture_from_config(config: Mapping[str, Any]) -> Architecture | None:
    """The text model's architecture, None where the type is unknown or a needed number is missing."""
    inner = config.get("text_config")
    text: Mapping[str, Any] = {**config, **inner} if isinstance(inner, Mapping) else config
    name = GGUF_NAMES.get(str(text.get("model_type"))) or GGUF_NAMES.get(str(config.get("model_type")))
    n_layers = _number(text, "num_hidden_layers", "n_layer")
    hidden = _number(text, "hidden_size", "n_embd")
    vocab = _number(text, "vocab_size")
    if name is None or not n_layers or not hidden or not vocab or n_layers > 1000:
        return None
    attention = _latent(text) if _number(text, "kv_lora_rank") else _attention(text, name, hidden)
    tied = text.get("tie_word_embeddings")
    return Architecture(
        gguf_arch=name, n_layers=n_layers, hidden=hidden, vocab=vocab,
        ffn=_number(text, "intermediate_size", "n_inner") or (4 * hidden if name == "gpt2" else None),
        tied=tied if isinstance(tied, bool) else None, attention=attention,
        layers=_layers(text, attention.window, n_layers), moe=_moe(text),
        nextn_layers=_number(text, "num_nextn_predict_layers") or 0,
        max_positions=_number(text, "n_positions") if name == "gpt2" else None,
    )  # fmt: skip


def context_from_config(config: Mapping[str, Any]) -> int | None:
    """Context length in tokens as the configuration states it."""
    inner = config.get("text_config")
    text: Mapping[str, Any] = {**config, **inner} if isinstance(inner, Mapping) else config
    return _number(text, "max_position_embeddings", "n_positions", "seq_length")


def _number(config: Mapping[str, Any], *names: str) -> int | None:
    """The first of these keys that holds a plain whole number."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LIMIT:
            return value
    return None


def _attention(text: Mapping[str, Any], name: str, hidden: int) -> Attention:
    heads = _number(text, "num_attention_heads", "n_head") or 0
    width = _number(text, "head_dim") or (hidden // heads if heads else 0)
    bias = text.get("attention_bias")
    return Attention(
        n_heads=heads, n_kv_heads=_number(text, "num_key_value_heads") or heads, k_dim=width, v_dim=width,
        window=_window(text, name), bias=bias if isinstance(bias, bool) else None,
    )  # fmt: skip


def _window(text: Mapping[str, Any], name: str) -> int | None:
    """Only where a model alternates windowed and full layers: engines attend beyond the others' windows."""
    alternates = name in ("gemma2", "gemma3", "gpt-oss") or "sliding_attention" in (text.get("layer_types") or ())
    return _number(text, "sliding_window") if alternates else None


def _layers(text: Mapping[str, Any], window: int | None, n_layers: int) -> str:
    if window is None:
        return ""
    kinds = text.get("layer_types")
    if isinstance(kinds, list) and len(kinds) == n_layers:
        return "".join("S" if kind == "sliding_attention" else "F" for kind in kinds)
    stated = _number(text, "sliding_window_pattern")
    period = stated or {"gemma3_text": 6, "gemma3": 6}.get(str(text.get("model_type")), 2)
    return "".join("S" if (i + 1) % period else "F" for i in range(n_layers))


def _latent(text: Mapping[str, Any]) -> Attention:
    heads = _number(text, "num_attention_heads") or 0
    rope, nope = _number(text, "qk_rope_head_dim") or 0, _number(text, "qk_nope_head_dim") or 0
    return Attention(
        kind=AttentionKind.MLA, n_heads=heads, n_kv_heads=heads, k_dim=rope + nope,
        v_dim=_number(text, "v_head_dim") or 0, q_lora_rank=_number(text, "q_lora_rank"),
        kv_lora_rank=_number(text, "kv_lora_rank"), rope_dim=rope, nope_dim=nope,
    )  # fmt: skip


def _moe(text: Mapping[str, Any]) -> Moe | None:
    experts = _number(text, "num_experts", "num_local_experts", "n_routed_experts")
    if not experts or experts < 2:
        return None
    width = _number(text, "moe_intermediate_size", "intermediate_size") or 0
    shared = _number(text, "n_shared_experts") or 0
    return Moe(
        n_experts=experts, n_used=_number(text, "num_experts_per_tok") or 0, ffn=width, n_shared=shared,
        shared_ffn=_number(text, "shared_expert_intermediate_size") or shared * width,
        first_dense=_number(text, "first_k_dense_replace") or 0,
        step=_number(text, "decoder_sparse_step") or 1,
    )  # fmt: skip
