"""Weights that matrix units multiply as they are, and caches that a tensor split cannot deal out."""

from dataclasses import replace

import pytest

from advisor.domain.estimate import Placement, PlacementKind
from advisor.estimate.candidate import estimate
from advisor.estimate.footprint import cache_layout
from advisor.estimate.formats import multiplied_in
from advisor.estimate.kv_cache import cache_bytes, read_bytes
from advisor.estimate.matrix_rates import matrix_rate
from advisor.estimate.parts import compute_rate
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from tests.estimate import models
from tests.estimate.conftest import card, computer

UNITS = {"f16_flops": 500e12, "fp8_flops": 1000e12, "fp4_flops": 2000e12, "int8_ops": 1000e12}


@pytest.mark.parametrize(
    ("quant", "form", "multiplied"),
    [("FP8", "safetensors", "fp8"), ("w8a8", "safetensors", "int8"), ("AWQ", "safetensors", "f16"),
     ("NVFP4", "safetensors", "fp4"), ("NVFP4", "gguf", "f16"), ("MXFP4", "mlx", "f16"), ("Q4_K_M", "gguf", "f16")],
)  # fmt: skip
def test_what_a_format_is_multiplied_in(quant, form, multiplied):
    assert multiplied_in(quant, form) == (multiplied, False)


def test_only_the_experts_of_gpt_oss_are_narrow():
    assert multiplied_in("MXFP4", "safetensors") == ("mxfp4", True)


def test_a_device_without_units_multiplies_in_16_bits():
    assert matrix_rate(card(f16_flops=500e12), "fp8") == 500e12
    assert matrix_rate(card(**UNITS), "f16") == 500e12
    assert 500e12 < matrix_rate(card(**UNITS), "fp8") < 1000e12
    assert matrix_rate(card(**UNITS), "fp4") > matrix_rate(card(**UNITS), "mxfp4")
    assert matrix_rate(card(**UNITS, compute_capability="12.1"), "fp4") == 500e12
    assert matrix_rate(card(f16_flops=500e12, int8_ops=100e12), "int8") == 500e12, "units that are slower stay idle"
    assert matrix_rate(card(f16_flops=None), "fp8") is None


def test_vllm_is_measured_against_the_16_bit_rate(constants):
    assert compute_rate(card(**UNITS), constants, "vllm") == 500e12
    assert compute_rate(card(**UNITS), constants) == 250e12


def prompt_s(quant, chat, constants, **rates):
    architecture = models.LLAMA_8B
    workload = replace(chat, prompt_tokens=8192)
    found = estimate(
        model_id="m", shape=shape_of(architecture), weights=weight_profile(architecture, quant),
        machine=computer(card(gib=96, **rates)), engine="vllm", workload=workload, constants=constants,
        placement=Placement(kind=PlacementKind.GPU, gpu_layers=33, devices=(0,)),
    )  # fmt: skip
    return next(t.seconds for t in found.speed.terms if t.phase == "prefill" and t.name == "matrix products")


def test_a_prompt_is_read_faster_by_units_for_its_weights(chat, constants):
    wide = prompt_s("bf16-safetensors", chat, constants, **UNITS)
    assert prompt_s("fp8", chat, constants, **UNITS) == pytest.approx(wide / 2**0.75, rel=0.02)
    assert prompt_s("fp8", chat, constants, f16_flops=500e12) == pytest.approx(wide, rel=0.02)
    assert prompt_s("awq", chat, constants, **UNITS) == pytest.approx(wide, rel=0.02)


@pytest.mark.parametrize(
    ("architecture", "devices", "copies"),
    [(models.QWEN3_30B, 4, 1), (models.QWEN3_30B, 8, 2), (models.LLAMA_8B, 8, 1), (models.DEEPSEEK_V3, 8, 8)],
    ids=["4 heads on 4", "4 heads on 8", "8 heads on 8", "one latent on 8"],
)
def test_no_device_of_a_split_holds_less_than_one_head(architecture, devices, copies, chat, constants):
    shape = shape_of(architecture)
    layout = cache_layout(chat, constants.engine("vllm"))
    assert cache_bytes(shape, layout, devices=devices) == copies * cache_bytes(shape, layout)
    assert read_bytes(shape, 4096.0, devices=devices) == pytest.approx(copies * read_bytes(shape, 4096.0))


def test_repeated_heads_are_counted_on_every_device(chat, constants):
    shape, weights = shape_of(models.QWEN3_30B), weight_profile(models.QWEN3_30B, "fp8")
    workload = replace(chat, context=65536)

    def on(count):
        found = estimate(
            model_id="m", shape=shape, weights=weights, machine=computer(*(card(i, gib=80) for i in range(count))),
            engine="vllm", workload=workload, constants=constants,
            placement=Placement(
                kind=PlacementKind.GPU, gpu_layers=49, devices=tuple(range(count)), tensor_parallel=count
            ),
        )  # fmt: skip
        return found.footprint.devices[0].kv_cache_bytes

    assert on(4) == on(8)
    assert on(2) == pytest.approx(2 * on(4), rel=1e-6)
