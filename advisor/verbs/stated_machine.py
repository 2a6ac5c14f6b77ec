"""From the machine flags to a machine. What is stated replaces what was read; the rest stays and says so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.domain.machine import Accelerator, Machine, ProbeNote
from advisor.domain.units import format_size, parse_size
from advisor.errors import UsageError
from advisor.verbs.selection import BACKENDS, MachineSelection

if TYPE_CHECKING:
    from advisor.domain.device import DeviceSpec
    from advisor.verbs.workspace import Workspace

MAX_GPUS = 1024


def select_machine(selection: MachineSelection, workspace: "Workspace") -> Machine:
    """The machine that the flags mean. Raises UsageError for contradictions, UnknownName for unknown devices."""
    machine = _selected(selection, workspace)
    return _with_backend(machine, selection.backend) if selection.backend else machine


def larger_machines(selection: MachineSelection, workspace: "Workspace") -> Iterator[Machine]:
    """The same SoC with more memory, smallest first, where it is sold so and its memory was not stated."""
    if selection.is_here or selection.ram or selection.vram or selection.cpu_only:
        return
    smallest = select_machine(selection, workspace)
    if smallest.origin != "catalog" or smallest.catalog_id is None:
        return
    spec = workspace.catalog.hardware.find(smallest.catalog_id)
    for size in sorted(spec.memory_options_bytes)[1:]:
        machine = select_machine(replace(selection, ram=str(size)), workspace)
        message = f"memory not stated: {format_size(size)} is the least it is sold with that holds this choice"
        notes = [ProbeNote(source="catalog", message=message, hint="give --ram")]
        yield replace(machine, notes=(*machine.notes, *notes))


def _with_backend(machine: Machine, backend: str) -> Machine:
    """The devices that can run a backend, running it."""
    vendors = BACKENDS[backend]
    if not any(a.vendor in vendors for a in machine.accelerators):
        raise UsageError(f"nothing in this machine runs {backend}", hint="name the engine without a backend")
    changed = (replace(a, backend=backend) if a.vendor in vendors else a for a in machine.accelerators)
    return replace(machine, accelerators=tuple(changed))


def _selected(selection: MachineSelection, workspace: "Workspace") -> Machine:
    if selection.hardware and selection.gpus:
        raise UsageError("--hardware and --gpu name two machines", hint="give one of them")
    if selection.cpu_only and (selection.gpus or selection.vram):
        raise UsageError("--cpu-only leaves no GPU for --gpu or --vram", hint="drop one of them")
    if selection.hardware:
        machine = _named(selection.hardware, selection.ram, workspace)
    elif selection.gpus or selection.cpu:
        machine = _described(selection, workspace)
    else:
        machine = _changed(workspace.here, selection)
        return _without_accelerators(machine) if selection.cpu_only else machine
    machine = _changed(machine, selection) if selection.hardware else machine
    return _without_accelerators(machine) if selection.cpu_only else machine


def _named(text: str, ram: str | None, workspace: "Workspace") -> Machine:
    """A probe file's machine, or one of the catalog with the memory that is stated: a SoC's GPU shares it."""
    path = Path(text).expanduser()
    if path.suffix == ".json" or "/" in text or path.is_file():
        if path.exists():
            from advisor.probes.document import read_machine

            return read_machine(path, workspace.catalog.hardware)
        if path.suffix == ".json" or text.startswith((".", "/", "~")):
            raise UsageError(f"there is no file {text}", hint="write one with `advisor probe --output FILE`")
    machine = workspace.catalog.hardware.machine(text, ram_bytes=parse_size(ram, "--ram") if ram else None)
    return _with_variants(machine, text, workspace)


def _with_variants(machine: Machine, text: str, workspace: "Workspace") -> Machine:
    """With a note where the name means several variants, of which the first and smallest was taken."""
    found = workspace.catalog.hardware.candidates(text)
    if len(found) < 2 or (machine.origin == "catalog" and text.strip().lower() == machine.name.lower()):
        return machine
    message = f"`{text[:60]}` comes in {len(found)} variants: {machine.name} is taken"
    note = ProbeNote(source="catalog", message=message, hint=f"name one: {', '.join(s.name for s in found[:4])}")
    return replace(machine, notes=(*machine.notes, note))


def _described(selection: MachineSelection, workspace: "Workspace") -> Machine:
    from advisor.catalog.machines import Stated
    from advisor.domain.device import DeviceKind

    hardware = workspace.catalog.hardware
    vram = parse_size(selection.vram, "--vram") if selection.vram else None
    ram = parse_size(selection.ram, "--ram") if selection.ram else None
    parsed = [hardware.parse_gpu(text, memory_bytes=vram) for text in selection.gpus]
    if sum(count for count, _ in parsed) > MAX_GPUS:
        raise UsageError(f"more than {MAX_GPUS} GPUs in one machine", hint="state what one machine holds")
    whole = [spec for _, spec in parsed if spec.kind in (DeviceKind.SOC, DeviceKind.MACHINE)]
    if whole:
        return _with_variants(hardware.machine(_only(whole, parsed), ram_bytes=ram), selection.gpus[0], workspace)
    cpu = hardware.find(selection.cpu) if selection.cpu else None
    if cpu is not None and cpu.kind in (DeviceKind.SOC, DeviceKind.MACHINE) and not parsed:
        return hardware.machine(cpu, ram_bytes=ram)
    stated = Stated(gpus=tuple(parsed), cpu=cpu, ram_bytes=ram, vram_bytes=vram, cpu_only=selection.cpu_only)
    return hardware.stated(stated)


def _only(whole: "list[DeviceSpec]", parsed: "list[tuple[int, DeviceSpec]]") -> "DeviceSpec":
    if len(parsed) > 1 or parsed[0][0] != 1:
        raise UsageError(
            f"{whole[0].name} is a whole machine or SoC and cannot be combined with other GPUs",
            hint="name it alone, or with --hardware",
        )
    return whole[0]


def _changed(machine: Machine, selection: MachineSelection) -> Machine:
    """`--ram` and `--vram` over what was read: totals as stated, and free as on an idle machine."""
    if selection.ram:
        from advisor.catalog.machines import host_available

        total = parse_size(selection.ram, "--ram")
        sources = {**machine.memory.sources, "total_bytes": "stated", "available_bytes": "stated, idle"}
        memory = replace(
            machine.memory,
            total_bytes=total,
            available_bytes=host_available(total),
            limit_bytes=None,
            sources=sources,
        )
        machine = replace(machine, memory=memory)
    if selection.vram:
        if not machine.usable_accelerators():
            raise UsageError("--vram is given, but there is no GPU here", hint="name one with --gpu")
        vram = parse_size(selection.vram, "--vram")
        machine = replace(machine, accelerators=tuple(_with_memory(a, vram) for a in machine.accelerators))
    return machine


def _with_memory(device: Accelerator, total_bytes: int) -> Accelerator:
    sources = {**device.sources, "memory_total_bytes": "stated", "memory_available_bytes": "stated, idle"}
    return replace(device, memory_total_bytes=total_bytes, memory_available_bytes=total_bytes, sources=sources)


def _without_accelerators(machine: Machine) -> Machine:
    note = ProbeNote(source="--cpu-only", message="accelerators are ignored")
    return replace(machine, accelerators=(), notes=(*machine.notes, note) if machine.accelerators else machine.notes)
