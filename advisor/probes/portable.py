"""CPU, memory and system on macOS and Windows, from psutil and, on a Mac, sysctl. Untested on real systems."""

from collections.abc import Mapping
from typing import Any

from advisor.domain.machine import Cpu, HostMemory
from advisor.probes.host import Host
from advisor.probes.system import OS_NAMES, System
from advisor.probes.text import clean_or_none, positive

_ARM_FEATURES = (("FEAT_DotProd", "dotprod"), ("FEAT_I8MM", "i8mm"), ("FEAT_BF16", "bf16"), ("FEAT_SME", "sme"))


def psutil_answer(_: str = "") -> Any:
    """What psutil and platform know, as plain values."""
    import platform

    import psutil

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return {
        "total": memory.total,
        "available": memory.available,
        "swap": swap.total,
        "physical": psutil.cpu_count(logical=False),
        "logical": psutil.cpu_count(),
        "battery_plugged": None if battery is None else battery.power_plugged,
        "cpu": platform.processor(),
        "machine": platform.machine(),
        "node": platform.node(),
        "version": f"{platform.system()} {platform.release()}",
    }


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 50 else None


def read_portable(host: Host) -> tuple[Cpu, HostMemory, System]:
    """The three of them; every field None where nothing was told."""
    answer = host.ask("psutil")
    told: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    values: dict[str, str] = {}
    if host.platform == "darwin":
        from advisor.probes.apple import sysctl

        values = sysctl(host)
    return _cpu(told, values), _memory(told, values), _system(host, told)


def _cpu(told: Mapping[str, Any], values: Mapping[str, str]) -> Cpu:
    physical = positive(values.get("hw.physicalcpu")) or _count(told.get("physical")) or None
    logical = positive(values.get("hw.logicalcpu")) or _count(told.get("logical")) or None
    arm = [name for key, name in _ARM_FEATURES if values.get(f"hw.optional.arm.{key}") == "1"]
    sets = ("neon", *arm) if told.get("machine") in ("arm64", "aarch64") else ()
    if values.get("hw.optional.avx2_0") == "1":
        sets = ("f16c", "fma", "avx2")
    name = clean_or_none(values.get("machdep.cpu.brand_string")) or clean_or_none(_string(told.get("cpu")))
    facts: dict[str, Any] = {
        "name": name,
        "vendor": "apple" if name and "Apple" in name else None,
        "machine": clean_or_none(_string(told.get("machine"))),
        "physical_cores": physical,
        "logical_cores": logical,
        "performance_cores": positive(values.get("hw.perflevel0.physicalcpu")) or physical,
        "usable_threads": logical,
        "instruction_sets": sets,
    }
    counted = "sysctl" if values else "psutil"
    named = "sysctl" if values else "platform"
    sources = {fact: counted if isinstance(value, int) else named for fact, value in facts.items() if value}
    return Cpu(**facts, sources=sources)


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _memory(told: Mapping[str, Any], values: Mapping[str, str]) -> HostMemory:
    total = positive(values.get("hw.memsize")) or _count(told.get("total"))
    available = _count(told.get("available"))
    sources = {"total_bytes": "sysctl hw.memsize" if values else "psutil"}
    sources |= dict.fromkeys(("available_bytes", "swap_bytes"), "psutil")
    return HostMemory(
        total_bytes=total,
        available_bytes=available if total is None or available is None else min(available, total),
        swap_bytes=_count(told.get("swap")),
        sources=sources if told or values else {},
    )


def _system(host: Host, told: Mapping[str, Any]) -> System:
    plugged = told.get("battery_plugged")
    return System(
        name=clean_or_none(_string(told.get("node"))) or "this machine",
        os=OS_NAMES.get(host.platform),
        os_version=clean_or_none(_string(told.get("version"))),
        virtualization=None,
        on_battery=None if plugged is None else plugged is False,
        sources=dict.fromkeys(("name", "os", "os_version"), "platform") | {"on_battery": "psutil"},
    )
