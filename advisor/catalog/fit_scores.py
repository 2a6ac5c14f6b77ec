"""Fitted abilities turned into task scores: expected results on a task's reference benchmarks, with their deviation.

A score is the weighted mean of expected results (0-100) on the reference benchmarks of catalog/tasks.yaml. Where a
system has a result on one of them, the result and the prediction are weighed by their variances.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor.catalog.fit_evidence import Item, Observation, from_scale
from advisor.catalog.fit_facts import Facts
from advisor.catalog.fit_latent import Model, doubt_of, leaning
from advisor.catalog.fit_systems import SYSTEM

NODES = ((-2.0202, 0.01995), (-0.9586, 0.39362), (0.0, 0.94531), (0.9586, 0.39362), (2.0202, 0.01995))
"""Gauss-Hermite nodes and weights (5 points) for the mean of a curved scale under a normal distribution."""

BASE_SHIFT, BASE_VARIANCE = {"rating": -2.0, "accuracy": -0.6, "error": -0.4, "points": -0.5}, 0.3
"""Assumed loss of a model that was never taught to answer, on benchmarks of dialogue and instruction: none is measured
there, so it comes with its own wide variance (in the units of the fit's scale)."""

LEAST_SD = 0.5
"""Points; no benchmark tells systems apart more finely."""

UNTAUGHT = ("dialogue", "instruction", "agentic")

NEVER_IMPUTED = ("agentic-coding", "translation")
"""Tasks that other results say little about (tool use: rank correlation 0.5): `prior` unless measured."""

UNMEASURED_SD = 6.0
"""Points; least deviation of such a score, about what vendors left out scatter by on tool use."""

PURPOSE_TASKS: Mapping[str, tuple[str, ...]] = {
    "ocr": (),
    "extract": ("extraction",),
    "function": ("extraction",),
    "math": ("reasoning",),
}
"""The only tasks of models made for one purpose; reading pages is no task here, and nothing measured tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRule:
    """A task as the fit needs it."""

    name: str
    categories: tuple[str, ...]
    modality: str
    evidence: tuple[str, ...]
    reference: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One line of scores.csv."""

    model: str
    mode: str
    task: str
    score: float
    sd: float
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """A system's expected abilities (K), their covariance (K, K), and its row of the design (P)."""

    mean: Any
    covariance: Any
    design: Any


def task_rules(document: Mapping[str, Any]) -> list[TaskRule]:
    """The tasks of tasks.yaml, and `general`."""
    entries = [*document["tasks"], {**document["general"], "name": "general", "modality": "text"}]
    return [
        TaskRule(
            name=entry["name"],
            categories=tuple(entry["categories"]),
            modality=entry["modality"],
            evidence=tuple(entry["evidence"]),
            reference=tuple((part["benchmark"], float(part["weight"])) for part in entry["reference"]),
        )
        for entry in entries
    ]


def can_do(facts: Facts, task: TaskRule) -> bool:
    """Whether a model is made for a task at all."""
    if facts.category not in task.categories:
        return False
    if facts.purpose in PURPOSE_TASKS:
        return task.name in PURPOSE_TASKS[facts.purpose]
    return task.modality != "image" or facts.images


def _grade(system: SYSTEM, task: TaskRule, seen: Sequence[tuple[Observation, str]]) -> str:
    mode = system[1]
    kinds = [(result.mode == mode and result.exact) for result, kind in seen if kind in task.evidence]
    if any(kinds):
        return "measured"
    if kinds:
        return "sibling"
    return "imputed" if seen and task.name not in NEVER_IMPUTED else "prior"


def _curve(item: Item, mean: float, sd: float) -> tuple[float, float]:
    """Expected score and its slope where a result is normal on the fit's scale."""
    values = [from_scale(item, mean + math.sqrt(2) * node * sd) for node, _ in NODES]
    total = sum(weight for _, weight in NODES)
    expected = sum(value * weight for value, (_, weight) in zip(values, NODES, strict=True)) / total
    slope = (from_scale(item, mean + sd) - from_scale(item, mean - sd)) / (2 * sd)
    return expected, slope


def _result(
    model: Model, item: Item, ability: Ability, measured: tuple[float, float] | None, facts: Facts
) -> tuple[float, Any, float]:
    """Expected 0-100 result, its gradient by ability (K), and the variance that abilities do not explain."""
    index = model.names.index(item.name)
    spread, loads, residual = model.spread[index], model.loadings[index], model.residual[index]
    mean = model.mean[index] + spread * (
        model.intercept[index] + loads @ ability.mean + leaning(model, index, ability.design)
    )
    keep, own = 1.0, (residual + doubt_of(model, index, ability.mean, ability.design)) * spread**2
    if measured is not None:
        value, noise = measured
        keep = noise / (noise + own)
        mean, own = keep * mean + (1 - keep) * value, own * keep
    elif facts.base and item.factor in UNTAUGHT:
        mean, own = mean + BASE_SHIFT[item.scale], own + BASE_VARIANCE
    gradient = keep * spread * loads
    variance = float(gradient @ ability.covariance @ gradient) + own
    expected, slope = _curve(item, mean, math.sqrt(variance))
    return expected, slope * gradient, slope**2 * own


def score(
    system: SYSTEM,
    task: TaskRule,
    *,
    model: Model,
    items: Mapping[str, Item],
    ability: Ability,
    seen: Sequence[tuple[Observation, str]],
) -> Score:
    """A system's score on a task. `seen`: results of the same weights in any mode, with their kinds."""
    import numpy as np

    facts, mode = system
    total, gradient, loose = 0.0, np.zeros(model.loadings.shape[1]), 0.0
    weights = sum(weight for _, weight in task.reference)
    for name, weight in task.reference:
        own = [result for result, _ in seen if result.item == name and result.mode == mode]
        measured = _combined(own)
        expected, slope, variance = _result(model, items[name], ability, measured, facts)
        share = weight / weights
        total += share * expected
        gradient = gradient + share * slope
        loose += share**2 * variance
    deviation = max(model.claim * math.sqrt(float(gradient @ ability.covariance @ gradient) + loose), LEAST_SD)
    grade = _grade(system, task, seen)
    if grade == "prior" and task.name in NEVER_IMPUTED:
        deviation = max(deviation, UNMEASURED_SD)
    return Score(model=facts.model, mode=mode, task=task.name, score=total, sd=deviation, grade=grade)


def _combined(results: Sequence[Observation]) -> tuple[float, float] | None:
    """Mean value and its measurement variance of repeated results; None without any."""
    if not results:
        return None
    count = len(results)
    return sum(r.value for r in results) / count, sum(r.variance for r in results) / count**2
