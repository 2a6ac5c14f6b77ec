"""The requests per second that one replica serves within its targets, in closed form: prunes before the simulation.

At a mean of b decoding sequences each step brings b tokens out and, on average, b x prompt / output tokens in; so the
rate is b / (output x step time). The largest b that memory and the targets allow gives the capacity.
"""

import math
from dataclasses import dataclass

from advisor.sizing.constants import PlanningConstants
from advisor.sizing.demand import Demand
from advisor.sizing.serving import Replica, Served, StepTerms, max_sequences, step_terms

P95_SPREAD = 1.645
"""Standard deviations of a Poisson number of sequences up to its 95th percentile."""
WAIT_P95_FACTOR = 1.5
"""95th percentile of the wait before one's prompt is read, over rho / (1 - rho) x its time (M/D/1, rounded up)."""
_FEWEST = 1e-6
"""Sequences at once of a replica that is almost never asked."""
_HALVINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a replica holds at its planned load. Times in seconds (95th percentile), rates per second."""

    requests_per_s: float
    decoding: float
    """Sequences that decode at once, on average."""
    max_decoding: float
    """That memory and the engine allow."""
    ttft_s: float
    tpot_s: float
    latency_s: float
    binding: str
    """What would have to grow first: memory, sequences, bandwidth, compute, interconnect or engine."""
    utilization: float
    """Of the saturated rate."""


def mean_step(model: Served, replica: Replica, demand: Demand, decoding: float) -> StepTerms:
    """The mean step at a mean of `decoding` sequences, with the prompts that their successors bring.

    A prompt is read in few steps, as many of its tokens as a chunk takes: those steps multiply, all others read.
    """
    tokens = demand.prompt_tokens * (1 - demand.prefix_hit)
    prompt = decoding * tokens / max(demand.output_tokens, 1)
    chunk = max(prompt, min(tokens, float(replica.engine.chunk_tokens)))
    cache = decoding * model.cache_of(demand.mean_tokens)
    without = step_terms(model, replica, decoding, cache)
    if chunk <= 0:
        return without
    reading = step_terms(model, replica, decoding, cache, prompt=chunk, attended=demand.prompt_tokens / 2)
    return without.mixed(reading, prompt / chunk)


def rate_at(model: Served, replica: Replica, demand: Demand, decoding: float) -> float:
    """Requests per second with so many sequences decoding at once."""
    if decoding <= 0:
        return 0.0
    return decoding / (max(demand.output_tokens, 1) * mean_step(model, replica, demand, decoding).total_s)


def prompt_time_s(model: Served, replica: Replica, demand: Demand, decoding: float) -> float:
    """Time to read one prompt beside `decoding` sequences, in chunks."""
    tokens = demand.prompt_tokens * (1 - demand.prefix_hit)
    chunk = min(tokens, float(replica.engine.chunk_tokens))
    cache = decoding * model.cache_of(demand.mean_tokens)
    step = step_terms(model, replica, decoding, cache, prompt=chunk, attended=demand.prompt_tokens / 2).total_s
    return step * max(1.0, tokens / max(chunk, 1.0))


def _times(model: Served, replica: Replica, demand: Demand, decoding: float) -> tuple[float, float, float]:
    """TTFT, TPOT and latency at the 95th percentile."""
    crowded = decoding + P95_SPREAD * math.sqrt(decoding)
    tpot = mean_step(model, replica, demand, crowded).total_s
    alone = prompt_time_s(model, replica, demand, 0.0)
    busy = min(0.999, rate_at(model, replica, demand, decoding) * alone)
    ttft = prompt_time_s(model, replica, demand, crowded) + WAIT_P95_FACTOR * alone * busy / (1 - busy)
    return ttft + demand.hidden_tokens * tpot, tpot, ttft + max(demand.output_tokens - 1, 0) * tpot


def _within(times: tuple[float, float, float], demand: Demand) -> bool:
    limits = (demand.targets.max_ttft_s, demand.targets.max_tpot_s, demand.targets.max_latency_s)
    return all(limit is None or time <= limit for time, limit in zip(times, limits, strict=True))


def _largest(model: Served, replica: Replica, demand: Demand, ceiling: float) -> float:
    """The most sequences, up to `ceiling`, at which the targets hold; times grow with the number."""
    if _within(_times(model, replica, demand, ceiling), demand):
        return ceiling
    low, high = _FEWEST, ceiling
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if _within(_times(model, replica, demand, middle), demand):
            low = middle
        else:
            high = middle
    return low


def capacity(
    model: Served, replica: Replica, demand: Demand, planning: PlanningConstants, *, least_requests_per_s: float = 0.0
) -> Capacity | None:
    """None where the weights do not fit, not even a request alone meets the targets, or less than the least is held."""
    ceiling = max_sequences(model, replica, demand.planned_tokens)
    if ceiling < 1 or not _within(_times(model, replica, demand, _FEWEST), demand):
        return None
    saturated = rate_at(model, replica, demand, ceiling)
    if planning.utilization * saturated < least_requests_per_s:
        return None
    allowed = _largest(model, replica, demand, ceiling)
    rate = min(rate_at(model, replica, demand, allowed), planning.utilization * saturated)
    decoding = _decoding_at(model, replica, demand, rate, allowed)
    ttft, tpot, latency = _times(model, replica, demand, decoding)
    return Capacity(
        requests_per_s=rate,
        decoding=decoding,
        max_decoding=ceiling,
        ttft_s=ttft,
        tpot_s=tpot,
        latency_s=latency,
        binding=_binding(model, replica, demand, allowed, ceiling),
        utilization=rate / saturated if saturated else 0.0,
    )


def _decoding_at(model: Served, replica: Replica, demand: Demand, rate: float, ceiling: float) -> float:
    low, high = _FEWEST, ceiling
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if rate_at(model, replica, demand, middle) < rate else (low, middle)
    return high


def _binding(model: Served, replica: Replica, demand: Demand, allowed: float, ceiling: float) -> str:
    """Memory or the engine's limit where the targets would allow more sequences; else the largest term of a step."""
    if allowed >= ceiling:
        return "sequences" if ceiling >= replica.engine.max_sequences else "memory"
    return mean_step(model, replica, demand, max(allowed, 1.0)).binding
