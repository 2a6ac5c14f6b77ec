"""Apple silicon: chip, GPU cores, and how much of the one memory Metal may use. Untested on real hardware.

Metal's own figure comes first, then the wired limit a user set, then an estimate from machines that owners measured.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from advisor.domain.machine import Accelerator, HostMemory, ProbeNote
from advisor.probes.host import Host
from advisor.probes.sighting import NOTHING, Findings, Sighting
from advisor.probes.text import clean, fields, positive

LIMIT_S = 5.0
GIB = 1 << 30
_MEASURED_SHARES = ((36, 0.75), (24, 0.74), (0, 0.667))
"""Default share of memory for Metal by least memory in GiB, where Metal cannot be asked: 10.67 of 16 GiB (M4),
17.76 of 24, 27.0 of 36. A machine of 128 GiB gave 107.52 (0.84, ds4 pull request 893), so large ones are
underestimated on purpose."""
SYSCTL_KEYS = (
    "machdep.cpu.brand_string", "hw.model", "hw.memsize", "hw.physicalcpu", "hw.logicalcpu",
    "hw.perflevel0.physicalcpu", "hw.perflevel1.physicalcpu", "iogpu.wired_limit_mb",
    "debug.iogpu.wired_limit", "sysctl.proc_translated",
    "hw.optional.arm.FEAT_DotProd", "hw.optional.arm.FEAT_I8MM", "hw.optional.arm.FEAT_BF16",
    "hw.optional.arm.FEAT_SME", "hw.optional.avx2_0",
)  # fmt: skip


def sysctl(host: Host) -> dict[str, str]:
    """All values of interest in one call; keys this macOS does not know are absent."""
    return fields(host.run(["sysctl", *SYSCTL_KEYS], LIMIT_S).out)


def read_apple(host: Host, memory: HostMemory) -> Findings:
    """The GPU of an Apple chip; on an Intel Mac the cards that system_profiler lists."""
    values = sysctl(host)
    chip = clean(values.get("machdep.cpu.brand_string", ""))
    displays = _displays(host)
    notes: list[ProbeNote] = []
    if values.get("sysctl.proc_translated") == "1":
        message = "this Python runs under Rosetta and sees a made-up CPU"
        notes.append(ProbeNote(source="sysctl", message=message, hint="use a native arm64 Python"))
    if not chip.startswith(("Apple", "VirtualApple")):
        return Findings(sightings=tuple(s for d in displays if (s := _intel_mac_card(d))), notes=tuple(notes))
    if not values:
        return NOTHING
    return Findings(sightings=(_chip(host, chip, values, displays, memory),), notes=tuple(notes))


def _displays(host: Host) -> list[Mapping[str, Any]]:
    answer = host.run(["system_profiler", "-json", "SPDisplaysDataType"], LIMIT_S)
    try:
        document = json.loads(answer.out) if answer.out else {}
    except (ValueError, RecursionError):
        return []
    entries = document.get("SPDisplaysDataType") if isinstance(document, Mapping) else None
    return [e for e in entries if isinstance(e, Mapping)] if isinstance(entries, list) else []


def _chip(
    host: Host, chip: str, values: Mapping[str, str], displays: list[Mapping[str, Any]], memory: HostMemory
) -> Sighting:
    cores = next((n for d in displays if (n := positive(str(d.get("sppci_cores", ""))))), None)
    limit, source = metal_limit(host, values)
    available = memory.available_bytes if limit is None else min(limit, memory.available_bytes or limit)
    notes = ("how much of the memory Metal may use is estimated",) if source == "estimated" else ()
    cpu_cores = positive(values.get("hw.physicalcpu"))
    device = Accelerator(
        index=0,
        name=f"{chip} ({cores}-core GPU)" if cores else chip,
        vendor="apple",
        memory_total_bytes=limit,
        memory_available_bytes=available,
        unified=True,
        backend="metal",
        notes=notes,
        sources={"memory_total_bytes": source},
    )
    # variants of a chip differ in bandwidth and are told apart by their cores
    names = (f"{chip} ({cpu_cores}-core CPU) ({cores}-core GPU)",) if cores and cpu_cores else ()
    return Sighting(source="system_profiler" if cores else "sysctl", device=device, uuid="apple gpu", other_names=names)


def metal_limit(host: Host, values: Mapping[str, str]) -> tuple[int | None, str]:
    """Bytes Metal may use and who said so: Metal, a wired limit, or an estimate."""
    installed = positive(values.get("hw.memsize"))
    answer = host.ask("metal")
    recommended = answer.get("recommended_bytes") if isinstance(answer, Mapping) else None
    if type(recommended) is int and recommended > 0:
        return min(recommended, installed or recommended), "Metal recommendedMaxWorkingSetSize"
    wired = positive(values.get("iogpu.wired_limit_mb"))
    limit = wired * (1 << 20) if wired else positive(values.get("debug.iogpu.wired_limit"))
    if limit:
        return min(limit, installed or limit), "sysctl iogpu.wired_limit_mb"
    if installed is None:
        return None, ""
    share = next(s for least, s in _MEASURED_SHARES if installed >= least * GIB)
    return int(installed * share), "estimated"


def _intel_mac_card(display: Mapping[str, Any]) -> Sighting | None:
    """An AMD card of an Intel Mac by `spdisplays_vram`, written as `8 GB`; integrated graphics are left out."""
    name = clean(str(display.get("sppci_model", "")))
    size = re.fullmatch(r"(\d{1,3}) GB", str(display.get("spdisplays_vram", "")))
    if "AMD" not in name and "Radeon" not in name:
        return None
    device = Accelerator(
        index=0,
        name=name,
        vendor="amd",
        memory_total_bytes=int(size[1]) * GIB if size else None,
        backend="metal",
    )
    return Sighting(source="system_profiler", device=device, uuid=f"display {name}")
