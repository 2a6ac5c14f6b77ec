"""Learning an engine's parameters on a device from timed runs: a Bayesian update of a physical model.

A time is a sum of terms, `t = sum(x_j * exp(theta_j))`: x_j is what the term would take at data-sheet rates (s),
theta_j the logarithm of how much longer it really takes. The prior on theta is normal; observations are log-normal. The
update is a Gauss-Newton search for the most probable theta; the inverse Hessian is the new covariance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Any

PARAMETERS = ("weights", "experts", "cache", "op", "dense_flops", "expert_flops", "attention_flops", "state")
"""Order of terms: bytes of dense weights, of experts, of KV cache; kernels; FLOPs of three kinds; recurrent state."""

DECODE, PREFILL = 0, 1
"""Index into `noise_sd`."""

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One timed run: its terms at data-sheet rates (s), and the seconds measured. `sd`: log standard deviation."""

    terms: Vector
    seconds: float
    sd: float = 0.05
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What is known of an engine's parameters on one device (or, with no observations, of a class of devices)."""

    mean: Vector
    covariance: Matrix
    noise_sd: Vector = (0.1, 0.2)
    """Log standard deviation of one more run beside the parameters' own: decode, prefill."""
    observations: int = 0
    backend: str = ""
    device: str = ""
    """Name of the accelerator or processor it was learned on."""

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for a store or a data file."""
        return {
            "backend": self.backend, "device": self.device, "observations": self.observations,
            "mean": [round(x, 5) for x in self.mean], "noise_sd": [round(x, 4) for x in self.noise_sd],
            "covariance": [[float(f"{x:.4g}") for x in row] for row in self.covariance],
        }  # fmt: skip

    @classmethod
    def from_mapping(cls, plain: Mapping[str, Any]) -> "Posterior":
        """From what `to_mapping` wrote. Raises ValueError for another number of parameters."""
        mean = tuple(float(x) for x in plain["mean"])
        covariance = tuple(tuple(float(x) for x in row) for row in plain["covariance"])
        if len(mean) != len(PARAMETERS) or len(covariance) != len(mean):
            raise ValueError(f"{len(mean)} parameters instead of {len(PARAMETERS)}")
        return cls(
            mean=mean, covariance=covariance, noise_sd=tuple(float(x) for x in plain["noise_sd"]),
            observations=int(plain["observations"]), backend=str(plain["backend"]), device=str(plain["device"]),
        )  # fmt: skip


def diagonal(values: Sequence[float]) -> Matrix:
    """A matrix with these values on its diagonal."""
    return tuple(tuple(v if i == j else 0.0 for j in range(len(values))) for i, v in enumerate(values))


def predict(posterior: Posterior, terms: Vector) -> tuple[float, float]:
    """Median time (s) of these terms and the variance of its logarithm from the parameters alone."""
    parts = [x * math.exp(m) for x, m in zip(terms, posterior.mean, strict=True)]
    total = sum(parts)
    return total, quadratic([p / total for p in parts], posterior.covariance) if total else 0.0


def quadratic(vector: Sequence[float], matrix: Matrix) -> float:
    """vᵀ M v, rows of zero entries skipped."""
    return sum((v * sum(map(mul, row, vector), 0.0) for v, row in zip(vector, matrix, strict=True) if v), 0.0)


@lru_cache(maxsize=4096)
def factors(mean: Vector) -> Vector:
    """exp of each parameter: what a term is multiplied by."""
    return tuple(math.exp(m) for m in mean)


def update(
    prior: Posterior, observations: Sequence[Observation], *, noise_sd: Vector | None = None, steps: int = 12
) -> Posterior:
    """The posterior after these runs. No observations: the prior itself."""
    if not observations:
        return prior
    precision = inverse(prior.covariance)
    theta = list(prior.mean)
    hessian: list[list[float]] = []
    for _ in range(steps):
        hessian = [list(row) for row in precision]
        gradient = [-sum(p * (t - m) for p, t, m in zip(row, theta, prior.mean, strict=True)) for row in precision]
        for observation in observations:
            _add(observation, theta, hessian, gradient)
        step = solve(hessian, gradient)
        theta = [t + max(-1.0, min(1.0, s)) for t, s in zip(theta, step, strict=True)]
        if max(abs(s) for s in step) < 1e-6:
            break
    return Posterior(
        mean=tuple(theta), covariance=inverse(hessian), noise_sd=noise_sd or prior.noise_sd,
        observations=prior.observations + len(observations), backend=prior.backend, device=prior.device,
    )  # fmt: skip


def _add(observation: Observation, theta: Sequence[float], hessian: list[list[float]], gradient: list[float]) -> None:
    """One observation's share of the Hessian and the gradient of the log posterior."""
    parts = [x * math.exp(t) for x, t in zip(observation.terms, theta, strict=True)]
    total = sum(parts)
    residual = math.log(observation.seconds / total)
    weight = observation.weight / observation.sd**2
    live = [(i, p / total) for i, p in enumerate(parts) if p]
    for i, slope in live:
        gradient[i] += weight * slope * residual
        for j, other in live:
            hessian[i][j] += weight * slope * other


def solve(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    """x with M x = v, by elimination with pivots; M is small and positive definite."""
    n = len(vector)
    rows = [[*map(float, matrix[i]), float(vector[i])] for i in range(n)]
    for column in range(n):
        pivot = max(range(column, n), key=lambda r: abs(rows[r][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column][column]
        for r in range(column + 1, n):
            factor = rows[r][column] / lead
            if factor:
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[column], strict=True)]
    result = [0.0] * n
    for r in range(n - 1, -1, -1):
        known = sum(rows[r][c] * result[c] for c in range(r + 1, n))
        result[r] = (rows[r][n] - known) / rows[r][r]
    return result


def inverse(matrix: Sequence[Sequence[float]]) -> Matrix:
    """The inverse of a small positive definite matrix."""
    n = len(matrix)
    columns = [solve(matrix, [1.0 if i == j else 0.0 for i in range(n)]) for j in range(n)]
    return tuple(tuple(columns[j][i] for j in range(n)) for i in range(n))
