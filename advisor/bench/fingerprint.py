"""A machine's identity as far as speed goes: no serial number, host name or address is in it."""

import hashlib
import json

from advisor.domain.machine import Machine

_GIB = 1 << 30


def _gib(size_bytes: int | None) -> int | None:
    """Whole GiB: firmware and kernel updates move the total by some MiB."""
    return None if size_bytes is None else round(size_bytes / _GIB)


def fingerprint(machine: Machine) -> str:
    """16 hex digits from the CPU, its usable threads, the memory size and the accelerators."""
    facts = {
        "cpu": machine.cpu.name,
        "cores": machine.cpu.physical_cores,
        "threads": machine.cpu.usable_threads,
        "memory_gib": _gib(machine.memory.total_bytes),
        "accelerators": [
            [a.vendor, a.name, _gib(a.memory_total_bytes)] for a in machine.usable_accelerators()
        ],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
