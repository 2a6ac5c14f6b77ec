"""Readers of one subject each: text, memory, limits, system, disks, engines."""

import pytest

from advisor.probes.disk import model_folders, read_disk
from advisor.probes.engines_found import find_engines
from advisor.probes.limits import Limits, read_limits
from advisor.probes.memory import read_memory
from advisor.probes.system import on_battery, read_system
from advisor.probes.text import clean, fields, number_set, whole
from tests.probes.probe_trees import GIB, Tree, meminfo, said

# text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  a \t b\n", "a b"), ("a\x00\x1b[31mb", "a b"), ("\u202egpj", "gpj"), ("x" * 500, "x" * 120), ("é", "é"),
        ("\ud800", ""), ("a\x1b]0;t\x07b", "a ]0;t b"), ("\u2066\u200f", ""),
    ],
)  # fmt: skip
def test_clean(raw, shown):
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ("", None), ("N/A", None), ("9" * 5000, None), (None, None), ("-3", -3)]
)
def test_whole(text, value):
    assert whole(text) == value


def test_number_set():
    assert number_set("0-2,5,x,9-7,3-99999999,-1") == {0, 1, 2, 5}
    assert number_set(None) == frozenset()


def test_fields_keep_the_first():
    assert fields("a: 1\na: 2\nb\n") == {"a": "1"}


# memory and limits


def test_swap_in_zram_is_no_swap(tree):
    swaps = "Filename Type Size Used Priority\n/dev/zram0 partition 8000000 0 100\n/dev/sda2 partition 2097152 0 -2\n"
    memory, _ = read_memory(tree(meminfo(8, 4) | Tree(files={"/proc/swaps": swaps})), Limits())
    assert memory.swap_bytes == 2 * GIB


def test_huge_pages_are_mentioned(tree):
    host = tree(meminfo(64, 30, "HugePages_Total: 1024\nHugepagesize: 2048 kB\n"))
    _, notes = read_memory(host, Limits())
    assert "2.0 GiB" in notes[0].message


def test_a_limit_above_the_machine_binds_nothing(tree):
    memory, _ = read_memory(tree(meminfo(8, 4)), Limits(memory_bytes=64 * GIB, memory_source="cgroup x"))
    assert memory.limit_bytes is None
    assert memory.available_bytes == 4 * GIB


def test_unknown_memory_under_a_known_limit(tree):
    memory, _ = read_memory(tree(Tree()), Limits(memory_bytes=2 * GIB, memory_source="cgroup x"))
    assert (memory.total_bytes, memory.available_bytes) == (None, 2 * GIB)


def test_address_space_limit_is_said(tree):
    text = "Limit  Soft Limit  Hard Limit  Units\nMax address space         4294967296    unlimited    bytes\n"
    limits = read_limits(tree(Tree(files={"/proc/self/limits": text})))
    assert limits.address_space_bytes == 4 * GIB
    _, notes = read_memory(tree(meminfo(8, 4)), limits)
    assert any("ulimit" in (n.hint or "") for n in notes)


@pytest.mark.parametrize(
    ("group", "limit"),
    [("/../other", 3 * GIB), ("/gone", 3 * GIB), ("/" + "a/" * 200, 3 * GIB), ("/docker/x", 3 * GIB)],
)
def test_hidden_groups_fall_back_to_the_mount(tree, group, limit):
    files = {
        "/proc/self/mountinfo": "1 0 0:1 / / rw - ext4 x rw\n36 32 0:31 / /sys/fs/cgroup rw shared:1 - cgroup2 c rw\n",
        "/proc/self/cgroup": f"0::{group}\n",
        "/sys/fs/cgroup/memory.max": f"{limit}\n",
    }
    assert read_limits(tree(Tree(files=files))).memory_bytes == limit


def test_memory_high_binds_too(tree):
    files = {
        "/proc/self/mountinfo": "36 32 0:31 / /sys/fs/cgroup rw - cgroup2 c rw\n",
        "/proc/self/cgroup": "0::/\n",
        "/sys/fs/cgroup/memory.max": "max\n",
        "/sys/fs/cgroup/memory.high": f"{GIB}\n",
    }
    assert read_limits(tree(Tree(files=files))).memory_bytes == GIB


# system


def supplies(**units):
    files = {f"/sys/class/power_supply/{unit}/{k}": v for unit, facts in units.items() for k, v in facts.items()}
    return Tree(files=files)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (supplies(), None),
        (supplies(BAT0={"type": "Battery", "status": "Discharging"}, AC={"type": "Mains", "online": "0"}), True),
        (supplies(BAT0={"type": "Battery", "status": "Charging"}, AC={"type": "Mains", "online": "1"}), False),
        (supplies(mouse={"type": "Battery", "status": "Discharging", "scope": "Device"}), False),
        (supplies(BAT0={"type": "Battery", "status": "Discharging"}, C={"type": "USB", "online": "1"}), False),
        (supplies(BAT0={"type": "Battery", "status": "Full"}, BAT1={"type": "Battery", "status": "Discharging"}), True),
    ],
)
def test_battery(tree, description, expected):
    assert on_battery(tree(description)) is expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/sys/kernel/osrelease": "5.15-microsoft-standard-WSL2"}, "wsl"),
        ({"/run/.containerenv": ""}, "container"),
        ({"/proc/self/cgroup": "0::/kubepods/pod1/x"}, "container"),
        ({"/sys/class/dmi/id/sys_vendor": "QEMU"}, "vm"),
        ({"/proc/cpuinfo": "flags : fpu hypervisor"}, "vm"),
        ({"/proc/cpuinfo": "flags : fpu"}, "none"),
        ({}, None),
    ],
)
def test_virtualization(tree, files, expected):
    assert read_system(tree(Tree(files=files))).virtualization == expected


def test_power_profile_is_said(tree):
    notes = read_system(tree(Tree(files={"/sys/firmware/acpi/platform_profile": "low-power\n"}))).notes
    assert "low-power" in notes[0].message


# disks and engines


def test_a_folder_to_be_made_counts_as_its_parent(tree):
    host = tree(Tree(files={"/home/me/x": ""}, answers={"disk_space /home/me": [5, 9]}))
    disk = read_disk(host, "/home/me/a/b/models")
    assert (disk.path, disk.free_bytes, disk.total_bytes) == ("/home/me/a/b/models", 5, 9)


@pytest.mark.parametrize(
    ("place", "rotational", "kind"),
    [("nvme0n1", None, "nvme"), ("sda", "0", "ssd"), ("sda", "1", "hdd"), ("virtio1/block/vda", "1", None)],
)
def test_kind_of_disk(tree, place, rotational, kind):
    files = {"/models/x": "", "/proc/self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/x rw\n"}
    files[f"/sys/devices/{place}/size"] = "1"
    if rotational:
        files[f"/sys/devices/{place}/queue/rotational"] = rotational
    host = tree(Tree(files=files, links={"/sys/dev/block/8:1": f"../../devices/{place}"}))
    assert read_disk(host, "/models").kind == kind


def test_network_mounts_are_asked_in_a_child(tree):
    df = "Filesystem 1024-blocks Used Available Capacity Mounted on\nsrv:/v 1000 400 600 40% /models\n"
    files = {
        "/models/x": "",
        "/proc/self/mountinfo": "1 0 8:1 / / rw - ext4 x rw\n2 1 0:9 / /models rw - nfs4 srv:/v rw\n",
    }
    host = tree(Tree(files=files, commands={"df -Pk /models": said(df)}, answers={"disk_space /models": [1, 1]}))
    disk = read_disk(host, "/models")
    assert (disk.kind, disk.free_bytes, disk.total_bytes) == ("network", 600 * 1024, 1000 * 1024)


def test_a_network_mount_that_hangs_is_unknown(tree):
    files = {"/models/x": "", "/proc/self/mountinfo": "2 1 0:9 / /models rw - cifs //srv/v rw\n"}
    assert read_disk(tree(Tree(files=files)), "/models").free_bytes is None


def test_other_stores_are_found(tree):
    host = tree(
        Tree(files={"/home/me/.ollama/models/x": "", "/hf/hub/y": ""}, environ={"HOME": "/home/me", "HF_HOME": "/hf"})
    )
    assert model_folders(host, "/m") == ("/m", "/hf/hub", "/home/me/.ollama/models")


def test_engines(tree):
    files = {"/opt/bin/llama-server": "", "/opt/bin/ollama": "", "/home/me/.lmstudio/bin/lms": ""}
    answers = {"module xllamacpp": True, "listening 127.0.0.1:11434": True}
    host = tree(Tree(files=files, environ={"PATH": "/opt/bin:/none", "HOME": "/home/me"}, answers=answers))
    found = {(e.name, e.path, e.running) for e in find_engines(host)}
    assert found == {
        ("llama.cpp", "/opt/bin/llama-server", False),
        ("ollama", "/opt/bin/ollama", True),
        ("lmstudio", "/home/me/.lmstudio/bin/lms", False),
        ("embedded", None, False),
    }
