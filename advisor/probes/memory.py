"""Main memory on Linux: how much there is, how much a new process can take, swap.

MemTotal less the memory of GPUs that show up as NUMA nodes; MemAvailable, never MemFree, with the part of the ZFS
cache that shrinks added; both bounded by the cgroup. Swap in zram is memory counted twice and is left out.
"""

import re

from advisor.domain.machine import HostMemory, ProbeNote
from advisor.probes.host import Host
from advisor.probes.limits import Limits
from advisor.probes.text import fields, kib, number_set, positive, whole

_NODE = re.compile(r"node(\d+)")


def read_memory(host: Host, limits: Limits) -> tuple[HostMemory, tuple[ProbeNote, ...]]:
    """Main memory as this process may use it, in bytes."""
    info = fields(host.read("/proc/meminfo"))
    total = kib(info.get("MemTotal"))
    sources = {"total_bytes": "/proc/meminfo MemTotal"} if total is not None else {}
    gpu, gpu_free = _gpu_node_bytes(host)
    if total is not None and gpu:
        total = max(0, total - gpu)
        sources["total_bytes"] += " less NUMA nodes of GPUs"
    available = _available(host, info, total, sources, gpu_free)
    if limits.memory_free_bytes is not None:
        available = limits.memory_free_bytes if available is None else min(available, limits.memory_free_bytes)
        if available == limits.memory_free_bytes:
            sources["available_bytes"] = f"{limits.memory_source} (limit less use, file cache free)"
    limit = limits.memory_bytes if total is None or (limits.memory_bytes or 0) < total else None
    if limit is not None and limits.memory_source:
        sources["limit_bytes"] = limits.memory_source
        available = limit if available is None else min(available, limit)
    swap = _swap_bytes(host)
    if swap is not None:
        sources["swap_bytes"] = "/proc/swaps without zram"
    memory = HostMemory(
        total_bytes=total, available_bytes=available, limit_bytes=limit, swap_bytes=swap, sources=sources
    )
    return memory, tuple(_notes(info, limits))


def _available(
    host: Host, info: dict[str, str], total: int | None, sources: dict[str, str], gpu_free: int
) -> int | None:
    available = kib(info.get("MemAvailable"))
    if available is None:
        return None
    sources["available_bytes"] = "/proc/meminfo MemAvailable"
    if gpu_free:
        available = max(0, available - gpu_free)
        sources["available_bytes"] += " less what is free on NUMA nodes of GPUs"
    arc = _shrinkable_arc_bytes(host)
    if arc:
        available += arc
        sources["available_bytes"] += " and the ZFS cache above its minimum"
    return available if total is None else min(available, total)


def _shrinkable_arc_bytes(host: Host) -> int:
    """ZFS's cache gives memory back down to `c_min`, but MemAvailable does not count it."""
    values: dict[str, int] = {}
    for line in (host.read("/proc/spl/kstat/zfs/arcstats") or "").splitlines():
        words = line.split()
        value = whole(words[2]) if len(words) == 3 else None
        if value is not None:
            values[words[0]] = value
    return max(0, values.get("size", 0) - values.get("c_min", 0))


def _gpu_node_bytes(host: Host) -> tuple[int, int]:
    """Memory, and free memory, of NUMA nodes that belong to NVIDIA GPUs (GH200, GB200, POWER9), in bytes.

    Only nodes that the driver names as a GPU's own, and only those without CPUs: a node without CPUs alone may as
    well be CXL memory, which is real.
    """
    nodes: set[int] = set()
    for gpu in host.names("/proc/driver/nvidia/gpus"):
        status = fields(host.read(f"/proc/driver/nvidia/gpus/{gpu}/numa_status"))
        node = whole(status.get("Node"))
        if node is not None and not number_set(host.read(f"/sys/devices/system/node/node{node}/cpulist")):
            nodes.add(node)
    texts = [host.read(f"/sys/devices/system/node/node{node}/meminfo") or "" for node in nodes]
    total = sum(_node_bytes(text, "MemTotal") for text in texts)
    return total, sum(_node_bytes(text, key) for text in texts for key in _RECLAIMED)


_RECLAIMED = ("MemFree", "Active(file)", "Inactive(file)")
"""What of a node MemAvailable counts, nearly: free pages and the file cache."""


def _node_bytes(text: str, key: str) -> int:
    match = re.search(rf"{re.escape(key)}:\s+(\d{{1,14}}) kB", text)
    return int(match[1]) * 1024 if match else 0


def _swap_bytes(host: Host) -> int | None:
    """Swap on disks and files (proc(5), /proc/swaps: sizes in KiB)."""
    text = host.read("/proc/swaps")
    if text is None:
        return None
    total = 0
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 3 and not words[0].startswith("/dev/zram"):
            total += (positive(words[2]) or 0) * 1024
    return total


def _notes(info: dict[str, str], limits: Limits) -> list[ProbeNote]:
    notes: list[ProbeNote] = []
    pages, page = whole(info.get("HugePages_Total")), kib(info.get("Hugepagesize"))
    if pages and page and pages * page >= 1 << 30:
        reserved = pages * page / (1 << 30)
        message = f"{reserved:.1f} GiB are reserved as huge pages and lost to models"
        notes.append(
            ProbeNote(source="/proc/meminfo", message=message, hint="lower vm.nr_hugepages if nothing uses them")
        )
    if limits.address_space_bytes is not None:
        size = limits.address_space_bytes / (1 << 30)
        message = f"the address space is limited to {size:.1f} GiB, mapped model files included"
        notes.append(ProbeNote(source="/proc/self/limits", message=message, hint="raise it with ulimit -v unlimited"))
    return notes
