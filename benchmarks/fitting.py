"""Priors of backends and generations, and posteriors of single devices, learned from cases level by level.

Each level starts from the one above with a spread that says how far members of a class differ: engine, hardware
generation, device. Outliers lose weight (Student-t); a device with many rows cannot outvote the others.
"""

import math
import statistics
from collections import Counter, defaultdict
from dataclasses import replace

from advisor.estimate.calibration import PARAMETERS, Observation, Posterior, diagonal, update
from benchmarks.measurements import DECODE, PREFILL, Case

GENERIC = {
    "weights": (1.4, 0.35), "experts": (1.6, 0.4), "cache": (1.8, 0.5), "op": (4.0, 0.7), "dense_flops": (2.6, 0.6),
    "expert_flops": (4.0, 0.6), "attention_flops": (4.0, 0.7), "state": (1.8, 0.4),
}  # fmt: skip
"""Where nothing is known of an engine: median factor and log standard deviation."""

BY_BACKEND = {
    "cpu": {"weights": (1.1, 0.35), "experts": (1.15, 0.2), "cache": (1.2, 0.15), "op": (1.0, 0.7),
            "dense_flops": (1.4, 0.5), "expert_flops": (1.5, 0.25), "attention_flops": (1.5, 0.3)},
}  # fmt: skip
"""Where the terms count what a backend really does (see cpu_rates), its factors lie nearer to one."""

GENERATION_SD = (0.15, 0.2, 0.25, 0.3, 0.35, 0.35, 0.4, 0.25)
"""How far a generation lies from its backend."""

DEVICE_SD = (0.07, 0.10, 0.15, 0.2, 0.2, 0.25, 0.3, 0.2)
"""How far a device lies from its generation."""

MAIN = (0, 3, 4)
"""Parameters that take up the tuned spread: dense weights, kernels, dense FLOPs. Others follow them (see DEVICE_SD)."""

NOISE = (0.12, 0.22)
"""Scatter of one configuration between sources: decode, prefill (log standard deviation)."""

CLASS_CAP = 12.0
"""Most configurations' worth of weight one device has in its class, per phase."""

DEVICE_CAP = 40.0
"""Most configurations' worth of weight the rows of one device have together, per phase: they share engine builds."""

NU = 4.0


def generic(backend: str = "") -> Posterior:
    """The prior above all others, for one backend."""
    stated = {**GENERIC, **BY_BACKEND.get(backend, {})}
    pairs = [stated[name] for name in PARAMETERS]
    return Posterior(
        mean=tuple(math.log(m) for m, _ in pairs), covariance=diagonal([s * s for _, s in pairs]), noise_sd=NOISE
    )


def terms_of(case: Case):
    """Terms of all parts of the device, and the seconds that links add."""
    own = [0.0] * len(PARAMETERS)
    link = 0.0
    for part in case.parts:
        terms = part.prefill if case.phase == PREFILL else part.decode
        if part.posterior.backend == "link":
            link += sum(x * math.exp(m) for x, m in zip(terms, part.posterior.mean, strict=True))
        else:
            own = [a + b for a, b in zip(own, terms, strict=True)]
    return tuple(own), link


def predicted(posterior: Posterior, case: Case) -> float:
    """Seconds expected of a case."""
    own, link = terms_of(case)
    return sum(x * math.exp(m) for x, m in zip(own, posterior.mean, strict=True)) + link


def widened(posterior: Posterior, spread) -> Posterior:
    """The prior of one member of a class: the class's own uncertainty and the spread within it."""
    covariance = tuple(
        tuple(v + (spread[i] ** 2 if i == j else 0.0) for j, v in enumerate(row))
        for i, row in enumerate(posterior.covariance)
    )
    return replace(posterior, covariance=covariance, observations=0)


def fit(prior: Posterior, cases: list[Case], cap: float) -> Posterior:
    """A robust update: three rounds in which outliers lose weight."""
    usable = [case for case in cases if case.count == 1]
    if not usable:
        return prior
    counts = Counter((case.device, case.phase) for case in usable)
    found = prior
    for _ in range(3):
        observations = []
        for case in usable:
            sd = NOISE[case.phase]
            z = math.log(case.seconds / predicted(found, case)) / sd
            weight = (NU + 1) / (NU + z * z) * min(1.0, cap / counts[(case.device, case.phase)])
            observations.append(Observation(terms=terms_of(case)[0], seconds=case.seconds, sd=sd, weight=weight))
        found = update(prior, observations)
    return found


class Hierarchy:
    """Fits of one set of cases: by backend, by generation, by device."""

    def __init__(self, cases: list[Case], generation_of):
        self.generation_of = generation_of
        self.backends: dict[str, Posterior] = {}
        self.generations: dict[tuple[str, str], Posterior] = {}
        self.devices: dict[tuple[str, str], Posterior] = {}
        self.noise: dict[str, tuple[float, ...]] = {}
        self.spread: dict[str, float] = {}
        self.cases: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            self.cases[case.backend].append(case)
        for backend in self.cases:
            self.fit_backend(backend)

    def fit_backend(self, backend: str) -> None:
        """The backend and its generations."""
        cases = self.cases[backend]
        self.backends[backend] = fit(generic(backend), cases, CLASS_CAP)
        groups = defaultdict(list)
        for case in cases:
            groups[self.generation_of(case)].append(case)
        for generation, members in groups.items():
            if generation:
                prior = widened(self.backends[backend], GENERATION_SD)
                self.generations[(backend, generation)] = fit(prior, members, CLASS_CAP)

    def shipped(self, backend: str, generation: str) -> Posterior:
        """What is expected of an unseen device of a class: spread and noise as tuned."""
        found = self.generations.get((backend, generation))
        spread = DEVICE_SD
        if found is None:
            found = self.backends.get(backend)
            spread = tuple(math.hypot(a, b) for a, b in zip(GENERATION_SD, DEVICE_SD, strict=True))
        if found is None:
            return generic(backend)
        factor = math.sqrt(self.spread.get(backend, 1.0))
        wide = widened(found, [s * (factor if i in MAIN else 1.0) for i, s in enumerate(spread)])
        return replace(wide, noise_sd=self.noise.get(backend, NOISE), backend=backend)

    def class_prior(self, case: Case) -> Posterior:
        """What is expected of a case's device when it has no rows."""
        return self.shipped(case.backend, self.generation_of(case))

    def device_posterior(self, case: Case, rows: list[Case]) -> Posterior:
        """What is expected of a device with these rows of its own."""
        return fit(self.class_prior(case), rows, DEVICE_CAP)


def without(hierarchy: Hierarchy, cases: list[Case], backend: str) -> Hierarchy:
    """The hierarchy with one backend fitted on these cases instead."""
    other = Hierarchy([], hierarchy.generation_of)
    other.noise, other.spread = hierarchy.noise, hierarchy.spread
    other.backends, other.generations = dict(hierarchy.backends), dict(hierarchy.generations)
    for key in [key for key in other.generations if key[0] == backend]:
        del other.generations[key]
    other.cases = {backend: [case for case in cases if case.backend == backend]}
    if other.cases[backend]:
        other.fit_backend(backend)
    else:
        other.backends.pop(backend, None)
    return other


def errors(pairs) -> tuple[float, float, float]:
    """Median and 90th percentile of the absolute error of tokens per second, and the median bias."""
    signed = sorted(actual / expected - 1 for expected, actual in pairs)
    absolute = sorted(abs(e) for e in signed)
    return statistics.median(absolute), absolute[int(0.9 * (len(absolute) - 1))], statistics.median(signed)


__all__ = ["DECODE", "PREFILL", "Hierarchy", "errors", "fit", "generic", "predicted", "terms_of", "without"]
