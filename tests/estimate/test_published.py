"""A short accuracy check: Llama 2 7B Q4_0, a prompt of 512 tokens and 128 tokens written, as collected in public.

Sources: github.com/ggml-org/llama.cpp discussions 15013 (CUDA), 15021 (ROCm), 4167 (Metal). The rows took part in the
fit, so this guards against slips in formulas and constants; benchmarks/accuracy.py judges rows the fit has not seen.
"""

import statistics
from dataclasses import replace

import pytest

from advisor.domain.workload import Workload
from tests.estimate import models
from tests.estimate.conftest import card, computer
from tests.estimate.test_candidate import run

LLAMA_2_7B = models.gqa("llama", 32000, 4096, 32, 32, 32, 128, 11008)
EMPTY = Workload(task="chat", prompt_tokens=512, output_tokens=128, context=4096)

ROWS = [
    ("GeForce RTX 5090", "nvidia", "cuda", "Blackwell", 1792e9, 209.5e12, 838e12, 290.0, 14073.0),
    ("GeForce RTX 4090", "nvidia", "cuda", "Ada Lovelace", 1008e9, 165.2e12, 660.6e12, 186.2, 11992.0),
    ("GeForce RTX 4080", "nvidia", "cuda", "Ada Lovelace", 716.8e9, 97.5e12, 390e12, 142.5, 8031.0),
    ("GeForce RTX 4060 Ti 8GB", "nvidia", "cuda", "Ada Lovelace", 288e9, 44.1e12, 176e12, 63.9, 3394.0),
    ("GeForce RTX 3090", "nvidia", "cuda", "Ampere", 936.2e9, 71.2e12, 284.7e12, 158.2, 5174.0),
    ("GeForce RTX 3080 10GB", "nvidia", "cuda", "Ampere", 760.3e9, 59.5e12, 238e12, 139.7, 5013.0),
    ("GeForce RTX 2070 SUPER", "nvidia", "cuda", "Turing", 448e9, 36.2e12, 145e12, 88.1, 2088.0),
    ("GeForce GTX 1080 Ti", "nvidia", "cuda", "Pascal", 484.4e9, 11.34e12, None, 62.5, 1084.0),
    ("Radeon RX 7900 XTX", "amd", "rocm", "RDNA 3.0", 960e9, 122.8e12, None, 167.1, 3552.0),
    ("Radeon RX 6900 XT", "amd", "rocm", "RDNA 2.0", 512e9, 46.1e12, None, 88.5, 1889.0),
    ("Apple M1 Max (32-core GPU)", "apple", "metal", "Apple silicon", 400e9, 10.4e12, None, 61.2, 530.0),
    ("Apple M3 Max (40-core GPU)", "apple", "metal", "Apple silicon", 400e9, 14.2e12, None, 66.3, 759.0),
    ("Apple M4 Pro (20-core GPU)", "apple", "metal", "Apple silicon", 273e9, 9.2e12, None, 50.7, 439.0),
]


def predictions(constants):
    for name, vendor, backend, generation, bandwidth, f16, int8, decode, prefill in ROWS:
        device = card(
            name=name, vendor=vendor, backend=backend, architecture=generation, bandwidth_bytes_per_s=bandwidth,
            f16_flops=f16, int8_ops=int8,
        )  # fmt: skip
        empty = run(LLAMA_2_7B, computer(device), replace(EMPTY, prompt_tokens=0), constants, quant="Q4_0")
        prompt = run(LLAMA_2_7B, computer(device), EMPTY, constants, quant="Q4_0")
        yield "decode", name, empty.speed.decode_tokens_per_s, decode
        yield "prefill", name, prompt.speed.prefill_tokens_per_s, prefill


def judged(constants, phase):
    """Absolute error by device, and the share of rows inside p10 to p90."""
    found = [(name, rate, measured) for kind, name, rate, measured in predictions(constants) if kind == phase]
    errors = {name: abs(rate.p50 / measured - 1) for name, rate, measured in found}
    return errors, sum(rate.p10 <= measured <= rate.p90 for _, rate, measured in found) / len(found)


@pytest.mark.parametrize(("phase", "median", "worst"), [("decode", 0.08, 0.4), ("prefill", 0.15, 0.45)])
def test_known_devices_are_predicted_closely(constants, phase, median, worst):
    errors, _ = judged(constants, phase)
    assert statistics.median(errors.values()) < median, errors
    assert max(errors.values()) < worst, errors


@pytest.mark.parametrize(("phase", "median"), [("decode", 0.12), ("prefill", 0.25)])
def test_classes_alone_come_near(constants, phase, median):
    errors, inside = judged(replace(constants, devices={}), phase)
    assert statistics.median(errors.values()) < median, errors
    assert inside >= 0.6


@pytest.mark.parametrize(("quant", "low", "high"), [("Q4_0", 40, 75), ("F16", 16, 30)])
def test_bytes_decide(constants, quant, low, high):
    device = card(name="Unheard-of card", bandwidth_bytes_per_s=400e9, architecture=None)
    rate = run(LLAMA_2_7B, computer(device), EMPTY, constants, quant=quant).speed.decode_tokens_per_s.p50
    assert low < rate < high


@pytest.mark.parametrize(("backend", "vendor", "slower"), [("vulkan", "amd", 1.8), ("rocm", "amd", 1.0)])
def test_prompts_in_bf16_wait_for_backends_without_matrix_units_for_it(constants, backend, vendor, slower):
    device = card(name="Unheard-of card", vendor=vendor, backend=backend, architecture=None)

    def seconds(known):
        speed = run(LLAMA_2_7B, computer(device), EMPTY, known, quant="BF16").speed
        return 1.0 / speed.prefill_tokens_per_s.p50

    assert seconds(constants) / seconds(replace(constants, prompt_types={})) == pytest.approx(slower, rel=0.2)


def test_short_prompts_gain_by_reading_ahead(constants):
    device = card(name="Unheard-of card", architecture=None)
    short = replace(EMPTY, prompt_tokens=64)
    ahead, apart = (
        run(LLAMA_2_7B, computer(device), short, known, quant="Q4_0").speed.prefill_tokens_per_s.p50
        for known in (constants, replace(constants, reads_ahead=frozenset()))
    )
    assert ahead > 1.1 * apart
