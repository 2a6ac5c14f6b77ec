"""What the fit of quality reads: facts about models, benchmark results, and the rule by which each result counts.

Reads the folder `catalog/` (facts.csv, evidence/*.csv, benchmarks.yaml, tasks.yaml) and gives systems (weights in one
thinking mode) and observations on a common scale. A development-time room: the product reads the fitted scores only.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

SOFTNESS = 0.05
"""Added to both sides of the odds, so that a score of 0 or 100 percent is far away but not infinitely so."""

ARENA_REFERENCE = 1300.0
"""Rating of the answer that a preference score compares with (Bradley-Terry, 400 points are tenfold odds)."""

BELOW_THREE_BITS = ("Q2", "Q3", "IQ1", "IQ2", "IQ3")
"""Quantizations whose results say too little about the weights as published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the scaling prior knows of a model. Parameters are counts, `released` is a year with its fraction."""

    model: str
    vendor: str
    family: str
    category: str
    released: float | None
    total_params: float | None
    active_params: float | None
    thinking: str
    stage: str
    purpose: str
    images: bool
    audio: bool
    training_tokens: float | None
    base_model: str | None = None

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes its quality is told in: one, or two where thinking can be switched."""
        return {"toggle": ("thinking", "non-thinking"), "always": ("thinking",)}.get(self.thinking, ("default",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A benchmark as the fit sees it: its scale, chance level (share), number of questions and special factor."""

    name: str
    group: str
    scale: str
    chance: float
    questions: float
    factor: str


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


def year_fraction(text: str) -> float | None:
    """'2025-03-12', '2025-03' or '2025' as a year with its fraction; None for an empty text."""
    if not text:
        return None
    parts = [int(part) for part in text.split("-")]
    month = parts[1] if len(parts) > 1 else 7
    day = parts[2] if len(parts) > 2 else 15
    return parts[0] + (month - 1) / 12 + (day - 1) / 365


def _number(text: str) -> float | None:
    return float(text) if text else None


def read_facts(path: Path) -> list[Facts]:
    """Facts by model from a CSV file with one header line."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Facts(
                model=row["model"],
                vendor=row["vendor"],
                family=row["family"],
                category=row["category"],
                released=year_fraction(row["released"]),
                total_params=_number(row["total_params"]),
                active_params=_number(row["active_params"]) or _number(row["total_params"]),
                thinking=row["thinking"],
                stage=row["stage"],
                purpose=row["purpose"],
                images=bool(row["images"]),
                audio=bool(row["audio"]),
                training_tokens=_number(row["training_tokens"]),
                base_model=row.get("base_model") or None,
            )
            for row in csv.DictReader(stream)
        ]


def read_evidence(folder: Path) -> list[dict[str, str]]:
    """Every row of every benchmark file, in the order of file names."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if "benchmark" in (reader.fieldnames or ()):
                rows.extend(reader)
    return rows


def read_yaml(path: Path) -> Any:
    """A YAML file of this catalog."""
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8"))


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
    if stated:
        return stated if stated in modes else modes[0] if len(modes) == 1 and stated == "thinking" == modes[0] else None
    if len(modes) == 1:
        return modes[0]
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
        if share is None or mode is None:
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
