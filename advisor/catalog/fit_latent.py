"""A latent-factor model of benchmark results, with a Gaussian-process prior on ability.

A result is y = intercept + loadings·θ + slopes·x + residual + measurement error; the abilities θ of a system (weights
in one mode) have a prior that is linear in what is known of it (log parameters, date, thinking and their products) plus
effects shared by a vendor, a family, a lineage and the modes of one model; x are the same known things, for what a
benchmark asks of them in particular. Loadings and residual variances are fitted
by expectation-maximisation; every conditional is exact and Gaussian. Arrays are NumPy's; shapes: N systems, K factors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LOADING_SD = 0.25
"""How far a loading may stray from what is assumed of its benchmark, in units of a result's spread."""

STRANGE_LOADING_SD = 0.1
"""The same for abilities that a benchmark is not assumed to lean on."""

SLOPE_SD = 0.3
"""How far a benchmark may follow size, date and mode beyond what abilities do, in the same units."""

RESIDUAL_PRIOR, RESIDUAL_WEIGHT = 0.2, 5.0
"""Residual variance assumed before any data, and how many results that assumption is worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Design of the abilities' prior: one row a system, and the labels whose effects are shared."""

    design: Any
    """(N, P) covariates, each scaled so that its coefficient has a standard deviation of 1."""
    labels: Sequence[tuple[str, ...]]
    """(N) labels of each system, from the widest group to the narrowest."""
    variances: tuple[float, ...]
    """Variance of each label's effect, then that of the system's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Results: system index, item index, value in the item's own units of spread, measurement variance."""

    system: Any
    item: Any
    value: Any
    variance: Any


@dataclass(slots=True, kw_only=True)
class Model:
    """A fitted model. `mean` and `spread` bring item values to a common scale."""

    names: list[str]
    mean: Any
    spread: Any
    intercept: Any
    loadings: Any
    slopes: Any
    """(items, P) direct effects of the design."""
    low: Any
    high: Any
    """(items, P) least and greatest of each covariate among a benchmark's results: slopes hold between them only."""
    residual: Any
    theta: Any = None
    """(N, K) expected abilities."""
    covariance: Any = None
    """(K, N, K, N) their posterior covariance."""
    kernel_inverse: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


UNSEEN = 2.0
"""Prior variance of systems without results is wider by this: slopes and loadings count as known, and vendors left out
of the fit scatter more than that says."""


def covariance_between(left: Prior, right: Prior) -> Any:
    """(N_left, N_right) prior covariance of one ability between systems."""
    import numpy as np

    total = left.design @ right.design.T
    for level, variance in enumerate(left.variances[:-1]):
        ours = np.array([labels[level] for labels in left.labels], dtype=object)
        theirs = np.array([labels[level] for labels in right.labels], dtype=object)
        total = total + variance * (ours[:, None] == theirs[None, :])
    return total


def prior_covariance(prior: Prior) -> Any:
    """(N, N) prior covariance of one ability among systems."""
    import numpy as np

    return covariance_between(prior, prior) + prior.variances[-1] * np.eye(len(prior.labels))


def start(names: Sequence[str], assumed: Mapping[str, Any], cells: Cells, design: Any) -> Model:
    """A model before its first step: item means and spreads from the data, loadings as assumed."""
    import numpy as np

    count = len(names)
    mean, spread = np.zeros(count), np.ones(count)
    for index in range(count):
        values = cells.value[cells.item == index]
        mean[index] = values.mean()
        spread[index] = max(float(np.sqrt(values.var() + 0.05)), 0.3)
    return Model(
        names=list(names),
        mean=mean,
        spread=spread,
        intercept=np.zeros(count),
        loadings=np.array([assumed[name] for name in names], dtype=float),
        slopes=np.zeros((count, design.shape[1])),
        low=np.array([design[cells.system[cells.item == index]].min(axis=0) for index in range(count)]),
        high=np.array([design[cells.system[cells.item == index]].max(axis=0) for index in range(count)]),
        residual=np.full(count, RESIDUAL_PRIOR),
    )


def _standardised(model: Model, cells: Cells) -> tuple[Any, Any]:
    spread = model.spread[cells.item]
    return (cells.value - model.mean[cells.item]) / spread, cells.variance / spread**2


def _direct(model: Model, cells: Cells, design: Any) -> Any:
    import numpy as np

    return model.intercept[cells.item] + np.einsum("np,np->n", model.slopes[cells.item], design[cells.system])


def _expect(model: Model, cells: Cells, kernel_inverse: Any, design: Any) -> None:
    """Posterior of the abilities given loadings and residual variances."""
    import numpy as np

    value, noise = _standardised(model, cells)
    count, factors = kernel_inverse.shape[0], model.loadings.shape[1]
    weight = 1 / (model.residual[cells.item] + noise)
    loads = model.loadings[cells.item]
    inner = np.zeros((count, factors, factors))
    np.add.at(inner, cells.system, weight[:, None, None] * loads[:, :, None] * loads[:, None, :])
    right = np.zeros((count, factors))
    np.add.at(right, cells.system, (weight * (value - _direct(model, cells, design)))[:, None] * loads)
    precision = np.zeros((factors, count, factors, count))
    diagonal = np.arange(count)
    for k in range(factors):
        precision[k, :, k, :] += kernel_inverse
        for other in range(factors):
            precision[k, diagonal, other, diagonal] += inner[:, k, other]
    posterior = np.linalg.inv(precision.reshape(factors * count, -1))
    model.theta = (posterior @ right.T.reshape(-1)).reshape(factors, count).T
    model.covariance = posterior.reshape(factors, count, factors, count)


def _maximise(model: Model, cells: Cells, assumed: Any, design: Any) -> None:
    """Loadings, intercepts, slopes and residual variances given the abilities' posterior."""
    import numpy as np

    value, noise = _standardised(model, cells)
    factors = model.loadings.shape[1]
    own = np.einsum("knln->nkl", model.covariance)
    covariates = design.shape[1]
    for index in range(len(model.names)):
        chosen = np.flatnonzero(cells.item == index)
        systems = cells.system[chosen]
        weight = 1 / (model.residual[index] + noise[chosen])
        features = np.column_stack([np.ones(len(chosen)), model.theta[systems], design[systems]])
        moment = (features * weight[:, None]).T @ features
        moment[1 : factors + 1, 1 : factors + 1] += np.einsum("n,nkl->kl", weight, own[systems])
        trust = np.where(assumed[index] > 0, LOADING_SD, STRANGE_LOADING_SD)
        strength = np.diag(np.concatenate([[1.0], 1 / trust**2, np.full(covariates, 1 / SLOPE_SD**2)]))
        centre = np.concatenate([[0.0], assumed[index], np.zeros(covariates)])
        answer = np.linalg.solve(moment + strength, (features * weight[:, None]).T @ value[chosen] + strength @ centre)
        model.intercept[index], model.loadings[index] = answer[0], answer[1 : factors + 1]
        model.slopes[index] = answer[factors + 1 :]
        model.residual[index] = _residual(
            model,
            index,
            value=value[chosen] - design[systems] @ model.slopes[index],
            noise=noise[chosen],
            systems=systems,
            own=own,
        )


def _residual(model: Model, index: int, *, value: Any, noise: Any, systems: Any, own: Any) -> float:
    import numpy as np

    loads, variance = model.loadings[index], model.residual[index]
    error = value - model.intercept[index] - model.theta[systems] @ loads
    share = variance / (variance + noise)
    unsure = np.einsum("k,nkl,l->n", loads, own[systems], loads)
    second = share**2 * (error**2 + unsure) + variance * noise / (variance + noise)
    return float((second.sum() + RESIDUAL_PRIOR * RESIDUAL_WEIGHT) / (len(value) + RESIDUAL_WEIGHT))


def fit(prior: Prior, cells: Cells, names: Sequence[str], assumed: Mapping[str, Any], steps: int) -> Model:
    """The model after `steps` of expectation-maximisation. Deterministic: no random start."""
    import numpy as np

    model = start(names, assumed, cells, prior.design)
    kernel_inverse = np.linalg.inv(prior_covariance(prior))
    centre = np.array([assumed[name] for name in names], dtype=float)
    for _ in range(steps):
        _expect(model, cells, kernel_inverse, prior.design)
        _maximise(model, cells, centre, prior.design)
    _expect(model, cells, kernel_inverse, prior.design)
    model.kernel_inverse = kernel_inverse
    return model


def leaning(model: Model, index: int, design: Any) -> Any:
    """A benchmark's direct effect of one system's row of the design, without reaching beyond the benchmark's data."""
    import numpy as np

    return model.slopes[index] @ np.clip(design, model.low[index], model.high[index])


def abilities(model: Model, fitted: Prior, wanted: Prior) -> tuple[Any, Any]:
    """Expected abilities (M, K) and their covariances (M, K, K) of systems that were not in the fit."""
    import numpy as np

    cross = covariance_between(wanted, fitted)
    gain = cross @ model.kernel_inverse
    own = np.einsum("mp,mp->m", wanted.design, wanted.design) + sum(wanted.variances)
    left = np.maximum(own - np.einsum("mn,mn->m", gain, cross), 1e-6)
    spread = np.einsum("mi,kilj,mj->mkl", gain, model.covariance, gain, optimize=True)
    factors = model.loadings.shape[1]
    return gain @ model.theta, spread + UNSEEN * left[:, None, None] * np.eye(factors)
