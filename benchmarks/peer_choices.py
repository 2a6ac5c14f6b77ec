"""What three other programs would pick in a scenario, by their published formulas and ranking rules.

llmfit 1.1.17, whichllm 0.5.21 and llm-checker 3.8.1, re-implemented from what they publish; where a table was not
published the nearest figure is used, so small differences from the real programs remain. None of them takes a latency
budget: the user is taken to walk down each program's own ranking to the first row whose own predicted speed meets what
is asked (the decode rate, or 128 tokens within the answer's time), and to take its first row where none does. Thinking
is not modelled by any of them: a model that can answer without is taken so. whichllm ranks by benchmark results; here
it is given the catalog's expected scores of general conversation, since it has one score for all tasks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from advisor.decide.candidates import Candidate
from benchmarks.peer_formulas import LLMFIT_BYTES, WHICHLLM_SHARE, WHICHLLM_VENDOR, of
from benchmarks.scenarios import OUTPUT_TOKENS, Scenario

TIERS = ((1, 30), (3, 45), (7, 60), (10, 75), (20, 82), (40, 89), (math.inf, 95))
"""Quality by billions of parameters, as llmfit and llm-checker grade size."""
LLMFIT_SIZE = (("Q2", 0.37), ("Q3", 0.48), ("Q4", 0.58), ("Q5", 0.68), ("Q6", 0.80), ("Q8", 1.05), ("16", 2.0))
QUANT_POINTS = (("Q2", -12), ("Q3", -8), ("Q4", -5), ("Q5", -2), ("Q6", -1), ("Q8", 0), ("16", 0))
LLMFIT_WEIGHTS = {"chat": (0.40, 0.35, 0.15, 0.10), "reasoning": (0.55, 0.15, 0.15, 0.15)}
USUAL_WEIGHTS = (0.45, 0.30, 0.15, 0.10)
CHECKER_WEIGHTS = {"coding": (0.55, 0.20, 0.15, 0.10)}
CHECKER_RATE = {"metal": 160 * 1.2, "mlx": 160 * 1.2, "cpu": 70.0}
CHECKER_GPU = 220 * 1.2


@dataclass(slots=True)
class Row:
    """One line of a program's ranking: its score, its predicted tokens a second."""

    candidate: Candidate
    score: float
    rate: float
    fits: bool


@dataclass(slots=True)
class Seen:
    """What a program sees of a candidate on a device. Parameters in 1e9, sizes in GB of its own sort."""

    candidate: Candidate
    scenario: Scenario
    params: float
    active: float
    bandwidth: float
    vendor: str


def _tier(params: float) -> float:
    return next(points for limit, points in TIERS if params < limit)


def _llmfit(seen: Seen) -> Row:
    quant = seen.candidate.quant
    memory = seen.scenario.memory_bytes / 2**30
    needed = seen.params * of(LLMFIT_SIZE, quant, 0.58) + 8e-6 * seen.params * 1024 + 0.5
    rate = seen.bandwidth / 1e9 * 0.55 / (seen.active * of(LLMFIT_BYTES, quant, 0.5))
    if seen.vendor == "cpu":
        rate = 70.0 / seen.params * 0.3
    quality = _tier(seen.active) + of(QUANT_POINTS, quant, -5)
    weights = LLMFIT_WEIGHTS.get(seen.scenario.task, USUAL_WEIGHTS)
    fit = 100.0 if needed <= 0.7 * memory else 80.0
    parts = (quality, min(100.0, rate / 40 * 100), fit, 100.0)
    return Row(seen.candidate, _weighted(weights, parts), rate, needed <= memory)


def _whichllm(seen: Seen) -> Row:
    c, memory = seen.candidate, seen.scenario.memory_bytes / 2**30
    size = c.size.file_bytes / 2**30
    cache = 3.5 / 1024 * (seen.active * 4 if seen.active < seen.params else seen.params)
    needed = size + cache + 0.4 + 0.08 * seen.params + 0.5
    share = of(WHICHLLM_SHARE, c.quant, 0.5) * WHICHLLM_VENDOR.get(seen.vendor, 1.0)
    rate = seen.bandwidth / (c.size.file_bytes * seen.active / seen.params) * share
    if seen.vendor == "cpu":
        rate = max(0.3, 18.0 / seen.params)
    general = c.system.entry.quality.get(c.system.mode, {}).get("chat")
    quality = 0.62 * (general[0] if general else 0.0) + min(35.0, 4.2 * math.log2(max(seen.params, 0.1)) + 9)
    loss = -of(QUANT_POINTS, c.quant, -5) / 100
    score = quality * (1 - loss) * (0.5 if seen.vendor == "cpu" else 1.0) + min(8.0, max(-8.0, (rate - 10) / 5))
    return Row(c, score, rate, needed <= memory)


def _llm_checker(seen: Seen) -> Row:
    c, memory = seen.candidate, seen.scenario.memory_bytes / 2**30
    needed = c.size.file_bytes / 2**30 + 8e-6 * seen.params * 1024 + 0.5
    rate = CHECKER_RATE.get(seen.scenario.bench.backend, CHECKER_GPU) / seen.active
    rate *= (2.2 if memory >= 80 else 1.15 if memory >= 24 else 1.0) if seen.vendor == "nvidia" else 1.0
    weights = CHECKER_WEIGHTS.get(seen.scenario.task, USUAL_WEIGHTS)
    parts = (_tier(seen.params) + of(QUANT_POINTS, c.quant, -5), min(100.0, rate / 40 * 100), 100.0, 100.0)
    budget = min(0.8 * memory, memory - 2) if seen.vendor == "cpu" else memory
    return Row(c, _weighted(weights, parts), rate, needed <= budget)


def _weighted(weights, parts) -> float:
    return sum(w * p for w, p in zip(weights, parts, strict=True))


def _seen(scenario: Scenario, truth) -> list[Seen]:
    """One row a model and quantization, in the mode that a person gets without asking."""
    order = ("default", "non-thinking", "thinking")
    first: dict[tuple[str, str], Candidate] = {}
    for c in sorted(truth.candidates, key=lambda c: order.index(c.system.mode) if c.system.mode in order else 9):
        first.setdefault((c.model_id, c.quant), c)
    case = scenario.bench.cases[0]
    seen = []
    for c in first.values():
        entry = c.system.entry
        total = (entry.total_params or 1e9) / 1e9
        active = (entry.active_params or entry.total_params or 1e9) / 1e9
        seen.append(Seen(c, scenario, total, active, case.bandwidth / case.count, case.vendor))
    return seen


def _choose(rule: Callable[[Seen], Row], scenario: Scenario, truth) -> Candidate | None:
    rows = sorted((r for r in map(rule, _seen(scenario, truth)) if r.fits), key=lambda r: -r.score)
    needed = 1.0 / scenario.max_tpot_s if scenario.max_tpot_s else OUTPUT_TOKENS / (scenario.max_latency_s or math.inf)
    quick = [row for row in rows if row.rate >= needed]
    return next((row.candidate for row in quick or rows), None)


PEERS: dict[str, Callable[[Scenario, object], Candidate | None]] = {
    "llmfit 1.1.17": lambda scenario, truth: _choose(_llmfit, scenario, truth),
    "whichllm 0.5.21": lambda scenario, truth: _choose(_whichllm, scenario, truth),
    "llm-checker 3.8.1": lambda scenario, truth: _choose(_llm_checker, scenario, truth),
}
