"""Every recorded or reconstructed machine played back from its file, from the probe to the recommendation.

None is a capture of ours. Files and answers are reconstructed from owners' reports, kernel documentation and recorded
trees of other projects (LACT, hwloc); NVIDIA's answers come through the real nvidia-ml-py from the fake driver's
scenarios. The machines, 50 in all:

| machines | what they stand for |
| --- | --- |
| no gpu, two sockets, i7-1370p, empty tree | a desktop, a server, P- and E-cores, a system that tells nothing |
| uhd 630 laptop | screen graphics that are no accelerator |
| rx 580, r7 240, rx 6900 xt, rx 7900 xtx and a desktop igpu, mi210, hd 7870, radeon given to a vm | AMD cards |
| strix halo, 96 gib set aside | an APU whose memory the system does not see |
| arc a380, arc b580 (open, closed node), lunar lake | Intel on i915 and xe, discrete and integrated |
| nvidia on nouveau, without driver, of the host in a pod | cards that cannot be used from here |
| jetson without nvml, asahi | ARM boards by their device tree |
| ascend 910b, two chips | an NPU card by npu-smi |
| m3 max, m4, m2 ultra | Macs: Metal's figure, an estimate, a raised limit |
| windows: r9700, virtual adapters, two equal cards | DXGI |
| rtx4090, rtx5090, rtx5090_laptop, two3090_nvlink, five_a4000, vm_3090_3050, unnamed | NVIDIA cards |
| gb10, gb10_success_total, jetson_orin | NVIDIA on the host's memory |
| h100_mig, vgpu, wsl_4070tis | slices, time slices, WSL |
| one_gpu_lost, no_permission_mem, hang, hang_second, zero_devices | single faults of a driver that runs |
| mismatch, driver_not_loaded, unknown_error | drivers that do not start |
"""

import json
from pathlib import Path

import pytest

from advisor.domain.estimate import PlacementKind
from advisor.probes.assemble import probe
from advisor.probes.document import read_machine
from advisor.probes.record import RecordingHost
from advisor.settings import Settings
from advisor.verbs.question import Request
from advisor.verbs.recommend import recommend
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace
from tests.probes.conftest import SCENARIOS
from tests.probes.machines import MACHINES
from tests.probes.probe_trees import SPARK, Tree, meminfo, pci, x86

NVIDIA = sorted(path.stem for path in SCENARIOS.glob("*.nvml"))
UNIFIED_BOARDS = ("gb10", "gb10_success_total")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """The catalog alone: no stored results, no overlays of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ADVISOR_DATA", "ADVISOR_CACHE", "ADVISOR_CONFIG"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        shared = Workspace(Settings())
        assert len(shared.catalog.entries()) > 100
        yield shared


def answered(workspace, tmp_path, description, tree):
    """Record, write, read back through --hardware, recommend; the machine as probed live and the answer."""
    host = RecordingHost(tree(description))
    live = probe(workspace.catalog.hardware, host).machine
    path = tmp_path / "record.json"
    path.write_text(json.dumps(host.document()))
    result = recommend(Request(task="chat", limit=3), MachineSelection(hardware=str(path)), workspace)
    assert [(d.name, d.memory_total_bytes) for d in result.machine.accelerators] == [
        (d.name, d.memory_total_bytes) for d in live.accelerators
    ]
    assert read_machine(Path(path), workspace.catalog.hardware).cpu == live.cpu
    return live, result


def check_placements(machine, result):
    """Whatever is recommended lies on devices that can be used, in memory that is there."""
    usable = {d.index for d in machine.usable_accelerators()}
    for pick in result.picks:
        estimate = pick.assessment.estimate
        assert set(estimate.placement.devices) <= usable
        for device in estimate.footprint.devices:
            assert device.available_bytes is None or device.total_bytes <= device.available_bytes


ON_GPU = {
    "rx 6900 xt, files padded", "rx 7900 xtx and a desktop igpu", "mi210", "arc b580 on xe",
    "m3 max", "m4", "m2 ultra, limit raised", "windows, r9700", "windows, virtual adapters", "jetson without nvml",
}  # fmt: skip
"""Machines whose best answer uses their GPU."""


@pytest.mark.parametrize("name", MACHINES)
def test_machine(workspace, tmp_path, tree, name):
    machine, result = answered(workspace, tmp_path, MACHINES[name][0], tree)
    check_placements(machine, result)
    if name in ON_GPU:
        assert result.picks[0].assessment.estimate.placement.kind is not PlacementKind.CPU
    if not machine.usable_accelerators():
        assert all(p.assessment.estimate.placement.kind is PlacementKind.CPU for p in result.picks)


@pytest.mark.parametrize("scenario", NVIDIA)
def test_nvidia_machine(workspace, tmp_path, tree, nvml, scenario):
    unhurried = {"limit_s": 2.0} if scenario.startswith("hang") else {}
    answer = nvml(scenario, **unhurried)
    board = SPARK if scenario in UNIFIED_BOARDS else x86() | meminfo(64, 60)
    on_bus = scenario in ("driver_not_loaded", "mismatch")
    card = pci("0000:01:00.0", "10de:2684", driver="nvidia") if on_bus else Tree()
    description = board | card | Tree(files={"/dev/nvidiactl": ""}, answers={"nvml": answer})
    machine, result = answered(workspace, tmp_path, description, tree)
    check_placements(machine, result)
    assert result.picks
    if scenario in ("rtx4090", "rtx5090", "two3090_nvlink", "gb10", "h100_mig", "five_a4000"):
        assert result.picks[0].assessment.estimate.placement.kind is not PlacementKind.CPU


def test_the_list_above_is_complete():
    assert len(MACHINES) + len(NVIDIA) == 50
    assert len(MACHINES) >= 25


def test_a_stated_machine_says_what_is_assumed(workspace):
    from advisor.report.recommendation import machine_line
    from advisor.verbs.stated_machine import select_machine

    card = select_machine(MachineSelection(gpus=("RTX 4090",)), workspace)
    assert "memory free (assumed)" in machine_line(card)
    assert "memory free (assumed)" not in machine_line(
        select_machine(MachineSelection(gpus=("RTX 4090",), ram="64GiB"), workspace)
    )
    chip = select_machine(MachineSelection(hardware="M3 Max"), workspace)
    assert any("2 variants" in note.message and "40-core" in (note.hint or "") for note in chip.notes)
    named = select_machine(MachineSelection(hardware="M3 Max 40-core", ram="64GiB"), workspace)
    assert not any("variants" in note.message for note in named.notes)


def test_a_model_larger_than_what_the_system_sees_fits_what_is_set_aside(workspace, tmp_path, tree):
    """Llama 3.3 70B in Q4_K_M takes about 40 GiB: more than the 31 GiB of the system, less than the 96 set aside."""
    from advisor.verbs.estimate import estimate_choice

    host = RecordingHost(tree(MACHINES["strix halo, 96 gib set aside"][0]))
    probe(workspace.catalog.hardware, host)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(host.document()))
    selection = MachineSelection(hardware=str(path))
    choice = estimate_choice("meta-llama/Llama-3.3-70B-Instruct:Q4_K_M", Request(task="chat"), selection, workspace)
    on_gpu, on_host = choice.estimate.footprint.devices
    assert choice.estimate.fits
    assert choice.estimate.placement.kind is PlacementKind.GPU
    assert on_gpu.total_bytes > 32 << 30
    assert on_host.available_bytes > 20 << 30, "the host loses nothing while the model lies in what is set aside"
