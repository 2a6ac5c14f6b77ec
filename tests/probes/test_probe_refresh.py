"""Free memory is read again, and a sleeping GPU is left alone."""

from dataclasses import replace

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
    (fresh,), (before,) = refresh(refresh(machine, host), host).accelerators, machine.accelerators
    assert fresh.memory_available_bytes == before.memory_available_bytes
    assert fresh.sources["memory_available_bytes"] == f"nvml, read at {machine.probed_at}: it sleeps now"
    assert "nvml" not in host.answers["ask"]


def test_equal_slices_of_one_card_keep_their_own_figures(tree, nvml):
    card = pci(CARD, "10de:2330", driver="nvidia")
    answer = nvml("h100_mig")
    slices = [line for line in answer["lines"] if line["kind"] == "slice"]
    for line, free in zip(slices, (3, 5), strict=True):
        line["name"] = "NVIDIA H100 80GB HBM3 MIG 3g.40gb"
        line["memory"] = {"total": 40 * GIB, "free": free * GIB}
    host = tree(x86() | meminfo(64, 60) | card | Tree(answers={"nvml": answer}))
    machine = probe(None, host).machine
    slices[0]["memory"]["free"] = GIB
    fresh = refresh(machine, host).usable_accelerators()
    assert [d.memory_available_bytes for d in fresh] == [GIB, 5 * GIB]


def test_a_watched_probe_says_what_it_asks(tree, nvml):
    from advisor.probes.watched import WatchedHost

    said = []
    host = tree(nvidia(nvml))
    watched = probe(None, WatchedHost(host, said.append)).machine
    assert replace(watched, probed_at=None) == replace(probe(None, host).machine, probed_at=None)
    assert any("NVIDIA driver" in text for text in said)
    assert said[0].startswith("reading processor")


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
