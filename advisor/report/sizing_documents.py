"""Types of `advisor.sizing/1` and `advisor.hardware/1`, from which their JSON Schemas are made."""

from typing import Any, Literal

from typing_extensions import TypedDict

from advisor.domain.device import DeviceSpec


class Interval(TypedDict):
    """An 80 % interval and its median."""

    p10: float
    p50: float
    p90: float


class SizingRequest(TypedDict):
    """What was asked, every default filled in."""

    task: str
    users: int
    active_share: float
    requests_per_minute_per_active_user: float
    peak_over_mean: float
    requests_per_s: float
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    cached_share: float
    """Of a prompt, what the prefix cache holds already."""
    thinking_tokens: int
    context: int | None
    max_ttft_s: float | None
    max_tpot_s: float | None
    max_latency_s: float | None
    budget: Literal["stated", "task"]
    budget_usd: float | None
    model: str | None
    quant: str | None
    license: str
    kv_type: str
    limit: int


class SizingEnergy(TypedDict):
    """Of all machines together, at the wall."""

    peak_w: float
    idle_w: float
    kwh_per_year: float
    wh_per_answer: float
    basis: str


class SizingPrice(TypedDict):
    """Of one machine and of all; not `complete`: its accelerators alone."""

    usd: float
    date: str
    kind: str
    source: str
    complete: bool
    total_usd: float
    machines: int


class SizingOption(TypedDict):
    """One purchase."""

    rank: int
    machine: str
    name: str
    count: int
    accelerators: list[str]
    model: str
    quant: str
    mode: str
    engine: str
    devices_per_replica: int
    replicas_per_machine: int
    quality: dict[str, Any]
    users_held: Interval
    headroom: float
    utilization: float
    binding: str
    requests_per_s: float
    concurrent_sequences: dict[str, float]
    p95: dict[str, float]
    memory: dict[str, int]
    energy: SizingEnergy | None
    price: SizingPrice | None
    within_budget: bool | None
    basis: str
    simulated: bool
    confidence: str | None


class NearMachine(TypedDict):
    """A machine that came close, and why it is out."""

    machine: str
    reason: str


class Sizing(TypedDict):
    """`advisor size --json`."""

    schema: Literal["advisor.sizing/1"]
    request: SizingRequest
    machines_considered: int
    constants: str
    options: list[SizingOption]
    rejected: dict[str, int]
    nearest: list[NearMachine]


class Hardware(TypedDict):
    """`advisor hardware list --json`; `show` gives the fields of one device beside `schema`."""

    schema: Literal["advisor.hardware/1"]
    devices: list[DeviceSpec]


SIZING_DOCUMENTS: dict[str, type] = {"hardware": Hardware, "sizing": Sizing}
"""Documents by the middle part of their `schema` field."""
