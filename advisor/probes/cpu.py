"""The processor on Linux: name, cores that are physical and fast, instruction sets, threads we may use.

Physical cores are distinct sets of sibling threads; performance cores are told by the kernel's own lists, by
capacity or by top frequency. The kernel's flag list honours what the operating system and hypervisor allow.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from advisor.domain.machine import CoreCluster, Cpu
from advisor.probes.arm_parts import core_name
from advisor.probes.host import Host
from advisor.probes.limits import Limits
from advisor.probes.text import clean_or_none, number_set, whole

_CPU = "/sys/devices/system/cpu"
_NODES = "/sys/devices/system/node"
SLOW_CORE = 0.85
"""Cores below this share of the top frequency are efficiency cores: P-cores of one chip differ by a few percent
(i7-1370P: 5.0 and 5.2 GHz), its E-cores run at 3.9."""
SMALL_CORE = 0.9
"""The same for the kernel's `cpu_capacity` (GB10: 718 against up to 1024)."""

_CLOCKS_KHZ = range(200_000, 10_000_000)
"""What else the kernel's `cpuinfo_max_freq` says is no core's clock."""

_X86_SETS = (
    "sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
)  # fmt: skip
_ARM_SETS = {
    "asimd": "neon", "asimdhp": "fp16", "asimddp": "dotprod", "i8mm": "i8mm", "bf16": "bf16",
    "sve": "sve", "sve2": "sve2", "sme": "sme",
}  # fmt: skip
"""Kernel's hwcap names and the names in use elsewhere."""
_VENDORS = {
    "AuthenticAMD": "amd", "GenuineIntel": "intel", "HygonGenuine": "hygon",
    "0x41": "arm", "0x48": "huawei", "0x4e": "nvidia", "0x51": "qualcomm", "0x61": "apple", "0xc0": "ampere",
}  # fmt: skip
"""CPUID vendor strings, and ARM implementer codes (kernel arch/arm64/include/asm/cputype.h)."""


def read_cpu(host: Host, limits: Limits) -> Cpu:
    """The processor; every field None where this system does not say."""
    blocks = _blocks(host.read("/proc/cpuinfo", 4 << 20))
    online = number_set(host.read(f"{_CPU}/online"))
    cores = _cores(host, online)
    logical = len(online) or len([b for b in blocks if "processor" in b]) or None
    arch = host.read("/proc/sys/kernel/arch")
    told: dict[str, tuple[Any, str]] = {
        "name": _name(host, blocks),
        "vendor": (_vendor(blocks), "/proc/cpuinfo"),
        "machine": (machine_name(host), "/proc/sys/kernel/arch" if arch else "uname"),
        "physical_cores": (
            len(cores) or _physical_from_blocks(blocks),
            f"{_CPU} topology" if cores else "/proc/cpuinfo",
        ),
        "logical_cores": (logical, f"{_CPU}/online" if online else "/proc/cpuinfo"),
        "performance_cores": _performance_cores(host, cores),
        "clusters": _clusters(host, blocks, cores),
        "usable_threads": usable_threads(logical, limits),
        "sockets": (_sockets(host, cores), f"{_CPU} topology"),
        "numa_nodes": (_numa_nodes(host), _NODES),
        "instruction_sets": (_instruction_sets(blocks), "/proc/cpuinfo"),
    }
    values = {fact: value for fact, (value, _) in told.items()}
    return Cpu(**values, sources={fact: source for fact, (value, source) in told.items() if value})


def machine_name(host: Host) -> str | None:
    """x86_64, aarch64 ... as uname says it."""
    return clean_or_none(host.read("/proc/sys/kernel/arch")) or clean_or_none(host.ask("machine"))


def usable_threads(logical: int | None, limits: Limits) -> tuple[int | None, str]:
    """Threads that can really run at once, rounded down: one thread too many is throttled, and all wait for it."""
    bounds: list[tuple[float, str]] = []
    if logical is not None:
        bounds.append((logical, "CPUs online"))
    if limits.allowed_cpus is not None:
        bounds.append((limits.allowed_cpus, "scheduler affinity"))
    if limits.cpu_quota is not None:
        bounds.append((limits.cpu_quota, "cgroup CPU quota"))
    if not bounds:
        return None, ""
    smallest, source = min(bounds, key=lambda bound: bound[0])
    return max(1, math.floor(smallest)), source


def _blocks(text: str | None) -> list[dict[str, str]]:
    """One mapping for each block of /proc/cpuinfo."""
    blocks: list[dict[str, str]] = []
    for part in (text or "").split("\n\n"):
        block: dict[str, str] = {}
        for line in part.splitlines():
            key, colon, value = line.partition(":")
            if colon:
                block[key.strip()] = value.strip()
        if block:
            blocks.append(block)
    return blocks


def _cores(host: Host, online: frozenset[int]) -> list[int]:
    """The first thread of every physical core."""
    found: list[int] = []
    seen: set[int] = set()
    for cpu in sorted(online):
        if cpu in seen:
            continue
        topology = f"{_CPU}/cpu{cpu}/topology"
        text = host.read(f"{topology}/core_cpus_list") or host.read(f"{topology}/thread_siblings_list")
        siblings = number_set(text) or _mask(host.read(f"{topology}/thread_siblings"))
        if not siblings:
            return []
        seen |= siblings
        found.append(cpu)
    return found


def _sockets(host: Host, cores: list[int]) -> int | None:
    """Distinct packages; ARM boards that do not number them say -1."""
    found = {whole(host.read(f"{_CPU}/cpu{core}/topology/physical_package_id")) for core in cores} - {None, -1}
    return len(found) or None


def _numa_nodes(host: Host) -> int | None:
    """Nodes with CPUs: memory alone is a GPU's or CXL."""
    nodes = [name for name in host.names(_NODES) if name.startswith("node") and name[4:].isdigit()][:1024]
    return sum(1 for name in nodes if number_set(host.read(f"{_NODES}/{name}/cpulist"))) or None


def _mask(text: str | None) -> frozenset[int]:
    """CPUs of a hexadecimal mask `0000000f,00000003`, as old kernels write it."""
    bits = whole((text or "").replace(",", ""), 16) if text else None
    return frozenset(i for i in range(bits.bit_length()) if bits >> i & 1) if bits and bits > 0 else frozenset()


def _physical_from_blocks(blocks: list[dict[str, str]]) -> int | None:
    packages: dict[str, int] = {}
    for block in blocks:
        count = whole(block.get("cpu cores"))
        if count:
            packages[block.get("physical id", "0")] = count
    return sum(packages.values()) or None


def _performance_cores(host: Host, cores: list[int]) -> tuple[int | None, str]:
    """How many of the cores are fast ones; all of them where the kernel sees no difference."""
    if not cores:
        return None, ""
    fast = number_set(host.read("/sys/devices/cpu_core/cpus"))
    if fast:
        return len([c for c in cores if c in fast]), "/sys/devices/cpu_core/cpus"
    for name, share in (("cpu_capacity", SMALL_CORE), ("cpufreq/cpuinfo_max_freq", SLOW_CORE)):
        values = _core_values(host, cores, name)
        if len(values) == len(cores) and min(values) < share * max(values):
            return len([v for v in values if v >= share * max(values)]), f"{_CPU} {name}"
    return len(cores), f"{_CPU} topology"


def _core_values(host: Host, cores: Iterable[int], name: str) -> list[int]:
    values: list[int] = []
    for cpu in cores:
        value = whole(host.read(f"{_CPU}/cpu{cpu}/{name}"))
        if value is None:
            return []
        values.append(value)
    return values


def _clusters(host: Host, blocks: list[dict[str, str]], cores: list[int]) -> tuple[tuple[CoreCluster, ...], str]:
    """Cores by design and top clock, the highest clock first; x86 names its product, not the design of its cores."""
    clocks = _core_values(host, cores, "cpufreq/cpuinfo_max_freq") or [0] * len(cores)
    kinds = {whole(b.get("processor")): core_name(b.get("CPU implementer", ""), b.get("CPU part", "")) for b in blocks}
    found = Counter(
        (kHz if kHz in _CLOCKS_KHZ else 0, kinds.get(core)) for core, kHz in zip(cores, clocks, strict=True)
    )
    if not any(kHz or kind for kHz, kind in found):
        return (), ""
    ranked = sorted(found.items(), key=lambda item: (-item[0][0], item[0][1] or ""))
    clusters = tuple(CoreCluster(cores=n, kind=kind, max_hz=kHz * 1e3 if kHz else None) for (kHz, kind), n in ranked)
    return clusters, f"{_CPU} cpufreq, /proc/cpuinfo"


def _vendor(blocks: list[dict[str, str]]) -> str | None:
    for block in blocks:
        code = block.get("vendor_id") or block.get("CPU implementer")
        if code:
            return _VENDORS.get(code, "other")
    return None


def _name(host: Host, blocks: list[dict[str, str]]) -> tuple[str | None, str]:
    """The marketing name; on ARM the names of all kinds of cores."""
    for block in blocks:
        name = clean_or_none(block.get("model name"))
        if name and block.get("CPU part") is None:
            return name, "/proc/cpuinfo model name"
    kinds = [
        core_name(b["CPU implementer"], b["CPU part"]) for b in blocks if {"CPU implementer", "CPU part"} <= b.keys()
    ]
    if any(kinds):
        return " + ".join(dict.fromkeys(k for k in kinds if k)), "/proc/cpuinfo CPU part"
    for path in ("/proc/device-tree/model", "/sys/firmware/devicetree/base/model"):
        name = clean_or_none(host.read(path))
        if name:
            return name, path
    name = next((clean_or_none(b.get("cpu")) for b in blocks if b.get("cpu")), None)
    return name, "/proc/cpuinfo cpu"


def _instruction_sets(blocks: list[dict[str, str]]) -> tuple[str, ...]:
    """The sets every core has, in a fixed order."""
    x86 = next((b["flags"] for b in blocks if "flags" in b), None)
    if x86 is not None:
        flags = set(x86.split())
        return tuple(name for name in _X86_SETS if name in flags)
    lists = [set(b["Features"].split()) for b in blocks if "Features" in b]
    shared = set.intersection(*lists) if lists else set()
    return tuple(name for flag, name in _ARM_SETS.items() if flag in shared)
