"""Memory of vLLM and MLX against what their users published: start-up logs, and peaks of measured runs."""

from dataclasses import replace
from functools import cache

import pytest

from advisor.catalog.machines import accelerator_of
from advisor.catalog.source import load_catalog
from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.machine import Machine
from advisor.domain.workload import Workload
from advisor.estimate.footprint import Choice, cache_layout, footprint
from benchmarks.vllm_memory import compared

GB = 1e9


@cache
def catalog():
    return load_catalog()


def test_what_vllm_loads_and_caches_is_what_it_logs():
    """All but the copies that their publishers made by recipes of their own."""
    judged = [one for one in compared(catalog()) if not one.own_recipe]
    assert len(judged) >= 11
    assert {one.what for one in judged} == {"weights", "cache of a token"}
    weights = [abs(one.error) for one in judged if one.what == "weights"]
    assert max(weights) < 0.035
    assert sorted(weights)[len(weights) // 2] < 0.02
    dealt = [one for one in judged if "KV heads" in one.row["notes"]]
    assert max(abs(one.error) for one in dealt) < 0.012, "four heads on eight GPUs: half as many tokens as if dealt out"


def test_experts_of_gpt_oss_are_padded_when_they_are_loaded():
    weights = catalog().weights("openai/gpt-oss-120b", "MXFP4", "safetensors")
    assert weights.tensor_bytes / 2**30 == pytest.approx(60.7, abs=0.1), "its files"
    assert weights.loaded_bytes / 2**30 == pytest.approx(64.4, rel=0.01), "as vLLM 0.14 logs it"
    plain = catalog().weights("Qwen/Qwen3-30B-A3B", "FP8", "safetensors")
    assert plain.loaded_bytes == plain.tensor_bytes


def peak_gb(model, quant, prompt):
    """Weights, cache and scratch of one run on a Mac with room for anything."""
    engine, shape = catalog().constants.engine("mlx"), catalog().shape(model)
    mac = accelerator_of(catalog().hardware.find("Apple M3 Ultra (80-core GPU)"), memory_bytes=1 << 40)
    machine = Machine(name="Mac", origin="catalog", accelerators=(replace(mac, unified=False),))
    workload = Workload(task="chat", prompt_tokens=prompt, output_tokens=128, context=prompt + 128)
    choice = Choice(shape, catalog().weights(model, quant, "mlx"), engine, cache_layout(workload, engine))
    where = Placement(kind=PlacementKind.GPU, gpu_layers=shape.n_layers + 1, devices=(0,))
    found = footprint(choice, where, machine, catalog().constants).devices[0]
    return (found.weights_bytes + found.kv_cache_bytes + found.compute_bytes) / GB


@pytest.mark.parametrize(
    ("model", "quant", "prompt", "measured_gb"),
    [("meta-llama/Llama-3.1-8B-Instruct", "mlx-4bit", 65536, 14.0),
     ("mistralai/Mistral-7B-Instruct-v0.3", "mlx-8bit", 16384, 10.428),
     ("Qwen/Qwen2.5-32B-Instruct", "mlx-4bit", 16384, 23.5),
     ("openai/gpt-oss-20b", "mlx-mxfp4", 21000, 13.42),
     ("google/gemma-2-9b-it", "mlx-4bit", 32768, 21.369),
     ("google/gemma-2-9b-it", "mlx-8bit", 16384, 18.038)],
)  # fmt: skip
def test_mlx_peaks_where_it_was_seen_to(model, quant, prompt, measured_gb):
    """guruswami-ai/mlx-benchmarks and itsmostafa's runs. Gemma 2: whole caches, and scores beside them."""
    assert peak_gb(model, quant, prompt) == pytest.approx(measured_gb, rel=0.03)
