"""The shape of each JSON document, as types from which the published JSON Schemas are made.

Bytes are integers, times are seconds, rates are per second; None is unknown. Every type refuses unknown keys.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from advisor.report.extra_documents import (
    Draft,
    Explanation,
    Frontier,
    OtherChoice,
    Request,
    Together,
    Verified,
    WhyNot,
)
from advisor.report.file_documents import FILE_DOCUMENTS
from advisor.report.fleet_documents import FLEET_DOCUMENTS
from advisor.report.model_documents import MODEL_DOCUMENTS
from advisor.report.program_documents import PROGRAM_DOCUMENTS
from advisor.report.run_documents import RUN_DOCUMENTS
from advisor.report.sizing_documents import SIZING_DOCUMENTS
from advisor.report.update_documents import UPDATE_DOCUMENTS


class Interval(TypedDict):
    """An 80 % interval and its median."""

    p10: float
    p50: float
    p90: float


class Flops(TypedDict):
    """Floating point operations for one output token and for the whole prompt."""

    per_output_token: int
    prompt: int


class DeviceMemory(TypedDict):
    """Bytes on one device, by use."""

    device: str
    weights: int
    kv_cache: int
    compute: int
    overhead: int
    total: int
    available: int | None
    headroom: int | None


class Memory(TypedDict):
    """Sums over devices, then each device."""

    weights: int
    kv_cache: int
    compute: int
    overhead: int
    total: int
    available: int | None
    headroom: int | None
    reclaimable: int
    growth: int
    devices: list[DeviceMemory]


class TimeTerm(TypedDict):
    """One summand of a predicted time, at the median."""

    phase: Literal["load", "prefill", "decode"]
    name: str
    seconds: float


class Speed(TypedDict):
    """Predicted times and rates."""

    load_s: Interval
    ttft_s: Interval
    tpot_s: Interval
    prefill_tps: Interval
    decode_tps: Interval
    latency_s: Interval
    terms: list[TimeTerm]


class Placement(TypedDict):
    """Where the weights sit."""

    kind: Literal["gpu", "split", "experts_on_cpu", "cpu"]
    gpu_layers: int
    devices: list[int]
    cpu_expert_layers: int
    tensor_parallel: int


class Energy(TypedDict):
    """Energy of one answer, null where the power is unknown."""

    joules_per_answer: Interval | None
    watts: float | None


class File(TypedDict):
    """One published file."""

    path: str
    bytes: int | None
    sha256: str | None


class Params(TypedDict):
    """Elements in all, and those used for one token."""

    total: int | None
    active: int | None


class Evidence(TypedDict):
    """One published result."""

    benchmark: str
    task: str
    score: float
    unit: str
    date: str | None
    mode: str | None
    self_reported: bool
    source: str


class PickQuality(TypedDict):
    """Expected score of this very system on the task, 0 to 100."""

    score: float
    sd: float
    grade: Literal["measured", "sibling", "imputed", "prior"]
    source: str
    unquantized_score: float
    evidence: list[Evidence]


class ChoiceQuality(TypedDict):
    """Expected score where one is known."""

    score: float | None
    sd: float | None
    grade: Literal["measured", "sibling", "imputed", "prior"] | None
    evidence: list[Evidence]


class Commands(TypedDict):
    """What to type next."""

    download: str | None
    run: str | None
    bench: str | None


class Miss(TypedDict):
    """A limit that is not met."""

    limit: str
    allowed_s: float
    needed_s: float | None


class Need(TypedDict):
    """One change that would help; `alone`: it suffices."""

    lever: str
    field: str
    current: float | str | None
    needed: float | str | None
    alone: bool
    text: str


class _Figures(TypedDict):
    quant: str
    bits_per_weight: float
    engine: str
    placement: Placement
    context: int
    kv_type: str
    flops: Flops
    memory: Memory
    speed: Speed | None
    energy: Energy
    basis: Literal["measured", "calibrated", "estimated"]


class _Choice(_Figures):
    model: str
    name: str
    repo: str | None
    revision: str | None
    files: list[File]
    mode: str
    thinking_tokens: int
    params: Params
    meets_budget: bool
    p_meets_budget: float
    license: str | None
    commands: Commands


class Pick(_Choice):
    """A recommended choice."""

    rank: int
    tier: Literal["edge", "workstation", "server", "cloud"]
    privacy: Literal["local"]
    quality: PickQuality
    misses: list[Miss]
    why: list[str]


class NearMiss(_Choice):
    """A choice that does not work, and what it would need."""

    tier: Literal["edge", "workstation", "server", "cloud"]
    privacy: Literal["local"]
    quality: PickQuality
    misses: list[Miss]
    fits: bool
    needs: list[Need]


class Choice(_Choice):
    """One named choice."""

    quality: ChoiceQuality
    why: list[str]
    fits: bool
    limits: list[str]


class LeftOutQuality(TypedDict):
    """Expected score of the unquantized weights, 0 to 100."""

    score: float
    sd: float | None


class LeftOut(TypedDict):
    """A model made for the task of which nothing can be estimated here; listed where there is nothing else."""

    model: str
    name: str
    params: dict[str, int | None]
    license: str | None
    engines: list[str]
    quality: LeftOutQuality | None
    reason: str
    text: str


class CatalogMark(TypedDict):
    """Which catalog answered."""

    models: int
    sha256: str


class Recommendation(TypedDict):
    """`advisor recommend --json`."""

    schema: Literal["advisor.recommendation/1"]
    machine: dict[str, Any]
    request: Request
    catalog: CatalogMark
    picks: list[Pick]
    near_misses: list[NearMiss]
    left_out: list[LeftOut]
    rejected: dict[str, int]
    together: NotRequired[Together]
    choices: NotRequired[list[OtherChoice]]
    explanations: NotRequired[list[Explanation]]
    why_not: NotRequired[list[WhyNot]]
    frontier: NotRequired[Frontier]
    excluded: NotRequired[dict[str, str]]


class Estimate(Choice):
    """`advisor estimate --json`."""

    schema: Literal["advisor.estimate/1"]
    machine: dict[str, Any]
    request: Request
    draft: Draft | None
    verified: NotRequired[Verified]


class Run(_Figures):
    """`advisor run --json`: the choice, its figures, and the command that serves it in parts and as text."""

    schema: Literal["advisor.run/1"]
    model: str
    repo: str
    path: str
    downloaded: bool
    fits: bool
    limits: list[str]
    argv: list[str]
    before: list[list[str]]
    environment: dict[str, str]
    url: str
    format: Literal["command", "systemd", "compose", "ollama", "kubernetes"]
    text: str


class Difference(TypedDict):
    """What the larger of two neighbours by size changes; ratios are larger over smaller."""

    smaller: str
    larger: str
    points: float | None
    points_interval: Interval | None
    p_better: float | None
    verdict: str | None
    memory_ratio: float
    time_ratio: float | None
    energy_ratio: float | None
    text: str


class Comparison(TypedDict):
    """`advisor compare --json`."""

    schema: Literal["advisor.comparison/1"]
    machine: dict[str, Any]
    request: Request
    choices: list[Choice]
    differences: list[Difference]


DOCUMENTS: dict[str, type] = {
    "recommendation": Recommendation,
    "estimate": Estimate,
    "comparison": Comparison,
    "run": Run,
    **FILE_DOCUMENTS,
    **FLEET_DOCUMENTS,
    **MODEL_DOCUMENTS,
    **PROGRAM_DOCUMENTS,
    **RUN_DOCUMENTS,
    **SIZING_DOCUMENTS,
    **UPDATE_DOCUMENTS,
}
"""Documents by the middle part of their `schema` field."""
