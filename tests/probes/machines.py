"""Whole reconstructed machines by name, with what a probe must say of each. None is a capture."""

import json

from tests.probes.probe_trees import GIB, Tree, amdgpu, arm, kfd, meminfo, pci, said, x86

AMD_DESKTOP = x86() | meminfo(62.7, 50)
INTEL = x86("13th Gen Intel(R) Core(TM) i7-1370P", 14, 1, "GenuineIntel", "avx2 fma f16c avx_vnni")


def hybrid_intel():
    """6 P-cores of two threads at 5.0 and 5.2 GHz, 8 E-cores at 3.9: 14 cores, 20 threads."""
    tree = x86("13th Gen Intel(R) Core(TM) i7-1370P", 20, 1, "GenuineIntel", "avx2 fma f16c avx_vnni")
    base = "/sys/devices/system/cpu"
    for cpu in range(20):
        fast = cpu < 12
        pair = f"{cpu // 2 * 2}-{cpu // 2 * 2 + 1}" if fast else str(cpu)
        tree.files[f"{base}/cpu{cpu}/topology/core_cpus_list"] = pair
        tree.files[f"{base}/cpu{cpu}/cpufreq/cpuinfo_max_freq"] = str(
            (5200000 if cpu < 4 else 5000000) if fast else 3900000
        )
    return tree | meminfo(31.1, 20)


def two_sockets():
    tree = x86("Intel(R) Xeon(R) Gold 6338", 8, 1, "GenuineIntel", "avx2 avx512f avx512bw avx512vl avx512_vnni")
    for cpu in range(8):
        tree.files[f"/sys/devices/system/cpu/cpu{cpu}/topology/physical_package_id"] = str(cpu // 4)
    return tree | meminfo(251, 240)


def arc(address, ids, driver, memory=None):
    """An Arc card behind its own switch: only the switch's outer port tells the slot."""
    root = "/sys/devices/pci0000:00/0000:00:01.0"
    place = f"{root}/0000:01:00.0/0000:02:01.0/{address}"
    files = {}
    for path, speed, width in (
        (root, "16.0 GT/s PCIe", 16), (f"{root}/0000:01:00.0", "16.0 GT/s PCIe", 8),
        (f"{root}/0000:01:00.0/0000:02:01.0", "2.5 GT/s PCIe", 1), (place, "2.5 GT/s PCIe", 1),
    ):  # fmt: skip
        files |= {f"{path}/vendor": "0x8086", f"{path}/max_link_speed": speed, f"{path}/max_link_width": str(width)}
    vendor, device = ids.split(":")
    files |= {
        f"{place}/vendor": f"0x{vendor}", f"{place}/device": f"0x{device}", f"{place}/class": "0x030000",
        f"{place}/uevent": f"DRIVER={driver}", "/dev/dri/renderD128": "",
        f"{place}/drm/renderD128/dev": "", f"{place}/drm/card0/dev": "",
    }  # fmt: skip
    answers = {}
    if memory:
        answers[f"drm_regions {driver} /dev/dri/renderD128"] = [
            {"class": 0, "total": 64 * GIB, "used": 0}, {"class": 1, "total": memory, "used": 0},
        ]  # fmt: skip
    return Tree(
        files=files, links={f"/sys/bus/pci/devices/{address}": f"../../../devices{place[12:]}"}, answers=answers
    )


def mac(chip, gib, cores, cpu, *, metal=None, more=""):
    from advisor.probes.apple import SYSCTL_KEYS

    text = f"machdep.cpu.brand_string: {chip}\nhw.memsize: {gib * GIB}\nhw.physicalcpu: {cpu}\nhw.logicalcpu: {cpu}\n"
    text += f"hw.perflevel0.physicalcpu: {cpu - 4}\nhw.optional.arm.FEAT_DotProd: 1\n{more}"
    displays = json.dumps({"SPDisplaysDataType": [{"sppci_model": chip, "sppci_cores": str(cores)}]})
    answers = {"psutil": {"total": gib * GIB, "available": gib * GIB // 2, "machine": "arm64", "node": "mac"}}
    if metal:
        answers["metal"] = {"recommended_bytes": int(metal * GIB)}
    commands = {
        " ".join(["sysctl", *SYSCTL_KEYS]): said(text, 1),
        "system_profiler -json SPDisplaysDataType": said(displays),
    }
    return Tree(platform="darwin", commands=commands, answers=answers)


ASCEND = pci("0000:c1:00.0", "19e5:d802", code="0x120000", driver="devdrv_device_driver") | Tree(
    commands={
        "npu-smi info -l": said("\tTotal Count : 1\n\tNPU ID : 5\n\tChip Count : 2\n"),
        "npu-smi info -t memory -i 5": said("\tNPU ID : 5\n\tHBM Capacity(MB) : 65536\n"),
        "npu-smi info -t board -i 5": said("\tNPU ID : 5\n\tChip Name : 910B3\n"),
    }
)
JETSON = arm(["0xd42"] * 12, "asimd asimddp") | meminfo(61.4, 50)
JETSON |= Tree(
    files={
        "/proc/device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
        "/proc/device-tree/compatible": "nvidia,p3737-0000+p3701-0005\0nvidia,tegra234\0",
    }
)
WINDOWS = Tree(
    platform="win32", answers={"psutil": {"total": 32 * GIB, "available": 20 * GIB, "physical": 16, "logical": 32}}
)


def dxgi(name, vendor, device, dedicated, luid="0:1", flags=0):
    return {
        "name": name,
        "vendor_id": vendor,
        "device_id": device,
        "dedicated_bytes": dedicated,
        "luid": luid,
        "flags": flags,
    }


def windows(*adapters):
    return WINDOWS | Tree(answers={"dxgi": list(adapters)})


MACHINES = {
    "no gpu": (AMD_DESKTOP, []),
    "i7-1370p": (hybrid_intel(), []),
    "two sockets": (two_sockets(), []),
    "uhd 630 laptop": (INTEL | meminfo(15.5, 9) | pci("0000:00:02.0", "8086:3e9b", driver="i915"), []),
    "rx 6900 xt, files padded": (
        AMD_DESKTOP
        | amdgpu(
            "0000:0c:00.0",
            "1002:73bf",
            vram=17163091968,
            gtt=int(15.63 * GIB),
            mclk=(96, 1000),
            revision="0xc0",
            pad=True,
        )
        | kfd(1, "0000:0c:00.0", gfx=100300, simds=160, local_mem_size=17163091968, width=256),
        [("amd", 17163091968, False)],
    ),
    "rx 7900 xtx and a desktop igpu": (
        AMD_DESKTOP
        | amdgpu("0000:03:00.0", "1002:744c", vram=25753026560, gtt=31 * GIB, mclk=(96, 1249), revision="0xc8")
        | kfd(1, "0000:03:00.0", gfx=110000, simds=192, local_mem_size=25753026560, width=384)
        | amdgpu("0000:12:00.0", "1002:13c0", vram=GIB // 2, gtt=31 * GIB)
        | kfd(2, "0000:12:00.0", gfx=100306, simds=4, local_mem_size=0),
        [("amd", 25753026560, False), ("amd", GIB // 2 + 31 * GIB, True)],
    ),
    "rx 580": (
        AMD_DESKTOP | amdgpu("0000:01:00.0", "1002:67df", vram=4 * GIB, gtt=16 * GIB),
        [("amd", 4 * GIB, False)],
    ),
    "r7 240": (
        AMD_DESKTOP | amdgpu("0000:01:00.0", "1002:6613", vram=2 * GIB, gtt=16 * GIB),
        [("amd", 2 * GIB, False)],
    ),
    "hd 7870 on radeon": (AMD_DESKTOP | pci("0000:01:00.0", "1002:6818", driver="radeon"), [("amd", None, False)]),
    "mi210": (
        AMD_DESKTOP
        | amdgpu("0000:83:00.0", "1002:740f", vram=68702699520, gtt=251 * GIB, mclk=(400, 1600), code="0x120000")
        | kfd(1, "0000:83:00.0", gfx=90010, simds=416, local_mem_size=68702699520, width=4096),
        [("amd", 68702699520, False)],
    ),
    "strix halo, 96 gib set aside": (
        x86("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S")
        | meminfo(31, 28)
        | amdgpu("0000:c5:00.0", "1002:1586", vram=96 * GIB, gtt=16 * GIB, mclk=(400, 1000), code="0x038000")
        | kfd(1, "0000:c5:00.0", gfx=110501, simds=80, local_mem_size=0, width=256),
        [("amd", 112 * GIB, True)],
    ),
    "radeon given to a vm": (AMD_DESKTOP | pci("0000:03:00.0", "1002:744c", driver="vfio-pci"), [("amd", None, False)]),
    "arc a380 on i915": (AMD_DESKTOP | arc("0000:03:00.0", "8086:56a5", "i915", 6 * GIB), [("intel", 6 * GIB, False)]),
    "arc b580 on xe": (AMD_DESKTOP | arc("0000:03:00.0", "8086:e20b", "xe", 12 * GIB), [("intel", 12 * GIB, False)]),
    "arc b580, node closed": (AMD_DESKTOP | arc("0000:03:00.0", "8086:e20b", "xe"), [("intel", None, False)]),
    "lunar lake": (
        INTEL | meminfo(31.2, 20) | pci("0000:00:02.0", "8086:64a0", driver="xe"),
        [("intel", int(31.2 * 2**20) * 1024, True)],
    ),
    "nvidia on nouveau": (AMD_DESKTOP | pci("0000:01:00.0", "10de:1b81", driver="nouveau"), [("nvidia", None, False)]),
    "nvidia, no driver": (AMD_DESKTOP | pci("0000:01:00.0", "10de:2684"), [("nvidia", None, False)]),
    "nvidia of the host in a pod": (
        AMD_DESKTOP | pci("0000:01:00.0", "10de:2684", driver="nvidia") | Tree(files={"/.dockerenv": ""}),
        [("nvidia", None, False)],
    ),
    "jetson without nvml": (JETSON, [("nvidia", int(61.4 * 2**20) * 1024, True)]),
    "ascend 910b, two chips": (AMD_DESKTOP | ASCEND, [("huawei", 32 * GIB, False)] * 2),
    "m3 max": (mac("Apple M3 Max", 36, 30, 14, metal=27.0), [("apple", 27 * GIB, True)]),
    "m4": (mac("Apple M4", 16, 10, 10), [("apple", int(16 * GIB * 0.667), True)]),
    "m2 ultra, limit raised": (
        mac("Apple M2 Ultra", 192, 76, 24, more="iogpu.wired_limit_mb: 184320\n"),
        [("apple", 180 * GIB, True)],
    ),
    "asahi": (arm(["0x032"] * 10, "asimd asimddp") | meminfo(15, 10), []),
    "windows, r9700": (
        windows(dxgi("AMD Radeon AI PRO R9700", 0x1002, 0x7551, 34208743424)),
        [("amd", 34208743424, False)],
    ),
    "windows, virtual adapters": (
        windows(
            dxgi("Parsec Virtual Display Adapter", 0x1414, 0x8C, 0, "0:2"),
            dxgi("Microsoft Basic Render Driver", 0x1414, 0x8C, 0, "0:3", 2),
            dxgi("NVIDIA RTX A2000 12GB", 0x10DE, 0x2571, 12 * GIB),
        ),
        [("nvidia", 12 * GIB, False)],
    ),
    "windows, two equal cards": (
        windows(dxgi("RX", 0x1002, 0x744C, 20 * GIB, "0:1"), dxgi("RX", 0x1002, 0x744C, 20 * GIB, "0:2")),
        [("amd", 20 * GIB, False)] * 2,
    ),
    "empty tree": (Tree(), []),
}
