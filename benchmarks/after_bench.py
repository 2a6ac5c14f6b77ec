"""Other models on a machine once a quick benchmark has run on it: published rows stand for what it would measure.

`advisor bench --quick` runs layers of plain decoders at four bits: a thin one, those of an 8B model, and experts. A
source's rows of its smallest model, of the dense one nearest to an 8B file and of its mixture of experts nearest to a
30B file, each in its quantization nearest to four bits, tell much the same of a device. What they teach is found by the
code that learns on users' machines.
"""

import math
from collections import defaultdict

from advisor.bench.calibrate import SCALE_SD, agreed, loosened
from advisor.estimate.calibration import Observation, Posterior
from benchmarks.fitting import DECODE, PREFILL, SHORT_PROMPT, Hierarchy, terms_of, without
from benchmarks.intervals import Judged, judge
from benchmarks.measurements import Case

POOLED = frozenset({"localmaxxing", "localscore_cpu"})
"""Sources that gather many people's machines under one device name: a benchmark of one is not one of the others."""

DENSE_BYTES, EXPERTS_BYTES = 4.9e9, 17e9
"""Files of an 8B model and of 30B of experts at four to five bits."""

FOUR_BITS = 4.85
"""Bits a parameter of Q4_K_M."""

LONGEST = 2048
"""Tokens of a prompt at most: a quick benchmark reads a short one."""

FEWEST = 4
"""Models of a source on a device: up to three are run, the others judged."""

REPEATS_SD = 0.02
"""Doubt of one machine's own median."""


def after_bench(hierarchy: Hierarchy, cases: list[Case]) -> list[Judged]:
    """Models on a device otherwise left out, once its source's rows of two or three others are known."""
    judged: list[Judged] = []
    rests: dict[tuple[str, str], Hierarchy] = {}
    groups = defaultdict(list)
    for case in cases:
        if case.count == 1 and case.source not in POOLED:
            groups[(case.backend, case.device, case.source)].append(case)
    for (backend, device, _), members in groups.items():
        run = _quick(members)
        if not run:
            continue
        if (backend, device) not in rests:
            others = [case for case in hierarchy.cases[backend] if case.device != device]
            rests[backend, device] = without(hierarchy, others, backend)
        known = [case for model in run for case in _measured(members, model)]
        posterior = _learned(rests[backend, device].class_prior(members[0]), known)
        judged += [judge(posterior, case) for case in members if case.model not in run]
    return judged


def _quick(members: list[Case]) -> set[str]:
    """Models that stand for those of a quick benchmark; none where there are too few."""
    if len({case.model for case in members}) < FEWEST:
        return set()
    sizes = {case.model: case.file_bytes for case in sorted(members, key=lambda c: -c.file_bytes) if case.plain}
    experts = {case.model for case in members if case.moe}
    run = {min(sizes, key=lambda model: sizes[model])} if sizes else set()
    for kind, size in ((sizes.keys() - experts, DENSE_BYTES), (sizes.keys() & experts, EXPERTS_BYTES)):
        left = sorted(kind - run)
        if left:
            run.add(min(left, key=lambda model: abs(math.log(sizes[model] / size))))
    return run


def _measured(members: list[Case], model: str) -> list[Case]:
    """A model's rows in the quantization nearest to four bits, with the emptiest cache it was decoded with."""
    own = [case for case in members if case.model == model]
    quant = min(own, key=lambda case: (abs(math.log(case.bits / FOUR_BITS)), case.quant)).quant
    rows = [case for case in own if case.quant == quant]
    least = min((case.depth for case in rows if case.phase == DECODE), default=0.0)
    kept = [
        case for case in rows
        if (case.depth <= least + 64 if case.phase == DECODE else not case.depth and case.tokens <= LONGEST)
    ]  # fmt: skip
    return kept or rows


def _learned(prior: Posterior, known: list[Case]) -> Posterior:
    """What these rows teach, as results on a user's machine would."""
    start = loosened(prior, SCALE_SD) if prior.backend == "cpu" else prior
    return agreed(start, [[_observed(case) for case in known if case.phase == p] for p in (DECODE, PREFILL)])


def _observed(case: Case) -> Observation:
    own, link = terms_of(case)
    short = SHORT_PROMPT / case.tokens if case.phase == PREFILL else 0.0
    return Observation(terms=own, seconds=max(1e-9, case.seconds - link), sd=math.hypot(REPEATS_SD, short))
