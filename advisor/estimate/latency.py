"""Times of one request: load, time to first token, time per output token, and the whole answer, each with an interval.

Times of the parts add; their logarithms are known with the variance of the parameters, of one more run, and of what is
new about the choice. Intervals are Student-t, since published times have fat tails.
"""

import math
from collections.abc import Sequence

from advisor.domain.estimate import PlacementKind, Speed, TimeTerm
from advisor.domain.quantity import Z90, Quantity
from advisor.estimate.calibration import DECODE, PREFILL, factors, quadratic
from advisor.estimate.parts import Part, Setting

TERM_NAMES = (
    "weights", "experts", "KV cache", "kernel launches", "matrix products", "expert products", "attention", "state",
)  # fmt: skip


def speed_of(setting: Setting, parts: Sequence[Part]) -> Speed:
    """Times of one request of the workload on these parts."""
    factor = setting.constants.settings["interval_factor"]
    tpot, decode_terms = _phase(parts, DECODE, factor)
    prompt, prefill_terms = _phase(parts, PREFILL, factor)
    request = setting.constants.settings["request_s"]
    ttft = Quantity(prompt.p10 + request, prompt.p50 + request, prompt.p90 + request)
    load = _load(setting)
    workload = setting.workload
    after_first = max(0, workload.thinking_tokens + workload.output_tokens - 1)
    terms = [TimeTerm(phase="prefill", name=name, seconds=s) for name, s in prefill_terms]
    terms += [TimeTerm(phase="decode", name=name, seconds=s) for name, s in decode_terms]
    return Speed(
        load_s=load,
        ttft_s=ttft,
        tpot_s=tpot,
        prefill_tokens_per_s=prompt.inverse(max(1, workload.prompt_tokens)),
        decode_tokens_per_s=tpot.inverse(),
        latency_s=Quantity(
            ttft.p10 + after_first * tpot.p10, ttft.p50 + after_first * tpot.p50, ttft.p90 + after_first * tpot.p90
        ),
        terms=tuple(terms),
    )


def spread(median: float, variance: float, factor: float) -> Quantity:
    """A log-normal quantity; `factor` standard deviations reach p10 and p90."""
    width = math.exp(factor * math.sqrt(variance))
    return Quantity(median / width, median, median * width)


def _phase(parts: Sequence[Part], phase: int, width: float) -> tuple[Quantity, list[tuple[str, float]]]:
    """Time of one phase over all parts with its interval, and its largest terms."""
    seconds, total = [], 0.0
    named: dict[str, float] = {}
    for part in parts:
        terms = part.prefill if phase else part.decode
        own = [x * factor for x, factor in zip(terms, factors(part.posterior.mean), strict=True)]
        mine = sum(own)
        seconds.append((own, mine))
        total += mine
        where = "host " if part.posterior.backend == "cpu" and len(parts) > 1 else ""
        for name, value in zip(TERM_NAMES, own, strict=True):
            if value:
                named[where + name] = named.get(where + name, 0.0) + value
    variance = 0.0
    for part, (own, mine) in zip(parts, seconds, strict=True):
        share = mine / total if total else 0.0
        extra = part.prefill_variance if phase else part.decode_variance
        variance += quadratic(own, part.posterior.covariance) / (total * total) if share else 0.0
        variance += share * share * (part.posterior.noise_sd[phase] ** 2 + extra)
        if phase == DECODE and share:
            variance += sum((x * sd / total) ** 2 for x, sd in zip(own, part.scatter, strict=True) if sd)
    return spread(total, variance, width), list(named.items())


def _load(setting: Setting) -> Quantity:
    """Cold load: the file read once from disk, or handed on slower than that."""
    settings, weights = setting.constants.settings, setting.choice.weights
    rates = [d.read_bytes_per_s for d in setting.machine.disks if d.read_bytes_per_s]
    rate = min(max(rates, default=settings["disk_bytes_per_s"]), settings["load_bytes_per_s"])
    if setting.placement.kind is not PlacementKind.CPU:
        pcie = [setting.machine.accelerators[i].pcie_bytes_per_s for i in setting.placement.devices]
        rate = min(rate, min((p for p in pcie if p), default=settings["pcie_bytes_per_s"]))
    return spread(weights.file_bytes / rate + 0.5, (0.3 if rates else settings["disk_sd"]) ** 2, Z90)
