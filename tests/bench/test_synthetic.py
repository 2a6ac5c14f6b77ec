"""Random-weight models: whole files by our own strict reader, of the size that the estimate computes."""

import io
import math
import random
import struct
from dataclasses import replace

import pytest

from advisor.bench.synthetic import EXPERTS, THIN, WIDE, tile, write_gguf
from advisor.domain.architecture import Moe
from advisor.estimate.shaping import shape_of
from advisor.estimate.tensor_types import BLOCKS, aligned
from advisor.estimate.weighing import weight_profile
from advisor.hub.gguf_architecture import architecture_from_gguf
from advisor.hub.gguf_header import read_gguf_header

SMALL = replace(THIN, n_layers=3, hidden=256, ffn=512, vocab=600)


@pytest.mark.parametrize("quant", ["Q4_K_M", "Q8_0", "F16", "Q4_0", "Q5_K_M", "IQ4_XS"])
def test_a_file_is_whole_and_as_large_as_computed(quant):
    file = io.BytesIO()
    size = write_gguf(file, SMALL, quant)
    assert size == len(file.getvalue())
    file.seek(0)
    header = read_gguf_header(file, size)
    assert header.end_offset == size
    assert sum(aligned(t.bytes) for t in header.tensors) == weight_profile(SMALL, quant).tensor_bytes
    assert header.integer("llama.block_count") == 3


def test_the_header_gives_the_architecture_back():
    file = io.BytesIO()
    size = write_gguf(file, SMALL, "Q4_K_M")
    file.seek(0)
    found = architecture_from_gguf(read_gguf_header(file, size))
    assert shape_of(found).total_params == shape_of(SMALL).total_params
    assert found.attention.n_kv_heads == SMALL.attention.n_kv_heads


def test_experts_are_written_too():
    moe = replace(SMALL, gguf_arch="qwen3moe", moe=Moe(n_experts=8, n_used=2, ffn=256))
    file = io.BytesIO()
    size = write_gguf(file, moe, "Q4_K_M")
    file.seek(0)
    header = read_gguf_header(file, size)
    assert header.integer("qwen3moe.expert_used_count") == 2
    assert any("ffn_down_exps" in t.name for t in header.tensors)


@pytest.mark.parametrize("kind", ["q4_K", "q6_K", "q8_0", "q5_0"])
def test_scales_are_small_and_finite(kind):
    data, size = tile(kind, random.Random(1)), BLOCKS[kind].bytes
    offset = 208 if kind == "q6_K" else 0
    scales = {struct.unpack_from("<e", data, i + offset)[0] for i in range(0, len(data), size)}
    assert len(scales) == 1
    assert all(math.isfinite(s) and 0 < s < 0.01 for s in scales)


def test_the_two_models_tell_bytes_and_kernels_apart():
    thin, wide = (shape_of(a).ops / weight_profile(a, "Q4_K_M").tensor_bytes for a in (THIN, WIDE))
    assert thin > 20 * wide


def test_experts_are_most_of_what_the_third_reads():
    shape, weights = shape_of(EXPERTS), weight_profile(EXPERTS, "Q4_K_M")
    assert weights.expert_bytes > 0.7 * weights.tensor_bytes
    assert shape.n_experts >= 4 * shape.n_used  # other tokens go to other experts: no cache holds them
