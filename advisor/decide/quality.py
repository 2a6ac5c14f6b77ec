"""What quantization costs a task, and how sure one choice is better than another.

Scores are on a task's own scale, 0 to 100, with a standard deviation. Everything here takes and gives floats, so that
ranking can call it for every candidate. The constants come from `python -m advisor.catalog.fit` (the rows are in
catalog/quality/quantization.csv, the fit is in catalog/quality/coefficients.json; a test holds the two together).
"""

import math
from collections.abc import Mapping

from advisor.domain.quantity import Z90
from advisor.estimate.formats import bare_name

LOSS_AT_FOUR_BITS = 3.5
"""Points lost at a score of 50 by a dense model of 8e9 parameters at 4 bits per weight in a k-quant, over tasks
of knowledge, reasoning and code: MMLU of Llama 3 and paired evaluations of 20 models."""

LOSS_EXPONENT = 4.25
"""The loss grows with (4 / bits per weight) to this power: MMLU of Llama 3 8B and 70B from 8.5 to 1.6 bits."""

SIZE_EXPONENT = 0.53
"""The loss shrinks with parameters to this power: 70e9 lose a third of what 8e9 lose at the same bits."""

MOE_FACTOR = 0.75
"""Mixtures of experts lose less: mean KL at 4-5 bits of Qwen3-30B-A3B and Gemma-4-26B-A4B against the size law."""

LEGACY = frozenset(("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8"))
"""Quantizations of one scale a block, from before k-quants."""

IQ_BITS, LEGACY_BITS = 1.09, 0.87
"""A bit of an i-quant keeps as much as this many of a k-quant, and one of the older formats as this many: mean KL of
Llama 3 8B. Of quantizations left out the error of log KL falls from 0.36 to 0.19 with it, and MMLU, which these come
not from, is met to 0.044 log odds in place of 0.061 (2.5 bits and more). Other formats (AWQ, GPTQ, MLX, EXL) were not
measured beside them on one model and count as k-quants."""

RELATIVE_SD, EXTRA_SD = 0.5, 0.4
"""Deviation of a loss: a share of the loss (models differ 2.5-fold by tokens per parameter) and points that paired
evaluations scatter by beyond their sampling error."""

COARSE_BITS, COARSE_RELATIVE_SD = 3.5, 0.8
"""Below these bits few models are measured, and the share is wider."""

LARGEST_LOSS = 45.0
"""Points; a model that has lost this much answers at random."""

TASK_FACTOR: Mapping[str, float] = {
    "summarization": 1.5,
    "rag": 1.5,
    "legal": 1.3,
    "translation": 1.2,
    "agentic-coding": 1.2,
    "embedding": 0.5,
    "reranking": 0.5,
    "speech-to-text": 0.7,
}
"""Long documents drift three times as far from the full weights as the mean and non-Latin text 1.4 times (mean KL of
Gemma 4 31B by kind of text), shrunk towards 1 since one model is measured. Steps of agents add up; vectors and
transcripts are robust. Other tasks: 1."""

FLOOR_BITS, FLOOR_PARAMS = 3.0, 14e9
"""Below this many bits per weight a model of fewer parameters is offered only when nothing else fits."""

LEAST_SD: Mapping[str, float] = {"measured": 1.0, "sibling": 2.0, "imputed": 2.5, "prior": 5.0}
"""Deviations below these would claim more than a benchmark's scale can tell, by grade of evidence."""


def _raw_loss(total_params: float, bits_per_weight: float) -> float:
    size: float = (8e9 / max(total_params, 1e7)) ** SIZE_EXPONENT
    bits: float = (4.0 / max(bits_per_weight, 1.0)) ** LOSS_EXPONENT
    return LOSS_AT_FOUR_BITS * size * bits


def family_bits(quant: str) -> float:
    """Bits of a k-quant that keep as much as one bit of this quantization."""
    plain = bare_name(quant)
    if plain.startswith("IQ"):
        return IQ_BITS
    return LEGACY_BITS if plain in LEGACY else 1.0


def quant_loss(
    task: str,
    total_params: float,
    bits_per_weight: float,
    *,
    moe: bool = False,
    native_bits: float = 16.0,
    quant: str = "",
) -> tuple[float, float]:
    """Points lost by a model that scores 50 with its weights as published, and the deviation of that.

    `bits_per_weight`: mean over the weights, as stored. `native_bits`: as published, where that is less than 16 (4.25
    for weights trained in MXFP4): they lose nothing at that width. `quant`: its name; one without a name counts as a
    k-quant.
    """
    if bits_per_weight >= min(native_bits - 0.3, 15.0):
        return 0.0, 0.0
    loss = _raw_loss(total_params, bits_per_weight * family_bits(quant))
    if native_bits < 15.0:
        loss = max(loss - _raw_loss(total_params, native_bits), 0.0)
    loss = min(loss * TASK_FACTOR.get(task, 1.0) * (MOE_FACTOR if moe else 1.0), LARGEST_LOSS)
    share = RELATIVE_SD if bits_per_weight >= COARSE_BITS else COARSE_RELATIVE_SD
    fade = min(1.0, 8.0 / bits_per_weight - 0.9) if bits_per_weight > 4.0 else 1.0
    return loss, math.hypot(share * loss, EXTRA_SD * max(fade, 0.0))


def system_quality(  # noqa: PLR0917 - called per candidate, in the order of a score's own fields
    base_score: float,
    base_sd: float,
    grade: str,
    task: str,
    total_params: float,
    bits_per_weight: float,
    *,
    moe: bool = False,
    native_bits: float = 16.0,
    quant: str = "",
) -> tuple[float, float]:
    """Score and deviation of quantized weights from those of the weights as published.

    A loss is one of log odds: points fall off towards both ends of the scale, as the slope of the logistic curve does.
    """
    loss, loss_sd = quant_loss(task, total_params, bits_per_weight, moe=moe, native_bits=native_bits, quant=quant)
    share = min(max(base_score / 100.0, 0.0), 1.0)
    slope = max(4.0 * share * (1.0 - share), 0.25)
    score = max(base_score - loss * slope, 0.0)
    return score, math.hypot(max(base_sd, LEAST_SD.get(grade, 5.0)), loss_sd * slope)


def probability_better(score_a: float, sd_a: float, score_b: float, sd_b: float) -> float:
    """Probability that A's true score is above B's, both normal and independent; 0.5 where nothing tells them apart."""
    spread = math.hypot(sd_a, sd_b)
    if spread == 0.0:
        return 0.5 if score_a == score_b else float(score_a > score_b)
    return 0.5 * (1.0 + math.erf((score_a - score_b) / (spread * math.sqrt(2.0))))


def combined(parts: Mapping[str, tuple[float, float]], weights: Mapping[str, float]) -> tuple[float, float]:
    """Weighted mean of several tasks' scores and its deviation, for work that is a mixture of tasks.

    The errors of one model's tasks go together, so deviations add without cancelling (an upper bound). ValueError when
    no weighted task has a score.
    """
    total = sum(weight for task, weight in weights.items() if task in parts)
    if total <= 0:
        raise ValueError("no weighted task has a score")
    score = sum(weight * parts[task][0] for task, weight in weights.items() if task in parts) / total
    sd = sum(weight * parts[task][1] for task, weight in weights.items() if task in parts) / total
    return score, sd


def interval(score: float, sd: float) -> tuple[float, float]:
    """The 80 percent interval of a score, inside 0 to 100."""
    reach = Z90 * sd
    return max(score - reach, 0.0), min(score + reach, 100.0)


def below_floor(total_params: float, bits_per_weight: float, *, native_bits: float = 16.0) -> bool:
    """Whether a quantization is too coarse for its model's size to be offered while anything else fits."""
    return bits_per_weight < FLOOR_BITS and total_params < FLOOR_PARAMS and bits_per_weight < native_bits - 0.3


def verdict(probability: float) -> str:
    """Plain words for the probability that one choice is better than another."""
    if probability >= 0.95:
        return "almost surely better"
    if probability >= 0.8:
        return "probably better"
    if probability > 0.6:
        return "perhaps better"
    if probability >= 0.4:
        return "no telling which is better"
    return verdict(1.0 - probability).replace("better", "worse")


FOUNDED: Mapping[str, str] = {
    "measured": "measured",
    "sibling": "measured on the same weights in another mode or quantization",
    "imputed": "predicted from its results on other tasks",
    "prior": "not measured: predicted from size, date and kin",
}
"""How a score is founded, by its grade of evidence."""
