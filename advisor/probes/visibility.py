"""Environment variables that hide devices from programs started here. Hidden devices are shown, not offered.

NVML and sysfs ignore these variables; CUDA, ROCm and the container runtime do not.
"""

from collections.abc import Sequence
from dataclasses import replace

from advisor.domain.machine import Accelerator, ProbeNote
from advisor.probes.host import Host
from advisor.probes.text import clean, whole

_RULES = (
    ("CUDA_VISIBLE_DEVICES", "nvidia"), ("ROCR_VISIBLE_DEVICES", "amd"), ("HIP_VISIBLE_DEVICES", "amd"),
    ("ASCEND_RT_VISIBLE_DEVICES", "huawei"),
)  # fmt: skip
"""In this order: HIP counts among what ROCR left."""


def apply_visibility(
    devices: Sequence[Accelerator], uuids: Sequence[str | None], host: Host
) -> tuple[tuple[Accelerator, ...], tuple[ProbeNote, ...]]:
    """Devices with the hidden ones marked unusable, and a note for each variable that hides any."""
    current = list(devices)
    notes: list[ProbeNote] = []
    for variable, vendor in _RULES:
        value = host.environ.get(variable)
        if value is None:
            continue
        pool = [i for i, d in enumerate(current) if d.vendor == vendor and d.usable]
        shown, doubt = _selected(pool, current, uuids, value, host)
        for i in pool:
            if i not in shown:
                current[i] = _hidden(current[i], variable)
        if len(shown) < len(pool) or doubt:
            notes.append(_note(variable, value, len(shown), len(pool), doubt))
    _apply_container(current, host)
    return tuple(current), tuple(notes)


def _hidden(device: Accelerator, variable: str) -> Accelerator:
    return replace(device, usable=False, notes=(*device.notes, f"hidden by {variable}"))


def _note(variable: str, value: str, shown: int, total: int, doubt: bool) -> ProbeNote:
    message = f"{shown} of {total} GPUs visible: {variable}={clean(value, 60)}"
    if doubt:
        message += "; its numbers are in CUDA's own order, which is a guess with different cards"
    hint = "set CUDA_DEVICE_ORDER=PCI_BUS_ID or name GPUs by UUID" if doubt else f"unset {variable} to use all"
    return ProbeNote(source=f"environment variable {variable}", message=message, hint=hint)


def _selected(
    pool: list[int], devices: Sequence[Accelerator], uuids: Sequence[str | None], value: str, host: Host
) -> tuple[set[int], bool]:
    """Positions that stay visible. Reading stops at the first part that names no device, as CUDA does."""
    order, doubt = _cuda_order(pool, devices, host)
    shown: set[int] = set()
    numbered = False
    for part in (p.strip() for p in value.split(",")):
        position = whole(part)
        if position is not None:
            numbered = True
            if not 0 <= position < len(order):
                break
            shown.add(order[position])
            continue
        match = [i for i in pool if part and (uuids[i] or "").lower().startswith(part.lower())]
        if len(match) != 1 or not part.lower().startswith(("gpu-", "mig-")):
            break
        shown.add(match[0])
    return shown, doubt and numbered


def _cuda_order(pool: list[int], devices: Sequence[Accelerator], host: Host) -> tuple[list[int], bool]:
    """CUDA numbers the fastest first unless told to go by PCI bus; equal cards keep the bus order."""
    by_bus = host.environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    cuda = {devices[i].vendor for i in pool} == {"nvidia"}
    if by_bus or not cuda or len({devices[i].name for i in pool}) <= 1:
        return pool, False
    return sorted(pool, key=lambda i: -_strength(devices[i])), True


def _strength(device: Accelerator) -> float:
    return device.f16_flops or device.bandwidth_bytes_per_s or 0.0


def _apply_container(devices: list[Accelerator], host: Host) -> None:
    """`NVIDIA_VISIBLE_DEVICES` is the container runtime's; elsewhere it means nothing."""
    value = host.environ.get("NVIDIA_VISIBLE_DEVICES")
    inside = host.exists("/.dockerenv") or host.exists("/run/.containerenv") or bool(host.environ.get("container"))
    if value in ("void", "none") and inside:
        for i, device in enumerate(devices):
            if device.vendor == "nvidia" and device.usable:
                devices[i] = _hidden(device, "NVIDIA_VISIBLE_DEVICES")
