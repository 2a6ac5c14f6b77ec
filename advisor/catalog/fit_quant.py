"""Fits what quantization costs: log odds lost = exp(a) · (8e9 / parameters)^b · (4 / (f · bits per weight))^p.

f tells how much a bit keeps in an i-quant or in a format older than k-quants, against one of a k-quant: from the mean
KL of one model under all of them. Other rows (all are in catalog/quality/quantization.csv): MMLU of two sizes of one
family over 25 GGUF quantizations and paired evaluations of two quantizations of one model. The constants of
advisor/decide/quality.py are the outcome, rounded.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MMLU, CHANCE = "MMLU 5-shot correctness", 25.0

NAMED_BITS = {"IQ4_XS": 4.45, "Q4_K_H": 4.8, "Q6_K": 6.57, "Q6_K_H": 6.5}
"""Bits per weight of the quantizations in paired evaluations: measured medians of 4 to 15e9 parameters."""

NAMED_SIZE = {"Meta-Llama-3-8B-Instruct": 8.03e9, "Meta-Llama-3-70B-Instruct": 70.55e9}

MMLU_SD, MMLU_SD_FEW, PAIRED_SD = 0.012, 0.025, 0.12
"""Deviations of one result in log odds: 14,042 questions of one model under two quantizations differ little more than
they agree; the larger model answered 2,850; a paired evaluation scatters by 3 points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossRow:
    """Log odds lost going from `from_bits` (or from the full weights) to `bits`, both in bits of a k-quant. `reference`
    groups unknown zeros."""

    params: float
    bits: float
    from_bits: float | None
    lost: float
    sd: float
    reference: str | None


DIVERGENCE, DIVERGENCE_MODEL = "mean KLD vs f16", "Meta-Llama-3-8B"
"""The one metric under which one model was measured in every family of quantizations."""

UNLISTED_BITS = {"Q4_0": 4.65, "Q4_1": 5.1, "Q5_0": 5.6, "Q5_1": 6.06, "Q2_K_S": 2.79}
"""Bits per weight at 8e9 parameters of quantizations without an MMLU row, which would state them."""

NARROW_BITS = 9.0
"""Wider quantizations differ from the full weights by rounding alone."""

FAMILY_DOUBT = 0.1
"""Ridge on the shift of log KL by family: one result of deviation 0.3 that says that families do not differ."""


def _odds(percent: float) -> float:
    above = min(max((percent - CHANCE) / (100 - CHANCE), 0.02), 0.98)
    return math.log(above / (1 - above))


def _mmlu_rows(rows: Sequence[dict[str, str]], kept: Mapping[str, float]) -> list[LossRow]:
    found = []
    for row in rows:
        name = row["model"].split("/")[-1]
        if row["metric"] != MMLU or not row["note"].startswith("GGUF") or name not in NAMED_SIZE:
            continue
        bits = float(row["bits_per_weight"])
        if bits >= 15:
            continue
        few = "70B" in name
        found.append(
            LossRow(
                params=NAMED_SIZE[name],
                bits=bits * kept[_family(row["quant"])],
                from_bits=None,
                lost=-_odds(float(row["score"])),
                sd=math.hypot(MMLU_SD_FEW if few else MMLU_SD, 0.15 if bits < 3 else 0.0),
                reference=name,
            )
        )
    return found


def _paired_rows(rows: Sequence[dict[str, str]], kept: Mapping[str, float]) -> list[LossRow]:
    found = []
    for row in rows:
        if not row["metric"].startswith("paired") or row["unit"] != "frac" or " vs " not in row["quant"]:
            continue
        size = _size_in(row["listed_as"])
        coarse, fine = row["quant"].split(" vs ")
        if size is None or coarse not in NAMED_BITS or fine not in NAMED_BITS:
            continue
        lost = -float(row["score"]) * 4
        found.append(
            LossRow(
                params=size,
                bits=NAMED_BITS[coarse] * kept[_family(coarse)],
                from_bits=NAMED_BITS[fine] * kept[_family(fine)],
                lost=lost,
                sd=PAIRED_SD,
                reference=None,
            )
        )
    return found


def _size_in(name: str) -> float | None:
    for part in name.replace("_", "-").split("-"):
        if part[:-1].replace(".", "").isdigit() and part[-1] in "Bb":
            return float(part[:-1]) * 1e9
    return None


def read_losses(path: Path) -> list[LossRow]:
    """The rows of quantization.csv that the fit uses."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = fit_families(path)
    return [*_mmlu_rows(rows, kept), *_paired_rows(rows, kept)]


def _family(quant: str) -> str:
    if quant.startswith("IQ"):
        return "iq"
    return "legacy" if quant in ("Q4_0", "Q4_1", "Q5_0", "Q5_1") else "k"


def _divergences(rows: Sequence[dict[str, str]]) -> list[tuple[str, float, float]]:
    """(quantization, bits per weight, log of the mean KL); with and without an importance matrix apart."""
    gguf = [row for row in rows if row["metric"] == MMLU and row["note"] == "GGUF"]
    bits = {row["quant"]: float(row["bits_per_weight"]) for row in gguf} | UNLISTED_BITS
    found: dict[tuple[str, bool], list[float]] = {}
    for row in rows:
        wanted = row["metric"] == DIVERGENCE and row["model"].endswith(DIVERGENCE_MODEL)
        if wanted and bits.get(row["quant"], NARROW_BITS) < NARROW_BITS:
            found.setdefault((row["quant"], "imatrix" in row["note"]), []).append(float(row["score"]))
    return [(quant, bits[quant], math.log(sum(kl) / len(kl))) for (quant, _), kl in sorted(found.items())]


def fit_families(path: Path) -> dict[str, float]:
    """Bits of a k-quant that keep as much as one bit of each family, where log KL is a parabola in log bits."""
    import numpy as np

    with path.open(encoding="utf-8", newline="") as stream:
        measured = _divergences(list(csv.DictReader(stream)))
    steps = np.array([math.log(4 / bits) for _, bits, _ in measured])
    family = [_family(quant) for quant, _, _ in measured]
    shifts = [[float(name == one) for name in family] for one in ("iq", "legacy")]
    features = np.column_stack([np.ones(len(steps)), steps, steps**2, *shifts])
    ridge = np.diag([0.0, 0.0, 0.0, FAMILY_DOUBT, FAMILY_DOUBT])
    answer = np.linalg.solve(features.T @ features + ridge, features.T @ np.array([kl for _, _, kl in measured]))
    return {"k": 1.0, "iq": math.exp(-answer[3] / answer[1]), "legacy": math.exp(-answer[4] / answer[1])}


def predicted(parameters: Sequence[float], params: float, bits: float) -> float:
    """Log odds lost at some bits, from (a, b, p)."""
    a, b, p = parameters
    return math.exp(a + b * math.log(8e9 / params) + p * math.log(4 / bits))


def _row_error(row: LossRow, point: Any, zeros: Sequence[str]) -> float:
    expected = predicted(point[:3], row.params, row.bits)
    if row.from_bits is not None:
        expected -= predicted(point[:3], row.params, row.from_bits)
    if row.reference is not None:
        expected -= point[3 + zeros.index(row.reference)]
    return (expected - row.lost) / row.sd


def fit_losses(rows: Sequence[LossRow]) -> dict[str, float]:
    """Damped Gauss-Newton from a fixed start; deterministic. The log odds of each model's full weights are free too."""
    import numpy as np

    zeros = sorted({row.reference for row in rows if row.reference is not None})
    point = np.array([-2.6, 0.3, 4.0] + [max(-r.lost for r in rows if r.reference == zero) for zero in zeros])

    def errors(at: Any) -> Any:
        """Row errors in deviations, and weak beliefs: b = 0.3 ± 0.1, p = 4.2 ± 0.5."""
        return np.array([_row_error(row, at, zeros) for row in rows] + [(at[1] - 0.3) / 0.1, (at[2] - 4.2) / 0.5])

    for _ in range(60):
        now = errors(point)
        steps = np.eye(len(point)) * 1e-5
        slope = np.column_stack([(errors(point + step) - now) / 1e-5 for step in steps])
        point = point - 0.5 * np.linalg.solve(slope.T @ slope + 1e-6 * np.eye(len(point)), slope.T @ now)
    return {
        "points_at_four_bits": round(25 * math.exp(float(point[0])), 3),
        "size_exponent": round(float(point[1]), 3),
        "bits_exponent": round(float(point[2]), 3),
        "rows": len(rows),
    }
