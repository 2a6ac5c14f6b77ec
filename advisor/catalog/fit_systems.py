"""Systems (weights in one thinking mode) and the prior that size, date and training give to their abilities."""

import math
from collections.abc import Sequence

from advisor.catalog.fit_evidence import Item
from advisor.catalog.fit_facts import Facts
from advisor.catalog.fit_latent import Belief, Prior

EPOCH = 2025.0
"""Dates count in years from here."""

FIRST_MEASURED = -2.0
"""Years since EPOCH of the first models that today's benchmarks were run on (2023)."""

TEXT_VARIANCES = (0.02, 0.03, 0.05, 0.06, 0.03)
"""Variance of the effects of vendor, family, lineage, model and system, in units of a result's spread; chosen by the
error on vendors left out of the fit."""

LOADING_GENERAL, LOADING_SPECIAL = 0.8, 0.4
"""What is assumed of a benchmark before its data: mostly the general ability, partly its special one."""

OWN_WAY = {"agentic": (0.55, 0.55), "perception": (0.4, 0.6)}
"""Use of tools and sight follow the general ability less (rank correlation 0.5)."""

SLOPE_RESULTS, SIGHT_SLOPE_RESULTS = 100.0, 10.0
"""Results with which a benchmark's slopes may go half as far as its own data say, and the same for those of sight, of
which general ability tells less: by the errors on vendors and on results left out."""

SYSTEM = tuple[Facts, str]


def group_of(facts: Facts) -> str | None:
    """The models that a model is compared with: text, embed or speech; None where no task is measured."""
    if facts.category in ("embed", "rerank"):
        return "embed"
    if facts.category == "asr":
        return "speech"
    return None if facts.category == "guard" else "text"


def has_basis(facts: Facts) -> bool:
    """Whether the prior knows enough of a model: its size, and for general models its date."""
    dated = facts.released is not None or facts.category == "mt" or group_of(facts) != "text"
    return facts.total_params is not None and dated


def data_advantage(facts: Facts) -> float:
    """Log of how much smaller the reducible loss is than with the tokens usual at a model's date; 0 where unknown.

    Reducible loss: 406.4 / parameters^0.34 + 410.7 / tokens^0.28 (Hoffmann et al. 2022, eq. 10). Usual tokens: 2e12 in
    the middle of 2023, tenfold two years later, from the models whose tokens are known.
    """
    if facts.training_tokens is None or facts.released is None or facts.total_params is None:
        return 0.0
    usual = 2e12 * 10 ** (min(max(facts.released - 2023.5, -2.0), 2.0) / 2)
    size_part = 406.4 / (facts.active_params or facts.total_params) ** 0.34
    return math.log((size_part + 410.7 / usual**0.28) / (size_part + 410.7 / facts.training_tokens**0.28))


def counted_years(facts: Facts) -> float:
    """Years since EPOCH; those before the first measured models count a quarter, for nothing there bears a line out."""
    years = (facts.released or EPOCH) - EPOCH
    return years if years > FIRST_MEASURED else FIRST_MEASURED + 0.25 * (years - FIRST_MEASURED)


def _text_design(facts: Facts, mode: str) -> list[float]:
    total = facts.total_params or 1e9
    size, active = math.log(total / 1e10), math.log((facts.active_params or total) / 1e10)
    plain = [
        0.4 * size,
        0.4 * active,
        0.6 * counted_years(facts),
        0.5 * float(mode == "thinking"),
        0.3 * float(mode == "non-thinking"),
        0.4 * float(facts.purpose == "code"),
        0.4 * float(facts.purpose == "math"),
        0.5 * float(facts.base),
        0.3 * float(facts.category == "mt"),
        0.5 * data_advantage(facts),
    ]
    return [*plain, *_text_products(plain)]


def _text_products(plain: Sequence[float]) -> list[float]:
    """What the plain covariates of general models do together, from their scaled values."""
    size, active, years, thinks = plain[0] / 0.4, plain[1] / 0.4, plain[2] / 0.6, plain[3] / 0.5
    late = max(years, 0.0)
    return [
        0.4 * late,
        0.3 * thinks * years,
        0.15 * thinks * size,
        0.15 * years * size,
        0.15 * years * active,
        0.1 * size * size / 4,
        0.3 * thinks * late,
        0.15 * size * late,
    ]


def _small_design(facts: Facts) -> list[float]:
    size = math.log((facts.total_params or 1e8) / 3e8)
    years = (facts.released or EPOCH) - EPOCH
    plain = [0.4 * size, 0.4 * years, 0.7 * float(facts.category == "rerank")]
    return [*plain, *_small_products(plain)]


def _small_products(plain: Sequence[float]) -> list[float]:
    return [0.1 * (plain[0] / 0.4) ** 2 / 4]


def prior_of(systems: Sequence[SYSTEM], group: str) -> Prior:
    """The prior of a list of systems."""
    import numpy as np

    rows = [_text_design(facts, mode) if group == "text" else _small_design(facts) for facts, mode in systems]
    labels = [(facts.vendor, f"{facts.family}|{generation(facts)}", facts.lineage, facts.model) for facts, _ in systems]
    products = _text_products if group == "text" else _small_products
    return Prior(design=np.array(rows), labels=labels, variances=TEXT_VARIANCES, products=products)


def generation(facts: Facts) -> str:
    """Families live for years: the half year of a release tells its generations apart."""
    return str(int((facts.released or EPOCH) * 2))


def beliefs(items: Sequence[Item], factors: Sequence[str]) -> list[Belief]:
    """What is assumed of each benchmark before any data."""
    import numpy as np

    found = []
    for item in items:
        loads = np.zeros(len(factors))
        general, special = OWN_WAY.get(item.factor, (LOADING_GENERAL, LOADING_SPECIAL))
        loads[0] = general
        if item.factor != factors[0]:
            loads[list(factors).index(item.factor)] = special
        halfway = SIGHT_SLOPE_RESULTS if item.factor == "perception" else SLOPE_RESULTS
        found.append(Belief(name=item.name, loadings=loads, halfway=halfway))
    return found
