"""Faults of other programs, as their users reported them: each must not happen here.

The numbers are those of the list below; `test_all_are_here` holds the list complete. From 27 on the tests are
in `test_probe_faults_limits.py`.
"""

import re
from pathlib import Path

import pytest

from advisor.domain.machine import HostMemory
from advisor.probes.assemble import probe
from advisor.probes.nvidia_devices import read_nvml
from advisor.probes.windows import read_adapters, wmi_bytes
from tests.probes.probe_trees import GIB, SPARK, Tree, amdgpu, kfd, meminfo, pci, said, x86

REPORTS = {
    1: "https://github.com/AlexsJones/llmfit/issues/830",
    2: "https://github.com/mohitsoni48/TurboLLM/issues/63",
    3: "https://github.com/microsoft/foundry-local/issues/927",
    4: "https://github.com/AlexsJones/llmfit/issues/239",
    5: "https://github.com/AlexsJones/llmfit/issues/919",
    6: "https://github.com/Andyyyy64/whichllm/issues/74",
    7: "https://github.com/AlexsJones/llmfit/issues/964",
    8: "https://github.com/AlexsJones/llmfit/issues/194",
    9: "https://github.com/gpustack/gpustack/issues/4848",
    10: "https://github.com/ollama/ollama/issues/13173",
    11: "https://github.com/signerless/llm-checker/issues/130",
    12: "https://github.com/signerless/llm-checker/issues/76",
    13: "https://github.com/signerless/llm-checker/issues/2",
    14: "https://github.com/signerless/llm-checker/issues/75",
    15: "https://github.com/signerless/llm-checker/issues/1",
    16: "https://github.com/AlexsJones/llmfit/issues/303",
    17: "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/353",
    18: "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1216",
    19: "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/1480",
    20: "https://github.com/XuehaiPan/nvitop/pull/208",
    21: "https://github.com/Syllo/nvtop/issues/449",
    22: "https://github.com/Syllo/nvtop/issues/426",
    23: "https://github.com/kubernetes-sigs/dra-driver-nvidia-gpu/issues/1073",
    24: "https://github.com/wookayin/gpustat/pull/179",
    25: "https://github.com/Syllo/nvtop/issues/432",
    26: "https://github.com/XuehaiPan/nvitop/issues/5",
    27: "https://github.com/gpuopenanalytics/pynvml/issues/28",
    28: "https://github.com/NVIDIA/nvidia-container-toolkit/issues/48",
    29: "https://github.com/ollama/ollama/issues/17916",
    30: "https://github.com/ollama/ollama/issues/15474",
    31: "https://github.com/ollama/ollama/pull/15961",
    32: "https://github.com/ollama/ollama/issues/5700",
    33: "https://github.com/Andyyyy64/whichllm/issues/152",
    34: "https://github.com/antirez/ds4/pull/893",
    35: "https://github.com/giampaolo/psutil/issues/1078",
    36: "GPU memory on CPU-less NUMA nodes is part of MemTotal (POWER9 with V100)",
}
PC = x86() | meminfo(64, 60)


def test_all_are_here():
    text = "".join(p.read_text() for p in Path(__file__).parent.glob("test_probe_faults*.py"))
    written = {int(n) for n in re.findall(r"def test_(\d\d)_", text)}
    assert written == set(REPORTS) == set(range(1, 37))


@pytest.fixture
def machine(tree):
    def make(description, lookup=None):
        return probe(lookup, tree(description)).machine

    return make


@pytest.fixture(scope="session")
def hardware():
    """The real hardware catalog, from its files."""
    import yaml

    from advisor.catalog.hardware import HardwareCatalog
    from advisor.catalog.hardware_schema import compile_hardware

    files = sorted((Path(__file__).parents[2] / "catalog" / "hardware").rglob("*.yaml"))
    return HardwareCatalog.from_rows(compile_hardware([yaml.load(p.read_text(), yaml.CSafeLoader) for p in files]))


def adapters(tree, *entries, wmi="", beside=(), memory=None, lookup=None):
    query = "powershell -NoProfile -Command Get-CimInstance Win32_VideoController"
    query += " | Select-Object Name,AdapterRAM,PNPDeviceID | ConvertTo-Json"
    host = tree(Tree(platform="win32", answers={"dxgi": list(entries)}, commands={query: said(wmi)}))
    return [s.device for s in read_adapters(host, memory or HostMemory(), lookup, beside=beside).sightings]


def adapter(name, vendor, device, dedicated, shared=0, luid="0:1", flags=0):
    return {
        "name": name, "vendor_id": vendor, "device_id": device, "dedicated_bytes": dedicated, "shared_bytes": shared,
        "luid": luid, "flags": flags,
    }  # fmt: skip


WMI_R9700 = '{"Name": "AMD Radeon AI PRO R9700", "AdapterRAM": 4293918720, "PNPDeviceID": "PCI\\\\VEN_1002&DEV_7551"}'


def test_01_r9700_is_not_8_gb(tree):
    r9700 = adapter("AMD Radeon AI PRO R9700", 0x1002, 0x7551, 34208743424)
    assert [d.memory_total_bytes for d in adapters(tree, r9700)] == [34208743424]


def test_01_wmi_alone_is_unknown(tree):
    devices = adapters(tree, wmi=WMI_R9700)
    assert [(d.name, d.memory_total_bytes) for d in devices] == [("AMD Radeon AI PRO R9700", None)]


@pytest.mark.parametrize("value", [4293918720, 4294967295, 0, -1, None, "4 GB", True])
def test_02_adapter_ram_at_its_end_is_unknown(value):
    assert wmi_bytes(value) is None


def test_02_adapter_ram_below_is_a_size():
    assert wmi_bytes(2147483648) == 2147483648


def test_03_two_adapters_one_large(tree):
    igpu = '{"Name": "Intel UHD", "AdapterRAM": 1073741824, "PNPDeviceID": "PCI\\\\VEN_8086&DEV_9A60"}'
    small = '{"Name": "Radeon RX 550", "AdapterRAM": 2147483648, "PNPDeviceID": "PCI\\\\VEN_1002&DEV_699F"}'
    devices = adapters(tree, wmi=f"[{igpu}, {small}, {WMI_R9700}]")
    assert [(d.name, d.memory_total_bytes) for d in devices] == [
        ("Radeon RX 550", 2 << 30),
        ("AMD Radeon AI PRO R9700", None),
    ], "each adapter by itself, and Intel's screen graphics are none"


def test_04_five_a4000_keep_the_drivers_16_gb(tree, nvml, hardware):
    host = tree(PC | Tree(files={"/dev/nvidia0": ""}, answers={"nvml": nvml("five_a4000")}))
    devices = probe(hardware, host).machine.accelerators
    assert len(devices) == 5
    assert {d.memory_total_bytes for d in devices} == {17171480576}
    assert {d.sources["memory_total_bytes"] for d in devices} == {"nvml"}


def test_05_a_laptop_card_has_its_own_bandwidth(tree, nvml, hardware):
    host = tree(PC | Tree(files={"/dev/nvidia0": ""}, answers={"nvml": nvml("rtx5090_laptop")}))
    (device,) = probe(hardware, host).machine.accelerators
    assert device.bandwidth_bytes_per_s == pytest.approx(896e9, rel=0.001)
    assert device.sources["bandwidth_bytes_per_s"] == "nvml", "what the driver says goes before any table"
    spec = hardware.by_name("NVIDIA GeForce RTX 5090 Laptop GPU")
    assert spec.form == "laptop"
    assert spec.bandwidth_bytes_per_s == pytest.approx(896e9)


@pytest.mark.parametrize(
    "name",
    ["NVIDIA GeForce RTX 5070 Laptop GPU", "NVIDIA GeForce RTX 2080 with Max-Q Design", "GeForce GTX 1070 Mobile"],
)
def test_06_mobile_names_are_never_the_desktop_card(hardware, name):
    desktop = hardware.by_name(re.sub(r" (Laptop GPU|with Max-Q Design|Mobile)$", "", name))
    found = hardware.by_name(name)
    assert desktop is not None
    assert found is None or found.id != desktop.id


def test_07_uhd_630_is_no_accelerator(machine):
    uhd = pci("0000:00:02.0", "8086:3e92", driver="i915", more={"drm/card0/x": "", "drm/renderD128/x": ""})
    assert machine(PC | uhd).accelerators == ()


STRIX_HALO = amdgpu("0000:c5:00.0", "1002:1586", vram=96 * GIB, gtt=16 * GIB, mclk=(400, 1000), code="0x038000")
STRIX_HALO |= kfd(1, "0000:c5:00.0", gfx=110501, simds=80, local_mem_size=0, width=256)


def test_07_carve_out_of_96_gb_counts(machine):
    (device,) = machine(x86() | meminfo(31, 28) | STRIX_HALO).accelerators
    assert device.memory_total_bytes == (96 + 16) * GIB
    assert device.memory_available_bytes == (96 + 16) * GIB
    assert device.unified
    assert device.bandwidth_bytes_per_s == pytest.approx(256e9)
    assert device.compute_capability == "gfx1151"


def test_07_the_chip_is_named_by_its_cpu(machine, hardware):
    named = x86("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S") | meminfo(31, 28) | STRIX_HALO
    result = machine(named, hardware)
    assert "395" in result.accelerators[0].name
    assert result.accelerators[0].f16_flops == hardware.by_name("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S").f16_flops
    assert result.memory.bandwidth_bytes_per_s == result.accelerators[0].bandwidth_bytes_per_s == pytest.approx(256e9)


def test_08_carve_out_on_windows(tree, hardware):
    host = HostMemory(total_bytes=int(31.6 * GIB), available_bytes=20 * GIB)
    halo = adapter("AMD Radeon(TM) 8060S Graphics", 0x1002, 0x1586, 96 * GIB, 16 * GIB)
    (device,) = adapters(tree, halo, memory=host, lookup=hardware)
    assert (device.unified, device.carve_out_bytes) == (True, 96 * GIB)
    assert device.memory_total_bytes == device.memory_available_bytes == (96 + 16) * GIB


@pytest.mark.parametrize(("host", "dedicated"), [(31, 96), (127, 0.5)])
def test_08_what_is_set_aside_is_offered_besides_the_hosts_memory(machine, hardware, host, dedicated):
    """96 GiB set aside are offered though the system sees 31 GiB; with 0.5 set aside the host gives the rest."""
    from advisor.catalog.source import load_catalog
    from advisor.estimate.pools import accelerator_available_bytes

    halo = amdgpu("0000:c5:00.0", "1002:1586", vram=int(dedicated * GIB), gtt=int((128 - dedicated) * GIB) // 2)
    halo |= kfd(1, "0000:c5:00.0", gfx=110501, simds=80, local_mem_size=0)
    result = machine(x86() | meminfo(host, host - 3) | halo, hardware)
    (device,) = result.accelerators
    room = accelerator_available_bytes(device, result, load_catalog().constants)
    assert room == device.memory_available_bytes > 60 * GIB


def test_08_carve_out_without_kfd_or_a_name(tree, hardware):
    """Two chips share the PCI id, so neither is named, but both work on the host's memory."""
    halo = amdgpu("0000:c5:00.0", "1002:1586", vram=96 * GIB, gtt=16 * GIB)
    (device,) = probe(hardware, tree(x86("AMD Eng Sample") | meminfo(31, 28) | halo)).machine.accelerators
    assert (device.unified, device.memory_total_bytes) == (True, 112 * GIB)


STRIX_POINT = amdgpu(
    "0000:c4:00.0", "1002:150e", vram=GIB // 2, gtt=int(15.31 * GIB), gtt_used=GIB, mclk=(400, 1000), code="0x038000"
) | kfd(1, "0000:c4:00.0", gfx=110500, simds=32, local_mem_size=0, width=128, clock=8000)


def test_09_strix_point_has_more_than_its_carve_out(machine):
    (device,) = machine(x86() | meminfo(30.6, 12) | STRIX_POINT).accelerators
    assert device.unified
    assert device.memory_total_bytes == GIB // 2 + int(15.31 * GIB)
    assert device.memory_available_bytes == pytest.approx(0.5 * GIB + 12 * GIB, rel=0.001), "no more than the host has"
    assert any("0.50 GiB set aside" in note and "15.31" in note for note in device.notes)


PHOENIX = amdgpu("0000:64:00.0", "1002:15bf", vram=4 * GIB, gtt=int(29.28 * GIB), mclk=(400, 800), code="0x030000")
PHOENIX |= kfd(1, "0000:64:00.0", gfx=110003, simds=24, local_mem_size=0, width=128, clock=6400)


def test_10_phoenix_is_not_512_mib(machine):
    (device,) = machine(x86() | meminfo(58, 50) | PHOENIX).accelerators
    assert device.memory_total_bytes == 4 * GIB + int(29.28 * GIB)
    assert device.compute_capability == "gfx1103"
    assert device.bandwidth_bytes_per_s == pytest.approx(102.4e9)


def test_11_an_igpu_has_no_more_than_the_host(machine):
    absurd = amdgpu("0000:64:00.0", "1002:15bf", vram=GIB // 4, gtt=256 * GIB)
    absurd |= kfd(1, "0000:64:00.0", gfx=110003, simds=24, local_mem_size=0)
    result = machine(x86() | meminfo(16, 8) | absurd)
    assert result.accelerators[0].memory_total_bytes == 16 * GIB + GIB // 4
    arc = pci("0000:00:02.0", "8086:64a0", driver="xe")
    result = machine(x86() | meminfo(32, 20) | arc)
    device = next(d for d in result.accelerators if d.vendor == "intel")
    assert (device.memory_total_bytes, device.unified) == (32 * GIB, True)


def test_12_one_680m_is_one_device(machine):
    rembrandt = amdgpu("0000:33:00.0", "1002:1681", vram=GIB, gtt=7 * GIB)
    rembrandt |= kfd(1, "0000:33:00.0", gfx=100305, simds=24, local_mem_size=0)
    vulkan = "".join(
        f"GPU{i}:\n\tvendorID = 0x1002\n\tdeviceID = 0x1681\n\tdeviceName = AMD Radeon Graphics ({name})\n"
        f"memoryHeaps[0]:\n\tsize = 8000000000\n\tflags:\n\t\tMEMORY_HEAP_DEVICE_LOCAL_BIT\n"
        for i, name in enumerate(["RADV REMBRANDT", "AMDVLK", "llvmpipe-like"])
    )
    tools = Tree(
        files={"/usr/bin/vulkaninfo": ""}, environ={"PATH": "/usr/bin"}, commands={"/usr/bin/vulkaninfo": said(vulkan)}
    )
    tools.commands["vulkaninfo"] = said(vulkan)
    result = machine(x86() | meminfo(16, 12) | rembrandt | tools)
    assert len(result.accelerators) == 1
    assert result.accelerators[0].memory_total_bytes == 8 * GIB


def test_13_each_card_its_own_memory_and_no_virtual_vga(tree, nvml):
    cards = pci("0000:00:02.0", "1234:1111") | pci("0000:06:10.0", "10de:2204", driver="nvidia")
    cards |= pci("0000:06:11.0", "10de:2507", driver="nvidia")
    host = tree(PC | cards | Tree(answers={"nvml": nvml("vm_3090_3050")}))
    devices = probe(None, host).machine.accelerators
    assert [(d.name, d.memory_total_bytes) for d in devices] == [
        ("NVIDIA GeForce RTX 3090", 25757220864),
        ("NVIDIA GeForce RTX 3050", 8585740288),
    ]


def test_14_warnings_before_the_answer(tree):
    banner = "WARNING: AMD GPU device(s) is/are in a low-power state\n\x1b[33mwarn\x1b[0m\n"
    cells = "0, GPU-aaaa, 00000000:01:00.0, NVIDIA GeForce RTX 3060, 12288, 11000, 8.6\n"
    query = "nvidia-smi --query-gpu=index,uuid,pci.bus_id,name,memory.total,memory.free,compute_cap"
    query += " --format=csv,noheader,nounits"
    smi = Tree(
        files={"/usr/bin/nvidia-smi": "", "/dev/nvidia0": ""},
        environ={"PATH": "/usr/bin"},
        commands={query: said(banner + cells)},
    )
    (device,) = probe(None, tree(PC | smi)).machine.accelerators
    assert (device.name, device.memory_total_bytes) == ("NVIDIA GeForce RTX 3060", 12288 << 20)


def test_15_an_unnamed_device_is_still_a_gpu(tree, nvml):
    card = pci("0000:01:00.0", "10de:2d99", driver="nvidia")
    host = tree(PC | card | Tree(answers={"nvml": nvml("unnamed")}))
    (device,) = probe(None, host).machine.accelerators
    assert device.name == "NVIDIA GPU 10de:2d99"
    assert device.memory_total_bytes == 17094934528
    assert device.usable


def test_16_the_discrete_card_comes_first(tree, nvml):
    card = pci("0000:c6:00.0", "10de:2684", driver="nvidia")
    answer = nvml("rtx4090")
    answer["lines"][1]["pci"] = "00000000:C6:00.0"
    host = tree(x86() | meminfo(30.6, 12) | STRIX_POINT | card | Tree(answers={"nvml": answer}))
    devices = probe(None, host).machine.accelerators
    assert [(d.vendor, d.unified, d.index) for d in devices] == [("nvidia", False, 0), ("amd", True, 1)]


def test_17_two_equal_cards_stay_two(machine):
    two = amdgpu("0000:0a:00.0", "1002:687f", vram=8573157376, gtt=8 * GIB)
    two |= amdgpu("0000:0d:00.0", "1002:687f", vram=8573157376, gtt=8 * GIB)
    name = "product_name"
    two |= Tree(files={f"/sys/bus/pci/devices/0000:{bus}:00.0/{name}": "Radeon RX Vega 56\n" for bus in ("0a", "0d")})
    result = machine(PC | two)
    assert {d.name for d in result.accelerators} == {"Radeon RX Vega 56"}
    assert [d.pci_address for d in result.accelerators] == ["0000:0a:00.0", "0000:0d:00.0"]
    assert [d.memory_total_bytes for d in result.accelerators] == [8573157376] * 2


def test_18_shared_memory_is_not_the_cards(tree):
    (device,) = adapters(tree, adapter("NVIDIA RTX A2000 12GB", 0x10DE, 0x2571, 12 * GIB, 8 * GIB))
    assert device.memory_total_bytes == 12 * GIB


def test_19_vulkan_offers_less_and_both_are_shown(machine):
    halo = amdgpu("0000:c5:00.0", "1002:1586", vram=GIB // 2, gtt=124 * GIB)
    halo |= kfd(1, "0000:c5:00.0", gfx=110501, simds=80, local_mem_size=0)
    heaps = (
        "GPU0:\n\tvendorID = 0x1002\n\tdeviceID = 0x1586\n\tdeviceName = AMD Radeon 8060S (RADV STRIX_HALO)\n"
        f"memoryHeaps[0]:\n\tsize = {int(41.5 * GIB)}\n\tflags:\n\t\tMEMORY_HEAP_DEVICE_LOCAL_BIT\n"
        f"memoryHeaps[1]:\n\tsize = {int(83.72 * GIB)}\n\tflags:\n\t\tMEMORY_HEAP_DEVICE_LOCAL_BIT\n"
    )
    tools = Tree(files={"/usr/bin/vulkaninfo": ""}, environ={"PATH": "/usr/bin"}, commands={"vulkaninfo": said(heaps)})
    (device,) = machine(x86() | meminfo(125, 120) | halo | tools).accelerators
    assert device.memory_total_bytes == 124 * GIB + GIB // 2
    assert any("Vulkan offers 83.72 GiB" in note for note in device.notes)


@pytest.mark.parametrize("scenario", ["gb10", "gb10_success_total"])
def test_20_gb10_refused_or_not_is_the_hosts_memory(tree, nvml, scenario):
    (device,) = probe(None, tree(SPARK | Tree(answers={"nvml": nvml(scenario)}))).machine.accelerators
    assert device.unified
    assert device.memory_total_bytes == int(119.69 * 2**20) * 1024


def test_21_gb10_free_is_what_the_host_has(tree, nvml):
    (device,) = probe(None, tree(SPARK | Tree(answers={"nvml": nvml("gb10")}))).machine.accelerators
    assert device.memory_available_bytes == 90 * GIB
    assert any("43 MiB" in note for note in device.notes), "what processes hold on the GPU"


def test_22_no_pcie_figure_on_unified(tree, nvml):
    answer = nvml("gb10")
    answer["lines"][1] |= {"pcie_generation": 1, "pcie_lanes": 16, "pcie_lanes_now": 1}
    (device,) = probe(None, tree(SPARK | Tree(answers={"nvml": answer}))).machine.accelerators
    assert device.pcie_bytes_per_s is None
    assert not any("lanes" in note for note in device.notes)


def test_23_one_refusal_is_one_unknown(nvml):
    (sighting,) = read_nvml(nvml("gb10"), HostMemory(total_bytes=128 * GIB)).sightings
    device = sighting.device
    assert (device.name, device.compute_capability) == ("NVIDIA GB10", "12.1")
    assert (device.bandwidth_bytes_per_s, device.power_limit_w, device.link_bytes_per_s) == (None, None, None)


@pytest.mark.parametrize("scenario", ["one_gpu_lost", "no_permission_mem"])
def test_24_a_refusal_is_not_unified_memory(nvml, scenario):
    devices = [s.device for s in read_nvml(nvml(scenario), HostMemory(total_bytes=128 * GIB)).sightings]
    assert not any(d.unified for d in devices)
    assert all(d.memory_total_bytes != 128 * GIB for d in devices)
    broken = [d for d in devices if not d.usable]
    assert [d.memory_total_bytes for d in broken] == [None]
    assert broken[0].notes


def test_25_wsl_process_bytes_are_unknown(tree, nvml):
    wsl = Tree(files={"/dev/dxg": "", "/proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"})
    result = probe(None, tree(PC | wsl | Tree(answers={"nvml": nvml("wsl_4070tis")}))).machine
    (device,) = result.accelerators
    assert device.memory_available_bytes == 17171480576 - 300000000 - 15057551360
    assert not any("hold" in note for note in device.notes)
    assert result.virtualization == "wsl"
    assert any("WSL" in note.message for note in result.notes)


def test_26_mig_slices_are_the_devices(tree, nvml):
    card = pci("0000:19:00.0", "10de:2330", driver="nvidia")
    result = probe(None, tree(PC | card | Tree(answers={"nvml": nvml("h100_mig")}))).machine
    usable = result.usable_accelerators()
    assert [d.memory_total_bytes for d in usable] == [42143318016, 10468982784]
    assert all(d.shared_with and "MIG" in d.shared_with for d in usable)
    assert len(result.accelerators) == 3
    assert usable[0].bandwidth_bytes_per_s == pytest.approx(3352e9 * 42143318016 / 85520809984, rel=0.001)


def test_26_a_slice_has_no_links_and_no_power_of_its_own(tree, nvml, hardware):
    card = pci("0000:19:00.0", "10de:2330", driver="nvidia")
    usable = probe(hardware, tree(PC | card | Tree(answers={"nvml": nvml("h100_mig")}))).machine.usable_accelerators()
    assert [(d.link_bytes_per_s, d.power_limit_w) for d in usable] == [(None, None)] * 2
    assert all(d.f16_flops for d in usable)
