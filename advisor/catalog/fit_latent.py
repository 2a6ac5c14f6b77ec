"""A latent-factor model of benchmark results, with a Gaussian-process prior on ability.

A result is y = intercept + loadings·θ + slopes·x + residual + measurement error; the abilities θ of a system (weights
in one mode) have a prior that is linear in what is known of it (log parameters, date, thinking and their products) plus
effects shared by a vendor, a family, a lineage and the modes of one model; x are the same known things, for what a
benchmark asks of them in particular. Loadings and residual variances are fitted
by expectation-maximisation; every conditional is exact and Gaussian. Arrays are NumPy's; shapes: N systems, K factors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

LOADING_SD = 0.25
"""How far a loading may stray from what is assumed of its benchmark, in units of a result's spread."""

STRANGE_LOADING_SD = 0.1
"""The same for abilities that a benchmark is not assumed to lean on."""

SLOPE_SD = 1.0
"""How far a benchmark with very many results may follow size, date and mode beyond what abilities do, in the same
units."""

OVERSTEP = 1.8
"""Slopes and abilities share what size and date explain, and plain steps move it between them slowly: each step of a
slope goes this many times as far. Twelve such steps end where forty plain ones do (errors on vendors left out)."""

RESIDUAL_VENDOR, RESIDUAL_MODEL = 0.2, 0.4
"""Shares of a benchmark's residual variance that the models of one vendor and the modes of one model have in common:
whoever trains for a benchmark does so for all its models, and ten of them say little more of a slope than two. By the
errors on vendors left out of the fit; shares of 0.2 to 0.4 and 0.2 to 0.4 come within one percent of them."""

RESIDUAL_PRIOR, RESIDUAL_WEIGHT = 0.1, 3.0
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
    products: Callable[[Sequence[float]], Sequence[float]]
    """The last columns of a row of the design, from its first: a row moved in the first stays one that can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Results: system index, item index, value in the item's own units of spread, measurement variance."""

    system: Any
    item: Any
    value: Any
    variance: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is assumed of a benchmark before its results."""

    name: str
    loadings: Any
    """(K) how it leans on the abilities."""
    halfway: float
    """With how many results its slopes may go half as far as with very many: few say little of slopes of their own."""


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
    doubt: Any
    """(items, 1 + K + P, 1 + K + P) covariance of a benchmark's intercept, loadings and slopes."""
    theta: Any = None
    """(N, K) expected abilities."""
    covariance: Any = None
    """(K, N, K, N) their posterior covariance."""
    kernel_inverse: Any = None
    products: Callable[[Sequence[float]], Sequence[float]] | None = None
    """As in Prior."""
    claim: float = 1.0
    """Deviations of results left out, as a share of those that the fit itself would claim."""


UNSEEN = 3.0
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


def start(names: Sequence[str], assumed: Any, cells: Cells, design: Any) -> Model:
    """A model before its first step: item means and spreads from the data, loadings as assumed."""
    import numpy as np

    count, width = len(names), 1 + assumed.shape[1] + design.shape[1]
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
        loadings=assumed.copy(),
        slopes=np.zeros((count, design.shape[1])),
        low=np.array([design[cells.system[cells.item == index]].min(axis=0) for index in range(count)]),
        high=np.array([design[cells.system[cells.item == index]].max(axis=0) for index in range(count)]),
        residual=np.full(count, RESIDUAL_PRIOR),
        doubt=np.zeros((count, width, width)),
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


def kinship(prior: Prior) -> Any:
    """(N, N) correlation of two systems' residuals on one benchmark."""
    import numpy as np

    total = (1 - RESIDUAL_VENDOR - RESIDUAL_MODEL) * np.eye(len(prior.labels))
    for share, level in ((RESIDUAL_VENDOR, 0), (RESIDUAL_MODEL, -1)):
        labels = np.array([labels[level] for labels in prior.labels], dtype=object)
        total = total + share * (labels[:, None] == labels[None, :])
    return total


def _moment(features: Any, weight: Any, *, pairs: Any) -> Any:
    """Expected weighted cross products of a benchmark's features, the abilities among them known up to `pairs`."""
    factors = pairs.shape[0]
    moment = features.T @ weight @ features
    together = pairs.transpose(0, 2, 1, 3).reshape(factors * factors, -1) @ weight.reshape(-1)
    moment[1 : factors + 1, 1 : factors + 1] += together.reshape(factors, factors)
    return moment


def _maximise(  # noqa: PLR0917 - one step of the fit, on what `fit` made once
    model: Model, cells: Cells, assumed: Any, halfway: Any, design: Any, kin: Any
) -> None:
    """Loadings, intercepts, slopes and residual variances given the abilities' posterior."""
    import numpy as np

    value, noise = _standardised(model, cells)
    factors, covariates = model.loadings.shape[1], design.shape[1]
    own = np.einsum("knln->nkl", model.covariance)
    before = model.intercept.copy(), model.slopes.copy()
    for index in range(len(model.names)):
        chosen = np.flatnonzero(cells.item == index)
        systems = cells.system[chosen]
        weight = np.linalg.inv(model.residual[index] * kin[np.ix_(systems, systems)] + np.diag(noise[chosen]))
        features = np.column_stack([np.ones(len(chosen)), model.theta[systems], design[systems]])
        moment = _moment(features, weight, pairs=model.covariance[:, systems][:, :, :, systems])
        trust = np.where(assumed[index] > 0, LOADING_SD, STRANGE_LOADING_SD)
        free = SLOPE_SD * len(chosen) / (len(chosen) + halfway[index])
        strength = np.diag(np.concatenate([[1.0], 1 / trust**2, np.full(covariates, 1 / free**2)]))
        centre = np.concatenate([[0.0], assumed[index], np.zeros(covariates)])
        doubt = np.linalg.inv(moment + strength)
        answer = doubt @ (features.T @ weight @ value[chosen] + strength @ centre)
        model.intercept[index], model.loadings[index] = answer[0], answer[1 : factors + 1]
        model.slopes[index], model.doubt[index] = answer[factors + 1 :], doubt
        unsure = np.einsum("nf,fg,ng->n", features, doubt, features)
        unsure += np.einsum("k,nkl,l->n", model.loadings[index], own[systems], model.loadings[index])
        model.residual[index] = _residual(
            model.residual[index], error=value[chosen] - features @ answer, noise=noise[chosen], unsure=unsure
        )
    model.intercept = before[0] + OVERSTEP * (model.intercept - before[0])
    model.slopes = before[1] + OVERSTEP * (model.slopes - before[1])


def _residual(variance: float, *, error: Any, noise: Any, unsure: Any) -> float:
    """Next residual variance from one benchmark's errors, their measurement variance, and what is not known of both."""
    share = variance / (variance + noise)
    second = share**2 * (error**2 + unsure) + variance * noise / (variance + noise)
    return float((second.sum() + RESIDUAL_PRIOR * RESIDUAL_WEIGHT) / (len(error) + RESIDUAL_WEIGHT))


def fit(prior: Prior, cells: Cells, beliefs: Sequence[Belief], steps: int) -> Model:
    """The model after `steps` of expectation-maximisation. Deterministic: no random start."""
    import numpy as np

    centre = np.array([belief.loadings for belief in beliefs], dtype=float)
    halfway = np.array([belief.halfway for belief in beliefs], dtype=float)
    model = start([belief.name for belief in beliefs], centre, cells, prior.design)
    kernel_inverse = np.linalg.inv(prior_covariance(prior))
    kin = kinship(prior)
    for _ in range(steps):
        _expect(model, cells, kernel_inverse, prior.design)
        _maximise(model, cells, centre, halfway, prior.design, kin)
    _expect(model, cells, kernel_inverse, prior.design)
    model.kernel_inverse, model.products = kernel_inverse, prior.products
    return model


def leaning(model: Model, index: int, design: Any) -> Any:
    """A benchmark's direct effect of one system's row of the design, without reaching beyond the benchmark's data."""
    return model.slopes[index] @ _within(model, index, design)


def doubt_of(model: Model, index: int, ability: Any, design: Any) -> float:
    """Variance that a benchmark's own uncertain intercept, loadings and slopes give to a result (common scale)."""
    import numpy as np

    features = np.concatenate([[1.0], ability, _within(model, index, design)])
    return float(features @ model.doubt[index] @ features)


def _within(model: Model, index: int, design: Any) -> Any:
    """The row inside the range of a benchmark's results, its products made anew: an old giant is not read off a line
    through new ones."""
    import numpy as np

    clipped = np.clip(design, model.low[index], model.high[index])
    products = model.products(clipped) if model.products else []
    plain = len(clipped) - len(products)
    return np.concatenate([clipped[:plain], products])


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
