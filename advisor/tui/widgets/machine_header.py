"""The machine in one line: accelerators, memory, bandwidth, processor; the fullest wording that fits."""

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from advisor.domain.machine import Accelerator, Cpu, HostMemory, Machine
from advisor.domain.units import format_rate
from advisor.tui.figures import gib

SEPARATOR = " │ "
LEVELS = 5
"""How often the wording can be shortened."""


def _memory(free: int | None, total: int | None, level: int) -> str:
    known = free is not None and level < LEVELS
    return f"{gib(free)}/{gib(total)} GiB free" if known else f"{gib(total)} GiB"


def _accelerator(a: Accelerator, level: int) -> str:
    memory = "shared memory" if a.unified else _memory(a.memory_available_bytes, a.memory_total_bytes, level)
    if level >= 4:
        return f"{a.name} {memory}"
    rate = "bandwidth unknown" if a.bandwidth_bytes_per_s is None else format_rate(a.bandwidth_bytes_per_s)
    return f"{a.name} {memory} · {rate}"


def _cpu(cpu: Cpu, level: int) -> str | None:
    if level >= 3 or (cpu.name is None and cpu.physical_cores is None):
        return None
    cores = cpu.usable_threads or cpu.physical_cores
    unit = "threads" if cpu.usable_threads else "cores"
    name = cpu.name or "CPU"
    return f"{name[:32]} · {cores} {unit}" if level < 2 and cores else name[:20]


def _host(memory: HostMemory, level: int) -> str:
    text = f"RAM {_memory(memory.available_bytes, memory.total_bytes, level)}"
    if level < 1 and memory.bandwidth_bytes_per_s is not None:
        text += f" · {format_rate(memory.bandwidth_bytes_per_s)}"
    return text


def free_memory_differs(before: Machine, after: Machine, share: float) -> bool:
    """Whether the free memory of any pool differs by more than this share of the pool."""
    pools = [(before.memory.available_bytes, after.memory.available_bytes, before.memory.total_bytes)]
    pools += [
        (a.memory_available_bytes, b.memory_available_bytes, a.memory_total_bytes)
        for a, b in zip(before.accelerators, after.accelerators, strict=False)
    ]
    return any(
        total is not None and old != new and abs((old or 0) - (new or 0)) > share * total for old, new, total in pools
    )


def machine_parts(machine: Machine, level: int) -> list[str]:
    """The pieces of the line; a higher `level` says less."""
    usable = machine.usable_accelerators()
    names = [_accelerator(a, level) for a in usable]
    merged = [f"{names.count(n)}x {n}" if names.count(n) > 1 else n for n in dict.fromkeys(names)]
    pieces = [*merged, _cpu(machine.cpu, level), _host(machine.memory, level)]
    if not usable and level < 3:
        pieces.insert(0, "no GPU")
    return [piece for piece in pieces if piece]


def machine_line(machine: Machine, width: int) -> str:
    """The fullest wording of at most `width` cells; the shortest is left to be cut."""
    lines = (SEPARATOR.join(machine_parts(machine, level)) for level in range(LEVELS + 1))
    shortest = ""
    for shortest in lines:
        if cell_len(shortest) <= width:
            break
    return shortest


class MachineHeader(Static):
    """The line, with a badge while the machine is a simulated one."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.machine: Machine | None = None
        self.simulated = False
        self.note = "probing this machine …"

    def show(self, machine: Machine, *, simulated: bool) -> None:
        """Show a machine."""
        self.machine, self.simulated = machine, simulated
        self.refresh()

    def say(self, note: str) -> None:
        """Show a line while no machine is known."""
        self.note = note
        self.refresh()

    def render(self) -> Content:
        """The line."""
        width = self.content_size.width
        if self.machine is None:
            return Content.styled(self.note, "$foreground-muted")
        badge = Content.styled(" SIM ", "bold $background on $warning").append(" ") if self.simulated else Content("")
        line = Content(machine_line(self.machine, width - badge.cell_length))
        return badge.append(line).truncate(width, ellipsis=True)
