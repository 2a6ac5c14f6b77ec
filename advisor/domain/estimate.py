"""What an estimate says of one choice: where it sits, the memory it takes, the time it needs."""

from dataclasses import dataclass
from enum import StrEnum

from advisor.domain.quantity import Basis, Quantity


class PlacementKind(StrEnum):
    """Where the weights sit."""

    GPU = "gpu"
    SPLIT = "split"
    """Some layers on the GPU, the rest on the CPU."""
    EXPERTS_ON_CPU = "experts_on_cpu"
    """All but (some) experts on the GPU."""
    CPU = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Which part of a model sits where. `devices` are indices into `Machine.accelerators`."""

    kind: PlacementKind
    gpu_layers: int = 0
    devices: tuple[int, ...] = ()
    cpu_expert_layers: int = 0
    """Layers whose experts stay on the CPU."""
    tensor_parallel: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PartBytes:
    """Bytes of one device, or of all together, by use. Drivers, libraries and the process itself are not in them."""

    weights: int = 0
    kv_cache: int = 0
    """Recurrent state included."""
    compute: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv_cache + self.compute

    def __add__(self, other: "PartBytes") -> "PartBytes":
        return PartBytes(
            weights=self.weights + other.weights, kv_cache=self.kv_cache + other.kv_cache,
            compute=self.compute + other.compute,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMemory:
    """Bytes taken on one device ("gpu0", "host") against what is available there."""

    device: str
    weights_bytes: int = 0
    kv_cache_bytes: int = 0
    compute_bytes: int = 0
    overhead_bytes: int = 0
    available_bytes: int | None = None

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.weights_bytes + self.kv_cache_bytes + self.compute_bytes + self.overhead_bytes

    @property
    def headroom_bytes(self) -> int | None:
        """What is left; negative when it does not fit."""
        return None if self.available_bytes is None else self.available_bytes - self.total_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Memory of one choice, device by device."""

    devices: tuple[DeviceMemory, ...]
    reclaimable_bytes: int = 0
    """Page cache of the mapped file that the kernel may take back; not in the totals."""
    growth_bytes: int = 0
    """Main memory that the engine fills with past prompts while it serves, unless told not to; not in the totals."""

    @property
    def total_bytes(self) -> int:
        """Sum over devices."""
        return sum(d.total_bytes for d in self.devices)

    @property
    def fits(self) -> bool:
        """Every device with a known size has room."""
        return all(d.headroom_bytes is None or d.headroom_bytes >= 0 for d in self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTerm:
    """One summand of a time, in seconds at the median: where the time goes."""

    phase: str
    """prefill, decode or load."""
    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Predicted times (s) and rates (tokens/s) of one request of the workload."""

    load_s: Quantity
    ttft_s: Quantity
    """Queue excluded, model loaded, prompt tokens prefilled, first token out."""
    tpot_s: Quantity
    """Mean time per output token after the first, at the depth of the workload."""
    prefill_tokens_per_s: Quantity
    decode_tokens_per_s: Quantity
    latency_s: Quantity
    """Whole answer, thinking tokens included, model loaded."""
    terms: tuple[TimeTerm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Speculation:
    """Tokens drafted ahead and checked together. `acceptance`: the share of drafted tokens that stand, one by one."""

    draft: str
    drafted_tokens: int
    acceptance: float
    speedup: Quantity
    """Tokens a second against none drafted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """Floating point operations: for one output token at the workload's depth, and for the whole prompt."""

    per_output_token: float
    prompt: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Everything predicted of one choice on one machine."""

    model: str
    quant: str
    engine: str
    placement: Placement
    context: int
    kv_type: str
    bits_per_weight: float
    footprint: Footprint
    speed: Speed | None
    """None where the device's bandwidth is unknown: no guess."""
    flops: Flops
    joules_per_answer: Quantity | None
    basis: Basis
    fits: bool
    speculation: Speculation | None = None
    limits: tuple[str, ...] = ()
    """What binds or is missing, in words."""
