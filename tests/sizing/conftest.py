"""Small, fixed pieces of a sizing: constants as shipped, one model, one card."""

from pathlib import Path

import pytest
import yaml

from advisor.domain.machine import Accelerator
from advisor.sizing.constants import ServingConstants
from advisor.sizing.demand import Demand, Targets
from advisor.sizing.serving import Served

GIB = 1024**3


@pytest.fixture(scope="session")
def constants() -> ServingConstants:
    """catalog/serving.yaml."""
    path = Path(__file__).parents[2] / "catalog" / "serving.yaml"
    return ServingConstants.from_mapping(yaml.load(path.read_text(), yaml.CSafeLoader), {"vllm": 0.92})


@pytest.fixture
def dense() -> Served:
    """Like an 8B model in 16 bits: 32 layers, 8 KV heads of 128."""
    return Served(
        dense_bytes=15e9,
        expert_bytes=0,
        expert_share=0,
        resident_bytes=16e9,
        flops_per_token=15e9,
        attention_flops=4 * 4096 * 32,
        n_layers=32,
        kernels=544,
        hidden=4096,
        full_cache_bytes=131072,
        window_cache_bytes=0,
    )


@pytest.fixture
def card() -> Accelerator:
    """Like an L40S."""
    return Accelerator(
        index=0,
        name="card",
        vendor="nvidia",
        memory_total_bytes=45 * GIB,
        memory_available_bytes=44 * GIB,
        bandwidth_bytes_per_s=864e9,
        f16_flops=362e12,
        backend="cuda",
        power_limit_w=350,
    )


@pytest.fixture
def demand(constants: ServingConstants) -> Demand:
    """Fifty people who chat."""
    return Demand(
        users=50,
        usage=constants.usage_of("chat"),
        prompt_tokens=400,
        output_tokens=300,
        targets=Targets(max_ttft_s=2.0, max_tpot_s=0.05),
    )
