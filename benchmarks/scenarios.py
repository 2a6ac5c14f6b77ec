"""Decisions whose right answer is known: for a device, the choices that were measured on it, a task and a budget.

A choice is a model in one quantization. What it does is known from the table: seconds a token, seconds to read a
prompt, and that it fitted. Limits are round figures; scenarios in which every choice works, or none, decide nothing and
are left out. Choices measured elsewhere whose file alone is larger than the device's memory are offered too: they do
not fit, whatever anybody says. A second kind of scenario gives the device less memory: what fits is then known from the
peak that was measured. Rows that cannot be true are left out by rules that know nothing of any prediction: faster than
the data sheet allows, or a prompt read more slowly than tokens are written.
"""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.fitting import terms_of
from benchmarks.measurements import DECODE, Case

TASKS = ("chat", "coding", "reasoning", "summarization", "extraction")
PROMPT_TOKENS, OUTPUT_TOKENS = 512, 128
"""What most rows measured: the shape of the request in every scenario, so that nothing is extrapolated in the truth."""
PROMPTS_LIKE = (256, 2048)
SHALLOW = 2048
"""Rows with more tokens in the cache tell of another request."""
RATES = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
"""Tokens a second that somebody may ask for: slow reading, quick reading, watching code appear, agents."""
FIRST_TOKEN_S = (0.5, 1.0, 2.0, 5.0)
ANSWERS_S = (2.0, 5.0, 15.0, 60.0)
MEMORIES_GIB = (4, 8, 12, 16, 24, 32, 48, 64)
LEAST_MODELS = 3
LEAST_DECODE, LEAST_PREFILL = 0.8, 0.25
"""Shares of the time at data-sheet rates below which a row is impossible: bandwidth is stated exactly; matrix rates can
be up to four times those that count (narrower types, sparsity)."""
UNSTATED_BYTES = 64 * 2**30
"""Memory where no row states it: everything measured there did fit."""


@dataclass(slots=True)
class Measured:
    """What one choice did on one device. Seconds; `prefill_s` a token. None: not measured."""

    model: str
    quant: str
    decode_s: float
    prefill_s: float | None
    file_bytes: float
    peak_bytes: float


@dataclass(slots=True)
class Bench:
    """One device with one engine, and every choice measured on it."""

    device: str
    backend: str
    count: int
    memory_bytes: float
    cases: list[Case]
    choices: dict[tuple[str, str], Measured] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Scenario:
    """A question to a bench. Limits in seconds, None: no limit. `offered`: keys of choices; `fits`: those that do."""

    bench: Bench
    task: str
    memory_bytes: float
    offered: frozenset[tuple[str, str]]
    fits: frozenset[tuple[str, str]]
    max_ttft_s: float | None = None
    max_tpot_s: float | None = None
    max_latency_s: float | None = None


def benches(cases: Sequence[Case]) -> list[Bench]:
    """Devices with enough models, with what was measured on each."""
    groups: dict[tuple, list[Case]] = defaultdict(list)
    for case in cases:
        groups[(case.device, case.backend, case.count)].append(case)
    found = []
    for (device, backend, count), members in sorted(groups.items()):
        bench = Bench(device, backend, count, _memory(members), members)
        bench.choices = {k: c for k, c in _choices(members).items() if c.file_bytes < bench.memory_bytes}
        if len({model for model, _ in bench.choices}) >= LEAST_MODELS:
            found.append(bench)
    return found


def _memory(members: list[Case]) -> float:
    """The most that a row states where memory is bought with the device, so that what ran there fits; else the least:
    a card has one size, and a row that states more is wrong."""
    stated = [c.memory_bytes for c in members if c.memory_bytes] or [UNSTATED_BYTES]
    return max(stated) if members[0].vendor == "apple" else min(stated)


def possible(case: Case) -> bool:
    """Not faster than the data sheet of the device."""
    terms, _ = terms_of(case)
    if case.phase == DECODE:
        return case.seconds >= LEAST_DECODE * (terms[0] + terms[1])
    return case.seconds >= LEAST_PREFILL * (terms[4] + terms[5])


def _choices(members: list[Case]) -> dict[tuple[str, str], Measured]:
    decode, prefill, peak = defaultdict(list), defaultdict(list), defaultdict(float)
    files = {}
    for case in members:
        key = (case.model, case.quant)
        if case.depth > SHALLOW or not possible(case):
            continue
        files[key] = case.file_bytes
        peak[key] = max(peak[key], case.peak_bytes)
        if case.phase == DECODE:
            decode[key].append(case.seconds)
        elif PROMPTS_LIKE[0] <= case.tokens <= PROMPTS_LIKE[1]:
            prefill[key].append(case.seconds / case.tokens)
    found = {}
    for key, times in decode.items():
        token_s = statistics.median(times)
        prompt_s = statistics.median(prefill[key]) if prefill[key] else None
        if prompt_s is not None and prompt_s >= token_s:
            prompt_s = None
        found[key] = Measured(*key, token_s, prompt_s, files[key], peak[key])
    return found


def too_large(bench: Bench, others: Sequence[Bench], limit: int = 3) -> dict[tuple[str, str], Measured]:
    """A few choices measured with the same engine elsewhere whose file does not go into this memory."""
    found = {}
    for other in others:
        for key, choice in other.choices.items():
            if other.backend == bench.backend and choice.file_bytes > bench.memory_bytes and key not in bench.choices:
                found[key] = choice
    return dict(sorted(found.items(), key=lambda item: item[1].file_bytes)[:limit])


def _limits(bench: Bench) -> Iterator[dict[str, float]]:
    timed = [c for c in bench.choices.values() if c.prefill_s is not None]
    for rate in RATES:
        yield {"max_tpot_s": 1.0 / rate}
    if len({c.model for c in timed}) < LEAST_MODELS:
        return
    for first, rate in zip(itertools.cycle(FIRST_TOKEN_S), RATES, strict=False):
        yield {"max_ttft_s": first, "max_tpot_s": 1.0 / rate}
    for answer in ANSWERS_S:
        yield {"max_latency_s": answer}


def scenarios(found: Sequence[Bench]) -> Iterator[Scenario]:
    """Every device, task and budget; whether a scenario decides anything is for the judge of speeds to say."""
    for bench in found:
        large = too_large(bench, found)
        for limits in _limits(bench):
            needs_prompt = set(limits) != {"max_tpot_s"}
            known = {k for k, c in bench.choices.items() if c.prefill_s is not None or not needs_prompt}
            for task in TASKS:
                yield Scenario(
                    bench=bench, task=task, memory_bytes=bench.memory_bytes, offered=frozenset(known | set(large)),
                    fits=frozenset(known), **limits,
                )  # fmt: skip
        yield from _tight(bench)


def _tight(bench: Bench) -> Iterator[Scenario]:
    """Less memory than the device has, where the peak of several choices is known."""
    known = {key: c.peak_bytes for key, c in bench.choices.items() if c.peak_bytes}
    for size in (gib * 2**30 for gib in MEMORIES_GIB):
        inside = frozenset(key for key, peak in known.items() if peak <= size)
        if size >= bench.memory_bytes or len({m for m, _ in inside}) < 2 or len(inside) == len(known):
            continue
        for task, rate in itertools.product(TASKS, (5.0, 20.0)):
            yield Scenario(
                bench=bench, task=task, memory_bytes=size, offered=frozenset(known), fits=inside,
                max_tpot_s=1.0 / rate,
            )  # fmt: skip
