"""Machines that are not here: a whole machine of the hardware catalog, a SoC, or what the user states piece by piece.

Nothing is measured, so what is free is assumed and said so in `Machine.notes`: `memory_available_bytes` and
`available_bytes` are what an idle machine leaves to a new process.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.machine import Accelerator, Cpu, HostMemory, Machine, ProbeNote
from advisor.errors import UsageError

GIB = 1024**3
GPU_FREE_FRACTION = 0.98
"""Of a GPU's memory on an idle machine: the driver keeps a few hundred MiB of a 24 GiB card."""
HOST_RESERVE_FRACTION = 0.1
HOST_RESERVE_BYTES = (2 * GIB, 8 * GIB)
"""Main memory that the system and its services keep: a tenth, at least and at most these."""
APPLE_GPU_FRACTIONS = ((16, 0.66), (36, 0.70), (10**6, 0.75))
"""Up to so many GiB, Metal's default working set as a fraction; seen: 10.67 of 16, 17.76 of 24, 107.5 of 128 GiB."""
SHARED_GPU_FRACTIONS = {"AMD": 0.75, "Intel": 0.5}
"""Of main memory: an APU whose carve-out or GTT is raised (default half); an Intel iGPU's default half."""
ASSUMED_RAM_BYTES = 32 * GIB
ASSUMED_SOC_BYTES = 8 * GIB
"""Of a SoC whose memory nobody has listed: those are phones and boards."""
ASSUMED_CORES = 8
"""Of a processor that is not stated, or whose catalog entry covers parts with many numbers of cores."""
ASSUMED_CORES_BY_FORM = {"datacenter": 16, "server": 16, "workstation": 16, "embedded": 4, "phone": 6}
"""The same by what it is built for: near the low end of what is sold, so that nothing rests on more. Of a phone's eight
cores two are slow ones that engines leave alone."""
ASSUMED_CPU = "generic/generic-dual-channel-ddr4-3200"
"""The host of a GPU that is stated alone: modest, so that nothing is promised that rests on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the user says of a machine. None: not said."""

    gpus: tuple[tuple[int, DeviceSpec], ...] = ()
    cpu: DeviceSpec | None = None
    ram_bytes: int | None = None
    vram_bytes: int | None = None
    """Memory of each GPU."""
    cpu_only: bool = False


def host_available(total_bytes: int) -> int:
    """Main memory that an idle machine leaves to a new process."""
    low, high = HOST_RESERVE_BYTES
    return max(0, total_bytes - round(min(max(total_bytes * HOST_RESERVE_FRACTION, low), high)))


def _shared_fraction(spec: DeviceSpec, total_bytes: int) -> float:
    if spec.vendor == "Apple":
        return next(f for limit, f in APPLE_GPU_FRACTIONS if total_bytes <= limit * GIB)
    return SHARED_GPU_FRACTIONS.get(spec.vendor, 1.0)


def _matrix_rate(spec: DeviceSpec) -> tuple[float | None, str]:
    """FP16 rate, or FP32 where FP16 is slower (Pascal) or not stated: kernels then compute in FP32."""
    f16, f32 = spec.f16_flops, spec.f32_flops
    if f16 is not None and (f32 is None or f16 >= f32):
        return f16, "catalog"
    return f32, "catalog: FP32 rate"


def accelerator_of(
    spec: DeviceSpec, index: int = 0, *, memory_bytes: int | None = None, pool_bytes: int | None = None
) -> Accelerator:
    """An idle accelerator. `memory_bytes` overrides its memory; `pool_bytes`: main memory that a unified one shares."""
    total = memory_bytes or pool_bytes or spec.driver_visible_bytes or spec.memory_bytes
    available = None
    if total is not None and spec.unified:
        available = min(round(total * _shared_fraction(spec, total)), host_available(total))
    elif total is not None:
        available = round(total * GPU_FREE_FRACTION)
    rate, rate_source = _matrix_rate(spec)
    return Accelerator(
        index=index,
        name=spec.name,
        vendor=spec.vendor.lower(),
        memory_total_bytes=total,
        memory_available_bytes=available,
        unified=spec.unified,
        bandwidth_bytes_per_s=spec.bandwidth_bytes_per_s,
        f16_flops=rate,
        f32_flops=spec.f32_flops,
        int8_ops=spec.int8_ops,
        fp8_flops=spec.fp8_flops,
        fp4_flops=spec.fp4_flops,
        architecture=spec.architecture,
        compute_capability=spec.compute_capability,
        backend=spec.backend,
        pci_id=spec.pci_ids[0][:9] if spec.pci_ids else None,
        power_limit_w=spec.power_w,
        pcie_bytes_per_s=spec.pcie_bytes_per_s,
        link_bytes_per_s=spec.link_bytes_per_s,
        usable=spec.form != "display",
        sources={
            "memory_total_bytes": "stated" if memory_bytes else "catalog",
            "memory_available_bytes": "assumed: idle machine",
            "bandwidth_bytes_per_s": "catalog",
            "f16_flops": rate_source,
        },
    )


def memory_of(spec: DeviceSpec, stated_bytes: int | None) -> int:
    """Main memory of a SoC: as stated, its only size, or the smallest it is sold with. Raises UsageError for more."""
    sizes = spec.memory_options_bytes or ((spec.memory_bytes,) if spec.memory_bytes else ())
    if stated_bytes is not None:
        if sizes and stated_bytes > max(sizes) * 1.1:
            raise UsageError(
                f"{spec.name} has at most {max(sizes) // GIB} GiB of memory", hint="give --ram as it is built in"
            )
        return stated_bytes
    return min(sizes, default=ASSUMED_SOC_BYTES)


def _host(memory_bytes: int, cpu: DeviceSpec | None, source: str) -> HostMemory:
    return HostMemory(
        total_bytes=memory_bytes,
        available_bytes=host_available(memory_bytes),
        bandwidth_bytes_per_s=cpu.bandwidth_bytes_per_s if cpu else None,
        kind=cpu.memory_kind if cpu else None,
        sources={"total_bytes": source, "available_bytes": "assumed: idle machine", "bandwidth_bytes_per_s": "catalog"},
    )


def cpu_of(spec: DeviceSpec) -> Cpu:
    """The processor as the catalog knows it. Where its entry covers many numbers of cores, a modest one is assumed.

    On a phone the app chooses how many threads work, whatever kinds of cores there are.
    """
    phone = spec.form == "phone"
    arm = "neon" in spec.instruction_sets or phone
    cores = _cores_of(spec)
    taken = _app_threads(cores) if phone else None
    source = "catalog" if spec.cpu_cores else "assumed"
    return Cpu(
        name=spec.name,
        vendor=spec.vendor,
        machine="aarch64" if arm else "x86_64" if spec.instruction_sets else None,
        physical_cores=cores,
        logical_cores=cores,
        performance_cores=spec.performance_cores,
        clusters=spec.clusters_of(cores),
        usable_threads=taken or cores,
        app_threads=taken,
        instruction_sets=spec.instruction_sets,
        sources={"name": "catalog", "physical_cores": source, "usable_threads": "assumed" if phone else source},
    )


def _app_threads(cores: int) -> int:
    """Threads that an app on a phone takes: four fifths of more than four cores, slow ones or not.

    The default of PocketPal (a-ghorbani/pocketpal-ai, src/utils/deviceCapabilities.ts at 58d0e1b), which published
    measurements of phones were taken with.
    """
    return cores if cores <= 4 else cores * 4 // 5


def _cores_of(spec: DeviceSpec) -> int:
    return spec.cpu_cores or ASSUMED_CORES_BY_FORM.get(spec.form or "", ASSUMED_CORES)


def _cores_notes(spec: DeviceSpec) -> list[ProbeNote]:
    """What is assumed of its cores, in words."""
    if spec.cpu_cores or spec.vendor == "Apple":
        return []
    message = f"number of cores not known: {_cores_of(spec)} assumed for {spec.name}"
    hint = "name the processor itself (`--cpu i7-12700`), or give a probe file of the machine"
    return [ProbeNote(source="assumed", message=message, hint=hint)]


def _size_source(spec: DeviceSpec) -> str:
    return "assumed: the smallest size it is sold with" if len(spec.memory_options_bytes) > 1 else "catalog"


def _smallest_note(spec: DeviceSpec) -> ProbeNote:
    options = ", ".join(f"{b // GIB}" for b in spec.memory_options_bytes)
    smallest = min(spec.memory_options_bytes) // GIB
    message = f"memory not stated: the smallest, {smallest} GiB, of {options} is taken"
    return ProbeNote(source="catalog", message=message, hint="give --ram")


def soc_machine(spec: DeviceSpec, *, ram_bytes: int | None = None) -> Machine:
    """A machine around a SoC, with the stated memory or the smallest it is sold with."""
    total = memory_of(spec, ram_bytes)
    notes = [ProbeNote(source="catalog", message="free memory is assumed: an idle machine")]
    if ram_bytes is None and not spec.memory_options_bytes and not spec.memory_bytes:
        message = f"memory not stated: {total // GIB} GiB assumed"
        notes.append(ProbeNote(source="assumed", message=message, hint="give --ram"))
    if ram_bytes is None and len(spec.memory_options_bytes) > 1:
        notes.append(_smallest_note(spec))
    notes += _cores_notes(spec)
    return Machine(
        name=spec.name,
        origin="catalog",
        os="darwin" if spec.vendor == "Apple" else "linux",
        cpu=cpu_of(spec),
        memory=_host(total, spec, "stated" if ram_bytes else _size_source(spec)),
        accelerators=(accelerator_of(spec, pool_bytes=total),) if spec.backend not in (None, "cpu") else (),
        catalog_id=spec.id,
        max_power_w=spec.power_w,
        notes=tuple(notes),
    )


def _assumed_cpu() -> Cpu:
    """Cores for the part of a model that a GPU does not hold; modest, so that nothing is promised that rests on it."""
    sources = {"physical_cores": "assumed", "usable_threads": "assumed", "instruction_sets": "assumed"}
    return Cpu(
        physical_cores=ASSUMED_CORES,
        logical_cores=ASSUMED_CORES,
        usable_threads=ASSUMED_CORES,
        instruction_sets=("avx2",),
        sources=sources,
    )


def _host_bytes(cpu: DeviceSpec | None) -> int:
    """Main memory that is not stated: the least that is soldered beside the processor (a board), or the usual."""
    return min(cpu.memory_options_bytes, default=ASSUMED_RAM_BYTES) if cpu else ASSUMED_RAM_BYTES


def _memory_note(cpu: DeviceSpec | None) -> ProbeNote:
    if cpu is not None and cpu.memory_options_bytes:
        return _smallest_note(cpu)
    message = f"main memory not stated: {ASSUMED_RAM_BYTES // GIB} GiB assumed"
    return ProbeNote(source="assumed", message=message, hint="give --ram, and --cpu for its bandwidth")


def gpu_machine(
    gpus: Sequence[tuple[int, DeviceSpec]],
    *,
    cpu: DeviceSpec | None,
    ram_bytes: int | None,
    vram_bytes: int | None = None,
    name: str | None = None,
    assumed_cpu: DeviceSpec | None = None,
) -> Machine:
    """GPUs in a host; a host that is not stated is assumed and noted."""
    cards = [spec for count, spec in gpus for _ in range(count)]
    notes = [ProbeNote(source="catalog", message="free memory is assumed: an idle machine")]
    if ram_bytes is None:
        notes.append(_memory_note(cpu))
    if cpu is None and assumed_cpu is not None:
        message = f"processor not stated: {ASSUMED_CORES} cores with AVX2 and dual-channel memory assumed"
        notes.append(ProbeNote(source="assumed", message=message, hint="give --cpu"))
    if cpu is not None:
        notes += _cores_notes(cpu)
    host = cpu or assumed_cpu
    return Machine(
        name=name or " + ".join(f"{count}x {spec.name}" if count > 1 else spec.name for count, spec in gpus),
        origin="stated",
        os="linux",
        cpu=cpu_of(cpu) if cpu else _assumed_cpu() if assumed_cpu else Cpu(),
        memory=_host(ram_bytes or _host_bytes(cpu), host, "stated" if ram_bytes else "assumed"),
        accelerators=tuple(accelerator_of(spec, i, memory_bytes=vram_bytes) for i, spec in enumerate(cards)),
        catalog_id=gpus[0][1].id if len(gpus) == 1 else None,
        notes=tuple(notes),
    )


def cpu_machine(cpu: DeviceSpec | None, ram_bytes: int | None, assumed_cpu: DeviceSpec | None = None) -> Machine:
    """A machine without accelerators."""
    spec = cpu or assumed_cpu
    machine = gpu_machine((), cpu=cpu, ram_bytes=ram_bytes, name=spec.name if spec else "CPU", assumed_cpu=assumed_cpu)
    return replace(machine, catalog_id=cpu.id if cpu else None)


def stated_machine(stated: Stated, assumed_cpu: DeviceSpec | None = None) -> Machine:
    """The machine that `--gpu --ram --vram --cpu --cpu-only` describe. Raises UsageError."""
    socs = [spec for _, spec in stated.gpus if spec.unified]
    if stated.cpu_only or not stated.gpus:
        cpu = stated.cpu or (socs[0] if socs else None)
        if cpu is not None and cpu.unified:
            return replace(soc_machine(cpu, ram_bytes=stated.ram_bytes), accelerators=())
        return cpu_machine(cpu, stated.ram_bytes, assumed_cpu)
    if socs:
        if len(stated.gpus) > 1 or stated.gpus[0][0] > 1:
            raise UsageError(f"{socs[0].name} is a whole machine and cannot be combined with other GPUs")
        return soc_machine(socs[0], ram_bytes=stated.ram_bytes or stated.vram_bytes)
    return gpu_machine(
        stated.gpus, cpu=stated.cpu, ram_bytes=stated.ram_bytes, vram_bytes=stated.vram_bytes, assumed_cpu=assumed_cpu
    )


def whole_machine(spec: DeviceSpec, parts: Sequence[tuple[int, DeviceSpec]]) -> Machine:
    """A machine of the catalog from its parts."""
    socs = [part for _, part in parts if part.kind is DeviceKind.SOC]
    if socs:
        machine = soc_machine(socs[0], ram_bytes=spec.memory_bytes)
    else:
        gpus = [(count, part) for count, part in parts if part.kind in (DeviceKind.GPU, DeviceKind.NPU)]
        cpu = next((part for _, part in parts if part.kind is DeviceKind.CPU), None)
        machine = gpu_machine(gpus, cpu=cpu, ram_bytes=spec.memory_bytes)
    return replace(machine, name=spec.name, origin="catalog", catalog_id=spec.id, max_power_w=spec.power_w)
