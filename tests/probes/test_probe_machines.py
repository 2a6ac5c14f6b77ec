"""Reconstructed machines, each probed whole: devices, and the facts it stands for."""

import json
from dataclasses import fields

import pytest

from advisor.probes.assemble import probe, probe_machine
from advisor.probes.document import machine_from
from advisor.report.machine import machine_document, machine_text
from tests.probes.machines import MACHINES, arc, hybrid_intel, two_sockets
from tests.probes.probe_trees import GIB, Tree, amdgpu, arm, kfd, materialise, meminfo, pci, said, x86

NOT_FACTS = {
    "sources", "notes", "index", "usable", "unified", "origin", "probed_at", "path",
    "cpu", "memory", "accelerators", "disks", "engines",
}  # fmt: skip
"""Parts, judgements made from facts, and where the folder itself is named by the user."""


def machine_of(tree, name):
    return probe(None, tree(MACHINES[name][0])).machine


def test_there_are_enough_of_them():
    assert len(MACHINES) >= 25


@pytest.mark.parametrize("name", MACHINES)
def test_devices(tree, name):
    devices = machine_of(tree, name).accelerators
    assert [(d.vendor, d.memory_total_bytes, d.unified) for d in devices] == MACHINES[name][1]
    assert [d.index for d in devices] == list(range(len(devices)))


@pytest.mark.parametrize("name", MACHINES)
def test_text_and_document(tree, name):
    machine = machine_of(tree, name)
    document = json.loads(json.dumps(machine_document(machine), allow_nan=False))
    assert machine_document(machine_from(document)) == document | {"origin": "file"}
    for sources in (False, True):
        text = machine_text(machine, 80, sources=sources)
        assert max(len(line) for line in text.splitlines()) <= 80
        assert text.isascii() or "…" in text
    assert all(fact in ("name",) or getattr(machine.cpu, fact) for fact in machine.cpu.sources)


@pytest.mark.parametrize("name", MACHINES)
def test_every_known_fact_has_its_source(tree, name):
    machine = machine_of(tree, name)
    for part in (machine, machine.cpu, machine.memory, *machine.disks, *machine.accelerators):
        for field in fields(part):
            known = getattr(part, field.name) not in (None, "", ())
            assert not known or field.name in NOT_FACTS or part.sources.get(field.name), field.name


def test_root_alone_is_enough(tmp_path):
    materialise(tmp_path / "root", hybrid_intel())
    cpu = probe_machine(None, root=tmp_path / "root").cpu
    assert (cpu.physical_cores, cpu.logical_cores, cpu.performance_cores) == (14, 20, 6)


def test_p_and_e_cores_by_the_kernels_lists(tree):
    lists = Tree(files={"/sys/devices/cpu_core/cpus": "0-11\n", "/sys/devices/cpu_atom/cpus": "12-19\n"})
    cpu = probe(None, tree(hybrid_intel() | lists)).machine.cpu
    assert (cpu.performance_cores, cpu.sources["performance_cores"]) == (6, "/sys/devices/cpu_core/cpus")


def test_cores_by_clock_and_design(tree):
    cpu = probe(None, tree(hybrid_intel())).machine.cpu
    assert [(c.cores, c.kind, c.max_hz) for c in cpu.clusters] == [
        (2, None, 5.2e9), (4, None, 5.0e9), (8, None, 3.9e9),
    ]  # fmt: skip
    absurd = Tree(files={f"/sys/devices/system/cpu/cpu{i}/cpufreq/cpuinfo_max_freq": "1\n" for i in range(20)})
    assert probe(None, tree(hybrid_intel() | absurd)).machine.cpu.clusters == ()


def test_cores_by_design_alone(tree):
    cpu = probe(None, tree(arm(["0xd05"] * 4 + ["0xd0b"] * 2))).machine.cpu
    assert [(c.cores, c.kind, c.max_hz) for c in cpu.clusters] == [(4, "Cortex-A55", None), (2, "Cortex-A76", None)]


def test_two_sockets_and_sets(tree):
    cpu = probe(None, tree(two_sockets())).machine.cpu
    assert (cpu.physical_cores, cpu.vendor) == (8, "intel")
    assert cpu.instruction_sets == ("avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vnni")


def test_data_sheet_bandwidths_from_clocks(tree):
    rates = [machine_of(tree, n).accelerators[0].bandwidth_bytes_per_s for n in ("rx 6900 xt, files padded",)]
    assert rates == [pytest.approx(512e9)]


@pytest.mark.parametrize(
    ("name", "rate"), [("rx 7900 xtx and a desktop igpu", 959e9), ("mi210", 1638e9)], ids=["GDDR6", "HBM2e"]
)
def test_more_bandwidths(tree, name, rate):
    assert machine_of(tree, name).accelerators[0].bandwidth_bytes_per_s == pytest.approx(rate, rel=0.001)


def test_the_desktop_igpu_is_not_offered(tree):
    devices = machine_of(tree, "rx 7900 xtx and a desktop igpu").accelerators
    assert [d.usable for d in devices] == [True, False]


def test_arc_slot_is_read_above_the_card(tree):
    (device,) = machine_of(tree, "arc b580 on xe").accelerators
    assert device.pcie_bytes_per_s == pytest.approx(8 * 1.969e9)
    assert device.memory_available_bytes is None, "use of 0 means that this user is not told"


@pytest.mark.parametrize(("now", "lanes"), [("8", 8), ("4", 4), ("0", 8), ("63", 8), ("", 8)])
def test_lanes_in_use_count_and_not_the_idle_speed(tree, now, lanes):
    description = arc("0000:03:00.0", "8086:e20b", "xe", 12 * GIB)
    port = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0"
    idle = Tree(files={f"{port}/current_link_width": now, f"{port}/current_link_speed": "2.5 GT/s PCIe"})
    (device,) = probe(None, tree(x86() | meminfo(64, 60) | description | idle)).machine.accelerators
    assert device.pcie_bytes_per_s == pytest.approx(lanes * 1.969e9)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nvidia on nouveau", "nouveau"),
        ("nvidia, no driver", "driver is not usable"),
        ("nvidia of the host in a pod", "not accessible"),
        ("hd 7870 on radeon", "radeon"),
        ("radeon given to a vm", "virtual machine"),
        ("arc b580, node closed", "does not tell its memory"),
    ],
)
def test_what_cannot_be_used_says_why(tree, name, words):
    machine = machine_of(tree, name)
    assert any(words in note.message and note.hint for note in machine.notes)
    assert machine.usable_accelerators() == () or name.startswith("arc")


def test_a_card_of_no_chips_is_one_device(tree):
    listing = said("\tNPU ID : 5\n\tChip Count : 0\n")
    host = tree(MACHINES["ascend 910b, two chips"][0] | Tree(commands={"npu-smi info -l": listing}))
    assert [d.memory_total_bytes for d in probe(None, host).machine.accelerators] == [64 * GIB]


def test_macs(tree):
    machine = machine_of(tree, "m3 max")
    assert machine.accelerators[0].name == "Apple M3 Max (30-core GPU)"
    assert (machine.cpu.physical_cores, machine.cpu.performance_cores) == (14, 10)
    assert machine.memory.total_bytes == 36 * GIB


def test_rosetta_is_said(tmp_path):
    from tests.probes.machines import mac

    description = mac("VirtualApple @ 2.50GHz", 16, 10, 8, more="sysctl.proc_translated: 1\n")
    result = probe(None, materialise(tmp_path, description)).machine
    assert any("Rosetta" in note.message for note in result.notes)


def test_gpu_asleep_is_not_asked_for_clocks(tree):
    card = amdgpu("0000:03:00.0", "1002:744c", vram=GIB, gtt=GIB, mclk=(96, 1249))
    card |= kfd(1, "0000:03:00.0", gfx=110000, simds=192, local_mem_size=GIB, width=384)
    asleep = Tree(files={"/sys/bus/pci/devices/0000:03:00.0/power/runtime_status": "suspended\n"})
    (device,) = probe(None, tree(x86() | meminfo(16, 8) | card | asleep)).machine.accelerators
    assert device.bandwidth_bytes_per_s is None
    assert any("asleep" in note for note in device.notes)


def test_unreadable_files_are_unknown(tree):
    card = pci("0000:03:00.0", "1002:744c", driver="amdgpu", more={"mem_info_vram_total": None, "pp_dpm_mclk": None})
    files = Tree(files={"/proc/meminfo": None, "/proc/cpuinfo": None})
    machine = probe(None, tree(card | files)).machine
    assert machine.accelerators[0].memory_total_bytes is None
    assert machine.memory.total_bytes is None


def test_kfd_that_this_user_may_not_open(tree, monkeypatch):
    card = amdgpu("0000:03:00.0", "1002:744c", vram=GIB, gtt=GIB)
    card |= kfd(1, "0000:03:00.0", gfx=110000, simds=192, local_mem_size=GIB)
    host = tree(x86() | meminfo(16, 8) | card)
    monkeypatch.setattr(host, "accessible", lambda path: False)
    machine = probe(None, host).machine
    assert machine.accelerators[0].backend == "vulkan"
    assert any("render" in (note.hint or "") for note in machine.notes)
