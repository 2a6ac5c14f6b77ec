"""Constants of serving and planning as dataclasses, from the mapping in catalog/serving.yaml, with its sources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from advisor.errors import BadDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConstants:
    """How an engine runs a batch. Shares of data-sheet rates, seconds, bytes."""

    eta_weights: float
    """Share of bandwidth reached on weights."""
    eta_kv: float
    eta_compute: float
    """Share of the matrix rate reached in mixed and decode batches."""
    eta_prefill: float
    t0_s_per_kernel: float
    host_s_per_sequence: float
    """Sampling and scheduling, per sequence and step: of the engine and the CPU, not of the GPU."""
    chunk_tokens: int
    """Prompt tokens of one step at most."""
    max_sequences: int
    overhead_bytes: int
    """Driver, activations, graphs; per device."""
    tensor_parallel: bool
    """Splits each layer over GPUs; otherwise several GPUs add memory, not bandwidth."""
    pace: Mapping[str, float] = field(default_factory=dict)
    """By backend of the device: its share of the pace that the engine reaches on those it was fitted on."""
    memory_share: float | None = None
    """Of each device's memory, where the engine takes no more than a share: as its profile says."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkConstants:
    """One all-reduce: latency, and effective bytes/s."""

    alpha_s: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningConstants:
    """Margins and habits of planning."""

    utilization: float
    length_sigma: float
    capacity_error_known: float
    capacity_error_other: float
    hours_per_day: float
    days_per_year: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerConstants:
    """Power of an accelerator by batch, and of what stands around it. Watts and shares."""

    idle_share: float
    nominal_share: float
    k: float
    x0: float
    x0_unified: float
    """Of SoCs, whose memory is busy from the first sequence on."""
    workstation_host_w: float
    server_host_w: float
    psu_efficiency: float
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How people use a task: share active at a time, requests a minute of an active one, peak over mean."""

    active: float
    requests_per_minute: float
    peak: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingConstants:
    """Everything that catalog/serving.yaml says."""

    engines: Mapping[str, EngineConstants]
    links: Mapping[str, LinkConstants]
    planning: PlanningConstants
    power: PowerConstants
    usage: Mapping[str, Usage]
    version: str = ""

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any], shares: Mapping[str, float | None]) -> "ServingConstants":
        """From the file's content and the engines' shares of memory. Raises BadDocument naming what is missing."""
        try:
            return cls(
                engines={
                    name: EngineConstants(**row, memory_share=shares.get(name))
                    for name, row in table["engines"].items()
                },
                links={name: LinkConstants(**row) for name, row in table["links"].items()},
                planning=PlanningConstants(**table["planning"]),
                power=PowerConstants(**table["power"]),
                usage={name: Usage(**row) for name, row in table["usage"].items()},
                version=str(table.get("version", "")),
            )
        except (KeyError, TypeError) as error:
            raise BadDocument(
                f"the constants of sizing are incomplete: {error}",
                hint="compare catalog/serving.yaml with the one that is shipped",
            ) from error

    def usage_of(self, task: str) -> Usage:
        """The habit of a task, or the default one."""
        return self.usage.get(task) or self.usage["default"]
