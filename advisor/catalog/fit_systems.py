"""Systems (weights in one thinking mode) and the prior that size, date and training give to their abilities."""

import math
from collections.abc import Sequence
from typing import Any

from advisor.catalog.fit_evidence import Facts, Item
from advisor.catalog.fit_latent import Prior

EPOCH = 2025.0
"""Dates count in years from here."""

TEXT_VARIANCES = (0.10, 0.15, 0.15, 0.15, 0.08)
"""Variance of the effects of vendor, family, lineage, model and system, in units of a result's spread; chosen by the
error on vendors left out of the fit."""

LOADING_GENERAL, LOADING_SPECIAL = 0.8, 0.4
"""What is assumed of a benchmark before its data: mostly the general ability, partly its special one."""

SYSTEM = tuple[Facts, str]


def group_of(facts: Facts) -> str | None:
    """The models that a model is compared with: text, embed or speech; None where no task is measured."""
    if facts.category in ("embed", "rerank"):
        return "embed"
    if facts.category == "asr":
        return "speech"
    return None if facts.category == "guard" or facts.purpose == "classifier" else "text"


def has_basis(facts: Facts) -> bool:
    """Whether the prior knows enough of a model: its size, and for general models its date."""
    dated = facts.released is not None or facts.category == "mt" or group_of(facts) != "text"
    return facts.total_params is not None and dated


def _text_design(facts: Facts, mode: str) -> list[float]:
    size = math.log((facts.total_params or 1e9) / 1e10)
    active = math.log((facts.active_params or facts.total_params or 1e9) / 1e10)
    years = (facts.released or EPOCH) - EPOCH
    thinks = float(mode == "thinking")
    switchable = float(mode == "non-thinking")
    late = max(years, 0.0)
    return [
        0.4 * size,
        0.4 * active,
        0.6 * years,
        0.4 * late,
        0.5 * thinks,
        0.3 * thinks * years,
        0.15 * thinks * size,
        0.15 * years * size,
        0.3 * switchable,
        0.4 * float(facts.purpose == "code"),
        0.4 * float(facts.purpose == "math"),
        0.4 * float(facts.category in ("vlm", "omni")),
        0.5 * float(facts.stage == "base"),
        0.3 * float(facts.category == "mt"),
        0.1 * size * size / 4,
    ]


def _small_design(facts: Facts) -> list[float]:
    size = math.log((facts.total_params or 1e8) / 3e8)
    years = (facts.released or EPOCH) - EPOCH
    return [0.4 * size, 0.4 * years, 0.1 * size * size / 4, 0.7 * float(facts.category == "rerank")]


def lineage_of(facts: Facts) -> str:
    """A label shared by a model and those made from its weights, and by sizes of one release."""
    return facts.base_model or facts.model


def prior_of(systems: Sequence[SYSTEM], group: str) -> Prior:
    """The prior of a list of systems."""
    import numpy as np

    rows = [_text_design(facts, mode) if group == "text" else _small_design(facts) for facts, mode in systems]
    labels = [
        (facts.vendor, f"{facts.family}|{generation(facts)}", lineage_of(facts), facts.model) for facts, _ in systems
    ]
    return Prior(design=np.array(rows), labels=labels, variances=TEXT_VARIANCES)


def generation(facts: Facts) -> str:
    """Families live for years: the half year of a release tells its generations apart."""
    return str(int((facts.released or EPOCH) * 2))


def assumed_loadings(items: Sequence[Item], factors: Sequence[str]) -> dict[str, Any]:
    """Loadings before any data: shape (K) by benchmark."""
    import numpy as np

    found: dict[str, Any] = {}
    for item in items:
        loads = np.zeros(len(factors))
        loads[0] = LOADING_GENERAL
        if item.factor != factors[0]:
            loads[list(factors).index(item.factor)] = LOADING_SPECIAL
        found[item.name] = loads
    return found
