"""A machine that is asked about rather than sat at: a device of the catalog, or stated memory and bandwidth."""

from dataclasses import dataclass, replace

from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.machine import Accelerator, Machine
from advisor.domain.units import format_rate, parse_size
from advisor.errors import UsageError
from advisor.tui.figures import gib
from advisor.tui.widgets.columns import Column, Row
from advisor.verbs.selection import MachineSelection

COLUMNS = (
    Column(title="Device", grow=True),
    Column(title="Kind"),
    Column(title="GiB", right=True),
    Column(title="Bandwidth", right=True),
)
KINDS = (DeviceKind.GPU, DeviceKind.SOC, DeviceKind.MACHINE)
"""What can be simulated, in the order offered."""
FORMS = ("consumer", "workstation", "desktop", "laptop", "soc", "server", "datacenter", "embedded", "phone")
"""What people ask about first; any other form comes last."""
MAX_BANDWIDTH_GB_S = 100_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What was chosen and typed. Sizes as a person writes them; `bandwidth_gb_s` in 10^9 bytes a second."""

    device: DeviceSpec | None = None
    count: int = 1
    vram: str = ""
    ram: str = ""
    bandwidth_gb_s: float | None = None

    @property
    def selection(self) -> MachineSelection:
        """The part that the machine flags of the command line can say."""
        ram = self.ram.strip() or None
        if self.device is None:
            return MachineSelection(ram=ram)
        if self.device.kind is DeviceKind.GPU:
            name = f"{self.count}x {self.device.name}" if self.count > 1 else self.device.name
            return MachineSelection(gpus=(name,), vram=self.vram.strip() or None, ram=ram)
        return MachineSelection(hardware=self.device.name, ram=ram)


def parse_simulation(device: DeviceSpec | None, texts: dict[str, str]) -> Simulation:
    """From the texts of the dialog. Raises UsageError for the first that is not understood."""
    for name in ("vram", "ram"):
        if texts[name].strip():
            parse_size(texts[name], name.upper())
    count = _number(texts["count"], "count", 1, 1024)
    if count is not None and count != int(count):
        raise UsageError(f"count `{texts['count'][:20]}` is not a whole number", hint="give 1, 2, 4 ...")
    return Simulation(
        device=device,
        count=int(count or 1),
        vram=texts["vram"],
        ram=texts["ram"],
        bandwidth_gb_s=_number(texts["bandwidth"], "bandwidth", 1, MAX_BANDWIDTH_GB_S),
    )


def _number(text: str, what: str, low: float, high: float) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UsageError(
            f"{what} `{text.strip()[:20]}` is not understood", hint=f"give a number from {low:g} to {high:g}"
        )
    return value


def apply_stated(machine: Machine, simulation: Simulation) -> Machine:
    """Put stated memory and bandwidth on the machine; without a device, a stated GPU takes the place of its own."""
    rate = None if simulation.bandwidth_gb_s is None else simulation.bandwidth_gb_s * 1e9
    if simulation.device is None and simulation.vram.strip():
        size = parse_size(simulation.vram, "VRAM")
        stated = Accelerator(
            index=0, name="stated GPU", vendor="other", memory_total_bytes=size, memory_available_bytes=size,
            bandwidth_bytes_per_s=rate, sources={"memory_total_bytes": "stated", "bandwidth_bytes_per_s": "stated"},
        )  # fmt: skip
        return replace(machine, name="stated", origin="stated", accelerators=(stated,))
    if rate is None:
        return machine
    if machine.accelerators:
        changed = tuple(replace(a, bandwidth_bytes_per_s=rate) for a in machine.accelerators)
        return replace(machine, origin="stated", accelerators=changed)
    return replace(machine, origin="stated", memory=replace(machine.memory, bandwidth_bytes_per_s=rate))


def _place(device: DeviceSpec, words: list[str]) -> tuple[bool, int, int, int, int, float, str]:
    """The name that the words say whole and little beside, then by kind and form, the newest year's fastest first."""
    named = device.name.lower().split()
    return (
        not all(word in named for word in words),
        len(named) if words else 0,
        KINDS.index(device.kind),
        FORMS.index(device.form) if device.form in FORMS else len(FORMS),
        -int(year) if (year := (device.released or "")[:4]).isdigit() else 0,
        -(device.bandwidth_bytes_per_s or 0.0),
        device.name,
    )


def _memory(device: DeviceSpec) -> str:
    """GiB, or the least and the most that it is sold with."""
    sizes = device.memory_options_bytes
    if device.memory_bytes is not None or not sizes:
        return gib(device.memory_bytes)
    return f"{min(sizes) >> 30}–{max(sizes) >> 30}" if len(sizes) > 1 else gib(sizes[0])


def device_rows(devices: tuple[DeviceSpec, ...], text: str) -> tuple[Row, ...]:
    """Devices that hold every word, whole machines and GPUs alike."""
    words = text.lower().split()
    found = [
        d
        for d in devices
        if d.kind in KINDS
        and all(w in f"{d.name} {d.vendor} {d.form or ''} {' '.join(d.aliases)}".lower() for w in words)
    ]
    return tuple(
        Row(key=d.id, cells=(d.name, str(d.kind), _memory(d), format_rate(d.bandwidth_bytes_per_s)))
        for d in sorted(found, key=lambda d: _place(d, words))
    )
