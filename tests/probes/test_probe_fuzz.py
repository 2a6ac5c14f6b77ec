"""Garbage from any source is "unknown", never a traceback: recorded machines with answers cut, swapped and made up."""

import json
import random

import pytest

from advisor.probes.assemble import probe
from advisor.probes.document import machine_from
from advisor.probes.record import RecordingHost, ReplayHost
from advisor.report.machine import machine_document, machine_text
from tests.probes.machines import MACHINES
from tests.probes.probe_trees import SPARK, Tree, materialise

PIECES = (
    "", "0", "-1", "max", "N/A", "[Unknown Error]", "9" * 30, "1e309", "NaN", "\x00", "\x1b[31m", "\u202e",
    "0x", "GiB", "\n\n", ":", ",", "=",
    "18446744073709551615", "9223372036854771712", "é" * 50, "memory",
    "[" * 2000, "0-99999999999", "../../etc", "\ud800", " " * 300,
)  # fmt: skip
VALUES = (None, True, 0, -1, 2**64, 10**30, 1.5, float("inf"), "x", [], {}, [[]], {"error": "X"}, [1, 2], "9" * 40)
NVML_LINES = [
    {"kind": "system", "driver": "580.1", "cuda": 13000, "count": 1},
    {
        "kind": "device", "index": 0, "name": "NVIDIA H100", "uuid": "GPU-1", "pci": "00000000:01:00.0",
        "pci_id": 0x233010DE,
        "compute_capability": [9, 0], "virtualization": 0, "addressing": 0, "mig": [1, 1], "bus_bits": 5120,
        "memory_mhz": 2619,
        "power_mw": 700000, "power_default_mw": 700000, "pcie_generation": 5, "pcie_lanes": 16, "pcie_lanes_now": 16,
        "links": {"active": 18, "mb_per_s": 26562}, "memory": {"total": 85520809984, "free": 85000000000},
        "processes": [[1, 5], [2, None]],
    },
    {"kind": "slice", "parent": 0, "slot": 0, "name": "MIG", "uuid": "MIG-1", "memory_mib": 40192, "slices": 3,
     "memory": {"total": 42143318016, "free": 1}},
    {"kind": "device", "index": 1, "lost": "GpuIsLost"},
]  # fmt: skip


def spoil_text(text, dice):
    """One of: cut, a piece put in, a part doubled, bytes swapped."""
    place = dice.randrange(len(text) + 1)
    kind = dice.randrange(5)
    if kind == 0:
        return text[:place]
    if kind == 1:
        return text[:place] + dice.choice(PIECES) + text[place:]
    if kind == 2:
        return text[place:] + text
    if kind == 3:
        return dice.choice(PIECES)
    return "".join(chr(ord(c) ^ dice.choice((0, 0, 0, 1, 7))) for c in text)


def spoil(value, dice):
    """A copy with one place in it spoiled, at any depth."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(list(value))
        return {**value, key: spoil(value[key], dice)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        index = dice.randrange(len(value))
        return [*value[:index], spoil(value[index], dice), *value[index + 1 :]]
    if isinstance(value, str) and dice.random() < 0.8:
        return spoil_text(value, dice)
    return dice.choice(VALUES)


def check(machine):
    """What holds of every machine, whatever was read."""
    memory = machine.memory
    for value in (memory.total_bytes, memory.available_bytes, memory.limit_bytes, memory.swap_bytes):
        assert value is None or value >= 0
    if memory.total_bytes is not None and memory.available_bytes is not None:
        assert memory.available_bytes <= memory.total_bytes
    assert machine.cpu.usable_threads is None or machine.cpu.usable_threads >= 1
    for device in machine.accelerators:
        assert device.memory_total_bytes is None or device.memory_total_bytes >= 0
        assert device.name.isprintable()
        assert device.bandwidth_bytes_per_s is None or 0 < device.bandwidth_bytes_per_s < float("inf")
    text = machine_text(machine, 80, sources=True)
    assert all(line.isprintable() for line in text.splitlines())
    machine_from(json.loads(json.dumps(machine_document(machine), allow_nan=False)))


def record_of(tmp_path, description):
    host = RecordingHost(materialise(tmp_path, description))
    probe(None, host)
    return host.document()


def fuzz_record(record, rounds, seed):
    dice = random.Random(seed)
    kinds = [kind for kind in record["answers"] if record["answers"][kind]]
    for number in range(rounds):
        spoiled = dict(record["answers"])
        for _ in range(dice.randrange(1, 4)):
            kind = dice.choice(kinds)
            spoiled[kind] = spoil(spoiled[kind], dice) if dice.random() < 0.98 else {}
            if not isinstance(spoiled[kind], dict):
                spoiled[kind] = {}
        try:
            check(probe(None, ReplayHost({**record, "answers": spoiled})).machine)
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}") from error


def everything(name):
    if name == "spark":
        return SPARK | Tree(answers={"nvml": {"lines": NVML_LINES, "failure": None, "stderr": ""}})
    return MACHINES[name][0]


NAMES = ["spark", *MACHINES]


@pytest.mark.parametrize("name", NAMES)
def test_spoiled_records(tmp_path, name):
    fuzz_record(record_of(tmp_path, everything(name)), 25, 1)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_spoiled_records_long(tmp_path, name):
    """Whole machines: 300,000 in all. A million inputs for each single source are in `test_probe_fuzz_sources.py`."""
    fuzz_record(record_of(tmp_path, everything(name)), 300_000 // len(NAMES), 2)


def test_an_unrelated_file_changes_nothing(tmp_path):
    description = MACHINES["rx 6900 xt, files padded"][0]
    plain = probe(None, materialise(tmp_path / "a", description)).machine
    more = Tree(files={"/sys/bus/pci/devices/0000:00:1f.3/class": "0x040300", "/sys/class/drm/card0-DP-1/status": "x"})
    other = probe(None, materialise(tmp_path / "b", description | more)).machine
    assert other.accelerators == plain.accelerators
    assert other.memory == plain.memory
