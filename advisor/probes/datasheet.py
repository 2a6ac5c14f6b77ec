"""Fills what a machine did not tell from the hardware catalog: by PCI id first, by name second, else unknown.

What a driver said always stands; a data sheet only fills gaps and is named as the source.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from advisor.domain.machine import Accelerator, CoreCluster, Cpu, HostMemory

if TYPE_CHECKING:
    from advisor.domain.device import DeviceSpec, HardwareLookup
    from advisor.probes.merge import Merged

_VENDOR_LABELS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel", "apple": "Apple", "huawei": "Huawei"}
_RATES = {"bandwidth_bytes_per_s", "f16_flops", "f32_flops", "int8_ops", "fp8_flops", "fp4_flops"}
_FILLED = ("architecture", "compute_capability", "backend", "power_limit_w", "pcie_bytes_per_s", "link_bytes_per_s")


def fill_accelerator(merged: Merged, lookup: HardwareLookup | None, cpu_name: str | None = None) -> Accelerator:
    """The device with gaps filled and a name that a person knows.

    `cpu_name` identifies a chip that is CPU and GPU at once where its PCI id stands for several.
    """
    device = merged.device
    spec, how = _find(merged, lookup, cpu_name) if lookup else (None, "")
    if spec is not None:
        device = _filled(device, spec, how, merged)
    if not device.name:
        name = (
            spec.name if spec else f"{_VENDOR_LABELS.get(device.vendor, 'Unknown')} GPU {device.pci_id or ''}".strip()
        )
        device = replace(device, name=name, sources={**device.sources, "name": how or "pci"})
    return device


def _find(merged: Merged, lookup: HardwareLookup, cpu_name: str | None) -> tuple[DeviceSpec | None, str]:
    device = merged.device
    memory = None if device.unified or device.shared_with else device.memory_total_bytes
    if device.pci_id:
        spec = lookup.by_pci(device.pci_id, memory_bytes=memory, revision=merged.revision)
        if spec is not None:
            return spec, "catalog: pci id"
    for name in filter(None, (device.name, *merged.other_names)):
        spec = lookup.identify(
            pci_id=device.pci_id,
            name=name,
            memory_bytes=memory,
            revision=merged.revision,
            bandwidth_bytes_per_s=None if device.shared_with else device.bandwidth_bytes_per_s,
        )
        if spec is not None:
            return spec, "catalog: name"
    chip = lookup.by_name(cpu_name) if device.unified and cpu_name else None
    return (chip, "catalog: CPU name") if chip is not None and chip.unified else (None, "")


def _filled(device: Accelerator, spec: DeviceSpec, how: str, merged: Merged) -> Accelerator:
    wanted: dict[str, Any] = {name: getattr(spec, "power_w" if name == "power_limit_w" else name) for name in _FILLED}
    shares = {"bandwidth_bytes_per_s": merged.memory_share, "f16_flops": merged.compute_share}
    for rate in _RATES:
        value, share = getattr(spec, rate), shares.get(rate, merged.compute_share)
        wanted[rate] = value * share if value is not None and share else None
    if not spec.unified and not device.unified and not device.shared_with:
        wanted["memory_total_bytes"] = spec.driver_visible_bytes or spec.memory_bytes
    if device.shared_with:
        wanted["power_limit_w"] = wanted["link_bytes_per_s"] = None  # a slice has no links of its own
    gaps = {name: value for name, value in wanted.items() if value is not None and getattr(device, name) is None}
    return replace(
        device,
        **gaps,
        unified=device.unified or spec.unified,
        family=None if device.shared_with else spec.name,  # a slice is slower than the whole that was measured
        sources={**device.sources, **dict.fromkeys(gaps, how)},
    )


def share_bandwidth(memory: HostMemory, devices: tuple[Accelerator, ...]) -> HostMemory:
    """Main memory with the bandwidth that a GPU's driver told of the memory they share."""
    for device in devices:
        source = device.sources.get("bandwidth_bytes_per_s", "catalog")
        if device.unified and device.bandwidth_bytes_per_s is not None and not source.startswith("catalog"):
            sources = {**memory.sources, "bandwidth_bytes_per_s": f"{source}, shared memory"}
            return replace(memory, bandwidth_bytes_per_s=device.bandwidth_bytes_per_s, sources=sources)
    return memory


def _clusters(cpu: Cpu, spec: DeviceSpec) -> tuple[CoreCluster, ...]:
    """Cores by kind and clock: as probed, what is missing of each from the data sheet's cluster of its rank.

    Nothing where the numbers of cores differ and kinds differ too: which of them this machine has is then not known.
    """
    cores = sum(c.cores for c in cpu.clusters) or cpu.physical_cores or 0
    listed = spec.clusters_of(cores)
    if not listed or (len(spec.clusters) > 1 and spec.cpu_cores != cores):
        return cpu.clusters
    if not cpu.clusters:
        return listed
    ranked = [c for c in listed for _ in range(c.cores)]
    filled, first = [], 0
    for cluster in cpu.clusters:
        sheet = ranked[min(first, len(ranked) - 1)]
        same = cluster.kind in (None, sheet.kind)
        hz = cluster.max_hz or (sheet.max_hz if same else None)
        filled.append(replace(cluster, kind=cluster.kind or sheet.kind, max_hz=hz))
        first += cluster.cores
    return tuple(filled)


def fill_host(
    cpu: Cpu, memory: HostMemory, lookup: HardwareLookup | None, boards: tuple[str, ...]
) -> tuple[Cpu, HostMemory]:
    """CPU rate and main memory's bandwidth by the CPU's name, or by the names of the whole board."""
    # a processor's name without a model number ("AMD EPYC" in a virtual machine) names no product
    numbered = cpu.name if cpu.name and any(c.isdigit() for c in cpu.name) else None
    spec = next((s for name in (numbered, *boards) if name and lookup and (s := lookup.by_name(name))), None)
    if spec is None:
        return cpu, memory
    label = f"catalog: {spec.name}"
    cpu = replace(cpu, family=spec.name, clusters=_clusters(cpu, spec))
    if cpu.f32_flops is None and spec.f32_flops is not None and not spec.unified:
        cpu = replace(cpu, f32_flops=spec.f32_flops, sources={**cpu.sources, "f32_flops": label})
    gaps: dict[str, Any] = {}
    if memory.bandwidth_bytes_per_s is None and spec.bandwidth_bytes_per_s is not None:
        gaps["bandwidth_bytes_per_s"] = spec.bandwidth_bytes_per_s
    if memory.kind is None and spec.memory_kind is not None:
        gaps["kind"] = spec.memory_kind
    return cpu, replace(memory, **gaps, sources={**memory.sources, **dict.fromkeys(gaps, label)})
