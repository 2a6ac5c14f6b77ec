"""Architectures read back from GGUF headers and configurations give the same bytes as the catalog's."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from advisor.domain.architecture import Architecture, Attention, AttentionKind, LinearAttention, Moe
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.tensors import tensor_list
from advisor.hub.config_architecture import architecture_from_config, context_from_config
from advisor.hub.gguf_architecture import architecture_from_gguf
from tests.hub.gguf_models import header_of

GQA = Attention(n_heads=8, n_kv_heads=2, k_dim=64, v_dim=64)
BASE = Architecture(gguf_arch="llama", n_layers=4, hidden=512, vocab=1000, ffn=1024, tied=False, attention=GQA)
MOE = Moe(n_experts=8, n_used=2, ffn=256)
LATER_MOE = replace(MOE, first_dense=1, n_shared=1, shared_ffn=256)
MAMBA2 = LinearAttention(kind="mamba2", conv=4, d_inner=1024, d_state=64, n_groups=1, n_heads=16)
MLA = Attention(kind=AttentionKind.MLA, n_heads=8, n_kv_heads=8, k_dim=96, v_dim=64, q_lora_rank=128, kv_lora_rank=64,
                rope_dim=32, nope_dim=64)  # fmt: skip
COMPRESSED = Attention(kind=AttentionKind.SHARED, n_heads=8, n_kv_heads=1, k_dim=64, v_dim=64, window=128,
                       q_lora_rank=128, rope_dim=32, o_groups=2, o_lora_rank=64, indexer_heads=4, indexer_dim=32,
                       compress_by_layer=(0, 4, 128, 4))  # fmt: skip

KINDS = {
    "dense": BASE,
    "tied": replace(BASE, tied=True),
    "windows": replace(BASE, gguf_arch="gemma3", layers="SSSF", attention=replace(GQA, window=128)),
    "chunks": replace(BASE, gguf_arch="llama4", layers="CCCF", attention=replace(GQA, window=8192),
                      moe=replace(MOE, step=2)),
    "shared cache": replace(BASE, gguf_arch="gemma4", layers="SFQR", attention=replace(GQA, window=128), ple_dim=32,
                            ple_vocab=900, tied=True),
    "experts": replace(BASE, gguf_arch="qwen3moe", moe=MOE),
    "experts after dense layers": replace(BASE, gguf_arch="glm4moe", moe=LATER_MOE),
    "latent attention": replace(BASE, gguf_arch="deepseek2", attention=MLA, moe=LATER_MOE),
    "compressed rows": replace(BASE, gguf_arch="deepseek4", layers="SSSS", hyper_connections=4,
                               attention=COMPRESSED, moe=replace(LATER_MOE, first_dense=0, hash_layers=1)),
    "pooled indexer": replace(BASE, gguf_arch="glm5-next", layers="LLLF", hyper_connections=4, moe=LATER_MOE,
                              attention=replace(MLA, indexer_heads=4, indexer_dim=32, indexer_pool=16),
                              linear=LinearAttention(kind="kda", conv=4, v_heads=8, v_dim=32)),
    "delta net": replace(BASE, gguf_arch="qwen35", layers="LLLF",
                         linear=LinearAttention(kind="gdn", conv=4, k_heads=4, v_heads=8, k_dim=32, v_dim=32)),
    "short convolution": replace(BASE, gguf_arch="lfm2", layers="VFVF",
                                 linear=LinearAttention(kind="shortconv", conv=3)),
    "mamba": replace(BASE, gguf_arch="mamba", layers="MMMM", attention=Attention(kind=AttentionKind.NONE), ffn=None,
                     linear=LinearAttention(kind="mamba", conv=4, d_inner=1024, d_state=16)),
    "mamba beside attention": replace(BASE, gguf_arch="falcon-h1", layers="PPPP", linear=MAMBA2),
    "single blocks": replace(BASE, gguf_arch="nemotron_h", layers="MXFX", linear=MAMBA2),
    "windows with heads of their own": replace(BASE, gguf_arch="laguna", layers="FSSS", moe=LATER_MOE,
                                               attention=replace(GQA, window=128, swa_n_heads=16)),
    "experts in a latent width": replace(BASE, gguf_arch="nemotron_h", layers="MXFX", linear=MAMBA2,
                                         moe=replace(MOE, n_shared=1, shared_ffn=512, latent=128)),
    "layers that do not attend": replace(BASE, gguf_arch="deci", layers="FNFN", ffn_by_layer=(1024, 512, 1024, 256),
                                         attention=replace(GQA, kv_heads_by_layer=(2, 0, 2, 0))),
    "neither chunks nor experts": replace(BASE, gguf_arch="llama4"),
    "heads a layer": replace(BASE, gguf_arch="deci",
                             attention=replace(GQA, kv_heads_by_layer=(2, 1, 2, 4), n_kv_heads=4)),
}  # fmt: skip


def figures(architecture):
    shape, layout = shape_of(architecture), CacheLayout(context=32768)
    tensors = {tensor.name: tensor.shape for tensor in tensor_list(architecture)}
    return tensors, cache_bytes(shape, layout), state_bytes(shape, layout), shape.active_params


@pytest.mark.parametrize("architecture", KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_layer_is_read_back_from_a_header(architecture):
    assert figures(architecture_from_gguf(header_of(architecture))) == figures(architecture)


MODELS_OF_A_NAME = 3


def test_the_architectures_of_catalogued_models_are_read_back_from_a_header():
    from advisor.catalog.source import load_catalog

    catalog, wrong, seen = load_catalog(), [], Counter()
    for entry in catalog.entries():
        architecture = catalog.model(entry.id).architecture
        name = architecture.gguf_arch if architecture and not architecture.encoder_layers else None
        if name is None or seen[name] == MODELS_OF_A_NAME:
            continue
        seen[name] += 1
        if figures(architecture_from_gguf(header_of(architecture))) != figures(architecture):
            wrong.append(entry.id)
    assert len(seen) > 50
    assert wrong == []


def test_a_header_without_a_language_model_has_no_architecture():
    header = header_of(BASE)
    assert architecture_from_gguf(replace(header, metadata={})) is None
    assert architecture_from_gguf(replace(header, tensors=())) is None
    assert architecture_from_gguf(replace(header, metadata={**header.metadata, "llama.block_count": 1 << 31})) is None


CONFIGS = {
    "llama": {"model_type": "llama", "num_hidden_layers": 4, "hidden_size": 512, "vocab_size": 1000,
              "intermediate_size": 1024, "num_attention_heads": 8, "num_key_value_heads": 2,
              "tie_word_embeddings": False, "sliding_window": 4096},
    "experts": {"model_type": "qwen3_moe", "num_hidden_layers": 4, "hidden_size": 512, "vocab_size": 1000,
                "intermediate_size": 1024, "num_attention_heads": 8, "num_key_value_heads": 2, "num_experts": 8,
                "num_experts_per_tok": 2, "moe_intermediate_size": 256, "tie_word_embeddings": False},
    "windows": {"model_type": "gemma3", "text_config": {
        "model_type": "gemma3_text", "num_hidden_layers": 4, "hidden_size": 512, "vocab_size": 1000,
        "intermediate_size": 1024, "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 64,
        "sliding_window": 128, "sliding_window_pattern": 4, "tie_word_embeddings": True}},
}  # fmt: skip
EXPECTED = {
    "llama": BASE,
    "experts": replace(BASE, gguf_arch="qwen3moe", moe=MOE),
    "windows": replace(BASE, gguf_arch="gemma3", layers="SSSF", attention=replace(GQA, window=128), tied=True),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_gives_the_same_figures(name):
    assert figures(architecture_from_config(CONFIGS[name])) == figures(EXPECTED[name])


@pytest.mark.parametrize("change", [
    {"model_type": "new_thing"}, {"num_hidden_layers": None}, {"hidden_size": "512"}, {"num_hidden_layers": True},
    {"vocab_size": -1}, {"num_hidden_layers": 10**6},
])  # fmt: skip
def test_a_configuration_that_is_not_understood_is_unknown(change):
    assert architecture_from_config({**CONFIGS["llama"], **change}) is None


def test_the_context_of_a_configuration():
    assert context_from_config({"text_config": {"max_position_embeddings": 8192}}) == 8192
    assert context_from_config(json.loads("{}")) is None
