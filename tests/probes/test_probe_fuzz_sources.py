"""Each source by itself under garbage: its own answers cut, swapped and made up must read as unknown, never raise.

A short run is part of every test run; `pytest -m long` gives each source a million inputs (one to five minutes each on
one quiet core). `ADVISOR_FUZZ_ROUNDS` and `ADVISOR_FUZZ_SEED` choose other numbers.
"""

import json
import math
import os
import random
import struct
from dataclasses import fields, is_dataclass

import pytest

from advisor.domain.machine import HostMemory
from advisor.errors import BadDocument
from advisor.probes import drm_regions
from advisor.probes.accelerators import find_accelerators
from advisor.probes.amd import read_amd
from advisor.probes.apple import read_apple
from advisor.probes.ascend import read_ascend
from advisor.probes.assemble import probe
from advisor.probes.cpu import read_cpu
from advisor.probes.disk import disk_notes, model_folders, read_disks
from advisor.probes.document import machine_from
from advisor.probes.engines_found import find_engines
from advisor.probes.intel import read_intel
from advisor.probes.limits import read_limits
from advisor.probes.memory import read_memory
from advisor.probes.nvidia_devices import read_nvml
from advisor.probes.nvidia_smi import read_nvidia_smi
from advisor.probes.pci import pci_devices, read_pci
from advisor.probes.portable import read_portable
from advisor.probes.record import RecordingHost, ReplayHost
from advisor.probes.redaction import Names, narrowed, redact
from advisor.probes.refresh import refresh
from advisor.probes.sticks import read_sticks
from advisor.probes.system import read_system
from advisor.probes.tegra import read_tegra
from advisor.probes.vulkan import devices as vulkan_devices
from advisor.probes.windows import read_adapters
from advisor.report.machine import machine_document
from tests.probes.machines import MACHINES, hybrid_intel
from tests.probes.probe_trees import GIB, SPARK, Tree, amdgpu, kfd, materialise, meminfo, said, x86
from tests.probes.test_probe_fuzz import NVML_LINES, spoil, spoil_text

ROUNDS = int(os.environ.get("ADVISOR_FUZZ_ROUNDS", "1000000"))
SEED = int(os.environ.get("ADVISOR_FUZZ_SEED", "11"))
MEMORY = HostMemory(total_bytes=64 * GIB, available_bytes=50 * GIB)

SMI = Tree(files={"/bin/nvidia-smi": ""}, environ={"PATH": "/bin"})
SMI.commands[
    "nvidia-smi --query-gpu=index,uuid,pci.bus_id,name,memory.total,memory.free,compute_cap"
    " --format=csv,noheader,nounits"
] = said(
    "0, GPU-aaaa, 00000000:01:00.0, NVIDIA GeForce RTX 3060, 12288, 11000, 8.6\n1, GPU-b, 0:02:00.0, X, [N/A], 1, -\n"
)
HEAPS = (
    "GPU0:\n\tvendorID = 0x1002\n\tdeviceID = 0x1586\n\tdeviceName = AMD Radeon 8060S (RADV STRIX_HALO)\n"
    "memoryHeaps[0]:\n\tsize = 44560285696\n\tflags:\n\t\tMEMORY_HEAP_DEVICE_LOCAL_BIT\n"
    "memoryHeaps[1]:\n\tsize = 89893666652\n\tflags:\n\t\tMEMORY_HEAP_DEVICE_LOCAL_BIT\nmemoryTypes\n"
    "GPU1:\n\tvendorID = 0x10005\n\tdeviceID = 0x0\n\tdeviceType = PHYSICAL_DEVICE_TYPE_CPU\n\tdeviceName = llvmpipe\n"
)
CONTAINER = Tree(
    files={
        "/proc/self/mountinfo": "36 32 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
        "33 31 0:28 /docker/a /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
        "1 0 8:1 / / rw - ext4 /dev/sda rw,usrquota\n2 1 0:9 / /hf ro - nfs4 srv:/v ro\n",
        "/proc/self/cgroup": "0::/a.slice/b\n4:cpu,cpuacct:/docker/a\n",
        "/sys/fs/cgroup/a.slice/b/memory.max": "max\n",
        "/sys/fs/cgroup/a.slice/memory.max": f"{8 * GIB}\n",
        "/sys/fs/cgroup/a.slice/memory.high": f"{7 * GIB}\n",
        "/sys/fs/cgroup/a.slice/memory.current": f"{5 * GIB}\n",
        "/sys/fs/cgroup/a.slice/memory.stat": f"anon 1\ninactive_file {GIB}\nactive_file {GIB}\n",
        "/sys/fs/cgroup/a.slice/cpu.max": "400000 100000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "765000\n",
        "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "/proc/self/status": "Name:\tx\nCpus_allowed_list:\t0-3,8\n",
        "/proc/self/limits": "Limit  Soft Limit  Hard Limit  Units\nMax address space  4294967296  unlimited  bytes\n",
        "/proc/spl/kstat/zfs/arcstats": "name type data\nc_min 4 2147483648\nsize 4 34359738368\n",
        "/proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 part 800 0 100\n/dev/sda2 part 99 0 -2\n",
        "/proc/driver/nvidia/gpus/0001:01:00.0/numa_status": "Node: 1\nStatus: online\n",
        "/sys/devices/system/node/node0/cpulist": "0-15\n",
        "/sys/devices/system/node/node1/cpulist": "\n",
        "/sys/devices/system/node/node1/meminfo": "Node 1 MemTotal: 1048576 kB\nNode 1 MemFree: 1000 kB\n",
        "/hf/hub/x": "",
    },
    environ={"HF_HOME": "/hf", "PATH": "/usr/bin"},
    commands={"df -Pk /hf/hub": said("Filesystem 1024-blocks Used Available Capacity On\nsrv:/v 10 4 6 40% /hf\n")},
    answers={"disk_space /models": [5, 9]},
)  # fmt: skip
HOST = x86() | meminfo(64, 50, "HugePages_Total: 1024\nHugepagesize: 2048 kB\n") | CONTAINER
LAPTOP = Tree(
    files={
        "/sys/class/power_supply/BAT0/type": "Battery", "/sys/class/power_supply/BAT0/status": "Discharging",
        "/sys/class/power_supply/AC/type": "Mains", "/sys/class/power_supply/AC/online": "0",
        "/sys/firmware/acpi/platform_profile": "low-power", "/sys/class/dmi/id/sys_vendor": "QEMU",
    }
)  # fmt: skip
RADEONS = amdgpu("0000:0a:00.0", "1002:744c", vram=24 * GIB, gtt=31 * GIB, mclk=(96, 1249))
RADEONS |= kfd(1, "0000:0a:00.0", gfx=110000, simds=192, local_mem_size=24 * GIB, width=384)
RADEONS |= amdgpu("0000:c5:00.0", "1002:1586", vram=GIB, gtt=60 * GIB, mclk=(400, 1000))
RADEONS |= kfd(2, "0000:c5:00.0", gfx=110501, simds=80, local_mem_size=0, width=256)
WMI = Tree(platform="win32")
WMI.commands[
    "powershell -NoProfile -Command Get-CimInstance Win32_VideoController"
    " | Select-Object Name,AdapterRAM,PNPDeviceID | ConvertTo-Json"
] = said('[{"Name": "Radeon", "AdapterRAM": 2147483648, "PNPDeviceID": "PCI\\\\VEN_1002&DEV_699F&SUBSYS_1"}]')


def vulkan_text(host):
    return vulkan_devices(host.run(["vulkaninfo"], 5).out)


def refreshed(host):
    return refresh(BEFORE["machine"], host)


NVML = Tree(answers={"nvml": {"lines": NVML_LINES, "failure": None}})
MODULES = Tree(
    answers={
        "memory_devices": [
            {"mib": 16384, "bits": 64, "mts": 5600, "type": 0x22, "slot": f"P0 CHANNEL {c} DIMM 0"} for c in "AB"
        ]
    }
)
BEFORE = {}
READERS = {
    "nvml": (
        Tree(answers={"nvml": {"lines": NVML_LINES, "failure": None}}),
        lambda h: read_nvml(h.ask("nvml"), MEMORY),
    ),
    "nvidia-smi": (SMI, read_nvidia_smi),
    "amd sysfs and kfd": (HOST | RADEONS, lambda h: read_amd(h, pci_devices(h), MEMORY)),
    "intel drm": (MACHINES["arc b580 on xe"][0], lambda h: read_intel(h, pci_devices(h))),
    "pci bus": (MACHINES["arc a380 on i915"][0] | RADEONS, lambda h: read_pci(h, pci_devices(h))),
    "vulkan": (Tree(commands={"vulkaninfo": said(HEAPS)}), vulkan_text),
    "npu-smi": (MACHINES["ascend 910b, two chips"][0], read_ascend),
    "apple": (MACHINES["m2 ultra, limit raised"][0], lambda h: read_apple(h, MEMORY)),
    "macOS host": (MACHINES["m3 max"][0], read_portable),
    "dxgi": (MACHINES["windows, virtual adapters"][0], lambda h: read_adapters(h, MEMORY)),
    "wmi": (WMI, lambda h: read_adapters(h, MEMORY)),
    "memory modules": (MODULES, lambda h: read_sticks(h, 1)),
    "device tree": (MACHINES["jetson without nvml"][0], read_tegra),
    "cpuinfo and topology": (hybrid_intel(), lambda h: read_cpu(h, read_limits(h))),
    "cpuinfo on arm": (SPARK, lambda h: read_cpu(h, read_limits(h))),
    "meminfo": (HOST, lambda h: read_memory(h, read_limits(h))),
    "cgroups and limits": (HOST, read_limits),
    "system and power": (HOST | LAPTOP, read_system),
    "disks": (HOST, lambda h: (read_disks(h, model_folders(h, "/models")), disk_notes(h, "/models"))),
    "engines": (HOST | Tree(files={"/usr/bin/ollama": ""}), find_engines),
    "refresh": (HOST | RADEONS, refreshed),
    "all accelerators": (HOST | RADEONS | SMI, lambda h: find_accelerators(h, MEMORY, None)),
}


def sound(value):
    """Numbers are finite and not negative, texts that came from outside are printable."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        assert math.isfinite(value)
        assert value >= 0
    elif isinstance(value, str):
        assert value.isprintable(), repr(value)
    else:
        for item in parts(value):
            sound(item)


def parts(value):
    """What is inside; folders are the user's own words and left out."""
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value) if field.name != "path"]
    return list(value.values()) if isinstance(value, dict) else value


def recorded(tmp_path, description, read):
    """The answers that this source asks for, and nothing else."""
    plain = materialise(tmp_path / "root", description)
    if read is refreshed:
        BEFORE["machine"] = probe(None, plain).machine
    host = RecordingHost(plain)
    read(host)
    raw = {"platform": host.platform, "environ": dict(host.environ), "answers": host.answers}
    return json.loads(json.dumps(raw))


def fuzz_reader(tmp_path, name, rounds, seed):
    description, read = READERS[name]
    dice = random.Random(f"{seed} {name}")
    record = recorded(tmp_path, description, read)
    kinds = [kind for kind in ("ask", "run", "read", "names", "link") if record["answers"][kind]]
    heavy = [kind for kind in kinds if kind in ("ask", "run", "read")] or kinds
    for number in range(rounds):
        spoiled = dict(record["answers"])
        for _ in range(dice.randrange(1, 4)):
            kind = dice.choice(heavy) if dice.random() < 0.9 else dice.choice(kinds)
            changed = spoil(spoiled[kind], dice)
            spoiled[kind] = changed if isinstance(changed, dict) else {}
        host = ReplayHost({"schema": "advisor.record/1", **record, "answers": spoiled})
        try:
            sound(read(host))
        except Exception as error:
            raise AssertionError(f"{name}: seed {seed}, round {number}") from error


# sources that are no hosts: kernel structures, documents, records


def xe_reply():
    reply = struct.pack("=II", 2, 0)
    return reply + b"".join(
        struct.pack("=HHIQQQQ6Q", kind, 0, 4096, total, 0, 0, 0, *[0] * 6)
        for kind, total in ((0, 64 * GIB), (1, 12 * GIB))
    )


def kernel(size, reply, at):
    """Writes a size where the driver does, then the reply where it is asked to."""
    import ctypes

    calls = []

    def ioctl(descriptor, request, argument):
        calls.append(request)
        if at == "xe":
            if len(calls) == 1:
                struct.pack_into("=I", argument, 12, size)
            else:
                ctypes.memmove(struct.unpack_from("=Q", argument, 16)[0], reply, min(len(reply), size))
            return 0
        item = struct.unpack("=IIQ", argument)[2]
        if len(calls) == 1:
            ctypes.memmove(item + 8, struct.pack("=i", size), 4)
        else:
            ctypes.memmove(struct.unpack("=QiIQ", ctypes.string_at(item, 24))[3], reply, min(len(reply), max(0, size)))
        return 0

    return ioctl


def fuzz_kernel(rounds, seed):
    dice = random.Random(seed)
    reply = xe_reply()
    for _ in range(rounds):
        raw = bytearray(reply[: dice.randrange(len(reply) + 1)] if dice.random() < 0.5 else reply)
        for _ in range(dice.randrange(4)):
            if raw:
                raw[dice.randrange(len(raw))] = dice.randrange(256)
        size = dice.choice((len(raw), 0, 7, dice.randrange(1 << 17), -1 & 0xFFFFFFFF))
        sound(drm_regions.xe_regions(3, kernel(size, bytes(raw), "xe")))
        signed = size if size < 1 << 31 else -1
        sound(drm_regions.i915_regions(3, kernel(signed, bytes(raw), "i915")))


def fuzz_document(rounds, seed):
    from tests.probes.test_probe_document import FULL

    dice = random.Random(seed)
    document = json.loads(json.dumps(machine_document(FULL)))
    for number in range(rounds):
        spoiled = document
        for _ in range(dice.randrange(1, 4)):
            spoiled = spoil(spoiled, dice)
        try:
            sound(machine_from(spoiled))
        except BadDocument as refusal:
            sound(refusal.message)
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}") from error


def fuzz_redaction(rounds, seed):
    dice = random.Random(seed)
    names = Names(homes=("/home/jane",), user="jane", host="falcon7")
    text = "/home/jane/x 10.1.2.3 fe80::1c2d:3eff:fe4a:5b6c GPU-3f2a1b4c-1111-2222-3333-444455556666 aa:bb:cc:dd:ee:ff"
    answers = {
        "read": {"/proc/self/mountinfo": CONTAINER.files["/proc/self/mountinfo"], "/proc/self/status": "Name:\tx\n"},
        "run": {"df -Pk /hf": {"out": "a b\nc d\n"}, "system_profiler -json": {"out": '{"SPDisplaysDataType": [{}]}'}},
        "ask": {"psutil": {"node": "falcon7"}, "disk_space /models": [1, 2]},
    }
    for number in range(rounds):
        try:
            redact(spoil_text(text, dice), names)
            read = {path: spoil_text(content, dice) for path, content in answers["read"].items()}
            run = {words: {"out": spoil_text(answer["out"], dice)} for words, answer in answers["run"].items()}
            asked = {question: spoil(answer, dice) for question, answer in answers["ask"].items()}
            narrowed({"read": read, "run": run, "ask": asked})
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}") from error


OTHERS = {"drm structures": fuzz_kernel, "machine documents": fuzz_document, "redaction": fuzz_redaction}


@pytest.mark.parametrize("name", READERS)
def test_garbage_from_one_source(tmp_path, name):
    fuzz_reader(tmp_path, name, 250, SEED)


@pytest.mark.parametrize("name", OTHERS)
def test_other_garbage(name):
    OTHERS[name](250, SEED)


@pytest.mark.parametrize("width", ["-256", "0", "99999999", "wide"])
def test_a_bus_width_that_cannot_be_gives_no_bandwidth(tmp_path, width):
    """Found by a long run: a negative width in KFD's bank made a negative bandwidth."""
    tree = HOST | RADEONS | kfd(1, "0000:0a:00.0", gfx=110000, simds=192, local_mem_size=24 * GIB, width=width)
    hosts = [materialise(tmp_path / name, t) for name, t in (("odd", tree), ("real", HOST | RADEONS))]
    found, real = (read_amd(host, pci_devices(host), MEMORY) for host in hosts)
    assert found.sightings[0].device.bandwidth_bytes_per_s is None
    assert real.sightings[0].device.bandwidth_bytes_per_s == 1249e6 * 16 * 384 / 8


@pytest.mark.long
@pytest.mark.parametrize("name", READERS)
def test_garbage_from_one_source_long(tmp_path, name):
    fuzz_reader(tmp_path, name, ROUNDS, SEED)


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_other_garbage_long(name):
    OTHERS[name](ROUNDS, SEED)
