"""Learning from results: a model that was run meets its measurement, others get better, noise does little harm."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from advisor.bench.calibrate import COPY_SD, agreed, learn, loosened
from advisor.bench.fingerprint import fingerprint
from advisor.bench.observe import time_result
from advisor.bench.result import BenchResult
from advisor.bench.slicing import first_layers, slice_depths
from advisor.domain.architecture import Architecture, Attention, Moe
from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.machine import Cpu, HostMemory, Machine
from advisor.domain.quantity import Basis
from advisor.domain.workload import Workload
from advisor.engines.protocol import RunSample
from advisor.estimate.calibration import Observation, Posterior, predict
from advisor.estimate.candidate import estimate
from advisor.estimate.constants import Constants
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile

CATALOG = Path(__file__).parents[2] / "catalog"
CONSTANTS = Constants.from_mapping(
    yaml.safe_load((CATALOG / "calibration.yaml").read_text()), yaml.safe_load((CATALOG / "engines.yaml").read_text())
)
MACHINE = Machine(
    name="test", origin="stated",
    cpu=Cpu(name="Test 4-Core", physical_cores=4, usable_threads=4, instruction_sets=("avx2",)),
    memory=HostMemory(total_bytes=64 << 30, available_bytes=60 << 30),
)  # fmt: skip


def dense(layers, hidden, ffn, heads, kv, vocab=128256):
    return Architecture(
        gguf_arch="llama", n_layers=layers, hidden=hidden, vocab=vocab, ffn=ffn, tied=False,
        attention=Attention(n_heads=heads, n_kv_heads=kv, k_dim=128, v_dim=128),
    )  # fmt: skip


MODELS = {
    "small": dense(16, 2048, 8192, 16, 8),
    "middle": dense(28, 3072, 8192, 24, 8),
    "large": dense(32, 4096, 14336, 32, 8),
    "experts": replace(dense(24, 2048, 0, 32, 4), gguf_arch="qwen3moe", moe=Moe(n_experts=64, n_used=8, ffn=768)),
}
FACTORS = {"weights": 1.7, "experts": 1.5, "cache": 1.5, "op": 2.0, "dense_flops": 1.7, "expert_flops": 1.5,
           "attention_flops": 1.3, "state": 1.2}  # fmt: skip
"""Times against those of its class: a machine about half as fast, with each parameter its own."""
CLASS = CONSTANTS.prior("cpu", "desktop").mean
SLOW = dict(zip(FACTORS, (math.exp(m) * f for m, f in zip(CLASS, FACTORS.values(), strict=True)), strict=True))


def truth():
    return Posterior(mean=tuple(math.log(x) for x in SLOW.values()), covariance=())


def result(model, *, prompt=512, output=32, factor=1.0, quant="Q4_K_M", **changes):
    """What a machine with the true parameters would have measured; times are multiplied by `factor`."""
    shape, weights = shape_of(MODELS[model]), weight_profile(MODELS[model], quant)
    blank = BenchResult(
        machine=fingerprint(MACHINE), engine="embedded", engine_version="1", backend="cpu", threads=4,
        model=model, quant=quant, prompt_tokens=prompt, output_tokens=output, depth=0,
        samples=(sample(prompt, output, 1.0, 1.0),), load_s=1.0, peak_memory_bytes=1, file_bytes=1, complete=True,
        measured_at="2026-11-22T12:00:00+00:00", shape_row=tuple(shape.to_row()), weights_row=tuple(weights.to_row()),
    )  # fmt: skip
    timed = time_result(blank, MACHINE, CONSTANTS)
    step, read = (predict(truth_of(), o.terms)[0] * factor for o in (timed.decode, timed.prefill))
    samples = tuple(sample(prompt, output, step * jitter, read * jitter) for jitter in (0.98, 1.0, 1.02))
    return replace(blank, samples=samples, **changes)


def truth_of():
    n = len(SLOW)
    return replace(truth(), covariance=tuple((0.0,) * n for _ in range(n)))


def sample(prompt, output, step_s, prefill_s, waiting=0.01):
    return RunSample(
        prompt_tokens=prompt, output_tokens=output, depth=prompt, ttft_s=prefill_s, prefill_s=prefill_s,
        decode_s=step_s * (output - 1), waiting=waiting,
    )  # fmt: skip


def said(model, learned=None, *, prompt=512, output=32, quant="Q4_K_M"):
    architecture = MODELS[model]
    return estimate(
        model_id=model, shape=shape_of(architecture), weights=weight_profile(architecture, quant), machine=MACHINE,
        engine="llama.cpp", placement=Placement(kind=PlacementKind.CPU), constants=CONSTANTS,
        workload=Workload(task="chat", prompt_tokens=prompt, output_tokens=output, context=4096),
        posterior=learned.posteriors(model, quant) if learned else None,
    )  # fmt: skip


def error(model, learned, **lengths):
    """Log errors of decode and prefill against the true machine."""
    true = result(model, **lengths)
    speed = said(model, learned, **lengths).speed
    return (
        abs(math.log(speed.decode_tokens_per_s.p50 / true.decode_tokens_per_s.median)),
        abs(math.log(speed.prefill_tokens_per_s.p50 / true.prefill_tokens_per_s.median)),
    )


@pytest.mark.parametrize("model", list(MODELS))
def test_a_model_that_was_run_meets_its_measurement(model):
    learned = learn(MACHINE, "llama.cpp", [result(model)], CONSTANTS)
    assert max(error(model, learned)) < 0.05
    assert learned.basis(model, "Q4_K_M", said(model, learned).basis) is Basis.MEASURED


@pytest.mark.parametrize("model", list(MODELS))
def test_it_bends_with_the_length_of_the_prompt(model):
    learned = learn(MACHINE, "llama.cpp", [result(model)], CONSTANTS)
    assert max(error(model, learned, prompt=4096, output=256)) < 0.25


@pytest.mark.parametrize("other", ["middle", "large", "experts"])
def test_other_models_get_better(other):
    learned = learn(MACHINE, "llama.cpp", [result("small")], CONSTANTS)
    before, after = error(other, None), error(other, learned)
    assert after[0] < before[0] / 2
    assert after[1] < before[1] / 2
    assert max(after) < 0.2
    assert learned.basis(other, "Q4_K_M", said(other, learned).basis) is Basis.CALIBRATED


def test_a_second_model_helps_further():
    one = learn(MACHINE, "llama.cpp", [result("small")], CONSTANTS)
    two = learn(MACHINE, "llama.cpp", [result("small"), result("middle")], CONSTANTS)
    assert max(error("large", two)) <= max(error("large", one)) + 0.01
    assert max(error("large", two)) < 0.12


def test_one_odd_run_does_not_sway_the_machine():
    good = [result(m) for m in ("small", "middle", "large")]
    odd = [*good[:2], result("large", factor=3.0)]
    assert max(error("experts", learn(MACHINE, "llama.cpp", odd, CONSTANTS))) < 0.3
    assert max(error("small", learn(MACHINE, "llama.cpp", odd, CONSTANTS), prompt=1024)) < 0.12


def test_a_slow_copy_of_a_published_accelerator_is_believed():
    prior = replace(
        CONSTANTS.prior("cuda", "ampere"), observations=50,
        covariance=tuple(tuple(0.03**2 if i == j else 0.0 for j in range(8)) for i in range(8)),
    )  # fmt: skip
    sizes = ((4e-3, 0, 0, 1e-3), (8e-3, 0, 0, 1e-3), (16e-3, 0, 0, 2e-3))
    terms = [(*(float(x) for x in some), 0.0, 0.0, 0.0, 0.0) for some in sizes]
    runs = [Observation(terms=t, seconds=1.5 * predict(prior, t)[0], sd=0.01) for t in terms]
    said = [agreed(p, [runs, []]) for p in (prior, loosened(prior, COPY_SD))]
    held, believed = (math.log(runs[-1].seconds / predict(p, runs[-1].terms)[0]) for p in said)
    assert abs(believed) < 0.1 < held


def slices(model, factor=1.0):
    """Results of two slices of a model as the true machine would give them, under the name of the whole."""
    for count in slice_depths(MODELS[model], "Q4_K_M"):
        MODELS["slice"] = first_layers(MODELS[model], count)
        yield replace(result("slice", factor=factor), model=model, synthetic=True, file_bytes=count)


@pytest.mark.parametrize("model", ["small", "middle", "large", "experts"])
def test_slices_tell_what_the_whole_would_do(model):
    learned = learn(MACHINE, "llama.cpp", list(slices(model)), CONSTANTS)
    assert max(error(model, learned)) < 0.03
    assert learned.basis(model, "Q4_K_M", said(model, learned).basis) is Basis.CALIBRATED


def test_runs_of_the_whole_count_for_more_than_slices():
    learned = learn(MACHINE, "llama.cpp", [*slices("large", factor=3.0), result("large")], CONSTANTS)
    assert max(error("large", learned)) < 0.05
    assert learned.basis("large", "Q4_K_M", said("large", learned).basis) is Basis.MEASURED


def disturbed(model, factor):
    """A run that other work slowed down: most of its time it waited for a core."""
    r = result(model, factor=factor, tags=("noisy",))
    return replace(r, samples=tuple(replace(s, waiting=0.5) for s in r.samples))


def test_a_disturbed_run_holds_for_its_model_and_hardly_for_others():
    learned = learn(MACHINE, "llama.cpp", [disturbed("small", 10.0)], CONSTANTS)
    slow = said("small", learned).speed.decode_tokens_per_s.p50
    assert slow == pytest.approx(result("small", factor=10.0).decode_tokens_per_s.median, rel=0.1)
    ratio = said("large", learned).speed.decode_tokens_per_s.p50 / said("large").speed.decode_tokens_per_s.p50
    assert ratio > 0.7


def test_a_disturbed_run_does_not_narrow_its_own_model_beyond_what_was_taken_away():
    """Half the time was waited for: twice the speed stays within the interval."""
    learned = learn(MACHINE, "llama.cpp", [disturbed("small", 2.0)], CONSTANTS)
    rate, quiet = said("small", learned).speed.decode_tokens_per_s, result("small").decode_tokens_per_s.median
    assert rate.p50 < 0.6 * quiet
    assert rate.p90 > 0.9 * quiet
    narrow = said("small", learn(MACHINE, "llama.cpp", [result("small", factor=2.0)], CONSTANTS))
    assert narrow.speed.decode_tokens_per_s.p90 < 0.6 * quiet


def test_an_undisturbed_run_is_believed_over_a_disturbed_one():
    learned = learn(MACHINE, "llama.cpp", [result("small"), disturbed("small", 8.0)], CONSTANTS)
    assert max(error("small", learned)) < 0.05


@pytest.mark.parametrize(
    "changes",
    [
        {"machine": "another"},
        {"fitted": False},
        {"tags": ("battery",)},
        {"threads": 1},
        {"engine": "vllm"},
        {"samples": ()},
        {"shape_row": (1, 2), "weights_row": (3,)},
        {"shape_row": None, "weights_row": None},
    ],
)
def test_what_does_not_belong_teaches_nothing(changes):
    learned = learn(MACHINE, "llama.cpp", [replace(result("small"), **changes)], CONSTANTS)
    assert learned.timed == ()
    assert learned.machine == ()
    assert learned.posteriors("small", "Q4_K_M") == ()
    assert learned.basis("small", "Q4_K_M", Basis.ESTIMATED) is Basis.ESTIMATED


def test_rows_of_another_version_are_computed_anew():
    r = replace(result("small"), shape_row=None, weights_row=None, architecture=MODELS["small"])
    assert max(error("small", learn(MACHINE, "llama.cpp", [r], CONSTANTS))) < 0.05


def test_the_newest_results_of_a_setting_count():
    old = [result("small", factor=3.0) for _ in range(3)]
    new = [result("small") for _ in range(3)]
    assert max(error("small", learn(MACHINE, "llama.cpp", [*old, *new], CONSTANTS))) < 0.05


def test_measuring_narrows_the_interval():
    learned = learn(MACHINE, "llama.cpp", [result("small")], CONSTANTS)

    def width(speed):
        return math.log(speed.decode_tokens_per_s.p90 / speed.decode_tokens_per_s.p10)

    assert width(said("small", learned).speed) < width(said("small").speed) / 3
    assert width(said("large", learned).speed) < width(said("large").speed)
