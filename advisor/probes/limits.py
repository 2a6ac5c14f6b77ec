"""What this process may use: cgroup v1, v2 and hybrid limits of memory and CPU, address-space limits, affinity.

A limit may sit on any group above ours, so every group up to the mount is read and the smallest limit counts.
File cache inside a group is not use: the kernel gives it back when memory is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from advisor.probes.host import Host
from advisor.probes.text import clean, fields, number_set, positive, whole

UNLIMITED_V1 = 1 << 62
"""cgroup v1 writes "no limit" as the largest page count times the page size, 9223372036854771712 with 4 KiB pages."""
MAX_DEPTH = 64
"""Groups nested deeper than this are not walked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What binds this process. None: no limit of that kind."""

    memory_bytes: int | None = None
    memory_free_bytes: int | None = None
    """Room left below the limit, file cache counted as free."""
    memory_source: str | None = None
    cpu_quota: float | None = None
    """CPUs' worth of time per period."""
    allowed_cpus: int | None = None
    """CPUs in this process's affinity mask, cpusets counted in."""
    address_space_bytes: int | None = None
    """`ulimit -v`: a mapped model file counts against it."""


_Mounts = dict[str, tuple[str, str]]
"""Mount point and mounted root by controller."""
_Group = tuple[int, int | None, str]
"""Limit and use in bytes, and the group's folder."""


def read_limits(host: Host) -> Limits:
    """All limits of this process. Anything unreadable counts as no limit."""
    mounts, paths = _mounts(host), _paths(host)
    groups = [*_groups_v2(host, mounts, paths), *_groups_v1(host, mounts, paths)]
    smallest = min(groups, key=lambda group: group[0], default=None)
    rooms = [max(0, limit - used) for limit, used, _ in groups if used is not None]
    quotas = [*_quotas_v2(host, mounts, paths), *_quotas_v1(host, mounts, paths)]
    return Limits(
        memory_bytes=smallest[0] if smallest else None,
        memory_free_bytes=min(rooms, default=None),
        memory_source=f"cgroup {clean(smallest[2], 300)}" if smallest else None,
        cpu_quota=min(quotas, default=None),
        allowed_cpus=_allowed_cpus(host),
        address_space_bytes=_address_space(host),
    )


def _mounts(host: Host) -> _Mounts:
    """cgroup mounts by controller, `v2` for the unified tree (proc(5), mountinfo)."""
    found: _Mounts = {}
    for line in (host.read("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        place, kind = left.split(), right.split()
        if len(place) < 5 or len(kind) < 3:
            continue
        mount = (place[4].replace("\\040", " "), place[3])
        if kind[0] == "cgroup2":
            found.setdefault("v2", mount)
        elif kind[0] == "cgroup":
            for controller in kind[2].split(","):
                found.setdefault(controller, mount)
    return found


def _paths(host: Host) -> dict[str, str]:
    """Our group by controller, `v2` for the unified tree (cgroups(7), /proc/self/cgroup)."""
    found: dict[str, str] = {}
    for line in (host.read("/proc/self/cgroup") or "").splitlines():
        hierarchy, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if hierarchy == "0" and not controllers:
            found["v2"] = path
        for controller in filter(None, controllers.split(",")):
            found[controller] = path
    return found


def _chain(host: Host, key: str, mounts: _Mounts, paths: dict[str, str]) -> Iterator[str]:
    """Our group's folder and every one above it up to the mount point."""
    mount, path = mounts.get(key), paths.get(key)
    if mount is None or path is None:
        return
    point, root = mount
    if root != "/" and (path == root or path.startswith(root + "/")):
        path = path[len(root) :]
    parts = [p for p in path.split("/") if p]
    # inside a cgroup namespace our own path is hidden ("/../x"): the mount point is then our group
    if ".." in parts or len(parts) > MAX_DEPTH or not host.exists("/".join([point, *parts])):
        parts = []
    for count in range(len(parts), -1, -1):
        yield "/".join([point, *parts[:count]])


def _groups_v2(host: Host, mounts: _Mounts, paths: dict[str, str]) -> Iterator[_Group]:
    for folder in _chain(host, "v2", mounts, paths):
        limits = [whole(host.read(f"{folder}/{name}")) for name in ("memory.max", "memory.high")]
        known = [v for v in limits if v is not None and 0 <= v < UNLIMITED_V1]
        if known:
            cache = ("inactive_file", "active_file")
            yield min(known), _used(host, folder, "memory.current", cache), folder


def _groups_v1(host: Host, mounts: _Mounts, paths: dict[str, str]) -> Iterator[_Group]:
    for folder in _chain(host, "memory", mounts, paths):
        limit = whole(host.read(f"{folder}/memory.limit_in_bytes"))
        if limit is not None and 0 <= limit < UNLIMITED_V1:
            cache = ("total_inactive_file", "total_active_file")
            yield limit, _used(host, folder, "memory.usage_in_bytes", cache), folder


def _used(host: Host, folder: str, name: str, cache: tuple[str, ...]) -> int | None:
    """Bytes a group holds that the kernel cannot simply drop."""
    current = whole(host.read(f"{folder}/{name}"))
    if current is None:
        return None
    stat = fields(host.read(f"{folder}/memory.stat"), " ")
    return max(0, current - sum(whole(stat.get(key)) or 0 for key in cache))


def _quotas_v2(host: Host, mounts: _Mounts, paths: dict[str, str]) -> Iterator[float]:
    for folder in _chain(host, "v2", mounts, paths):
        words = (host.read(f"{folder}/cpu.max") or "").split()
        quota = whole(words[0]) if words else None
        period = whole(words[1]) if len(words) > 1 else 100_000
        if quota and period and quota > 0 and period > 0:
            yield quota / period


def _quotas_v1(host: Host, mounts: _Mounts, paths: dict[str, str]) -> Iterator[float]:
    for folder in _chain(host, "cpu", mounts, paths):
        quota = whole(host.read(f"{folder}/cpu.cfs_quota_us"))
        period = whole(host.read(f"{folder}/cpu.cfs_period_us"))
        if quota and period and quota > 0 and period > 0:
            yield quota / period


def _allowed_cpus(host: Host) -> int | None:
    """CPUs the scheduler may put us on: the affinity mask, which the kernel keeps inside the cpuset."""
    status = fields(host.read("/proc/self/status"))
    return len(number_set(status.get("Cpus_allowed_list"))) or None


def _address_space(host: Host) -> int | None:
    """The soft limit of `Max address space` in /proc/self/limits."""
    for line in (host.read("/proc/self/limits") or "").splitlines():
        if line.startswith("Max address space"):
            words = line[len("Max address space") :].split()
            return positive(words[0]) if words else None
    return None
