"""What judging a fleet costs: probe documents of N hosts, written as a fleet collects them, read and judged in process.

    python -m benchmarks.fleet [--hosts 10000 100000] [--upgrades] [--keep FILE]

Hosts are drawn from processors, memory sizes, graphics cards and whole machines of the catalog; each has a name, a
date, free memory and disk of its own, and some MiB less memory than its label says, as firmware takes them. CPU seconds
of this process and its largest resident size, since a clock on a shared machine lies.
"""

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from advisor.catalog.machines import Stated
from advisor.domain.device import DeviceKind
from advisor.domain.units import GIB
from advisor.inventory.gather import gather
from advisor.report.machine import machine_document
from advisor.verbs.fleet import FleetRequest, evaluate
from advisor.verbs.question import Request
from advisor.verbs.workspace import Workspace

CARDS = ("GTX 1650", "RTX 3060", "RTX 4060", "RTX 4070", "RTX 4090", "RX 7900 XTX", "Arc A770")
MEMORY_GIB = (8, 16, 32, 64)
KERNEL_TAKES = 400 << 20
"""Bytes that firmware and kernel keep at most, drawn anew for each host."""


def documents(hardware):
    """One document for each kind of machine."""
    cpus = [s for s in hardware.devices(DeviceKind.CPU) if s.id.startswith("generic/")]
    plain = [Stated(cpu=cpu, ram_bytes=gib * GIB) for cpu in cpus for gib in MEMORY_GIB]
    cards = [
        Stated(cpu=cpus[0], gpus=(hardware.parse_gpu(card),), ram_bytes=gib * GIB)
        for card in CARDS
        for gib in MEMORY_GIB[1:]
    ]
    whole = [hardware.machine(spec) for spec in hardware.devices(DeviceKind.MACHINE)]
    return [machine_document(machine) for machine in (*(hardware.stated(s) for s in (*plain, *cards)), *whole)]


def write(kinds, hosts: int, path: Path) -> None:
    """One document a line."""
    dice = random.Random(1)
    with path.open("w") as file:
        for number in range(hosts):
            kind = dice.choice(kinds)
            total = kind["memory"]["total_bytes"] - dice.randrange(KERNEL_TAKES)
            memory = {**kind["memory"], "total_bytes": total, "available_bytes": dice.randrange(total)}
            devices = [
                {**a, "memory_available_bytes": dice.randrange(a["memory_total_bytes"] or 1)}
                for a in kind["accelerators"]
            ]
            disk = {"path": f"/home/u{number}/models", "free_bytes": dice.randrange(1 << 39), "total_bytes": 1 << 39}
            own = {"name": f"host-{number:06d}", "probed_at": f"2026-11-{dice.randint(1, 28):02d}T08:00:00+00:00"}
            host = {**kind, **own, "memory": memory, "accelerators": devices, "disks": [disk]}
            file.write(json.dumps(host) + "\n")


def measured(what: str, work) -> None:
    """Runs it and prints its cost."""
    began = time.process_time()
    told = work()
    spent = time.process_time() - began
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {what:34s} {spent:8.2f} s CPU {size:8.0f} MiB   {told}", flush=True)


def judge(path: Path, workspace: Workspace, *, upgrades: bool) -> None:
    """The steps one after another, each with all before it."""
    ask = FleetRequest(paths=(str(path),), request=Request(task="chat"), upgrades=False)
    measured("read", lambda: f"{len(gather(ask.paths, workspace.catalog.hardware).hosts):,} hosts")
    measured("read and judge", lambda: f"{len(evaluate(ask, workspace).profiles)} kinds")
    if upgrades:
        more = FleetRequest(paths=ask.paths, request=ask.request)
        measured("read, judge and upgrade", lambda: f"{len(evaluate(more, workspace).upgrades.effects)} effects")


def main() -> int:
    """Read, judge and, where asked, upgrade fleets of each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--upgrades", action="store_true", help="also which upgrade buys most")
    parser.add_argument("--keep", type=Path, help="leave the documents here")
    options = parser.parse_args()
    workspace = Workspace()
    hardware = workspace.catalog.hardware
    kinds = documents(hardware)
    for hosts in options.hosts:
        with tempfile.TemporaryDirectory() as folder:
            path = options.keep or Path(folder) / "fleet.jsonl"
            write(kinds, hosts, path)
            print(f"{hosts:,} hosts of {len(kinds)} kinds, {path.stat().st_size / 1e6:.0f} MB")
            judge(path, workspace, upgrades=options.upgrades)
    return 0


if __name__ == "__main__":
    sys.exit(main())
