"""Shipped constants are complete; what is missing is named; devices and classes are found by how people write them."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from advisor.domain.machine import CoreCluster, Cpu
from advisor.errors import BadDocument
from advisor.estimate.constants import Constants, device_key, of_backend
from advisor.estimate.cpu_rates import best_isa, cpu_power, team_worth, type_cost
from advisor.estimate.flops import prompt_work
from advisor.estimate.formats import in_format, known_quants, preset_of
from advisor.estimate.parts import batch_cost, compute_rate, cpu_class
from advisor.estimate.roofline import SCORE_BYTES, Bytes, Rates, coverage, overlapped, prefill_terms, score_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.unpacking import looked_up, multiplying, unpacking
from advisor.estimate.weighing import weight_profile
from tests.estimate import models
from tests.estimate.conftest import CATALOG, card, computer


def plain(name):
    return yaml.safe_load((Path(CATALOG) / name).read_text("utf-8"))


def test_a_missing_part_is_named():
    calibration = plain("calibration.yaml")
    del calibration["settings"]
    with pytest.raises(BadDocument, match="settings"):
        Constants.from_mapping(calibration, plain("engines.yaml"))


def test_an_unknown_field_of_an_engine_is_refused():
    engines = plain("engines.yaml")
    engines["engines"]["ollama"]["slots_per_core"] = 3
    with pytest.raises(BadDocument, match="slots_per_core"):
        Constants.from_mapping(plain("calibration.yaml"), engines)


def test_every_device_posterior_reads(constants):
    assert len(constants.devices) > 40
    for backend, name in constants.devices:
        found = constants.device(backend, name)
        assert found is not None
        assert found.backend == backend
        assert all(found.covariance[i][i] > 0 for i in range(8))


@pytest.mark.parametrize(
    ("written", "generation"),
    [("Ada Lovelace GeForce RTX 4090", "ada"), ("RDNA 3.5 Radeon 8060S", "rdna35"), ("RDNA 3.0", "rdna3"),
     ("Ampere A100 PCIe 80GB", "hbm"), ("Apple silicon Apple M4 Max", "m4"), ("Pascal", "pascal"), (None, "")],
)  # fmt: skip
def test_generations(constants, written, generation):
    assert constants.generation(written) == generation


def test_an_unknown_backend_gets_the_generic_prior(constants):
    assert constants.prior("npu", "") == constants.priors[("generic", "")]
    assert constants.prior("cuda", "unheard of") == constants.priors[("cuda", "")]


def test_names_of_devices_are_loose():
    assert device_key("NVIDIA GeForce RTX 4090") == device_key("rtx 4090")
    assert device_key("RTX 4090") != device_key("RTX 4090 D")


def test_best_instruction_set(constants):
    known = tuple(constants.cpu.scale_by_isa)
    assert best_isa(("sse4_2", "avx2", "avx512f", "avx512_vnni"), known) == "avx512_vnni"
    assert best_isa(("sse2",), known) == "other"


def test_known_memory_bounds_a_processor(constants):
    known, unknown = (cpu_power(computer(bandwidth=b), constants) for b in (50e9, None))
    assert known.known
    assert known.bandwidth_bytes_per_s == pytest.approx(50e9 * constants.cpu.bandwidth_share)
    assert not unknown.known
    assert unknown.bandwidth_bytes_per_s <= constants.cpu.bandwidth_ceiling_bytes_per_s


def test_many_threads_add_less_each(constants):
    few, many = (cpu_power(computer(cores=n), constants) for n in (8, 96))
    assert few.threads == 8
    assert 16 < many.threads < 96


def test_types_differ_in_cost_per_byte(constants):
    power = cpu_power(computer(cores=2), constants)
    cost = {}
    for quant in ("Q4_K_M", "IQ3_M"):
        profile = weight_profile(models.LLAMA_8B, quant)
        cost[quant] = type_cost(profile.types, power, constants).dense_s / profile.tensor_bytes
    assert cost["IQ3_M"] > 1.7 * cost["Q4_K_M"]


def test_memory_and_unpacking_both_take_their_time(constants):
    """Near each other they add up as in a right angle; far apart the slower one decides."""
    types = weight_profile(models.LLAMA_8B, "Q8_0").types
    power = cpu_power(computer(), constants)
    slow_memory, slow_threads = power._replace(scale=1e6), power._replace(bandwidth_bytes_per_s=1e18)
    alone = [type_cost(types, p, constants).dense_s for p in (slow_memory, slow_threads)]
    assert type_cost(types, power, constants).dense_s == pytest.approx(math.hypot(*alone), rel=1e-4)


def test_prompts_without_dot_products_are_far_slower_than_answers(constants):
    """A Raspberry Pi 4 against a 5: a ninth of the prompt rate, two fifths of the decode rate."""
    types = weight_profile(models.LLAMA_8B, "Q4_0").types
    boards = [
        replace(
            computer(bandwidth=b, cores=4),
            cpu=Cpu(physical_cores=4, clusters=(CoreCluster(cores=4, kind=k, max_hz=hz),), instruction_sets=sets),
        )
        for b, k, hz, sets in (
            (12.8e9, "Cortex-A72", 1.8e9, ("neon",)), (17.1e9, "Cortex-A76", 2.4e9, ("neon", "dotprod")),
        )
    ]  # fmt: skip
    four, five = (type_cost(types, cpu_power(board, constants), constants) for board in boards)
    assert four.gemm_flops < five.gemm_flops / 4
    assert 1.5 < four.dense_s / five.dense_s < 4.5


def worth(constants, threads, *clusters, arm=True):
    parts = tuple(CoreCluster(cores=n, kind=kind, max_hz=hz) for n, kind, hz in clusters)
    return team_worth(parts, threads, arm, constants)


def test_a_slow_core_in_the_team_holds_all_up(constants):
    """Snapdragon 8 Gen 2 has five fast cores: six threads decode more slowly than five (published: by 30 to 40 %)."""
    phone = (1, "Cortex-X3", 3.2e9), (4, "Cortex-A715", 2.8e9), (3, "Cortex-A510", 2.0e9)
    five, six = (worth(constants, n, *phone)[0] for n in (5, 6))
    assert 0.6 < six / five < 0.8
    assert worth(constants, 5, *phone) == worth(constants, 5, *phone[:2], (3, "Cortex-A510", 1.0e9))


def test_a_core_is_worth_its_clock_and_some_of_its_width(constants):
    slow, fast = (worth(constants, 4, (4, "Neoverse-N1", hz))[0] for hz in (1.3e9, 2.6e9))
    assert fast == pytest.approx(2 * slow)
    narrow, wide = (worth(constants, 4, (4, kind, 2.6e9)) for kind in ("Neoverse-N1", "Neoverse-V1"))
    assert 1.2 < wide[0] / narrow[0] < 2
    assert wide[1] / narrow[1] > wide[0] / narrow[0]


def test_cores_that_are_not_known_are_assumed_alike(constants):
    assert worth(constants, 4, arm=False) == pytest.approx((4, 4))
    assert worth(constants, 12, (8, None, None), arm=False) == pytest.approx((12, 12))
    none, absurd = worth(constants, 4, (0, "Zen 4", 5e9), arm=False), worth(constants, 4, (4, "?", 1e-300), arm=False)
    assert none == absurd == pytest.approx((4, 4))


def test_threads_wait_for_each_other(constants):
    few, many = (cpu_power(computer(cores=n), constants) for n in (1, 64))
    assert few.wait_us == 0
    assert many.wait_us == pytest.approx(63 * constants.cpu.thread_wait_us)


def test_processors_with_more_than_two_memory_channels_are_a_class_of_their_own(constants):
    def found(**machine):
        return cpu_class(cpu_power(computer(**machine), constants))

    assert found(cores=16, bandwidth=90e9) == "few-cores x86"
    assert found(cores=16, bandwidth=307e9) == found(cores=64, bandwidth=90e9) == "many-cores x86"
    assert found(cores=16, bandwidth=None) == "few-cores x86"


@pytest.mark.parametrize(
    ("name", "preset"),
    [("q4_k_m", "Q4_K_M"), ("UD-Q4_K_XL", "Q4_K_M"), ("Q6_K_L", "Q6_K"), ("UD-IQ2_XXS", "IQ2_XXS"), ("mlx-4bit", None),
     ("mxfp4", "MXFP4_MOE"), ("MXFP4_MOE", "MXFP4_MOE"), ("FP8", None)],
)  # fmt: skip
def test_presets_behind_names(name, preset):
    assert preset_of(name) == preset


@pytest.mark.parametrize(
    ("quant", "formats", "loaded"),
    [("NVFP4", ("mlx",), "mlx-nvfp4"), ("NVFP4", ("safetensors",), "nvfp4-safetensors"), ("NVFP4", ("gguf",), "NVFP4"),
     ("BF16", ("mlx",), "mlx-bf16"), ("Q4_K_M", ("mlx",), "Q4_K_M"), ("mxfp4", ("gguf", "mlx"), "mxfp4"),
     ("MXFP4", ("safetensors",), "mxfp4-safetensors")],
)  # fmt: skip
def test_a_name_means_what_the_engines_files_have(quant, formats, loaded):
    assert in_format(quant, formats) == loaded


def test_mxfp4_beside_gguf_is_of_experts_where_there_are_some():
    mixture = weight_profile(models.GPT_OSS_20B, "mxfp4-safetensors")
    assert mixture.file_bytes / 2**30 == pytest.approx(12.8, abs=0.05), "by its model card"
    assert weight_profile(models.QWEN3_06B, "mxfp4-safetensors").bits_per_weight < 8


def test_int4_is_weights_of_four_bits():
    written, usual = (weight_profile(models.QWEN3_06B, quant) for quant in ("INT4", "W4A16"))
    assert written.file_bytes == usual.file_bytes


def test_every_known_quantization_has_a_profile():
    for quant in known_quants():
        profile = weight_profile(models.QWEN3_06B, quant)
        assert 1.2 < profile.bits_per_weight < 33, quant


def test_an_unknown_quantization_is_refused():
    with pytest.raises(KeyError):
        weight_profile(models.QWEN3_06B, "Q9_Z")


def test_a_profile_stretches_to_a_published_size():
    profile = weight_profile(models.LLAMA_8B, "UD-Q4_K_XL")
    larger = profile.scaled_to(5_100_000_000)
    assert larger.file_bytes == pytest.approx(5_100_000_000, rel=1e-6)
    assert larger.dense_bytes > profile.dense_bytes


def test_coverage_of_experts():
    shape = shape_of(models.QWEN3_30B)
    assert coverage(shape, 1) == pytest.approx(8 / 128)
    assert coverage(shape, 4) == pytest.approx(1 - (120 / 128) ** 4)
    assert coverage(shape, 32, 0.12) < coverage(shape, 32)
    assert coverage(shape_of(models.LLAMA_8B), 8) == 0.0


def test_batch_cost_rises_between_its_points(constants):
    costs = [batch_cost(constants, "cuda", n) for n in range(1, 65)]
    assert costs[0] == 1.0
    assert costs == sorted(costs)
    assert costs[31] == constants.batch_cost["cuda"][5]


@pytest.mark.parametrize("backend", ["cuda", "metal", "vllm"])
def test_a_byte_of_small_weights_takes_longer_but_fewer_bytes_are_still_faster(constants, backend):
    costs, times = [], []
    for quant in ("F16", "Q8_0", "Q4_K_M", "Q3_K_S", "Q2_K"):
        weights = weight_profile(models.LLAMA_8B, quant)
        costs.append(unpacking(weights.types, constants, backend).dense)
        times.append(costs[-1] * weights.file_bytes)
    assert costs == sorted(costs)
    assert costs[0] < 1.0 < costs[-1]
    assert times == sorted(times, reverse=True)


def test_a_codebook_costs_beside_its_bits_and_experts_are_counted_apart(constants):
    dense = weight_profile(models.LLAMA_8B, "IQ2_M")
    assert unpacking(dense.types, constants, "cuda").dense > 1.2
    mixed = unpacking(weight_profile(models.QWEN3_30B, "IQ2_M").types, constants, "cuda")
    assert mixed.experts > mixed.dense
    assert unpacking((), constants, "cuda") == (1.0, 1.0)


def test_a_prompt_on_vulkan_is_measured_against_the_shaders_and_on_cuda_against_int8(constants):
    both = card(f16_flops=160e12, f32_flops=40e12, int8_ops=320e12)
    assert compute_rate(both, constants) == 80e12
    assert compute_rate(replace(both, backend="vulkan"), constants) == 40e12
    assert compute_rate(replace(both, backend="vulkan", f32_flops=None), constants) == 160e12
    assert compute_rate(replace(both, backend="rocm"), constants) == 160e12
    assert compute_rate(replace(both, int8_ops=None), constants) == 80e12
    assert compute_rate(replace(both, int8_ops=None, f32_flops=160e12), constants) == 160e12


def test_experts_that_get_few_tokens_are_read_at_a_lower_rate():
    shape, held, rates = shape_of(models.QWEN3_30B), Bytes(1e9, 16e9), Rates(1e12, 1e14)
    few, many = (prefill_terms(shape, held, rates, 512, expert_half_rate_tokens=n)[5] for n in (0.0, 64.0))
    tokens = 512 * 8 / 128 / coverage(shape, 512)
    assert many == pytest.approx(few * (1 + 64 / tokens))
    assert prefill_terms(shape, held, rates, 512, launch_cost=5.0)[3] == 5 * prefill_terms(shape, held, rates, 512)[3]


def test_scores_pass_through_memory_without_flash_attention():
    shape, held, rates = shape_of(models.LLAMA_8B), Bytes(5e9, 0.0), Rates(1e12, 1e14)
    fused, apart = (prefill_terms(shape, held, rates, 4096, flash_attention=flag) for flag in (True, False))
    pairs = 4096 * 4096 / 2 + 4096 * 512 / 2
    assert fused[2] == 0.0
    assert apart[2] == pytest.approx(shape.n_layers * shape.n_heads * pairs * SCORE_BYTES / 1e12)
    assert apart[:2] + apart[3:] == fused[:2] + fused[3:]
    windowed = shape_of(models.GEMMA3_4B)
    near = score_bytes(windowed, 8192, 0.0, 512)
    assert near < 0.4 * score_bytes(replace(windowed, window=0), 8192, 0.0, 512)
    assert score_bytes(shape, 512, 8192, 512) > 10 * score_bytes(shape, 512, 0.0, 512)


def test_recurrent_states_take_their_own_time_where_kernels_step_through_the_tokens(constants):
    shape, held, rates = shape_of(models.QWEN36_27B), Bytes(1.6e10, 0.0), Rates(1e12, 1e14)
    whole, apart = (prefill_terms(shape, held, rates, 2048, state_cost=cost) for cost in (0.0, 10.0))
    state = prompt_work(shape, 2048).state
    assert whole[7] == 0.0
    assert apart[7] == pytest.approx(10.0 * state / 1e14)
    assert apart[4] < whole[4]
    plain = shape_of(models.LLAMA_8B)
    assert prefill_terms(plain, held, rates, 2048, state_cost=10.0) == prefill_terms(plain, held, rates, 2048)
    assert of_backend(constants.recurrent_cost, "cuda") > of_backend(constants.recurrent_cost, "vllm") == 0.0


def test_kernels_that_read_ahead_take_less_than_both_and_no_less_than_each():
    assert sum(overlapped(3.0, 4.0)) == pytest.approx(5.0)
    assert overlapped(3.0, 0.0) == (3.0, 0.0)
    assert overlapped(0.0, 0.0) == (0.0, 0.0)
    shape, held, rates = shape_of(models.QWEN3_30B), Bytes(1e9, 16e9), Rates(1e12, 1e14)
    apart, ahead = (prefill_terms(shape, held, rates, 128, reads_ahead=flag) for flag in (False, True))
    assert ahead[0] + ahead[4] == pytest.approx(math.hypot(apart[0], apart[4]))
    assert ahead[1] + ahead[5] == pytest.approx(math.hypot(apart[1], apart[5]))
    assert ahead[2:4] + ahead[6:] == apart[2:4] + apart[6:]


def test_prompts_cost_more_with_types_that_a_backend_has_no_matrix_units_for(constants):
    bf16, q4 = (weight_profile(models.QWEN3_30B, quant).types for quant in ("BF16", "Q4_K_M"))
    cost = constants.prompt_types["vulkan"]["bf16"]
    assert multiplying(bf16, constants, "vulkan") == pytest.approx((cost, cost), rel=0.01)
    assert multiplying(q4, constants, "vulkan") == pytest.approx((1.0, 1.0), rel=0.01)
    assert multiplying(bf16, constants, "cuda") == (1.0, 1.0)
    old, new = (multiplying(bf16, constants, "rocm", name).dense for name in ("GCN 5.1 MI50", "RDNA 3.5 8060S"))
    assert old > 2.5
    assert new == 1.0
    shape, held, rates = shape_of(models.QWEN3_30B), Bytes(1e9, 16e9), Rates(1e12, 1e14)
    usual, slow = (prefill_terms(shape, held, rates, 512, cost=(1.0, x)) for x in (1.0, cost))
    assert slow[5] == pytest.approx(cost * usual[5])
    assert prefill_terms(shape, held, rates, 512, cost=(2.0, 1.0))[4] > 1.8 * usual[4]


def test_experts_whose_kernel_falls_behind_cost_more_on_that_backend_alone(constants):
    types = weight_profile(models.QWEN3_30B, "BF16").types
    behind, usual = (unpacking(types, constants, backend) for backend in ("vulkan", "cuda"))
    assert behind.experts > 1.5 * behind.dense
    assert usual.experts == pytest.approx(usual.dense, rel=0.05)


def test_types_in_codebooks_are_known_apart(constants):
    shares = [looked_up(weight_profile(models.LLAMA_8B, quant).types, constants) for quant in ("Q4_K_M", "IQ2_M")]
    assert shares[0] == 0.0
    assert 0.5 < shares[1] < 1.0
