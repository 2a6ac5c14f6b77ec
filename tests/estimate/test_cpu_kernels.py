"""Which storage types have fast kernels on which processors, today and at a row's date."""

from dataclasses import replace

import pytest

from advisor.domain.machine import CoreCluster, Cpu
from advisor.estimate.cpu_rates import cpu_power, prompt_rates, type_cost
from advisor.estimate.flops import prefill_work
from advisor.estimate.roofline import Bytes, Rates, prefill_terms
from advisor.estimate.shaping import shape_of
from advisor.estimate.tensor_types import TYPE_NAMES
from advisor.estimate.weighing import weight_profile
from advisor.estimate.weights import TypeBytes
from benchmarks.kernels import of_date, replaced
from benchmarks.set_aside import told
from tests.estimate import models
from tests.estimate.conftest import computer

GIB = 2**30


def board(kind, hz, *sets):
    """A processor of four such cores."""
    cpu = Cpu(physical_cores=4, clusters=(CoreCluster(cores=4, kind=kind, max_hz=hz),), instruction_sets=sets)
    return replace(computer(bandwidth=20e9, cores=4), cpu=cpu)


def of_type(name, *, experts=False):
    """A gibibyte of one type."""
    held = (0, GIB) if experts else (GIB, 0)
    return (TypeBytes(TYPE_NAMES.index(name), *held, 0),)


def prompt_rate(name, machine, constants):
    return type_cost(of_type(name), cpu_power(machine, constants), constants).gemm_flops


def test_on_arm_types_without_a_kernel_for_columns_read_prompts_several_times_more_slowly(constants):
    phone = board("Cortex-A715", 2.8e9, "neon", "dotprod", "i8mm")
    fast, slow = (
        [prompt_rate(name, phone, constants) for name in names]
        for names in (("q4_0", "q8_0", "q4_K", "q5_K", "q6_K", "iq4_nl"), ("q5_0", "q5_1", "q3_K", "q2_K", "iq1_s"))
    )
    assert min(fast) > 1.8 * max(slow)


def test_codebooks_are_slow_to_unpack_without_avx2(constants):
    old, newer = (board("Haswell", 3e9, *sets) for sets in (("avx",), ("avx", "avx2")))
    slow, fast = (prompt_rate("iq3_xxs", m, constants) / prompt_rate("q8_0", m, constants) for m in (old, newer))
    assert slow < fast / 3


def test_without_dot_products_all_types_take_as_long(constants):
    old = board("Cortex-A72", 1.5e9, "neon")
    assert prompt_rate("q6_K", old, constants) == prompt_rate("q3_K", old, constants)
    power = cpu_power(old, constants)._replace(bandwidth_bytes_per_s=1e18)
    a_weight = [
        type_cost(of_type(name), power, constants).dense_s * bits for name, bits in (("q8_0", 8.5), ("q4_0", 4.5))
    ]
    assert a_weight[0] == pytest.approx(a_weight[1])


def test_experts_may_lie_in_another_type(constants):
    power = cpu_power(computer(), constants)
    mixed = of_type("q8_0") + of_type("f16", experts=True)
    cost = type_cost(mixed, power, constants)
    assert cost.gemm_flops == prompt_rate("q8_0", computer(), constants)
    gemm = constants.cpu.gemm_flops
    assert cost.expert_cost == pytest.approx(gemm["q8_0"] / gemm["f16"])


def test_attention_of_a_prompt_does_not_depend_on_the_type_of_weights(constants):
    shape = shape_of(models.LLAMA_8B)
    attention, state = prompt_rates(cpu_power(computer(), constants), constants)
    assert attention > state

    def taken(flops):
        other = flops / attention, flops / state
        return prefill_terms(shape, Bytes(4e9, 0.0), Rates(50e9, flops), 2048, other_cost=other)

    slow, fast = taken(1e11), taken(4e11)
    assert slow[4] > 3 * fast[4]
    assert slow[6] == pytest.approx(fast[6]) == prefill_work(shape, 2048).attention / attention


def test_weights_outside_the_layers_are_multiplied_too():
    """The projection of embeddings by layer stays in F32; the embeddings themselves are looked up."""
    gemma = replace(models.GEMMA3_270M, ple_dim=256, ple_vocab=262144)
    plain, by_layer = (weight_profile(model, "Q4_0") for model in (models.GEMMA3_270M, gemma))
    held = [{TYPE_NAMES[p.type_index]: p.dense for p in profile.types}["f32"] for profile in (plain, by_layer)]
    projection = gemma.hidden * gemma.n_layers * 256 * 4
    assert projection <= held[1] - held[0] < 1.01 * projection


@pytest.mark.parametrize(
    ("arm", "name", "date", "slower"),
    [(True, "q8_0", "2024-11", 3.0), (True, "q8_0", "2026-05-11", 1.0), (True, "q4_0", "2025-08", 1.0),
     (True, "q6_K", "", 1.0), (False, "iq3_s", "2026-03", 4.0), (False, "q4_0", "2025-01", 1.0)],
)  # fmt: skip
def test_a_row_is_read_with_the_kernels_of_its_date(constants, arm, name, date, slower):
    then = of_date(constants, date)
    now, before = (c.cpu.gemm_arm_flops if arm else c.cpu.gemm_flops for c in (constants, then))
    assert now[name] >= slower * before[name]
    assert (now[name] == before[name]) is (slower == 1.0)


def test_kernels_only_grew_faster(constants):
    for entry in replaced():
        now = constants.cpu.gemm_arm_flops if entry["arm"] else constants.cpu.gemm_flops
        assert entry["source"]
        assert all(rate < now[name] for name, rate in entry["flops"].items())


def test_ampere_s_own_engine_tells_nothing_of_llama_cpp():
    assert told({"source_id": "ampere_llamacpp", "backend": "llama.cpp CPU (Ampere build)"})
    assert told({"source_id": "ampere_llamacpp", "backend": "llama.cpp CPU", "quant": "Q8_0"}) is None
