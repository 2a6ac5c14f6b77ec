"""Free memory is read again, and a sleeping GPU is left alone."""

from advisor.probes.assemble import probe
from advisor.probes.record import RecordingHost
from advisor.probes.refresh import refresh
from tests.probes.machines import MACHINES
from tests.probes.probe_trees import GIB, Tree, amdgpu, kfd, materialise, meminfo, pci, x86

CARD = "0000:01:00.0"


def test_host_and_amd_card(tmp_path):
    before = x86() | meminfo(32, 30) | amdgpu(CARD, "1002:744c", vram=24 * GIB, gtt=GIB)
    after = x86() | meminfo(32, 10) | amdgpu(CARD, "1002:744c", vram=24 * GIB, gtt=GIB, vram_used=20 * GIB)
    machine = probe(None, materialise(tmp_path / "a", before)).machine
    fresh = refresh(machine, materialise(tmp_path / "b", after))
    assert machine.accelerators[0].memory_available_bytes == 24 * GIB
    assert fresh.accelerators[0].memory_available_bytes == 4 * GIB
    assert fresh.memory.available_bytes == 10 * GIB
    assert fresh.memory.total_bytes == machine.memory.total_bytes


def nvidia(nvml, **more):
    card = pci(CARD, "10de:2684", driver="nvidia", more=more)
    return x86() | meminfo(32, 30) | card | Tree(answers={"nvml": nvml("rtx4090")})


def test_nvidia_card(tree, nvml):
    host = tree(nvidia(nvml))
    machine = probe(None, host).machine
    host.ask("nvml")["lines"][1]["memory"]["free"] = 5 * GIB
    assert refresh(machine, host).accelerators[0].memory_available_bytes == 5 * GIB


def test_a_sleeping_card_is_not_asked(tree, nvml):
    host = RecordingHost(tree(nvidia(nvml, **{"power/runtime_status": "suspended\n"})))
    machine = probe(None, host).machine
    host.answers["ask"].clear()
    assert refresh(machine, host).accelerators == machine.accelerators
    assert "nvml" not in host.answers["ask"]


def test_unified_follows_the_host(tmp_path):
    machine = probe(None, materialise(tmp_path / "a", MACHINES["jetson without nvml"][0])).machine
    fresh = refresh(machine, materialise(tmp_path / "b", meminfo(61.4, 7)))
    assert fresh.accelerators[0].memory_available_bytes == 7 * GIB


def test_a_carve_out_is_not_the_hosts(tmp_path):
    before, after = (
        x86() | meminfo(31, available) | amdgpu(CARD, "1002:1586", vram=96 * GIB, gtt=16 * GIB, vram_used=used)
        | kfd(1, CARD, gfx=110501, simds=80, local_mem_size=0)
        for available, used in ((28, 0), (9, 30 * GIB))
    )  # fmt: skip
    machine = probe(None, materialise(tmp_path / "a", before)).machine
    fresh = refresh(machine, materialise(tmp_path / "b", after))
    assert machine.accelerators[0].memory_available_bytes == 112 * GIB
    assert fresh.accelerators[0].memory_available_bytes == (66 + 9) * GIB


def test_nothing_readable_keeps_everything(tmp_path):
    machine = probe(None, materialise(tmp_path / "a", MACHINES["rx 580"][0])).machine
    assert refresh(machine, materialise(tmp_path / "b", Tree())) == machine
