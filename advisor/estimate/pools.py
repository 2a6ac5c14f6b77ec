"""How much memory each device of a machine offers a model, with documented reserves where only totals are known."""

from advisor.domain.machine import Accelerator, Machine
from advisor.estimate.constants import Constants


def accelerator_available_bytes(accelerator: Accelerator, machine: Machine, constants: Constants) -> int | None:
    """Bytes a model may take on one accelerator; None where even the total is unknown.

    Where nothing was measured: a graphics card keeps `gpu_reserve_bytes` for driver and desktop; a device that shares
    the host's memory may use `unified_share` of it (the limit Apple's driver sets by default). A shared pool is never
    larger than what the host has available, besides what firmware set aside for the device.
    """
    available = accelerator.memory_available_bytes
    if available is None and accelerator.memory_total_bytes is not None:
        total = accelerator.memory_total_bytes
        if accelerator.unified:
            available = int(total * constants.settings["unified_share"])
        else:
            available = max(0, total - int(constants.settings["gpu_reserve_bytes"]))
    if accelerator.unified:
        host = host_available_bytes(machine, constants)
        if host is not None:
            room = host + (accelerator.carve_out_bytes or 0)
            available = room if available is None else min(available, room)
    return available


def within_share(available: int | None, accelerator: Accelerator, share: float | None) -> int | None:
    """What is left of available bytes to an engine that takes no more than a share of a device's memory."""
    total = accelerator.memory_total_bytes
    return min(available, int(total * share)) if available is not None and share is not None and total else available


def host_available_bytes(machine: Machine, constants: Constants) -> int | None:
    """Bytes a model may take in main memory; a reserve for the system is kept where only the total is known."""
    memory = machine.memory
    if memory.available_bytes is not None:
        return memory.available_bytes
    if memory.total_bytes is None:
        return None
    total = min(memory.total_bytes, memory.limit_bytes or memory.total_bytes)
    return max(0, total - int(constants.settings["host_reserve_bytes"]))
