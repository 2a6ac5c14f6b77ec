"""A machine as far as inference is concerned. Every fact may be None (unknown) and names its source.

`sources` maps a field's name to where its value was read ("nvml", "/proc/meminfo", "catalog: pci id", "stated").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """A GPU, an integrated GPU that shares host memory, or an NPU. Rates are peak, dense."""

    index: int
    name: str
    vendor: str
    """nvidia, amd, intel, apple, huawei, qualcomm, other."""
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    """What a new process can take now."""
    unified: bool = False
    """Shares the host's memory pool: never add the two."""
    carve_out_bytes: int | None = None
    """Of a unified device's total, what firmware set aside for it alone: the host's total does not hold it."""
    bandwidth_bytes_per_s: float | None = None
    f16_flops: float | None = None
    """Dense FP16/BF16 matrix rate with FP32 accumulation."""
    f32_flops: float | None = None
    """FP32 rate of the shaders, without matrix units."""
    int8_ops: float | None = None
    fp8_flops: float | None = None
    """Dense matrix rate of 8-bit floats; None: no such units, or not known."""
    fp4_flops: float | None = None
    family: str | None = None
    """Name of its entry in the hardware catalog, under which published measurements are known; None: its own name."""
    architecture: str | None = None
    """Generation as the hardware catalog writes it: Ada, Blackwell, RDNA3, M4 ..."""
    compute_capability: str | None = None
    backend: str | None = None
    """What llama.cpp would use: cuda, rocm, metal, vulkan, sycl."""
    pci_id: str | None = None
    """vendor:device in hex."""
    pci_address: str | None = None
    power_limit_w: float | None = None
    pcie_bytes_per_s: float | None = None
    link_bytes_per_s: float | None = None
    """NVLink, Infinity Fabric: per device, one direction."""
    driver: str | None = None
    shared_with: str | None = None
    """MIG slice, vGPU: what it is part of."""
    usable: bool = True
    """False: seen, but not to be offered (driver missing, lost, hidden); `notes` says why."""
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreCluster:
    """Cores of one processor that are alike."""

    cores: int
    kind: str | None = None
    """Cortex-X3, Neoverse-V2, Zen 4 ...: the core's design, not the product's name."""
    max_hz: float | None = None
    """The highest clock that the data sheet or the kernel names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """The processor(s)."""

    name: str | None = None
    vendor: str | None = None
    machine: str | None = None
    """x86_64, aarch64 ..."""
    physical_cores: int | None = None
    logical_cores: int | None = None
    performance_cores: int | None = None
    clusters: tuple[CoreCluster, ...] = ()
    """Its cores by kind and clock; empty: not known."""
    usable_threads: int | None = None
    """After affinity and quota."""
    app_threads: int | None = None
    """Threads that the app takes, fast cores or not; None: the engine's choice."""
    sockets: int | None = None
    numa_nodes: int | None = None
    """Memory nodes with CPUs: each has its own part of the bandwidth."""
    instruction_sets: tuple[str, ...] = ()
    """avx2, avx512f, avx512_vnni, amx_int8, neon, sve ..."""
    family: str | None = None
    """Name of its entry in the hardware catalog, under which published measurements are known; None: its own name."""
    f32_flops: float | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """Main memory and its effective limit."""

    total_bytes: int | None = None
    available_bytes: int | None = None
    """What a new process can take now, limits counted in."""
    limit_bytes: int | None = None
    """A cgroup's limit, where one binds."""
    swap_bytes: int | None = None
    bandwidth_bytes_per_s: float | None = None
    """Read bandwidth of all cores: measured, or channels × speed × 8 from the catalog."""
    kind: str | None = None
    """DDR4, DDR5, LPDDR5X ..."""
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Where models are kept."""

    path: str
    free_bytes: int | None = None
    total_bytes: int | None = None
    read_bytes_per_s: float | None = None
    kind: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFound:
    """An inference engine that is installed or reachable on this machine."""

    name: str
    """llama.cpp, embedded, ollama, vllm, mlx, lmstudio, openai_api."""
    version: str | None = None
    path: str | None = None
    running: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeNote:
    """Something a probe could not find out, and what to do about it."""

    source: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One machine: probed, read from a file, taken from the hardware catalog, or stated by the user."""

    name: str
    origin: str
    """probed, file, catalog or stated."""
    os: str | None = None
    os_version: str | None = None
    cpu: Cpu = field(default_factory=Cpu)
    memory: HostMemory = field(default_factory=HostMemory)
    accelerators: tuple[Accelerator, ...] = ()
    disks: tuple[Disk, ...] = ()
    engines: tuple[EngineFound, ...] = ()
    on_battery: bool | None = None
    virtualization: str | None = None
    """container, wsl, vm, none."""
    catalog_id: str | None = None
    idle_power_w: float | None = None
    max_power_w: float | None = None
    notes: tuple[ProbeNote, ...] = ()
    probed_at: str | None = None
    """ISO time, UTC."""
    sources: Mapping[str, str] = field(default_factory=dict)

    def usable_accelerators(self) -> tuple[Accelerator, ...]:
        """Accelerators that may be offered."""
        return tuple(a for a in self.accelerators if a.usable)
