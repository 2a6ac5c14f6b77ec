"""Quantization loss and the comparison of two choices."""

import json
import math
from pathlib import Path

import pytest

from advisor.decide import quality

CATALOG = Path(__file__).parents[2] / "catalog"


def test_constants_are_the_fitted_ones():
    fitted = json.loads((CATALOG / "quality" / "coefficients.json").read_text())["quantization"]
    assert pytest.approx(fitted["points_at_four_bits"], rel=0.02) == quality.LOSS_AT_FOUR_BITS
    assert pytest.approx(fitted["size_exponent"], abs=0.05) == quality.SIZE_EXPONENT
    assert pytest.approx(fitted["bits_exponent"], abs=0.05) == quality.LOSS_EXPONENT
    assert pytest.approx(fitted["bits_iq"], abs=0.005) == quality.IQ_BITS
    assert pytest.approx(fitted["bits_legacy"], abs=0.005) == quality.LEGACY_BITS


def test_loss_grows_as_bits_shrink_and_shrinks_with_size():
    losses = [quality.quant_loss("chat", 8e9, bits)[0] for bits in (8.5, 6.57, 5.7, 4.9, 4.3, 3.9, 3.2, 2.6, 2.1)]
    assert losses == sorted(losses)
    assert losses[0] < 0.15
    assert 0.5 < losses[3] < 1.6, "Q4_K_M of an 8B costs about a point"
    assert losses[-1] > 15
    by_size = [quality.quant_loss("chat", size, 4.9)[0] for size in (1e9, 8e9, 70e9)]
    assert by_size == sorted(by_size, reverse=True)


def test_families_keep_more_or_less_at_the_same_bits():
    """Llama 3 8B, mean KL near 4.6 bits: Q4_0 0.072, Q4_K_S 0.043, IQ4_NL 0.036."""
    names = ("Q4_0", "Q4_K_S", "UD-Q4_K_XL", "IQ4_NL", "UD-IQ4_XS")
    old, plain, also_plain, iq, also_iq = (quality.quant_loss("chat", 8e9, 4.65, quant=name)[0] for name in names)
    assert old > 1.5 * plain
    assert plain == also_plain > iq == also_iq


def test_full_and_native_weights_lose_nothing():
    assert quality.quant_loss("chat", 8e9, 16.0) == (0.0, 0.0)
    assert quality.quant_loss("chat", 21e9, 4.25, native_bits=4.25) == (0.0, 0.0)
    requantized, _ = quality.quant_loss("chat", 21e9, 3.2, native_bits=4.25)
    assert 0 < requantized < quality.quant_loss("chat", 21e9, 3.2)[0]


def test_loss_reproduces_published_mmlu_drops():
    """Llama 3 8B: 65.2 at f16; 64.64 at 4.82 bits, 60.52 at 3.04, 57.56 at 2.64 (matt-c1, five-shot MMLU)."""
    for quant, bits, dropped in (("Q4_K_M", 4.82, 0.56), ("IQ3_XXS", 3.04, 4.7), ("IQ2_M", 2.64, 7.6)):
        loss, sd = quality.quant_loss("chat", 8.03e9, bits, quant=quant)
        assert abs(loss * 0.75 - dropped) < 1.2816 * sd, f"{bits} bits: above chance, the scale is three quarters wide"


def test_uncertainty_is_wider_below_three_and_a_half_bits():
    fine, coarse = (quality.quant_loss("chat", 8e9, bits) for bits in (4.9, 3.0))
    assert coarse[1] / coarse[0] > 0.75
    assert coarse[1] > fine[1]


def test_loss_follows_the_slope_of_the_scale():
    middle = 50 - quality.system_quality(50, 2, "measured", "chat", 8e9, 4.0)[0]
    edge = 95 - quality.system_quality(95, 2, "measured", "chat", 8e9, 4.0)[0]
    assert middle == pytest.approx(quality.quant_loss("chat", 8e9, 4.0)[0])
    assert edge < middle / 2
    assert quality.system_quality(3, 2, "prior", "chat", 1e9, 1.6)[0] >= 0


def test_deviation_never_claims_more_than_its_grade():
    _, measured = quality.system_quality(50, 0.1, "measured", "chat", 8e9, 16)
    _, prior = quality.system_quality(50, 0.1, "prior", "chat", 8e9, 16)
    assert prior > measured >= 1.0
    _, quantized = quality.system_quality(50, 3, "measured", "chat", 8e9, 4.5)
    assert quantized > 3


@pytest.mark.parametrize("task", ["rag", "summarization", "translation"])
def test_long_documents_and_other_scripts_lose_more(task):
    assert quality.quant_loss(task, 8e9, 4.5)[0] > quality.quant_loss("chat", 8e9, 4.5)[0]


def test_mixtures_lose_less():
    assert quality.quant_loss("chat", 30e9, 4.5, moe=True)[0] < quality.quant_loss("chat", 30e9, 4.5)[0]


def test_probability_better():
    assert quality.probability_better(60, 3, 60, 3) == 0.5
    assert quality.probability_better(60, 0, 60, 0) == 0.5
    assert quality.probability_better(61, 0, 60, 0) == 1.0
    forward, back = quality.probability_better(62, 3, 60, 4), quality.probability_better(60, 4, 62, 3)
    assert forward + back == pytest.approx(1)
    assert forward == pytest.approx(0.5 * (1 + math.erf(0.4 / math.sqrt(2))))


def test_floor_is_three_bits_under_fourteen_billion():
    assert quality.below_floor(8e9, 2.9)
    assert not quality.below_floor(8e9, 3.2)
    assert not quality.below_floor(32e9, 2.7)
    assert not quality.below_floor(8e9, 1.2, native_bits=1.2), "trained in those bits"


def test_combined_weighs_tasks_and_ignores_missing_ones():
    parts = {"chat": (60.0, 4.0), "coding": (40.0, 2.0)}
    assert quality.combined(parts, {"chat": 1, "coding": 1}) == (50.0, 3.0)
    assert quality.combined(parts, {"chat": 1, "vision": 3}) == (60.0, 4.0)
    with pytest.raises(ValueError, match="no weighted task"):
        quality.combined(parts, {"vision": 1})


def test_interval_stays_on_the_scale():
    assert quality.interval(2, 5)[0] == 0
    assert quality.interval(99, 5)[1] == 100
    low, high = quality.interval(50, 10)
    assert (low, high) == (pytest.approx(37.184, abs=1e-3), pytest.approx(62.816, abs=1e-3))


def test_words():
    words = [quality.verdict(p) for p in (0.99, 0.9, 0.7, 0.5, 0.3, 0.1, 0.01)]
    assert words[0] == "almost surely better"
    assert words[-1] == "almost surely worse"
    assert len(set(words)) == 7
    assert set(quality.FOUNDED) == set(quality.LEAST_SD), "one phrase a grade"
