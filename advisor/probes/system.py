"""The operating system around us: its version, container, WSL or virtual machine, battery and power profile."""

from dataclasses import dataclass

from advisor.domain.machine import ProbeNote
from advisor.probes.host import Host
from advisor.probes.text import clean_or_none, fields

OS_NAMES = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv", "/run/systemd/container")
_CONTAINER_GROUPS = ("docker", "kubepods", "containerd", "lxc", "libpod", "garden")
_VM_MAKERS = (
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "innotek",
    "xen",
    "amazon ec2",
    "google compute",
    "bochs",
    "parallels",
)
"""DMI vendor and product names of hypervisors and clouds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What surrounds the hardware."""

    name: str
    os: str | None
    os_version: str | None
    virtualization: str | None
    on_battery: bool | None
    sources: dict[str, str]
    notes: tuple[ProbeNote, ...] = ()


def read_system(host: Host) -> System:
    """Name, version, virtualization and power on Linux; each None where unknown."""
    kernel = clean_or_none(host.read("/proc/sys/kernel/osrelease"))
    virtualization, source = _virtualization(host, kernel or "")
    battery = on_battery(host)
    sources = {"name": "/proc/sys/kernel/hostname", "os": "platform", "os_version": "/etc/os-release"}
    sources["virtualization"] = source
    if battery is not None:
        sources["on_battery"] = "/sys/class/power_supply"
    return System(
        name=clean_or_none(host.read("/proc/sys/kernel/hostname")) or "this machine",
        os=OS_NAMES.get(host.platform, clean_or_none(host.platform)),
        os_version=_version(host, kernel),
        virtualization=virtualization,
        on_battery=battery,
        sources={key: text for key, text in sources.items() if text},
        notes=tuple(_notes(host, virtualization, battery)),
    )


def _version(host: Host, kernel: str | None) -> str | None:
    release = fields(host.read("/etc/os-release"), "=").get("PRETTY_NAME", "").strip('"')
    return clean_or_none(", ".join(part for part in (release, f"kernel {kernel}" if kernel else "") if part))


def _virtualization(host: Host, kernel: str) -> tuple[str | None, str]:
    """wsl before container before vm: the innermost that limits what is seen."""
    if "microsoft" in kernel.lower() or host.exists("/dev/dxg"):
        return "wsl", "kernel release"
    for path in _CONTAINER_FILES:
        if host.exists(path):
            return "container", path
    groups = (host.read("/proc/self/cgroup") or "") + (host.read("/proc/1/cgroup") or "")
    if any(f"/{word}" in groups or f"{word}-" in groups for word in _CONTAINER_GROUPS):
        return "container", "/proc/self/cgroup"
    if host.environ.get("container"):
        return "container", "environment variable container"
    for name in ("sys_vendor", "product_name"):
        text = (host.read(f"/sys/class/dmi/id/{name}") or "").lower()
        if any(maker in text for maker in _VM_MAKERS):
            return "vm", f"/sys/class/dmi/id/{name}"
    cpuinfo = host.read("/proc/cpuinfo", 8192)
    if cpuinfo is None:
        return None, ""
    return ("vm", "/proc/cpuinfo hypervisor") if " hypervisor" in cpuinfo else ("none", "/proc/cpuinfo")


def on_battery(host: Host) -> bool | None:
    """True while a battery of the machine (not of a mouse) feeds it; False on mains or without one."""
    base = "/sys/class/power_supply"
    supplies = host.names(base)
    batteries = mains = False
    for supply in supplies:
        kind = host.read(f"{base}/{supply}/type")
        if host.read(f"{base}/{supply}/scope") == "Device":
            continue
        if kind in ("Mains", "USB") and host.read(f"{base}/{supply}/online") == "1":
            mains = True
        batteries = batteries or (kind == "Battery" and host.read(f"{base}/{supply}/status") == "Discharging")
    if batteries:
        return not mains
    return False if supplies else None


def _notes(host: Host, virtualization: str | None, battery: bool | None) -> list[ProbeNote]:
    notes: list[ProbeNote] = []
    if virtualization == "wsl":
        message = "memory is what Windows gives to WSL, not all that the PC has"
        notes.append(ProbeNote(source="kernel release", message=message, hint="raise `memory=` in .wslconfig"))
    if battery:
        message = "running on battery: power limits of a laptop drop and speeds with them"
        notes.append(ProbeNote(source="/sys/class/power_supply", message=message, hint="plug it in before a benchmark"))
    profile = clean_or_none(host.read("/sys/firmware/acpi/platform_profile"))
    if profile in ("low-power", "quiet", "cool"):
        message = f"the power profile is {profile}: speeds are lower than they could be"
        hint = "choose balanced or performance in the power settings"
        notes.append(ProbeNote(source="/sys/firmware/acpi/platform_profile", message=message, hint=hint))
    return notes
