"""Published prompt rates that no reading of a prompt can be are told from those that may."""

from collections import defaultdict

import pytest

from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.workload import Workload
from advisor.estimate.candidate import cache_layout
from advisor.estimate.footprint import Choice
from advisor.estimate.parts import Setting
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from benchmarks.prompt_rows import not_a_reading
from tests.estimate import models
from tests.estimate.conftest import card, computer


def reason(constants, rate, *, tokens=512, answer="", notes="", quant="Q4_K_M", model=models.LLAMA_8B, **device):
    workload = Workload(task="chat", prompt_tokens=tokens, output_tokens=0, context=4096)
    engine = constants.engine("llama.cpp")
    choice = Choice(shape_of(model), weight_profile(model, quant), engine, cache_layout(workload, engine))
    rates = {"f16_flops": 100e12, "f32_flops": 50e12, "int8_ops": 200e12, "bandwidth_bytes_per_s": 1e12, **device}
    placement = Placement(kind=PlacementKind.GPU, gpu_layers=33, devices=(0,))
    setting = Setting(choice, placement, computer(card(**rates)), workload, constants)
    row = defaultdict(str, pp_tps=str(rate), tg_tps=answer, notes=notes, quant=quant)
    return not_a_reading(row, setting)


def test_the_roof_is_the_fastest_stated_rate(constants):
    """8.03e9 parameters less what is only looked up or runs for the last token: 14e9 FLOPs a token, 14,000 t/s."""
    assert reason(constants, 12000) == ""
    assert "faster than the device multiplies" in reason(constants, 16000)
    assert reason(constants, 16000, quant="MXFP4") == ""
    assert "faster" in reason(constants, 32000, quant="MXFP4")


def test_weights_are_read_at_least_once(constants):
    assert reason(constants, 5000, tokens=32) == ""
    assert "faster" in reason(constants, 9000, tokens=32)


def test_rates_that_are_not_stated_are_not_below_four_times_those_of_vectors(constants):
    unstated = {"f16_flops": None, "int8_ops": None}
    assert reason(constants, 12000, **unstated) == ""
    assert "faster" in reason(constants, 16000, **unstated)
    assert "faster" in reason(constants, 12000, name="Apple M2 Max", architecture="Apple silicon", **unstated)
    assert reason(constants, 1e9, tokens=512, f32_flops=None, bandwidth_bytes_per_s=1e18, **unstated) == ""


def test_a_prompt_is_not_read_slower_than_its_answer_is_written(constants):
    assert "slower than the answer" in reason(constants, 90, answer="100")
    assert reason(constants, 110, answer="100") == ""


@pytest.mark.parametrize("notes", ["10-run average, prefix-cached", "Prefix-cached"])
def test_notes_may_say_that_the_prompt_was_cached(constants, notes):
    assert "cached" in reason(constants, 5000, notes=notes)
    assert reason(constants, 5000, notes="prefix caching on, random text") == ""
