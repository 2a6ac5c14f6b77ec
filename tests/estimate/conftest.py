"""Shipped constants and a few machines."""

from pathlib import Path

import pytest
import yaml

from advisor.domain.machine import Accelerator, Cpu, HostMemory, Machine
from advisor.domain.workload import Workload
from advisor.estimate.constants import Constants

CATALOG = Path(__file__).parents[2] / "catalog"
GIB = 1 << 30


@pytest.fixture(scope="session")
def constants():
    plain = [yaml.safe_load((CATALOG / name).read_text("utf-8")) for name in ("calibration.yaml", "engines.yaml")]
    return Constants.from_mapping(*plain)


@pytest.fixture(scope="session")
def chat():
    return Workload(task="chat", prompt_tokens=500, output_tokens=300, context=8192)


def card(index=0, *, gib=24, name="GeForce RTX 4090", **more):
    values = {
        "vendor": "nvidia", "backend": "cuda", "architecture": "Ada Lovelace", "memory_total_bytes": gib * GIB,
        "bandwidth_bytes_per_s": 1008e9, "f16_flops": 165e12, "power_limit_w": 450.0, "pcie_bytes_per_s": 25e9,
    }  # fmt: skip
    return Accelerator(index=index, name=name, **{**values, **more})


def computer(*cards, ram_gib=64, bandwidth=80e9, cores=8, **more):
    memory = HostMemory(total_bytes=ram_gib * GIB, bandwidth_bytes_per_s=bandwidth)
    cpu = Cpu(name="Ryzen 7", physical_cores=cores, instruction_sets=("avx2",))
    return Machine(name="test", origin="stated", cpu=cpu, memory=memory, accelerators=tuple(cards), **more)


@pytest.fixture
def gaming_pc():
    return computer(card())


@pytest.fixture
def plain_vm():
    memory = HostMemory(total_bytes=24 * GIB, available_bytes=20 * GIB)
    cpu = Cpu(name="AMD EPYC", physical_cores=2, usable_threads=2, instruction_sets=("avx2", "avx512f", "avx512_vnni"))
    return Machine(name="vm", origin="probed", cpu=cpu, memory=memory)
