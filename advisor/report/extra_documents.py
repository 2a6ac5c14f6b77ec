"""The shape of a question, and of what a recommendation adds to its answer when asked."""

from typing import Any, Literal

from typing_extensions import TypedDict


class Request(TypedDict):
    """The question with every default filled in."""

    task: str
    prompt_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    context: int
    users: int
    max_ttft_s: float | None
    max_tpot_s: float | None
    max_latency_s: float | None
    budget: Literal["stated", "task"]
    confidence: float
    license: str
    engine: str | None
    quant: str | None
    kv_type: str
    min_quality: float | None
    max_energy_j: float | None
    max_watts: float | None
    tier: Literal["edge", "workstation", "server", "cloud"] | None
    limit: int


class MemberQuality(TypedDict):
    """Expected score, 0 to 100."""

    score: float
    sd: float


class _Estimated(TypedDict):
    """Memory, speed and placement, as in a pick."""

    model: str
    mode: str
    quant: str
    bits_per_weight: float
    engine: str
    placement: dict[str, Any]
    context: int
    kv_type: str
    flops: dict[str, Any]
    memory: dict[str, Any]
    speed: dict[str, Any] | None
    energy: dict[str, Any]
    basis: Literal["measured", "calibrated", "estimated"]
    quality: MemberQuality
    p_meets_budget: float


class Member(_Estimated):
    """One task of a set, and the choice that serves it."""

    task: str


class OtherChoice(_Estimated):
    """One quantization, mode and placement of a model that was asked about."""

    thinking_tokens: int
    fits: bool
    meets_budget: bool


class Pool(TypedDict):
    """One device's memory under the whole set, bytes."""

    device: str
    taken: int
    available: int | None
    headroom: int | None


class Together(TypedDict):
    """Models for several tasks, all resident at once; no members where no set fits."""

    tasks: list[str]
    fits: bool
    members: list[Member]
    memory: list[Pool]


class ExplainedStep(TypedDict):
    """One line of arithmetic with its numbers put in, its value, and where the numbers are from."""

    about: Literal["memory", "work", "prefill", "decode", "quality"]
    name: str
    text: str
    value: float
    unit: Literal["bytes", "s", "flop", "points"]
    source: str


class Explanation(TypedDict):
    """How the figures of one pick come about; `time`: shares of each phase."""

    rank: int
    model: str
    quant: str
    steps: list[ExplainedStep]
    time: dict[str, dict[str, float]]


class WhyNotNeed(TypedDict):
    """One change that would help; `alone`: it suffices."""

    lever: str
    field: str
    current: float | str | None
    needed: float | str | None
    alone: bool
    text: str


class WhyNot(TypedDict):
    """A model that was asked about; `reason` null: it is the first pick."""

    model: str
    rank: int | None
    reason: str | None
    text: list[str]
    needs: list[WhyNotNeed]


class FrontierPoint(TypedDict):
    """One model in its best choice; `cost` in seconds or bytes."""

    model: str
    quant: str
    mode: str
    cost: float
    score: float
    sd: float
    on_frontier: bool


class Frontier(TypedDict):
    """Quality against the time of an answer or memory, cheapest first."""

    axis: Literal["latency", "memory"]
    points: list[FrontierPoint]


class Draft(TypedDict):
    """Speculative decoding: what drafts, how far ahead, the share accepted, tokens a second against none drafted."""

    model: str
    drafted_tokens: int
    acceptance: float
    speedup: dict[str, float]


class PartBytes(TypedDict):
    """Bytes by use, without drivers, libraries and the process itself."""

    weights: int
    kv_cache: int
    compute: int
    total: int


class PartDifference(TypedDict):
    """By how much the estimate exceeds the engine's figure, in percent of it; null against nothing."""

    weights: float | None
    kv_cache: float | None
    compute: float | None
    total: float | None


class DeviceCheck(PartBytes):
    """One device: the engine's corrected figures, and ours."""

    device: str
    estimated: PartBytes
    difference_pct: PartDifference


class Correction(TypedDict):
    """What was added to the engine's own figures, negative where taken off."""

    name: str
    bytes: int
    why: str


class Verified(PartBytes):
    """What an installed build would allocate, corrected, over all devices; then what was estimated."""

    engine: str
    version: str | None
    placed: Literal["gpu", "host"]
    estimated: PartBytes
    difference_pct: PartDifference
    devices: list[DeviceCheck]
    corrections: list[Correction]
    resolution: int
