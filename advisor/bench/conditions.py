"""What else went on while a measurement ran: load, battery, clock policy. Decides whether a result counts as noisy."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

NOISY_SPREAD = 0.15
"""Repetitions that differ by more than this were disturbed: on a quiet machine they agree within 2 to 5 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """A reading of the machine's state. None where the system does not say."""

    load_1min: float | None = None
    cpus: int | None = None
    on_battery: bool | None = None
    governor: str | None = None
    throttle_events: int | None = None
    """Thermal throttling since start-up, all cores (Intel)."""


def read_conditions(sys_root: Path = Path("/sys")) -> Conditions:
    """The state now. Raises nothing."""
    load = None
    with contextlib.suppress(OSError, AttributeError):
        load = os.getloadavg()[0]
    return Conditions(
        load_1min=load,
        cpus=os.cpu_count(),
        on_battery=_on_battery(),
        governor=_text(sys_root / "devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        throttle_events=_throttle_events(sys_root),
    )


def _on_battery() -> bool | None:
    import psutil

    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, RuntimeError):
        return None
    return None if battery is None or battery.power_plugged is None else not battery.power_plugged


def _text(path: Path) -> str | None:
    try:
        return path.read_text()[:40].strip() or None
    except OSError:
        return None


def _throttle_events(sys_root: Path) -> int | None:
    counts = []
    for path in sys_root.glob("devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"):
        with contextlib.suppress(OSError, ValueError):
            counts.append(int(path.read_text()))
    return sum(counts) if counts else None


def tags(before: Conditions, after: Conditions, *, spread: float | None, quiet: bool | None) -> tuple[str, ...]:
    """Words for what makes a result less than clean: noisy, battery, throttled.

    `spread` is relative; `quiet` says whether the runs that count were undisturbed, None where only the load tells.
    """
    found = []
    if (spread or 0.0) > NOISY_SPREAD or quiet is False or (quiet is None and _busy(before)):
        found.append("noisy")
    if before.on_battery or after.on_battery:
        found.append("battery")
    if None not in (before.throttle_events, after.throttle_events) and before.throttle_events != after.throttle_events:
        found.append("throttled")
    return tuple(found)


def _busy(before: Conditions) -> bool:
    if before.load_1min is None or not before.cpus:
        return False
    return before.load_1min > before.cpus / 2
