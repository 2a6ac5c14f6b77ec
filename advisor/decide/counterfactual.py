"""What would have to change for a failed choice to work: one lever at a time, each tried with the same arithmetic."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from advisor.decide.assessment import Assessment, Estimator, assess
from advisor.decide.budget import Miss, judge
from advisor.decide.candidates import Reason
from advisor.decide.question import Question
from advisor.domain.estimate import PlacementKind
from advisor.domain.units import format_duration, format_size

LIMIT_WORDS = {
    "max_ttft_s": ("--max-ttft", "time to first token"),
    "max_tpot_s": ("--max-tpot", "time per token"),
    "max_latency_s": ("--max-latency", "time for the whole answer"),
}
SMALLER_KV = {"f16": ("q8_0", "q4_0"), "q8_0": ("q4_0",), "q4_0": ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One change that makes a choice work; `alone` False: it is needed among others. Sizes in bytes, times in s."""

    lever: str
    """budget, energy, context, kv_type, quantization, engine, free_memory, memory, ram, gpu, bandwidth."""
    field: str
    current: float | str | None
    needed: float | str | None
    text: str
    alone: bool = True


def need_lines(found: tuple[Need, ...], most: int = 3) -> tuple[str, ...]:
    """In words, at most `most`: changes of which each suffices, as alternatives; else those needed with others."""
    enough = [need for need in found if need.alone][:most]
    if enough:
        return tuple(f"{'or' if i else 'needs'} {need.text}" for i, need in enumerate(enough))
    return tuple(f"needs, among others, {need.text}" for need in found[:most])


def _round_up(seconds: float) -> float:
    """Two significant digits, upwards, so that the printed figure really suffices."""
    if not math.isfinite(seconds) or seconds <= 0:
        return seconds
    step = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return math.ceil(seconds / step - 1e-9) * step


def _limits_to_state(assessment: Assessment, question: Question) -> tuple[Miss, ...]:
    """What is missed, as a person would have to state it: a stated limit must be kept more surely than a target."""
    misses, budget = assessment.verdict.misses, question.budget
    if budget.stated or not misses:
        return misses
    surely = judge(assessment.estimate.speed, replace(budget, stated=True), assessment.workload.thinking_tokens)
    return surely.misses


def _budget_needs(assessment: Assessment, question: Question) -> Iterator[Need]:
    misses = _limits_to_state(assessment, question)
    rest = assessment.estimate.fits and assessment.excess is None
    alone = rest and len(misses) == 1
    for miss in misses:
        flag, words = LIMIT_WORDS[miss.limit]
        if not math.isfinite(miss.needed_s):
            yield Need(
                lever="bandwidth",
                field="memory_bandwidth",
                current=None,
                needed=None,
                text="its speed here is unknown: run `advisor probe --measure` or `advisor bench`",
                alone=False,
            )
            return
        needed = _round_up(miss.needed_s)
        yield Need(
            lever="budget",
            field=miss.limit,
            current=miss.allowed_s,
            needed=needed,
            text=f"{flag} {format_duration(needed)} instead of {format_duration(miss.allowed_s)} ({words})",
            alone=alone,
        )
    if rest and len(misses) > 1:
        yield _whole_budget(misses)


def _whole_budget(misses: tuple[Miss, ...]) -> Need:
    """Every limit that is missed, loosened at once: together they suffice."""
    flags = " ".join(f"{LIMIT_WORDS[m.limit][0]} {format_duration(_round_up(m.needed_s))}" for m in misses)
    return Need(lever="budget", field="all", current=None, needed=flags, text=f"{flags} together")


def _energy_needs(assessment: Assessment) -> Iterator[Need]:
    excess = assessment.excess
    if excess is None or excess.needed is None:
        return
    flag, unit = ("--max-energy", "J") if excess.reason is Reason.ENERGY else ("--max-watts", "W")
    needed = _round_up(excess.needed)
    yield Need(
        lever="energy",
        field=flag.removeprefix("--").replace("-", "_"),
        current=excess.allowed,
        needed=needed,
        text=f"{flag} {needed:g} {unit} instead of {excess.allowed:g} {unit}",
        alone=assessment.estimate.fits and assessment.verdict.meets,
    )


def _memory_needs(assessment: Assessment) -> Iterator[Need]:
    for device in assessment.estimate.footprint.devices:
        headroom = device.headroom_bytes
        if headroom is None or headroom >= 0:
            continue
        where = "main memory" if device.device == "host" else f"memory on {device.device}"
        yield Need(
            lever="memory",
            field=device.device,
            current=device.available_bytes,
            needed=device.total_bytes,
            text=f"{format_size(-headroom)} more {where} ({format_size(device.total_bytes)} in all)",
            alone=assessment.verdict.meets and assessment.excess is None,
        )


def _trial_needs(assessment: Assessment, question: Question, estimator: Estimator) -> Iterator[Need]:
    """Levers that are tried by estimating again: KV type, then a shorter context."""
    candidate = assessment.candidate
    for kv_type in SMALLER_KV[question.kv_type]:
        if assess(candidate, replace(question, kv_type=kv_type), estimator).works:
            yield Need(
                lever="kv_type",
                field="kv_type",
                current=question.kv_type,
                needed=kv_type,
                text=f"--kv-type {kv_type} instead of {question.kv_type}",
            )
            break
    workload = assessment.workload
    shorter = -(-workload.needed_tokens // 256) * 256
    if shorter < workload.context:
        smaller = replace(question, workload=replace(question.workload, context=shorter))
        if assess(candidate, smaller, estimator).works:
            yield Need(
                lever="context",
                field="context",
                current=float(workload.context),
                needed=float(shorter),
                text=f"--context {shorter} instead of {workload.context}",
            )


def needs(assessment: Assessment, question: Question, estimator: Estimator) -> tuple[Need, ...]:
    """Every single change that was found to help, those that suffice alone first."""
    found = [
        *_trial_needs(assessment, question, estimator),
        *_memory_needs(assessment),
        *_budget_needs(assessment, question),
        *_energy_needs(assessment),
    ]
    placement = assessment.estimate.placement.kind
    overshoot = assessment.verdict.overshoot
    if placement is PlacementKind.CPU and 1 < overshoot < 1e6:
        text = f"about {overshoot:.1f} times this machine's speed, as a GPU would give"
        found.append(Need(lever="bandwidth", field="speed", current=1.0, needed=overshoot, text=text, alone=False))
    return tuple(sorted(found, key=lambda need: not need.alone))
