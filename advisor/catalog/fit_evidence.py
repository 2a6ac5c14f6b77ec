"""Benchmark results on a common scale, each with the variance of its measurement, by the rules of benchmarks.yaml.

A development-time room: the product reads the fitted scores only.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from advisor.catalog.fit_facts import Facts

SOFTNESS = 0.1
"""Added to both sides of the odds, so that a score of 0 or 100 percent is far away but not infinitely so."""

ARENA_REFERENCE = 1300.0
"""Rating of the answer that a preference score compares with (Bradley-Terry, 400 points are tenfold odds)."""

BELOW_THREE_BITS = ("Q2", "Q3", "IQ1", "IQ2", "IQ3")
"""Quantizations whose results say too little about the weights as published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A benchmark as the fit sees it: its scale, chance level (share), number of questions and special factor."""

    name: str
    group: str
    scale: str
    chance: float
    questions: float
    factor: str
    zero_is_missing: bool = False
    """A score of exactly 0 means that it was not run: prompts longer than the model's context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One result on the fit's scale. `variance` is that of the measurement alone."""

    model: str
    mode: str
    item: str
    value: float
    variance: float
    exact: bool
    """Measured by others on these weights in this mode, not quantized."""


def item_of(name: str, rules: Sequence[Mapping[str, Any]]) -> Item | None:
    """The benchmark by the first rule that matches its name; None where it is not fitted."""
    rule = next((rule for rule in rules if fnmatchcase(name, rule["match"])), None)
    if rule is None or rule.get("skip"):
        return None
    return Item(
        name=name,
        group=rule["group"],
        scale=rule["scale"],
        chance=rule.get("chance", 0.0),
        questions=rule.get("items", 500),
        factor=rule["factor"],
        zero_is_missing=bool(rule.get("zero_is_missing", False)),
    )


def to_scale(item: Item, share: float) -> float:
    """A result on the fit's scale: softened log odds above chance; ratings in hundreds, points in tens."""
    if item.scale == "rating":
        return (share - ARENA_REFERENCE) / 100
    if item.scale == "points":
        return share * 10
    above = 1 - share if item.scale == "error" else (share - item.chance) / (1 - item.chance)
    above = min(max(above, 0.0), 1.0)
    return math.log((above + SOFTNESS) / (1 - above + SOFTNESS))


def from_scale(item: Item, value: float) -> float:
    """The inverse of `to_scale` as a person reads it: 0 to 100, more is better."""
    if item.scale == "rating":
        return 100 / (1 + 10 ** (-value / 4))
    if item.scale == "points":
        return min(max(value * 10, 0.0), 100.0)
    odds = math.exp(value)
    above = (odds * (1 + SOFTNESS) - SOFTNESS) / (1 + odds)
    above = min(max(above, 0.0), 1.0)
    return 100 * (above if item.scale == "error" else item.chance + (1 - item.chance) * above)


def measurement_variance(item: Item, share: float, sd: float | None) -> float:
    """Variance of one result on the fit's scale: binomial for shares, the published interval for ratings."""
    if item.scale == "rating":
        return ((sd if sd is not None else 10.0) / 100) ** 2
    if item.scale == "points":
        return 0.1**2
    room = 1 - item.chance
    above = 1 - share if item.scale == "error" else min(max((share - item.chance) / room, 0.0), 1.0)
    smooth = (share * item.questions + 1) / (item.questions + 2)
    slope = (1 + 2 * SOFTNESS) / ((above + SOFTNESS) * (1 - above + SOFTNESS))
    return smooth * (1 - smooth) / item.questions * (slope / room) ** 2


def _share(row: Mapping[str, str], item: Item) -> float | None:
    score = float(row["score"])
    if item.scale == "rating":
        return score if row["unit"] == "bt_rating" else None
    if row["unit"] == "frac":
        return score
    return score / 100 if row["unit"] in ("pct", "pct_lower_better", "wer_pct", "bleu") else None


def mode_of(row: Mapping[str, str], facts: Facts) -> str | None:
    """The mode that a result was measured in; None where the row speaks of other weights than the model's own."""
    modes, stated, benchmark = facts.modes, row["mode"], row["benchmark"]
    if len(modes) == 1:
        return modes[0] if (stated or modes[0]) != "non-thinking" or modes[0] == "default" else None
    if stated:
        return stated
    plain = benchmark.startswith(("benchlm CHAT", "benchlm CODE", "BFCL", "Vectara"))
    return "non-thinking" if plain or "deepseek-v3" in row["listed_as"].lower() else "thinking"


def observations(
    rows: Sequence[Mapping[str, str]], models: Mapping[str, Facts], items: Mapping[str, Item]
) -> list[Observation]:
    """Fitted results, one a row; rows without a rule, model, unit or mode are left out."""
    found = []
    for row in rows:
        item, facts = items.get(row["benchmark"]), models.get(row["model"])
        if item is None or facts is None or row["quant"].startswith(BELOW_THREE_BITS):
            continue
        share, mode = _share(row, item), mode_of(row, facts)
        if share is None or mode is None or (item.zero_is_missing and share == 0):
            continue
        extra = 0.15 if row["self_reported"] else 0.3 if row["estimated"] else 0.0
        sd = float(row["sd"]) if row["sd"] else None
        found.append(
            Observation(
                model=facts.model,
                mode=mode,
                item=item.name,
                value=to_scale(item, share),
                variance=measurement_variance(item, share, sd) + extra,
                exact=not row["quant"] and not row["self_reported"] and not row["estimated"],
            )
        )
    return found
