"""Types of `advisor.fleet/1`, from which its JSON Schema is made."""

from typing import Any, Literal

from typing_extensions import TypedDict

from advisor.report.extra_documents import Request
from advisor.report.sizing_documents import Interval

Verdict = Literal["meets", "below_target", "blocked", "unknown"]


class FleetRequest(Request):
    """What was asked, every default filled in."""

    model: str | None
    reserve_bytes: int | None
    stale_days: int
    budget_usd: float | None


class FleetCatalog(TypedDict):
    """Which catalog answered."""

    models: int
    sha256: str


class FleetRejected(TypedDict):
    """What could not be read, and why."""

    source: str
    reason: str


class FleetUnread(TypedDict):
    """A value in a column that was not understood, and of how many hosts."""

    what: str
    value: str
    hosts: int


class FleetInventory(TypedDict):
    """What was read: documents, hosts (each once), and what was left out."""

    documents: int
    hosts: int
    duplicates: int
    stale: int
    undated: int
    rejected: list[FleetRejected]
    not_understood: list[FleetUnread]
    not_told: dict[str, int]
    notes: list[str]


class FleetAccelerator(TypedDict):
    """One accelerator of a kind of machine."""

    name: str
    memory_bytes: int | None
    unified: bool
    bandwidth_bytes_per_s: float | None
    usable: bool


class FleetMachine(TypedDict):
    """What an estimate rests on; memory available on an idle host, less the reserve."""

    name: str
    os: str | None
    cpu: str | None
    cores: int | None
    memory_bytes: int | None
    memory_available_bytes: int | None
    memory_bandwidth_bytes_per_s: float | None
    accelerators: list[FleetAccelerator]


class FleetSpeed(TypedDict):
    """Seconds, and tokens a second."""

    ttft_s: Interval
    tpot_s: Interval
    prefill_tps: Interval
    decode_tps: Interval
    latency_s: Interval


class FleetQuality(TypedDict):
    """Expected score of the choice, 0–100."""

    score: float
    sd: float
    grade: str


class FleetChoice(TypedDict):
    """A model, quantization, engine and placement on one kind of machine."""

    model: str
    name: str
    quant: str
    mode: str
    engine: str
    placement: dict[str, Any]
    context: int
    file_bytes: int
    memory_bytes: int
    fits: bool
    speed: FleetSpeed | None
    quality: FleetQuality
    meets_budget: bool
    p_meets_budget: float
    basis: str


class FleetProfile(TypedDict):
    """A kind of machine: hosts that no estimate tells apart."""

    profile: str
    hosts: int
    machine: FleetMachine
    form: str | None
    not_told: list[str]
    verdict: Verdict
    blocked_by: str | None
    choices: list[FleetChoice]
    nearest_miss: FleetChoice | None
    needs: list[str]


class FleetHost(TypedDict):
    """One host; `choice` is the place of its choice among those of its profile."""

    host: str
    source: str
    kind: Literal["probe", "table", "ansible", "kubernetes"]
    probed_at: str | None
    stale: bool | None
    profile: str
    verdict: Verdict
    blocked_by: str | None
    choice: int | None
    model: str | None
    quant: str | None
    disk_free_bytes: int | None


class FleetPrice(TypedDict):
    """Of one piece, with its date and source."""

    usd: float
    date: str
    kind: str
    source: str


class FleetOffer(TypedDict):
    """One upgrade over all hosts that it helps. `quality_points`: summed over seats; null prices are not known."""

    upgrade: str
    name: str
    kind: Literal["ram", "gpu", "machine"]
    price: FleetPrice | None
    hosts: int
    unlocked: int
    quality_points: Interval
    usd: float | None
    usd_per_unlocked: float | None
    usd_per_point: float | None


class FleetEffect(TypedDict):
    """What one upgrade brings to each host of one kind."""

    upgrade: str
    profile: str
    hosts: int
    unlocks: bool
    model: str | None
    quality_points: Interval
    usd: float | None


class FleetStep(TypedDict):
    """One purchase, the best value first. `usd`: of all; after `instead_of`, an earlier step, what it costs more."""

    upgrade: str
    profile: str
    instead_of: str | None
    hosts: int
    unlocked: int
    points: float
    usd: float
    spent_usd: float


class FleetUpgrades(TypedDict):
    """What can be bought."""

    offers: list[FleetOffer]
    effects: list[FleetEffect]
    order: list[FleetStep]
    basis: str


class Fleet(TypedDict):
    """`advisor fleet eval --json`."""

    schema: Literal["advisor.fleet/1"]
    request: FleetRequest
    catalog: FleetCatalog
    inventory: FleetInventory
    verdicts: dict[Verdict, int]
    blocked_by: dict[str, int]
    profiles: list[FleetProfile]
    hosts: list[FleetHost]
    upgrades: FleetUpgrades | None


FLEET_DOCUMENTS: dict[str, type] = {"fleet": Fleet}
"""Documents by the middle part of their `schema` field."""
