"""From what was asked to a `Question` with every default filled in and every value checked."""

from dataclasses import dataclass, replace

from advisor.catalog.library import Catalog
from advisor.decide.efficiency import Tier
from advisor.decide.question import Question
from advisor.domain.workload import Budget, Task, Workload
from advisor.errors import UsageError

DEFAULT_TASK = "chat"
MAX_TOKENS = 100_000_000
"""No window is longer; a larger figure is a slip of the hand."""
MAX_USERS = 1_000_000
USUAL_CONTEXT = 4096
"""Window that is kept where none is stated: what Ollama and LM Studio open, and a conversation can live in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user stated; None where the task's own default holds. Times in seconds."""

    task: str | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    context: int | None = None
    users: int | None = None
    max_ttft_s: float | None = None
    max_tpot_s: float | None = None
    min_tokens_per_s: float | None = None
    max_latency_s: float | None = None
    confidence: float | None = None
    engine: str | None = None
    licence: str | None = None
    quant: str | None = None
    min_quality: float | None = None
    max_energy_j: float | None = None
    max_watts: float | None = None
    tier: str | None = None
    kv_type: str | None = None
    limit: int = 5
    derivatives: bool = False
    model: str | None = None
    assume_idle: bool = False


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not low <= value <= high:
        most = f"{high:,.0f}" if high >= 1000 else f"{high:g}"
        raise UsageError(f"{name} {value:,g} is out of range", hint=f"give a value between {low:g} and {most}")


def _check(request: Request) -> None:
    _check_range("--prompt-tokens", request.prompt_tokens, 1, MAX_TOKENS)
    _check_range("--output-tokens", request.output_tokens, 1, MAX_TOKENS)
    _check_range("--cached-tokens", request.cached_tokens, 0, MAX_TOKENS)
    _check_range("--context", request.context, 1, MAX_TOKENS)
    _check_range("--users", request.users, 1, MAX_USERS)
    _check_range("--min-tps", request.min_tokens_per_s, 1e-3, 1e6)
    _check_range("--confidence", request.confidence, 0.5, 0.99)
    _check_range("--min-quality", request.min_quality, 0, 100)
    _check_range("--max-energy", request.max_energy_j, 1e-3, 1e12)
    _check_range("--max-watts", request.max_watts, 1e-3, 1e9)
    _check_range("--limit", request.limit, 1, 1000)
    if request.max_tpot_s is not None and request.min_tokens_per_s is not None:
        raise UsageError("--max-tpot and --min-tps say the same thing", hint="give one of them")


def _cached(request: Request, task: Task, rest: int) -> int:
    """Tokens of earlier turns: as stated; the task's where no prompt is, as many as go into a stated window."""
    if request.cached_tokens is not None:
        return request.cached_tokens
    usual = task.cached_tokens if request.prompt_tokens is None else 0
    return usual if request.context is None else max(0, min(usual, request.context - rest))


def build_workload(request: Request, task: Task) -> Workload:
    """The task's shape with what was stated.

    The window is the stated one, else the task's or the usual one or, in steps of 256 tokens, what holds everything.
    """
    prompt = request.prompt_tokens or task.prompt_tokens
    output = request.output_tokens or task.output_tokens
    cached = _cached(request, task, prompt + output)
    needed = cached + prompt + output
    context = request.context or max(task.context or USUAL_CONTEXT, -(-needed // 256) * 256)
    if context < needed:
        earlier = f"{cached} cached, " if cached else ""
        raise UsageError(
            f"--context {context} cannot hold {earlier}{prompt} prompt and {output} output tokens",
            hint=f"give --context {needed} or more, or fewer tokens",
        )
    return Workload(
        task=task.name,
        prompt_tokens=prompt,
        output_tokens=output,
        thinking_tokens=task.thinking_tokens,
        cached_tokens=cached,
        context=context,
        users=request.users or 1,
    )


def build_budget(request: Request, task: Task) -> Budget:
    """The stated limits, hard; without any, the task's own as a target."""
    tpot = request.max_tpot_s
    if request.min_tokens_per_s is not None:
        tpot = 1.0 / request.min_tokens_per_s
    limits = (request.max_ttft_s, tpot, request.max_latency_s)
    stated = any(limit is not None for limit in limits)
    ttft, tpot, latency = limits if stated else (task.max_ttft_s, task.max_tpot_s, task.max_latency_s)
    budget = Budget(max_ttft_s=ttft, max_tpot_s=tpot, max_latency_s=latency, stated=stated)
    asked = request.confidence
    return budget if asked is None else replace(budget, confidence=asked, target_confidence=asked)


def build_question(request: Request, catalog: Catalog) -> Question:
    """Raises UsageError for values out of range and UnknownName for an unknown name."""
    _check(request)
    task = catalog.resolve_task(DEFAULT_TASK if request.task is None else request.task)
    return Question(
        task=task,
        workload=build_workload(request, task),
        budget=build_budget(request, task),
        licence=catalog.resolve_licence(request.licence) if request.licence else "any",
        engine=catalog.resolve_engine(request.engine) if request.engine else None,
        quant=catalog.resolve_quant(request.quant).name if request.quant else None,
        kv_type=request.kv_type or "f16",
        min_quality=request.min_quality,
        max_energy_j=request.max_energy_j,
        max_watts=request.max_watts,
        tier=Tier(request.tier) if request.tier else None,
        limit=request.limit,
        derivatives=request.derivatives,
        model=request.model,
        assume_idle=request.assume_idle,
        context_stated=request.context is not None,
    )
