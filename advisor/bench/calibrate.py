"""Turns stored results into what later estimates on this machine know: posteriors of its devices.

`learn` updates the prior of each device with every usable result. For a model that was itself measured here the update
goes on with its own runs at small doubt, so that its estimate meets its measurement and bends with depth and length.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import median

from advisor.bench.fingerprint import fingerprint
from advisor.bench.observe import NOISY_SD, Timed, family, time_result
from advisor.bench.result import BenchResult
from advisor.domain.machine import Machine
from advisor.domain.quantity import Z90, Basis
from advisor.estimate.calibration import (
    DECODE,
    PARAMETERS,
    PREFILL,
    Matrix,
    Observation,
    Posterior,
    predict,
    update,
)
from advisor.estimate.constants import Constants
from advisor.estimate.cpu_rates import cpu_power

OWN_SD = 0.01
"""Doubt of the median of a model's own runs; their spread goes into the interval instead."""
SLICE_SD = 0.03
"""The same of runs of some of its layers: a whole model warms a machine more and fits its caches less."""
OWN_KERNELS_SD = 0.4
"""A model's kernels may differ this much from what other models taught."""
OTHER_VERSION_SD = 0.10
"""Added for results of another engine version: kernels change 5 to 40 % a year (notes of llama.cpp releases)."""
MODEL_SD = (0.06, 0.10)
"""Doubt of a machine-wide fit about one model: kernels of other shapes and types are this far off (decode, prefill).

Of 0.12 and 0.22, 0.08 and 0.15, and these, found with published rows in the place of a quick benchmark: medians of 7.3,
6.7 and 6.5 %, and intervals that are least too wide (`benchmarks.accuracy`).
"""
LEAST_NOISE = (0.05, 0.08)
"""Scatter of other models about the fit at least, however well the runs agree."""
SCALE_SD = 0.25
"""A processor of known bandwidth may still be this much faster or slower in all its terms alike."""
COPY_SD = 0.1
"""One copy of an accelerator may differ this much from the published ones: its power limit, cooling, driver.

What is expected of an accelerator nobody has published holds such differences already: with 0.25 more, nine of ten
models were predicted within 30 % after a quick benchmark, without within 22 to 25.
"""
TAILS = 4.0
"""Degrees of freedom of a run about the machine's fit: one odd model does not outvote the others."""
MOST_WAITING = 0.95
"""A larger part of the time is not told from all of it."""
KEPT = 3
"""Results of one setting that count: the newest."""
_SCALED = tuple(name != "op" for name in PARAMETERS)


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What runs on one machine have taught about one engine."""

    timed: tuple[Timed, ...]
    prior_scale_sd: float
    measured: frozenset[tuple[str, str | None]] = field(default_factory=frozenset)
    """(model, quant) pairs that were run here."""

    @cached_property
    def machine(self) -> tuple[Posterior, ...]:
        """One posterior for each device and backend that was measured."""
        groups: dict[tuple[str, str], list[Timed]] = {}
        for t in self.timed:
            groups.setdefault((t.part.posterior.backend, t.part.posterior.device), []).append(t)
        return tuple(self._posterior(group) for group in groups.values())

    def _posterior(self, group: Sequence[Timed]) -> Posterior:
        known = group[0].part.posterior
        return agreed(
            loosened(known, self._scale_sd(known)), [[t.phases[phase] for t in group] for phase in (DECODE, PREFILL)]
        )

    def _scale_sd(self, prior: Posterior) -> float:
        """How far the device may be from what is known of it, in all its terms alike (logarithm)."""
        if prior.backend == "cpu":
            return self.prior_scale_sd
        return COPY_SD if prior.observations else 0.0

    def posteriors(self, model: str, quant: str) -> tuple[Posterior, ...]:
        """What an estimate of this choice should know; its own runs weigh most. Empty: nothing was learned."""
        own = [t for t in self.timed if (t.result.model, t.result.quant) == (model, quant)]
        if not own:
            return self.machine
        whole = [t for t in own if not t.result.synthetic]
        return tuple(self._sharpened(p, whole or own) for p in self.machine)

    def _sharpened(self, posterior: Posterior, own: Sequence[Timed]) -> Posterior:
        """The posterior after the model's own runs: undisturbed ones, else the newest alone, believed as they are.

        What disturbed that one stays in the interval: the machine may be far faster than what was left of it.
        """
        mine = [t for t in own if t.part.posterior.backend == posterior.backend]
        quiet = [t for t in mine if "noisy" not in t.result.tags]
        believed = quiet[-KEPT:] or mine[-1:]
        loose = replace(posterior, covariance=_widened(posterior.covariance, OWN_KERNELS_SD))
        sharp = update(loose, [replace(o, sd=_own_sd(t, o)) for t in believed for o in t.observations])
        decode = max((s.spread for t in believed if (s := t.result.decode_tokens_per_s)), default=0.0)
        prefill = max((s.spread for t in believed if (s := t.result.prefill_tokens_per_s)), default=0.0)
        doubt = 0.0 if quiet else max((_taken_away(t.result) for t in believed), default=0.0)
        return replace(sharp, noise_sd=(max(0.04, decode, doubt), max(0.05, prefill, doubt)))

    def basis(self, model: str, quant: str, otherwise: Basis) -> Basis:
        """`measured` for a choice that was run here; else what the estimate says of itself."""
        return Basis.MEASURED if otherwise is Basis.CALIBRATED and (model, quant) in self.measured else otherwise


def learn(machine: Machine, engine: str, results: Iterable[BenchResult], constants: Constants) -> Learned:
    """Learn from results of this machine and engine family; other machines, failures and batteries are left out."""
    here = fingerprint(machine)
    usable = [
        r
        for r in results
        if r.machine == here
        and r.fitted
        and r.samples
        and "battery" not in r.tags
        and family(r.engine) == family(engine)
    ]
    newest_version = {r.engine: r.engine_version for r in usable}
    timed = []
    for result in _newest_of_each(usable):
        doubt = 0.0 if result.engine_version == newest_version[result.engine] else OTHER_VERSION_SD
        found = time_result(result, machine, constants, doubt)
        if found is not None and found.observations:
            timed.append(found)
    power = cpu_power(machine, constants)
    return Learned(
        timed=tuple(timed),
        prior_scale_sd=constants.cpu.unknown_sd if power is not None and not power.known else SCALE_SD,
        measured=frozenset((t.result.model, t.result.quant) for t in timed if not t.result.synthetic),
    )


def agreed(prior: Posterior, phases: Sequence[Sequence[Observation | None]]) -> Posterior:
    """What runs of several models say together of one machine; `phases` are their decoding and their prompts.

    A run that lies far from where most of them lie tells less: three rounds with weights of Student's t about the
    median. A machine that is slower in all of them is believed.
    """
    found = prior
    for _ in range(3):
        weighed: list[Observation] = []
        for phase, model_sd in zip(phases, MODEL_SD, strict=True):
            runs = [replace(o, sd=o.sd + model_sd) for o in phase if o is not None]
            off = [math.log(o.seconds / predict(found, o.terms)[0]) for o in runs]
            middle = median(off) if off else 0.0
            weighed += [_weighed(o, (x - middle) / o.sd) for o, x in zip(runs, off, strict=True)]
        found = update(prior, weighed)
    noise = [_residual(found, phase, least) for phase, least in zip(phases, LEAST_NOISE, strict=True)]
    return replace(found, noise_sd=tuple(noise))


def _weighed(observation: Observation, deviations: float) -> Observation:
    """The observation with the weight that Student's t gives it this many standard deviations out."""
    return replace(observation, weight=observation.weight * (TAILS + 1) / (TAILS + deviations**2))


def _newest_of_each(results: Sequence[BenchResult]) -> list[BenchResult]:
    """The newest `KEPT` results of each setting, undisturbed ones before disturbed ones, oldest first."""
    groups: dict[tuple[object, ...], list[BenchResult]] = {}
    for r in results:
        key = (
            r.model, r.quant, r.engine, r.threads, r.gpu_layers, r.prompt_tokens, r.depth, r.kv_type,
            r.file_bytes if r.synthetic else None,
        )  # fmt: skip
        groups.setdefault(key, []).append(r)
    kept = []
    for group in groups.values():
        quiet = [r for r in group if "noisy" not in r.tags]
        kept += (quiet or group)[-KEPT:]
    order = {id(r): i for i, r in enumerate(results)}
    return sorted(kept, key=lambda r: order[id(r)])


def _taken_away(result: BenchResult) -> float:
    """Log standard deviation of a disturbed run's own figures: the 80 % interval reaches what the machine does
    when nobody takes its cores. Threads that wait for a part w of the time take 1 / (1 - w) times as long."""
    waiting = max((s.waiting for s in result.used if s.waiting is not None), default=0.0)
    return max(NOISY_SD, -math.log1p(-min(waiting, MOST_WAITING)) / Z90)


def _own_sd(timed: Timed, observed: Observation) -> float:
    """A slice is not the whole: what disturbed it counts, and a little more."""
    return SLICE_SD + observed.sd if timed.result.synthetic else OWN_SD


def loosened(prior: Posterior, scale_sd: float) -> Posterior:
    """The prior with doubt about the device's speed as a whole: all terms but kernels may be off together."""
    n = len(PARAMETERS)
    covariance = tuple(
        tuple(prior.covariance[i][j] + (scale_sd**2 if _SCALED[i] and _SCALED[j] else 0.0) for j in range(n))
        for i in range(n)
    )
    return replace(prior, covariance=covariance)


def _widened(covariance: Matrix, sd: float) -> Matrix:
    """More doubt about each parameter on its own: one model's kernels may differ from the rest."""
    return tuple(tuple(v + (sd**2 if i == j else 0.0) for j, v in enumerate(row)) for i, row in enumerate(covariance))


def _residual(posterior: Posterior, observations: Sequence[Observation | None], least: float) -> float:
    """Log standard deviation of the runs around the fit, at least `least`."""
    errors = [
        math.log(o.seconds / predict(posterior, o.terms)[0]) ** 2
        for o in observations
        if o is not None and o.sd < NOISY_SD
    ]
    return max(least, math.sqrt(sum(errors) / len(errors))) if errors else least
