"""Which published prompt rates are the reading of a prompt, and which tell of something else.

Servers that keep the prompts they have seen report rates of prompts that they did not read; rates made from the time to
the first token count what else a server did. Both show in what no reading could be: faster than the device multiplies
or reads its weights, or slower than the same run wrote its answer, which reads the same weights for each token.
"""

import re
from collections.abc import Mapping

from advisor.estimate.flops import prefill_work
from advisor.estimate.parts import Setting
from advisor.estimate.roofline import coverage

CACHED = re.compile(r"prefix-cached|cached prompt", re.IGNORECASE)
VECTOR_TO_MATRIX = 4.0
"""Times the FP32 rate that matrix units or packed INT8 reach where no other rate is stated."""
NO_MATRIX_UNITS = ("m1", "m2", "m3", "m4")
"""Generations whose GPUs multiply 16-bit floats no faster than FP32."""


def not_a_reading(row: Mapping[str, str], setting: Setting) -> str:
    """Why a row's `pp_tps` is not the rate at which its accelerators read a prompt; empty where it may be.

    The roof is low on purpose: the fastest stated rate (twice that of FP16 or INT8 for four-bit floats), weights read
    once, as few experts touched as neighbouring tokens were seen to share, no layer run that no cache needs.
    """
    rate, tokens = float(row["pp_tps"]), float(setting.workload.prompt_tokens)
    if CACHED.search(row["notes"]):
        return "prompt rate: of a cached prompt, as its notes say"
    if row["tg_tps"] and rate < float(row["tg_tps"]):
        return "prompt rate: slower than the answer's, so it counts more than reading"
    if rate * _least_seconds(setting, four_bit="FP4" in row["quant"]) > tokens:
        return "prompt rate: faster than the device multiplies or reads, so the prompt was cached"
    return ""


def _least_seconds(setting: Setting, *, four_bit: bool) -> float:
    """No accelerator of the setting reads its prompt in less; 0 where its rates are unknown."""
    shape, weights, tokens = setting.choice.shape, setting.choice.weights, float(setting.workload.prompt_tokens)
    device, count = setting.machine.accelerators[0], len(setting.machine.accelerators)
    stated = max(device.f16_flops or 0.0, device.int8_ops or 0.0) * (2.0 if four_bit else 1.0)
    generation = setting.constants.generation(f"{device.architecture} {device.name}")
    more = 1.0 if generation in NO_MATRIX_UNITS else VECTOR_TO_MATRIX
    peak = max(stated, more * (device.f32_flops or 0.0))
    touched = coverage(
        shape, min(tokens, setting.choice.engine.micro_batch), setting.constants.settings["coverage_slope"]
    )
    read_s = (weights.dense_bytes + weights.expert_bytes * touched) / (device.bandwidth_bytes_per_s or 1e18) / count
    return max(prefill_work(shape, tokens, caches_alone=True).total / peak / count if peak else 0.0, read_s)
