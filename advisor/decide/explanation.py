"""Why a pick is a pick: its quality and evidence, memory, where its time goes, and what its neighbours would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from advisor.decide.assessment import Assessment
from advisor.decide.candidates import native_bits_of
from advisor.decide.efficiency import mean_watts, tier_of
from advisor.decide.quality import below_floor, interval, probability_better
from advisor.domain.estimate import Estimate
from advisor.domain.model import EvidenceRow, Grade, Tuning
from advisor.domain.units import format_duration, format_energy, format_size

if TYPE_CHECKING:
    from advisor.estimate.derivation import Step

GRADE_WORDS = {
    Grade.MEASURED: "measured on this task",
    Grade.SIBLING: "measured on the same weights in another mode",
    Grade.IMPUTED: "inferred from its results on other tasks",
    Grade.PRIOR: "no results published: expected from size, date and training",
}

LIMIT_NAMES = {"max_ttft_s": "first token", "max_tpot_s": "each token", "max_latency_s": "whole answer"}
"""What a budget limits, in words."""
TOLD_SHARE = 0.05
"""Of a token's time; smaller parts change nobody's mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The arithmetic behind one pick, and where the time of each phase goes (shares that add up to 1)."""

    rank: int
    model_id: str
    quant: str
    steps: "tuple[Step, ...]"
    shares: Mapping[str, Sequence[tuple[str, float]]]


def quality_source(assessment: Assessment, evidence: Sequence[EvidenceRow]) -> str:
    """What a pick's score comes from: the newest result and how many more, or the fit that stands in for them."""
    grade = assessment.candidate.system.grade
    if not evidence:
        return f"{GRADE_WORDS[grade]}, as fitted to the results of all models in the catalog"
    first = evidence[0]
    more = f" and {len(evidence) - 1} more" if len(evidence) > 1 else ""
    return f"{GRADE_WORDS[grade]}: {first.benchmark}{more}, {first.source}"


def time_shares(estimate: Estimate, phase: str) -> list[tuple[str, float]]:
    """Shares of a phase's time by term, largest first; they add up to 1."""
    if estimate.speed is None:
        return []
    terms = [(t.name, t.seconds) for t in estimate.speed.terms if t.phase == phase and t.seconds > 0]
    total = sum(seconds for _, seconds in terms)
    return sorted(((name, seconds / total) for name, seconds in terms), key=lambda item: -item[1]) if total else []


def quality_line(assessment: Assessment, task_title: str) -> str:
    """Expected score with its 80 % interval and what it rests on."""
    c = assessment.candidate
    loss = c.system.base_score - c.score
    tail = f"; {c.quant} costs {loss:.1f} points" if loss >= 0.05 else ""
    bits, entry = c.size.bits_per_weight, c.system.entry
    if below_floor(float(entry.total_params or 0), bits, native_bits=native_bits_of(entry)):
        tail += f"; {bits:.1f} bits per weight are too few for its size: offered only because nothing finer fits"
    if entry.tuning == Tuning.BASE:
        tail += "; a base model: it continues a text and was not taught to answer"
    low, high = interval(c.score, c.sd)
    return f"{task_title}: {c.score:.0f} of 100 expected ({low:.0f}–{high:.0f}), {GRADE_WORDS[c.system.grade]}{tail}"


def memory_line(estimate: Estimate) -> str:
    """Bytes by use against what is available."""
    parts = []
    for device in estimate.footprint.devices:
        if not device.total_bytes:
            continue
        room = f" of {format_size(device.available_bytes)} available" if device.available_bytes is not None else ""
        parts.append(f"{format_size(device.total_bytes)}{room} on {device.device}")
    uses = ("weights", "kv_cache", "compute", "overhead")
    sums = {use: sum(getattr(d, f"{use}_bytes") for d in estimate.footprint.devices) for use in uses}
    inside = ", ".join(f"{use.replace('_', ' ')} {format_size(size)}" for use, size in sums.items() if size)
    return f"Memory: {'; '.join(parts)} ({inside})"


def speed_line(estimate: Estimate) -> str:
    """First token, rate, whole answer, and where a decoded token's time goes."""
    speed = estimate.speed
    if speed is None:
        return "Speed: unknown here"
    told = [item for item in time_shares(estimate, "decode")[:3] if item[1] >= TOLD_SHARE]
    shares = ", ".join(f"{name} {share:.0%}" for name, share in told)
    return (
        f"Speed: first token after {format_duration(speed.ttft_s.p50)} (p90 {format_duration(speed.ttft_s.p90)}), "
        f"then {speed.decode_tokens_per_s.p50:.1f} tokens/s, answer in {format_duration(speed.latency_s.p50)}"
        f"{'; a token goes into ' + shares if shares else ''}"
    )


def energy_line(assessment: Assessment) -> str | None:
    """Energy and power, and the class of machine that the weights need; None where nobody knows the power."""
    joules, watts = assessment.estimate.joules_per_answer, mean_watts(assessment.estimate, assessment.workload.users)
    if joules is None or watts is None:
        return None
    tier = tier_of(assessment.candidate.size.file_bytes)
    span = f"{format_energy(joules.p10)} to {format_energy(joules.p90)}"
    return f"Energy: about {format_energy(joules.p50)} an answer ({span}) at {watts:.0f} W; weights of the {tier} class"


def budget_line(assessment: Assessment) -> str | None:
    """What of the task's target is missed or not met surely, for a pick that is given all the same."""
    misses = assessment.verdict.misses
    if not misses:
        sure, odds = assessment.verdict.surely, assessment.verdict.probability
        return None if sure else f"Meets the task's target with a probability of {odds:.0%}"
    parts = ", ".join(
        f"{LIMIT_NAMES[m.limit]} {format_duration(m.needed_s)} against {format_duration(m.allowed_s)}" for m in misses
    )
    return f"Misses the task's target: {parts}"


def neighbour_line(pick: Assessment, others: tuple[Assessment, ...]) -> str | None:
    """What the next pick in the list that is larger or smaller would change."""
    if not others:
        return None
    other = others[0]
    p = probability_better(other.candidate.score, other.candidate.sd, pick.candidate.score, pick.candidate.sd)
    sizes = (other.estimate.footprint.total_bytes, pick.estimate.footprint.total_bytes)
    word = (
        "about as large"
        if 0.97 < sizes[0] / max(sizes[1], 1) < 1.03
        else "larger"
        if sizes[0] > sizes[1]
        else "smaller"
    )
    a, b = other.estimate.speed, pick.estimate.speed
    speed = f", {a.decode_tokens_per_s.p50 / b.decode_tokens_per_s.p50:.1f}× the speed" if a and b else ""
    return (
        f"Next, {word}: {other.candidate.system.entry.name} {other.candidate.quant} takes "
        f"{format_size(sizes[0])}{speed}; it is better with probability {p:.0%}"
    )


def why(pick: Assessment, others: tuple[Assessment, ...], task_title: str) -> tuple[str, ...]:
    """The reasons in order: quality, budget, speed, memory, neighbour."""
    lines = (
        quality_line(pick, task_title),
        budget_line(pick),
        speed_line(pick.estimate),
        memory_line(pick.estimate),
        energy_line(pick),
        neighbour_line(pick, others),
    )
    return tuple(line for line in lines if line)
