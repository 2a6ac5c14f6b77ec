"""Architectures the tests share, written from the models' published configurations."""

from dataclasses import replace

from advisor.domain.architecture import Architecture, Attention, AttentionKind, LinearAttention, Moe


def gqa(arch, vocab, hidden, layers, heads, kv, dim, ffn=None, **more):
    """A grouped-query model; `layers` is a number or a string of layer letters."""
    window, n, letters = more.pop("window", None), layers, ""
    if isinstance(layers, str):
        n, letters = len(layers), layers
    attention = Attention(n_heads=heads, n_kv_heads=kv, k_dim=dim, v_dim=dim, window=window)
    return Architecture(
        gguf_arch=arch, n_layers=n, hidden=hidden, vocab=vocab, ffn=ffn, attention=attention, layers=letters, **more
    )


def delta(arch, vocab, hidden, n, heads, kv, dim, ffn, state, groups, rank, **more):
    """Three gated delta layers and one of full attention, over and over."""
    linear = LinearAttention(kind="gdn", conv=4, k_heads=groups, v_heads=rank, k_dim=state, v_dim=state)
    return gqa(arch, vocab, hidden, "LLLF" * (n // 4), heads, kv, dim, ffn, linear=linear, **more)


QWEN3_06B = gqa("qwen3", 151936, 1024, 28, 16, 8, 128, 3072, tied=True)
QWEN3_14B = gqa("qwen3", 151936, 5120, 40, 40, 8, 128, 17408)
QWEN3_30B = gqa("qwen3moe", 151936, 2048, 48, 32, 4, 128, 6144, moe=Moe(n_experts=128, n_used=8, ffn=768))
LLAMA_8B = gqa("llama", 128256, 4096, 32, 32, 8, 128, 14336)
LLAMA_70B = gqa("llama", 128256, 8192, 80, 64, 8, 128, 28672)
GEMMA3_270M = gqa("gemma3", 262144, 640, "SSSSSF" * 3, 4, 1, 256, 2048, tied=True, window=512)
GEMMA3_4B = gqa("gemma3", 262144, 2560, ("SSSSSF" * 6)[:34], 8, 4, 256, 10240, tied=True, window=1024)
GPT_OSS_20B = gqa("gpt-oss", 201088, 2880, "SF" * 12, 64, 8, 64, moe=Moe(n_experts=32, n_used=4, ffn=2880), window=128)
GPT_OSS_120B = gqa(
    "gpt-oss", 201088, 2880, "SF" * 18, 64, 8, 64, moe=Moe(n_experts=128, n_used=4, ffn=2880), window=128
)
QWEN36_27B = delta("qwen35", 248320, 5120, 64, 24, 4, 256, 17408, 128, 16, 48)
QWEN3_CODER_NEXT = delta(
    "qwen3next", 151936, 2048, 48, 16, 2, 256, None, 128, 16, 32,
    moe=Moe(n_experts=512, n_used=10, ffn=512, shared_ffn=512),
)  # fmt: skip
QWEN35_397B = delta(
    "qwen35moe", 248320, 4096, 60, 32, 2, 256, None, 128, 16, 64,
    moe=Moe(n_experts=512, n_used=10, ffn=1024, shared_ffn=1024),
)  # fmt: skip
GLM_46V = gqa(
    "glm4moe", 151552, 4096, 46, 96, 8, 128, 10944,
    moe=Moe(n_experts=128, n_used=8, ffn=1408, n_shared=1, first_dense=1),
)  # fmt: skip
DEEPSEEK_V3 = replace(
    gqa(
        "deepseek2", 129280, 7168, 61, 128, 128, 128, 18432,
        moe=Moe(n_experts=256, n_used=8, ffn=2048, n_shared=1, first_dense=3),
    ),
    attention=Attention(
        kind=AttentionKind.MLA, n_heads=128, n_kv_heads=128, k_dim=192, v_dim=128, q_lora_rank=1536,
        kv_lora_rank=512, rope_dim=64, nope_dim=128,
    ),
)  # fmt: skip
