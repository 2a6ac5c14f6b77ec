"""Priors of backends and generations, and posteriors of single devices, learned from cases level by level.

Each level starts from the one above with a spread that says how far members of a class differ: engine, hardware
generation, device. Outliers lose weight (Student-t); a device with many rows cannot outvote the others.
"""

import math
import statistics
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np

from advisor.estimate.calibration import PARAMETERS, Posterior, diagonal
from benchmarks.measurements import DECODE, PREFILL, Case

GENERIC = {
    "weights": (1.4, 0.35), "experts": (1.6, 0.4), "cache": (1.3, 0.35), "op": (4.0, 0.7), "dense_flops": (2.6, 0.6),
    "expert_flops": (2.0, 0.6), "attention_flops": (4.0, 0.7), "state": (1.8, 0.4),
}  # fmt: skip
"""Where nothing is known of an engine: median factor and log standard deviation."""

BY_BACKEND = {
    "cpu": {"weights": (1.1, 0.35), "experts": (1.15, 0.2), "cache": (1.2, 0.15), "op": (1.0, 0.7),
            "dense_flops": (1.4, 0.5), "expert_flops": (1.5, 0.25), "attention_flops": (1.5, 0.3)},
}  # fmt: skip
"""Where the terms count what a backend really does (see cpu_rates), its factors lie nearer to one."""

GENERATION_SD = (0.15, 0.2, 0.25, 0.3, 0.6, 0.6, 0.4, 0.25)
"""How far a generation lies from its backend."""

CPU_CLASS_SD = (0.3, 0.2, 0.25, 0.3, 0.8, 0.6, 0.4, 0.25)
"""The same for processors: phones, desktops and servers differ in kind."""

DEVICE_SD = (0.07, 0.10, 0.15, 0.2, 0.2, 0.25, 0.3, 0.2)
"""How far a device lies from its generation."""

PHASE_OF = (0, 0, 0, 0, 1, 1, 1, 0)
"""Phase whose tuned spread a parameter's DEVICE_SD is scaled by."""

NOISE = (0.06, 0.22)
"""Scatter of one configuration beside what its source has in common: decode, prefill (log standard deviation).

Of 0.05, 0.06, 0.08, 0.12 and 0.16 for decoding, 0.06 predicts models, sources and devices that are left out best
together: rows of one machine lie nearer to each other than those of two.
"""

PROCESSOR_NOISE = 0.12
"""The same of decoding on processors, where memory and threads differ from row to row: there less predicts worse."""

CLASS_CAP = 12.0
"""Most configurations' worth of weight one device has in its class, per phase."""

DEVICE_CAP = 40.0
"""Most configurations' worth of weight the rows of one device have together, per phase: they share engine builds."""

SOURCE_SD = (0.12, 0.2)
"""How far one source's rows of a device lie from those of others (builds, settings, cooling): decode, prefill."""

SOURCE_NU = 2.0
"""Degrees of freedom of that distance: most machines run as well as they can, some far below it.

With a normal distance those few slow down what is expected of all others. Of 1, 2, 4 and a normal one, 2 predicts
devices and sources that are left out best.
"""

ROUNDS = (3, 8)
"""Rounds of weighting, without and with sources' own factors, which take longer to settle."""

DRIFT_A_YEAR = 0.1
"""Doubt that each year of age adds: kernels change 5 to 40 % a year."""

PROMPT_DRIFT_A_YEAR = {"rocm": 0.4, "vulkan": 0.4}
"""The same for reading prompts where it is more: matrix kernels of these backends were written anew.

ROCm's came to use matrix units for quantized weights at the end of 2025, Vulkan's got integer dot products and matrix
units in the course of it, each several times as fast as before. Of 0.1, 0.4 and 1 this one predicts what is left out
best: sources of the last four months on known devices (Vulkan 27 to 22 %, ROCm 35 to 26), at no cost to all rows.
On CUDA, SYCL and Metal it does not help.
"""

FASTER_A_YEAR = 0.04
"""By how much each year's decode kernels are faster (logarithm). A row is held against an engine of its date.

Of 0, 0.04 and 0.08 the middle one predicts sources that are left out best (12.3, 11.8 and 11.8 %, least bias on CUDA
and Metal).
"""

PROMPT_FASTER_A_YEAR = {"cuda": 0.05, "rocm": 0.3, "vulkan": 0.1, "sycl": 0.1}
"""The same for reading prompts; elsewhere none: on Metal each tenth a year makes left-out sources 10 % worse.

Chosen from steps of 0.05 to 0.1 by left-out sources, devices and models of all ages, and by those of the last four
months: ROCm 20 to 13 % (sources) and 33 to 26 % (sources on known devices), CUDA 19 to 18 and 20 to 18 %. More than
this on CUDA helps sources and harms devices nobody has measured.
"""

LIBRARY_TYPES = ("F16", "BF16")
"""Weights that CUDA's own library multiplies, which was as fast before: llama.cpp's kernels for quantized ones came
later. Without this old rows in F16 were expected 15 % too slow, and left-out models, sources and devices on CUDA 0.3
points worse."""

ATTENTION_FASTER_A_YEAR = {"rocm": 1.5, "vulkan": 1.5}
"""The same for attention while reading prompts, where its kernels were written anew for matrix units.

On one machine with ROCm a FLOP of attention takes 30 to 45 times as long as rated in builds of mid 2025, 15 in October
and 5 to 9 half a year later; on Vulkan 5 to 15 and 1.5 to 4. Of 0, 1, 1.5 and 2 the last two predict left-out models
best (ROCm and Vulkan 19 to 18 %), sources and devices with them.
"""

ATTENTION_YEARS = 1.0
"""Years over which it came about: older kernels were no slower still."""

SHORT_PROMPT = 32.0
"""A prompt of this many tokens is told from a server's other work only within a factor of e."""

NU = 4.0
"""Degrees of freedom of the scatter: published times have fat tails."""


def generic(backend: str = "") -> Posterior:
    """The prior above all others, for one backend."""
    stated = {**GENERIC, **BY_BACKEND.get(backend, {})}
    pairs = [stated[name] for name in PARAMETERS]
    return Posterior(
        mean=tuple(math.log(m) for m, _ in pairs), covariance=diagonal([s * s for _, s in pairs]), noise_sd=NOISE
    )


def class_sd(backend: str) -> tuple[float, ...]:
    """How far a generation lies from its backend."""
    return CPU_CLASS_SD if backend == "cpu" else GENERATION_SD


def faster(case: Case) -> tuple[float, ...]:
    """By how much today's engine is faster than the one that a case was run on, by term (logarithm)."""
    if case.phase == DECODE:
        return (FASTER_A_YEAR * case.age_years,) * len(PARAMETERS)
    library = case.backend == "cuda" and case.quant in LIBRARY_TYPES
    rate = 0.0 if library else PROMPT_FASTER_A_YEAR.get(case.backend, 0.0) * case.age_years
    attention = ATTENTION_FASTER_A_YEAR.get(case.backend, 0.0) * min(case.age_years, ATTENTION_YEARS)
    return tuple(max(rate, attention) if name == "attention_flops" else rate for name in PARAMETERS)


def terms_of(case: Case):
    """Terms of all parts of the device as its engine ran them (see `faster`), and the seconds that links add."""
    if case.counted is None:
        own = [0.0] * len(PARAMETERS)
        link = 0.0
        for part in case.parts:
            terms = part.prefill if case.phase == PREFILL else part.decode
            if part.posterior.backend == "link":
                link += sum(x * math.exp(m) for x, m in zip(terms, part.posterior.mean, strict=True))
            else:
                own = [a + b for a, b in zip(own, terms, strict=True)]
        case.counted = (tuple(x * math.exp(f) for x, f in zip(own, faster(case), strict=True)), link)
    return case.counted


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


def doubt(case: Case) -> float:
    """Log standard deviation of one configuration: scatter, the age of its engine, and requests of a few tokens.

    A prompt of a few tokens is read in about the time that a server needs for anything else.
    """
    short, drift = 0.0, DRIFT_A_YEAR
    noise = PROCESSOR_NOISE if (case.backend, case.phase) == ("cpu", DECODE) else NOISE[case.phase]
    if case.phase == PREFILL:
        short, drift = SHORT_PROMPT / case.tokens, PROMPT_DRIFT_A_YEAR.get(case.backend, DRIFT_A_YEAR)
    return math.sqrt(noise**2 + (drift * case.age_years) ** 2 + short**2)


class Rows:
    """Cases as arrays, sorted by source and device: terms, logarithms of seconds, doubts, weights.

    `starts` is where each source and device begins, `member` which of them a case belongs to. What a source says of
    decoding one file on one device counts as one observation at however many depths it was taken: whatever is
    particular about the file's kernels is in all of them. Prompts of other lengths fill a device otherwise.
    """

    def __init__(self, cases: list[Case], cap: float):
        cases = sorted(cases, key=_group)
        alike = Counter(_file(case) for case in cases)
        worth = np.array([1.0 / alike[_file(case)] if case.phase == DECODE else 1.0 for case in cases])
        counts: defaultdict[tuple[str, int], float] = defaultdict(float)
        for case, part in zip(cases, worth, strict=True):
            counts[case.device, case.phase] += part
        self.terms = np.array([terms_of(case)[0] for case in cases])
        self.seconds = np.log([case.seconds for case in cases])
        self.sd = np.array([doubt(case) for case in cases])
        self.share = worth * np.array([min(1.0, cap / counts[case.device, case.phase]) for case in cases])
        keys = [_group(case) for case in cases]
        self.starts = [i for i, key in enumerate(keys) if not i or key != keys[i - 1]]
        self.member = np.repeat(range(len(self.starts)), np.diff([*self.starts, len(keys)]))
        self.group_sd = np.array([SOURCE_SD[keys[i][2]] for i in self.starts])

    def by_group(self, values):
        """Sums of rows over each source and device."""
        return np.add.reduceat(values, self.starts, axis=0)


def _group(case: Case) -> tuple[str, str, int]:
    return case.source, case.device, case.phase


def _file(case: Case) -> tuple[str, str, int, str, str]:
    return *_group(case), case.model, case.quant


def fit(prior: Posterior, cases: list[Case], cap: float, *, sources: bool = False) -> Posterior:
    """The most probable parameters: rounds in which outliers lose weight (Student-t).

    With `sources` each source may be faster or slower on a device by a factor of its own (`SOURCE_SD`), which is then
    left out: what most sources agree on remains.
    """
    usable = [case for case in cases if case.count == 1]
    if not usable:
        return prior
    rows = Rows(usable, cap)
    precision, origin = np.linalg.inv(prior.covariance), np.array(prior.mean)
    theta, offsets = origin.copy(), np.zeros(len(rows.starts))
    for _ in range(ROUNDS[sources]):
        theta, offsets, hessian = _round(rows, (theta, offsets), (origin, precision), sources=sources)
    return replace(
        prior, mean=tuple(map(float, theta)), observations=prior.observations + len(usable),
        covariance=tuple(tuple(map(float, row)) for row in np.linalg.inv(hessian)),
    )  # fmt: skip


def _round(rows: Rows, start, prior, *, sources: bool):
    """Gauss-Newton steps with weights from where it starts; parameters, sources' own factors and Hessian at the end.

    The factors touch no row in common, so they are eliminated: what remains is as large as the parameters are.
    """
    (theta, offsets), (origin, precision) = start, prior
    weight = None
    held = (SOURCE_NU + 1) / (SOURCE_NU + (offsets / rows.group_sd) ** 2) / rows.group_sd**2
    for _ in range(12):
        parts = rows.terms * np.exp(theta)
        total = parts.sum(axis=1)
        slopes, residual = parts / total[:, None], rows.seconds - np.log(total) - offsets[rows.member]
        if weight is None:
            weight = (NU + 1) / (NU + (residual / rows.sd) ** 2) * rows.share / rows.sd**2
        weighted = slopes * weight[:, None]
        hessian = precision + slopes.T @ weighted
        gradient = slopes.T @ (weight * residual) - precision @ (theta - origin)
        if sources:
            shared, own = rows.by_group(weighted), rows.by_group(weight) + held
            pull = rows.by_group(weight * residual) - offsets * held
            hessian, gradient = hessian - shared.T @ (shared / own[:, None]), gradient - shared.T @ (pull / own)
        step = np.linalg.solve(hessian, gradient)
        theta = theta + np.clip(step, -1.0, 1.0)
        if sources:
            offsets = offsets + np.clip((pull - shared @ step) / own, -1.0, 1.0)
        if np.abs(step).max() < 1e-6:
            break
    return theta, offsets, hessian


class Hierarchy:
    """Fits of one set of cases: by backend, by generation, by device."""

    def __init__(self, cases: list[Case], generation_of):
        self.generation_of = generation_of
        self.backends: dict[str, Posterior] = {}
        self.generations: dict[tuple[str, str], Posterior] = {}
        self.devices: dict[tuple[str, str], Posterior] = {}
        self.noise: dict[tuple[str, str], tuple[float, ...]] = {}
        """By backend and vendor; vendor "" is all of the backend's."""
        self.spread: dict[tuple[str, str], tuple[float, ...]] = {}
        self.cases: dict[str, list[Case]] = defaultdict(list)
        self.vendors: dict[str, str] = {}
        """Vendor of each generation."""
        for case in cases:
            self.cases[case.backend].append(case)
            self.vendors[generation_of(case)] = case.vendor
        for backend in self.cases:
            self.fit_backend(backend)

    def fit_backend(self, backend: str) -> None:
        """The backend and its generations."""
        cases = self.cases[backend]
        self.backends[backend] = fit(generic(backend), cases, CLASS_CAP, sources=True)
        groups = defaultdict(list)
        for case in cases:
            groups[self.generation_of(case)].append(case)
        for generation, members in groups.items():
            if generation:
                prior = widened(self.backends[backend], class_sd(backend))
                self.generations[(backend, generation)] = fit(prior, members, CLASS_CAP, sources=True)

    def known(self, backend: str, generation: str) -> tuple[Posterior, tuple[float, ...]]:
        """What is known of a class, and how far its members lie from it (log standard deviations)."""
        found = self.generations.get((backend, generation))
        if found is not None:
            return found, DEVICE_SD
        if backend not in self.backends:
            return generic(backend), (0.0,) * len(PARAMETERS)
        spread = tuple(math.hypot(a, b) for a, b in zip(class_sd(backend), DEVICE_SD, strict=True))
        return self.backends[backend], spread

    def shipped(self, backend: str, generation: str) -> Posterior:
        """What is expected of an unseen device of a class: spread and noise as tuned."""
        found, spread = self.known(backend, generation)
        noise, factors = self.tuned_for(backend, generation)
        wide = widened(found, [s * math.sqrt(factors[p]) for s, p in zip(spread, PHASE_OF, strict=True)])
        return replace(wide, noise_sd=noise, backend=backend)

    def tuned_for(self, backend: str, generation: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Noise and spread by phase: those of the generation's vendor where it has its own, else the backend's."""
        own, all_of = (backend, self.vendors.get(generation, "")), (backend, "")
        return (
            self.noise.get(own) or self.noise.get(all_of, NOISE),
            self.spread.get(own) or self.spread.get(all_of, (1.0, 1.0)),
        )

    def class_prior(self, case: Case) -> Posterior:
        """What is expected of a case's device when it has no rows."""
        return self.shipped(case.backend, self.generation_of(case))

    def device_posterior(self, case: Case, rows: list[Case]) -> Posterior:
        """What is expected of a device with these rows of its own."""
        return fit(self.class_prior(case), rows, DEVICE_CAP)


def without(hierarchy: Hierarchy, cases: list[Case], backend: str) -> Hierarchy:
    """The hierarchy with one backend fitted on these cases instead."""
    other = Hierarchy([], hierarchy.generation_of)
    other.noise, other.spread, other.vendors = hierarchy.noise, hierarchy.spread, hierarchy.vendors
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
