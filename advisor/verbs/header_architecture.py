"""The architecture of a model that no catalog knows, from its GGUF header. Only kinds whose keys say everything."""

from advisor.domain.architecture import Architecture, Attention, Moe
from advisor.hub.gguf_header import GgufArray, GgufHeader

_BEYOND = ("ssm.", "attention.kv_lora_rank", "wkv", "shortconv", "attention.indexer", "altup", "linear_attn")
"""Keys of layers that these few numbers do not describe."""
_PATTERNED = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}
"""Architectures whose every n-th layer is full attention and the others are windowed (llama.cpp, llama-model.cpp)."""


class _Keys:
    """Numbers of the header under the architecture's own prefix."""

    def __init__(self, header: GgufHeader) -> None:
        self.header = header
        self.prefix = header.text("general.architecture") or ""

    def number(self, key: str) -> int | None:
        value = self.header.metadata.get(f"{self.prefix}.{key}")
        if isinstance(value, GgufArray):
            numbers = [v for v in value.head if isinstance(v, int)]
            return max(numbers) if numbers else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def numbers(self, key: str) -> tuple[int, ...] | None:
        value = self.header.metadata.get(f"{self.prefix}.{key}")
        if not isinstance(value, GgufArray) or not value.complete:
            return None
        return tuple(int(v) for v in value.head)

    def beyond(self) -> bool:
        return any(part in key for key in self.header.metadata for part in _BEYOND)


def architecture_of(header: GgufHeader, vocab: int | None) -> Architecture | None:
    """Dense and mixture-of-experts transformers; None for anything with other kinds of layers or missing numbers."""
    keys = _Keys(header)
    layers, hidden, heads = (keys.number(k) for k in ("block_count", "embedding_length", "attention.head_count"))
    if not (layers and hidden and heads and vocab) or keys.beyond():
        return None
    width = keys.number("attention.key_length") or hidden // heads
    ffn = keys.number("feed_forward_length")
    return Architecture(
        gguf_arch=keys.prefix,
        n_layers=layers,
        hidden=hidden,
        vocab=vocab,
        ffn=ffn,
        ffn_by_layer=keys.numbers("feed_forward_length"),
        tied=not any(t.name == "output.weight" for t in header.tensors),
        attention=Attention(
            n_heads=heads,
            n_kv_heads=keys.number("attention.head_count_kv") or heads,
            kv_heads_by_layer=keys.numbers("attention.head_count_kv"),
            k_dim=width,
            v_dim=keys.number("attention.value_length") or width,
            window=keys.number("attention.sliding_window") or None,
        ),
        layers=_layers(keys, layers),
        moe=_moe(keys),
        max_positions=keys.number("context_length"),
    )


def _layers(keys: _Keys, count: int) -> str:
    every = keys.number("attention.sliding_window_pattern") or _PATTERNED.get(keys.prefix)
    if not every or not keys.number("attention.sliding_window"):
        return ""
    return "".join("F" if (i + 1) % every == 0 else "S" for i in range(count))


def _moe(keys: _Keys) -> Moe | None:
    experts, used = keys.number("expert_count"), keys.number("expert_used_count")
    if not experts or not used:
        return None
    width = keys.number("expert_feed_forward_length") or keys.number("feed_forward_length") or 0
    shared = keys.number("expert_shared_count") or 0
    return Moe(
        n_experts=experts,
        n_used=used,
        ffn=width,
        n_shared=shared,
        shared_ffn=keys.number("expert_shared_feed_forward_length") or shared * width,
        first_dense=keys.number("leading_dense_block_count") or 0,
    )
