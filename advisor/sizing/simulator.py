"""A discrete-event simulation of one replica, step by step: arrivals, admission, chunked prefill, batched decoding.

It answers what a closed form cannot: percentiles under random arrivals and lengths. Poisson arrivals, lognormal
lengths, first come first served; a request is admitted when its prompt and half its answer fit beside what is running,
which lies between reserving everything and evicting. Steps that nothing interrupts are taken in one go.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from random import Random

from advisor.sizing.demand import Demand
from advisor.sizing.serving import Replica, Served, cache_room_bytes, step_terms

WARM_UP = 0.1
"""Share of the requests that fill an empty machine and are not counted."""
MAX_LENGTH_FACTOR = 8.0
"""Longest length over the median: lognormal tails end somewhere."""
MAX_STRIDE = 128
"""Equal steps taken in one go: the cache grows by as many tokens a sequence meanwhile, a per cent or so of a step."""
MAX_STEPS = 200_000
"""A simulation that needs more is saturated beyond use."""


@dataclass(slots=True)
class _Request:
    number: int
    arrival_s: float
    prompt: int
    output: int
    unread: float = 0.0
    """Prompt tokens still to be read."""
    first_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Percentiles of one simulated run, in seconds; `decoding` is the mean batch.

    The latency is that of an answer of the demand's own length: a long answer may take long.
    """

    ttft_p50_s: float
    ttft_p95_s: float
    tpot_p50_s: float
    tpot_p95_s: float
    latency_p95_s: float
    decoding: float
    tokens_per_s: float
    saturated: bool
    """The queue grew to the end, or the run was cut short."""


@dataclass(slots=True)
class _Run:
    model: Served
    replica: Replica
    room_bytes: float
    window: int = 0
    """Tokens that are reserved for each request at least."""
    queue: deque[_Request] = field(default_factory=deque)
    reading: deque[_Request] = field(default_factory=deque)
    decoding: list[tuple[int, int, _Request]] = field(default_factory=list)
    """A heap by the count of steps at which a request ends."""
    steps: int = 0
    held_tokens: float = 0.0
    """In the cache, of all that decode."""
    finished: list[tuple[_Request, float]] = field(default_factory=list)
    reserved_bytes: float = 0.0
    now_s: float = 0.0
    busy: float = 0.0

    def admit(self) -> None:
        """Take requests from the queue while there is room."""
        while self.queue and len(self.reading) + len(self.decoding) < self.replica.engine.max_sequences:
            needed = self.need(self.queue[0])
            running = self.reading or self.decoding
            if self.reserved_bytes + needed > self.room_bytes and running:
                return
            request = self.queue.popleft()
            self.reserved_bytes += needed
            self.reading.append(request)

    def need(self, request: _Request) -> float:
        """Cache that a request is planned with."""
        return self.model.cache_of(max(request.prompt + request.output / 2, float(self.window)))

    def step(self, next_arrival_s: float) -> None:
        """One engine step, or as many equal ones as nothing interrupts."""
        prompt, depth = self._read_chunk()
        batch = len(self.decoding)
        cache = batch * self.model.cache_of(self.held_tokens / batch) if batch else 0.0
        terms = step_terms(self.model, self.replica, batch, cache, prompt=prompt, attended=depth)
        once = terms.total_s
        count = 1
        if not self.reading and prompt == 0 and self.decoding:
            left = self.decoding[0][0] - self.steps
            until = max(1, math.ceil((next_arrival_s - self.now_s) / once)) if next_arrival_s < math.inf else left
            count = max(1, min(left, until, MAX_STRIDE))
        self.now_s += once * count
        self.busy += batch * once * count
        self.steps += count
        self.held_tokens += batch * count
        self._emit()

    def _read_chunk(self) -> tuple[float, float]:
        """Prompt tokens of this step and the context they attend to, on average."""
        budget, read, weighted = float(self.replica.engine.chunk_tokens), 0.0, 0.0
        for request in self.reading:
            if budget <= 0:
                break
            taken = min(budget, request.unread)
            weighted += taken * (request.prompt - request.unread + taken / 2)
            request.unread -= taken
            budget -= taken
            read += taken
        return read, weighted / read if read else 0.0

    def _emit(self) -> None:
        """Requests that are read give their first token; those with all their tokens leave."""
        while self.reading and self.reading[0].unread <= 0:
            request = self.reading.popleft()
            request.first_s = self.now_s
            self.held_tokens += request.prompt + 1
            heapq.heappush(self.decoding, (self.steps + request.output - 1, request.number, request))
        while self.decoding and self.decoding[0][0] <= self.steps:
            request = heapq.heappop(self.decoding)[2]
            self.held_tokens -= request.prompt + request.output
            self.reserved_bytes -= self.need(request)
            self.finished.append((request, self.now_s))


def _length(rng: Random, median: float, sigma: float) -> int:
    factor = min(MAX_LENGTH_FACTOR, math.exp(rng.gauss(0.0, sigma)))
    return max(1, round(median * factor / math.exp(sigma * sigma / 2)))


def _arrivals(demand: Demand, requests_per_s: float, count: int, sigma: float, rng: Random) -> list[_Request]:
    """Lengths keep the demand's mean: a lognormal's median lies below it."""
    now, requests = 0.0, []
    for number in range(count):
        now += rng.expovariate(requests_per_s)
        prompt = _length(rng, demand.prompt_tokens, sigma)
        request = _Request(number, now, prompt, max(1, _length(rng, max(demand.output_tokens, 1), sigma)))
        request.unread = max(1.0, prompt * (1 - demand.prefix_hit))
        requests.append(request)
    return requests


def simulate(
    model: Served,
    replica: Replica,
    demand: Demand,
    requests_per_s: float,
    *,
    seed: int,
    sigma: float,
    count: int = 400,
) -> Outcome:
    """Run `count` requests through an empty replica. The same seed gives the same outcome."""
    rng = Random(seed)
    pending = deque(_arrivals(demand, requests_per_s, count, sigma, rng))
    last_arrival_s = pending[-1].arrival_s
    run = _Run(model, replica, cache_room_bytes(model, replica), demand.window)
    waiting_at_end = 0
    for _ in range(MAX_STEPS):
        if not (run.queue or run.reading or run.decoding):
            if not pending:
                break
            run.now_s = max(run.now_s, pending[0].arrival_s)
        while pending and pending[0].arrival_s <= run.now_s:
            run.queue.append(pending.popleft())
            waiting_at_end = len(run.queue) if not pending else 0
        run.admit()
        run.step(pending[0].arrival_s if pending else math.inf)
    return _outcome(run, demand, last_arrival_s, waiting_at_end > 0.1 * count or bool(pending))


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def _outcome(run: _Run, demand: Demand, last_arrival_s: float, saturated: bool) -> Outcome:
    done = sorted(run.finished, key=lambda pair: pair[0].arrival_s)
    counted = done[int(WARM_UP * len(done)) :]
    tpot = [(end - r.first_s) / (r.output - 1) for r, end in counted if r.output > 1]
    hidden = demand.hidden_share
    ttft = [r.first_s - r.arrival_s + hidden * (end - r.first_s) for r, end in counted]
    tpot_p95 = _percentile(tpot, 0.95) if tpot else 0.0
    first_p95 = _percentile([r.first_s - r.arrival_s for r, _ in counted], 0.95)
    tokens = sum(r.output for r, _ in done)
    span = max(run.now_s, last_arrival_s, 1e-9)
    return Outcome(
        ttft_p50_s=_percentile(ttft, 0.5),
        ttft_p95_s=_percentile(ttft, 0.95),
        tpot_p50_s=_percentile(tpot, 0.5) if tpot else 0.0,
        tpot_p95_s=tpot_p95,
        latency_p95_s=first_p95 + max(demand.output_tokens - 1, 0) * tpot_p95,
        decoding=run.busy / span,
        tokens_per_s=tokens / span,
        saturated=saturated,
    )


def meets(outcome: Outcome, demand: Demand) -> bool:
    """The 95th percentiles stay within the targets and the queue does not grow."""
    targets = demand.targets
    pairs = (
        (outcome.ttft_p95_s, targets.max_ttft_s),
        (outcome.tpot_p95_s, targets.max_tpot_s),
        (outcome.latency_p95_s, targets.max_latency_s),
    )
    return not outcome.saturated and all(limit is None or value <= limit for value, limit in pairs)


def simulated_rate(
    model: Served,
    replica: Replica,
    demand: Demand,
    planned_requests_per_s: float,
    *,
    seed: int,
    sigma: float,
    halvings: int = 4,
    count: int = 250,
) -> float:
    """The largest rate up to the planned one that meets the targets; 0 where a quarter of it is too much."""
    low, high = planned_requests_per_s / 4, planned_requests_per_s

    def holds(rate: float) -> bool:
        return meets(simulate(model, replica, demand, rate, seed=seed, sigma=sigma, count=count), demand)

    if holds(high):
        return high
    if not holds(low):
        return 0.0
    for _ in range(halvings):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
