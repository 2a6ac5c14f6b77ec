"""What is there but cannot be used from here: closed device files, containers, variables, sleeping GPUs, full disks."""

import pytest

from advisor.domain.machine import Accelerator
from advisor.probes.assemble import probe
from advisor.probes.disk import disk_notes, read_disk
from advisor.probes.limits import Limits
from advisor.probes.memory import read_memory
from advisor.probes.record import RecordingHost
from advisor.probes.visibility import apply_visibility
from tests.probes.machines import arc, two_sockets
from tests.probes.probe_trees import GIB, SPARK, Tree, amdgpu, kfd, meminfo, said, x86

PC = x86() | meminfo(64, 60)
CARD = "0000:03:00.0"
RADEON = amdgpu(CARD, "1002:744c", vram=24 * GIB, gtt=31 * GIB) | Tree(
    files={f"/sys/bus/pci/devices/{CARD}/drm/renderD128/dev": "226:128\n"}
)


# device files


def test_a_card_of_the_host_in_a_pod_is_not_offered(tree):
    machine = probe(None, tree(PC | RADEON)).machine
    assert machine.accelerators[0].memory_total_bytes == 24 * GIB
    assert machine.usable_accelerators() == ()
    assert any("/dev/dri/renderD128 is not here" in note for note in machine.accelerators[0].notes)


@pytest.mark.parametrize("path", ["/dev/dri/renderD128", "/dev/kfd"])
def test_one_open_device_file_is_enough(tree, path):
    machine = probe(None, tree(PC | RADEON | Tree(files={path: ""}))).machine
    assert len(machine.usable_accelerators()) == 1


def test_a_closed_device_file_says_which_groups_open_it(tree, monkeypatch):
    host = tree(PC | RADEON | Tree(files={"/dev/dri/renderD128": ""}))
    monkeypatch.setattr(host, "accessible", lambda path: False)
    (device,) = probe(None, host).machine.accelerators
    assert not device.usable
    assert any("groups render and video" in note for note in device.notes)


def test_an_arc_card_without_its_device_file_is_not_offered(tree):
    description = arc(CARD, "8086:e20b", "xe", 12 * GIB)
    description.files.pop("/dev/dri/renderD128")
    machine = probe(None, tree(PC | description)).machine
    assert machine.usable_accelerators() == ()


# variables


def test_ascend_devices_are_hidden_by_their_variable(tree):
    devices = [Accelerator(index=i, name=f"Ascend 910B{i}", vendor="huawei") for i in range(3)]
    host = tree(Tree(environ={"ASCEND_RT_VISIBLE_DEVICES": "2,0"}))
    shown, notes = apply_visibility(devices, [None] * 3, host)
    assert [d.usable for d in shown] == [True, False, True]
    assert "guess" not in notes[0].message, "its numbers are the tool's own, whatever the cards are"


# sleeping GPUs


def test_vulkan_is_not_asked_while_a_gpu_sleeps(tree):
    apu = amdgpu("0000:65:00.0", "1002:15bf", vram=4 * GIB, gtt=16 * GIB)
    apu |= kfd(1, "0000:65:00.0", gfx=110003, simds=24, local_mem_size=0)
    tools = Tree(
        files={"/usr/bin/vulkaninfo": ""}, environ={"PATH": "/usr/bin"}, commands={"vulkaninfo": said("GPU0:\n")}
    )
    asleep = Tree(files={f"/sys/bus/pci/devices/{CARD}/power/runtime_status": "suspended\n"})
    for extra, asked in ((Tree(), True), (asleep, False)):
        host = RecordingHost(tree(PC | RADEON | apu | tools | extra))
        probe(None, host)
        assert ("vulkaninfo" in host.answers["run"]) is asked


# memory and processors


def test_free_memory_of_gpus_is_not_the_hosts(tree):
    """GH200: 480 GiB of LPDDR5X and 96 GiB of HBM on a node of its own; MemAvailable counts both."""
    node = "Node 1 MemTotal: {0} kB\nNode 1 MemFree: {1} kB\nNode 1 Active(file): {2} kB\nNode 1 Inactive(file): 0 kB\n"
    files = {
        "/proc/driver/nvidia/gpus/0009:01:00.0/numa_status": "Node: 1\nStatus: online\n",
        "/sys/devices/system/node/node1/cpulist": "\n",
        "/sys/devices/system/node/node1/meminfo": node.format(96 << 20, 90 << 20, 4 << 20),
    }
    memory, _ = read_memory(tree(meminfo(576, 560) | Tree(files=files)), Limits())
    assert memory.total_bytes == 480 * GIB
    assert memory.available_bytes == (560 - 94) * GIB
    assert "NUMA nodes of GPUs" in memory.sources["available_bytes"]


def test_sockets_and_memory_nodes(tree):
    nodes = {f"/sys/devices/system/node/node{i}/cpulist": f"{4 * i}-{4 * i + 3}\n" for i in range(2)}
    nodes |= {"/sys/devices/system/node/node2/cpulist": "\n"}
    cpu = probe(None, tree(two_sockets() | Tree(files=nodes))).machine.cpu
    assert (cpu.sockets, cpu.numa_nodes) == (2, 2), "a node without CPUs is memory alone"
    assert cpu.sources["sockets"]
    assert cpu.sources["numa_nodes"]


def test_boards_that_number_no_sockets(tree):
    package = {f"/sys/devices/system/cpu/cpu{i}/topology/physical_package_id": "-1\n" for i in range(20)}
    cpu = probe(None, tree(SPARK | Tree(files=package))).machine.cpu
    assert (cpu.sockets, cpu.physical_cores) == (None, 20)


# who holds the memory


def test_who_holds_the_memory_is_named(tree, nvml):
    answer = nvml("rtx4090")
    device = answer["lines"][1]
    device["processes"] = [[41, 9 * GIB], [42, GIB], [43, None], [41, 9 * GIB]]
    names = Tree(files={"/proc/41/comm": "ollama\n", "/dev/nvidia0": ""}, answers={"nvml": answer})
    (found,) = probe(None, tree(PC | names)).machine.accelerators
    assert "2 processes hold 10240 MiB of it: ollama 9216 MiB (pid 41)" in found.notes


# disks


def mounted(options, super_options="rw", place="/models"):
    line = f"2 1 8:1 / {place} {options} shared:1 - ext4 /dev/sda1 {super_options}\n"
    return Tree(files={f"{place}/x": "", "/proc/self/mountinfo": f"1 0 8:0 / / rw - ext4 /dev/sda rw\n{line}"})


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (mounted("rw,relatime"), None),
        (mounted("ro,relatime"), "read-only"),
        (mounted("rw", "ro,errors=remount-ro"), "read-only"),
        (mounted("rw", "rw,usrquota,grpquota"), "quotas"),
        (mounted("rw", "rw,prjquota"), "quotas"),
        (mounted("rw", "rw,noquota"), None),
    ],
    ids=["plain", "mount", "file system", "user quota", "project quota", "no quota"],
)
def test_what_keeps_downloads_out_of_their_folder(tree, description, words):
    notes = disk_notes(tree(description), "/models/not/yet/made")
    assert [words in note.message for note in notes] == ([True] if words else [])
    assert all(note.hint for note in notes)


def test_a_folder_that_may_not_be_written(tree, monkeypatch):
    host = tree(mounted("rw"))
    monkeypatch.setattr(host, "accessible", lambda path: False)
    (note,) = disk_notes(host, "/models/new")
    assert "/models" in note.message
    assert "new" not in note.message


def test_the_note_reaches_the_machine(tree):
    from pathlib import Path

    machine = probe(None, tree(PC | mounted("ro")), models=Path("/models/a")).machine
    assert any("read-only" in note.message for note in machine.notes)


def test_drives_of_windows(tree):
    host = windows_files(tree, {"D:/models/x": ""}, {"disk_space D:/models": [5, 9]})
    disk = read_disk(host, "D:\\models\\advisor\\new")
    assert (disk.path, disk.free_bytes) == ("D:\\models\\advisor\\new", 5)


def windows_files(tree, files, answers):
    host = tree(Tree(files={f"/{path}": text for path, text in files.items()}, answers=answers, platform="win32"))
    inside = host.exists
    host.exists = lambda path: inside("/" + path)
    host.link = lambda path: path
    return host
