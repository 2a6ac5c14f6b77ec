"""A device or whole machine as the hardware catalog knows it: data-sheet figures, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from advisor.domain.machine import CoreCluster


class DeviceKind(StrEnum):
    """What an entry of the hardware catalog describes."""

    GPU = "gpu"
    SOC = "soc"
    """CPU and GPU on one memory: Apple M, Strix Halo, GB10, Jetson."""
    CPU = "cpu"
    NPU = "npu"
    MACHINE = "machine"
    """A whole machine that can be bought."""
    MEMORY = "memory"
    """Main memory that can be built into a machine: what it then has in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A price on a date. `kind`: launch, street, quote, reseller. Never shown without its date and source."""

    usd: float
    date: str
    kind: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """`count` pieces of the device with this id, inside a whole machine."""

    device: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """Data-sheet figures of one device. Rates are peak and dense; None is unknown."""

    id: str
    name: str
    kind: DeviceKind
    vendor: str
    aliases: tuple[str, ...] = ()
    pci_ids: tuple[str, ...] = ()
    """vendor:device in hex, lower case; a third part is the revision, where that tells cards apart."""
    architecture: str | None = None
    chip: str | None = None
    form: str | None = None
    """consumer, laptop, workstation, datacenter, desktop, server, soc, embedded, phone; display: not for inference."""
    released: str | None = None
    compute_capability: str | None = None
    """CUDA compute capability or AMD gfx target."""
    backend: str | None = None
    """cuda, rocm, metal, vulkan, sycl, cpu: what llama.cpp would use."""
    memory_bytes: int | None = None
    memory_options_bytes: tuple[int, ...] = ()
    driver_visible_bytes: int | None = None
    memory_kind: str | None = None
    bus_bits: int | None = None
    bandwidth_bytes_per_s: float | None = None
    f32_flops: float | None = None
    f16_flops: float | None = None
    """Dense FP16 matrix rate with FP32 accumulation; shader rate where there are no matrix units."""
    fp8_flops: float | None = None
    fp4_flops: float | None = None
    int8_ops: float | None = None
    pcie_bytes_per_s: float | None = None
    link_bytes_per_s: float | None = None
    power_w: float | None = None
    unified: bool = False
    max_per_node: int | None = None
    cores: int | None = None
    """GPU cores, where they tell variants apart (Apple)."""
    parts: tuple[Part, ...] = ()
    """What a whole machine is made of; its `memory_bytes` is main memory."""
    instruction_sets: tuple[str, ...] = ()
    cpu_cores: int | None = None
    """Physical cores of a processor; None: its entry covers parts with several numbers, and none was named."""
    performance_cores: int | None = None
    """Those of its fast kind, where it has two kinds."""
    clusters: tuple[CoreCluster, ...] = ()
    """Its cores by kind and clock. In a family of processors with different numbers of cores (`cores` 0): the kinds
    alone, the fast one first."""
    prices: tuple[Price, ...] = ()
    confidence: str | None = None
    """high, medium or low."""
    note: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def clusters_of(self, cores: int) -> tuple[CoreCluster, ...]:
        """Its cores by kind. A family's kinds are counted out: the fast ones it is said to have, the rest slow."""
        if not self.clusters or self.clusters[0].cores:
            return self.clusters
        fast = min(self.performance_cores or cores, cores)
        counts = (fast, cores - fast)
        return tuple(replace(kind, cores=n) for kind, n in zip(self.clusters, counts, strict=False) if n > 0)


class HardwareLookup(Protocol):
    """What a probe needs of the hardware catalog (`advisor.catalog.hardware` provides it)."""

    def by_pci(self, pci_id: str, *, memory_bytes: int | None = None, revision: str | None = None) -> DeviceSpec | None:
        """The device with this vendor:device id; memory and revision decide between cards that share it."""
        ...

    def by_name(self, name: str, *, memory_bytes: int | None = None) -> DeviceSpec | None:
        """The device that goes by this name, whole tokens only; None rather than a guess."""
        ...

    def shares_memory(self, pci_id: str) -> bool | None:
        """Whether devices with this id work on the host's memory; None where that is not known of all of them."""
        ...

    def identify(
        self,
        *,
        pci_id: str | None,
        name: str | None,
        memory_bytes: int | None = None,
        revision: str | None = None,
        bandwidth_bytes_per_s: float | None = None,
    ) -> DeviceSpec | None:
        """PCI id first, name second; where cards share both, the bandwidth that was read decides."""
        ...
