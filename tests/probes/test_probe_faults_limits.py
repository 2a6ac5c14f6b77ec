"""Faults 27 to 36 of the list in `test_probe_faults.py`: what hides devices, limits of CPU and memory, Macs, NUMA."""

from dataclasses import replace

import pytest

from advisor.domain.machine import HostMemory
from advisor.probes.apple import metal_limit, read_apple
from advisor.probes.assemble import probe
from advisor.probes.limits import read_limits
from tests.probes.probe_trees import GIB, SPARK, Tree, meminfo, pci, said, x86

PC = x86() | meminfo(64, 60)


@pytest.fixture
def machine(tree):
    def make(description, lookup=None):
        return probe(lookup, tree(description)).machine

    return make


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", [0]), ("1", [1]), ("1,0", [0, 1]), ("", []), ("-1", []), ("0,-1,1", [0]), ("7", []), ("NoDevFiles", []),
        ("GPU-00000000-0000-0000-0000-000000003091", [1]), ("GPU-00000000", []), ("NoDevFiles,0", []),
        ("0,GPU-ffffffff,1", [0]), ("00000000-0000-0000-0000-000000003091", []), (" 1 , 0 ", [0, 1]),
        ("gpu-00000000-0000-0000-0000-000000003090,1", [0, 1]),
    ],
)  # fmt: skip
def test_27_cuda_visible_devices(tree, nvml, value, shown):
    host = tree(
        PC
        | Tree(
            files={"/dev/nvidia0": ""},
            answers={"nvml": nvml("two3090_nvlink")},
            environ={"CUDA_VISIBLE_DEVICES": value},
        )
    )
    result = probe(None, host).machine
    assert [d.index for d in result.accelerators if d.usable] == shown
    assert len(result.accelerators) == 2, "hidden ones are shown, not dropped"
    hidden = 2 - len(shown)
    assert any(f"{len(shown)} of 2 GPUs visible" in n.message for n in result.notes) == (hidden > 0)


def test_27_numbers_are_ambiguous_with_different_cards(tree, nvml):
    environ = {"CUDA_VISIBLE_DEVICES": "0"}
    base = PC | Tree(files={"/dev/nvidia0": ""}, answers={"nvml": nvml("vm_3090_3050")})
    result = probe(None, tree(base | Tree(environ=environ))).machine
    assert any("guess" in note.message for note in result.notes)


def test_28_lost_devices_of_a_container_are_explained(tree, nvml):
    card = pci("0000:01:00.0", "10de:2684", driver="nvidia")
    result = probe(None, tree(PC | card | Tree(answers={"nvml": nvml("unknown_error")}))).machine
    assert any("container" in note.message and note.hint for note in result.notes)
    assert [d.usable for d in result.accelerators] == [False]
    assert not any(note.source == "pci" for note in result.notes), "one cause, not a second guess beside it"


def v2(path, **values):
    mount = "36 32 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
    files = {"/proc/self/mountinfo": mount, "/proc/self/cgroup": f"0::{path}\n"}
    return Tree(
        files=files | {f"/sys/fs/cgroup{path.rstrip('/')}/{name.replace('_', '.', 1)}": t for name, t in values.items()}
    )


def test_29_threads_follow_the_quota(tree, machine):
    cpu = x86(cores=16, smt=2) | meminfo(64, 60)
    assert machine(cpu | v2("/", cpu_max="400000 100000\n")).cpu.usable_threads == 4


def test_29_threads_follow_the_cpuset(machine):
    cpuset = Tree(files={"/proc/self/status": "Cpus_allowed_list:\t0-3\n"})
    assert machine(x86() | meminfo(64, 60) | cpuset).cpu.usable_threads == 4


def test_29_a_quota_is_rounded_down(machine):
    v1 = Tree(
        files={
            "/proc/self/mountinfo": "33 31 0:28 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n",
            "/proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "765000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        }
    )
    result = machine(x86() | meminfo(64, 60) | v1)
    assert result.cpu.usable_threads == 7
    assert result.cpu.sources["usable_threads"] == "cgroup CPU quota"
    assert result.virtualization == "container"


def test_30_page_cache_is_not_use(tree):
    group = v2(
        "/pod",
        memory_max=f"{8 * GIB}\n",
        memory_current=f"{int(7.41 * GIB)}\n",
        memory_stat=f"anon 1\ninactive_file {5 * GIB}\nactive_file {2 * GIB}\n",
    )
    limits = read_limits(tree(group))
    assert limits.memory_bytes == 8 * GIB
    assert limits.memory_free_bytes == pytest.approx(7.59 * GIB, rel=0.001)


def test_31_max_is_no_limit(tree):
    assert read_limits(tree(v2("/pod", memory_max="max\n", memory_current="5\n"))).memory_bytes is None


def test_31_the_sentinel_of_v1_is_no_limit(tree):
    v1 = Tree(
        files={
            "/proc/self/mountinfo": "33 31 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            "/proc/self/cgroup": "4:memory:/user.slice\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/user.slice/memory.limit_in_bytes": "9223372036854771712\n",
        }
    )
    assert read_limits(tree(v1)).memory_bytes is None


def test_31_a_limit_above_counts(tree, machine):
    group = v2("/a.slice/b.service", memory_max="max\n")
    above = {"/sys/fs/cgroup/a.slice/memory.max": f"{4 * GIB}\n", "/sys/fs/cgroup/a.slice/memory.current": f"{GIB}\n"}
    result = machine(PC | group | Tree(files=above))
    assert result.memory.limit_bytes == 4 * GIB
    assert result.memory.available_bytes == 3 * GIB
    assert "a.slice" in result.memory.sources["limit_bytes"]


def test_32_the_zfs_cache_gives_way(machine):
    arc = "name type data\nc_min 4 2147483648\nsize 4 34359738368\n"
    result = machine(x86() | meminfo(64, 20) | Tree(files={"/proc/spl/kstat/zfs/arcstats": arc}))
    assert result.memory.available_bytes == (20 + 32 - 2) * GIB
    assert "ZFS" in result.memory.sources["available_bytes"]


@pytest.mark.parametrize(
    ("values", "metal", "expected", "source"),
    [
        ({"hw.memsize": str(32 * GIB), "iogpu.wired_limit_mb": "26000"}, None, 26000 << 20, "wired"),
        ({"hw.memsize": str(32 * GIB), "iogpu.wired_limit_mb": "0"}, None, int(32 * GIB * 0.74), "estimated"),
        ({"hw.memsize": str(32 * GIB)}, None, int(32 * GIB * 0.74), "estimated"),
        ({"hw.memsize": str(32 * GIB), "iogpu.wired_limit_mb": "26000"}, 20 * GIB, 20 * GIB, "Metal"),
        ({"hw.memsize": str(32 * GIB), "iogpu.wired_limit_mb": "99000"}, None, 32 * GIB, "wired"),
        ({}, None, None, ""),
    ],
)
def test_33_the_wired_limit_of_a_mac(tree, values, metal, expected, source):
    host = tree(Tree(platform="darwin", answers={"metal": {"recommended_bytes": metal}} if metal else {}))
    limit, how = metal_limit(host, values)
    assert limit == expected
    assert source in how


@pytest.mark.parametrize(("installed", "at_most"), [(16, 10.68), (24, 17.77), (36, 27.01), (128, 107.53)])
def test_34_no_single_fraction_and_never_more_than_measured(tree, installed, at_most):
    limit, how = metal_limit(tree(Tree(platform="darwin")), {"hw.memsize": str(installed * GIB)})
    assert how == "estimated"
    assert 0.6 * installed * GIB < limit <= at_most * GIB


def test_34_an_estimate_says_so(tree):
    from advisor.probes.apple import SYSCTL_KEYS

    text = f"machdep.cpu.brand_string: Apple M4\nhw.memsize: {16 * GIB}\n"
    host = tree(Tree(platform="darwin", commands={" ".join(["sysctl", *SYSCTL_KEYS]): said(text, code=1)}))
    (sighting,) = read_apple(host, HostMemory()).sightings
    assert any("estimated" in note for note in sighting.device.notes)


def test_35_physical_cores_on_arm(machine):
    cpu = machine(SPARK).cpu
    assert (cpu.physical_cores, cpu.performance_cores, cpu.logical_cores) == (20, 10, 20)
    assert cpu.name == "Cortex-A725 + Cortex-X925"
    assert {"neon", "dotprod", "i8mm", "sve2"} <= set(cpu.instruction_sets)


def test_36_gpu_memory_is_not_main_memory(machine):
    files = {"/sys/devices/system/node/node0/cpulist": "0-31\n", "/dev/nvidia0": ""}
    for i in range(6):
        node = 250 + i
        files[f"/proc/driver/nvidia/gpus/000{i}:01:00.0/numa_status"] = f"Node: {node}\nStatus: online\n"
        files[f"/sys/devices/system/node/node{node}/cpulist"] = "\n"
        files[f"/sys/devices/system/node/node{node}/meminfo"] = f"Node {node} MemTotal:       {15 * 2**20} kB\n"
    files["/proc/driver/nvidia/gpus/0007:01:00.0/numa_status"] = "Node: 0\nStatus: online\n"
    files["/sys/devices/system/node/node0/meminfo"] = f"Node 0 MemTotal:       {125 * 2**20} kB\n"
    files["/sys/devices/system/node/node9/cpulist"] = "\n"
    files["/sys/devices/system/node/node9/meminfo"] = f"Node 9 MemTotal:       {2**20} kB\n"
    result = machine(x86() | meminfo(341.57, 300) | Tree(files=files))
    assert result.memory.total_bytes == pytest.approx(251.57 * GIB, rel=0.0001), "CXL memory and nodes with CPUs stay"
    assert result.memory.available_bytes <= result.memory.total_bytes


def test_devices_are_the_same_in_any_order(tree, nvml):
    answer = nvml("two3090_nvlink")
    system, *devices = answer["lines"]
    turned = answer | {"lines": [system, *reversed(devices)]}
    machines = [
        probe(None, tree(PC | Tree(files={"/dev/nvidia0": ""}, answers={"nvml": a}))).machine.accelerators
        for a in (answer, turned)
    ]
    assert [replace(d, sources={}) for d in machines[0]] == [replace(d, sources={}) for d in machines[1]]
