"""Names that people, drivers and benchmark tables use find their device and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog.hardware import HardwareCatalog
from advisor.catalog.hardware_names import parse_name, readings
from advisor.errors import UnknownName, UsageError

GIB = 1024**3

NAMES = {
    "NVIDIA GeForce RTX 4090": "nvidia/geforce-rtx-4090",
    "rtx4090": "nvidia/geforce-rtx-4090",
    "4090": "nvidia/geforce-rtx-4090",
    "RTX 4090 24GB": "nvidia/geforce-rtx-4090",
    "RTX 4090 D": "nvidia/geforce-rtx-4090-d",
    "NVIDIA GeForce RTX 4090 Laptop GPU": "nvidia/geforce-rtx-4090-laptop-gpu",
    "rtx 4090 mobile": "nvidia/geforce-rtx-4090-laptop-gpu",
    "NVIDIA GeForce RTX 4060 Laptop": "nvidia/geforce-rtx-4060-laptop-gpu",
    "RTX 5090 Laptop GPU": "nvidia/geforce-rtx-5090-laptop-gpu",
    "RTX 5090": "nvidia/geforce-rtx-5090",
    "4060 ti 16gb": "nvidia/geforce-rtx-4060-ti-16gb",
    "4070tisuper": "nvidia/geforce-rtx-4070-ti-super",
    "RTX 3060": "nvidia/geforce-rtx-3060-12gb",
    "RTX 3080": "nvidia/geforce-rtx-3080-10gb",
    "GTX 1650 GDDR6": "nvidia/geforce-gtx-1650-gddr6",
    "L4": "nvidia/l4",
    "L40": "nvidia/l40",
    "L40S": "nvidia/l40s",
    "Tesla T4": "nvidia/tesla-t4",
    "A10": "nvidia/a10",
    "A10G": "nvidia/a10g",
    "A100": "nvidia/a100-sxm4-40gb",
    "NVIDIA A100 (unspecified)": "nvidia/a100-sxm4-40gb",
    "A100 80GB PCIe": "nvidia/a100-pcie-80gb",
    "A100-SXM-80GB": "nvidia/a100-sxm4-80gb",
    "H100": "nvidia/h100-sxm5-80gb",
    "NVIDIA H100 80GB HBM3": "nvidia/h100-sxm5-80gb",
    "H100 PCIe": "nvidia/h100-pcie-80gb",
    "H200-NVL": "nvidia/h200-nvl-141gb",
    "NVIDIA GH200 480GB": "nvidia/gh200-96gb-hbm3",
    "NVIDIA K80 (one GPU)": "nvidia/tesla-k80-one-gpu",
    "NVIDIA GB10 (DGX Spark)": "nvidia/gb10-dgx-spark",
    "NVIDIA RTX 6000 Ada": "nvidia/rtx-6000-ada-generation",
    "RTX A6000": "nvidia/rtx-a6000",
    "RTX PRO 6000": "nvidia/rtx-pro-6000-blackwell-workstation-edition",
    "NVIDIA RTX PRO 6000 Blackwell Max-Q": "nvidia/rtx-pro-6000-blackwell-max-q-workstation-edition",
    "NVIDIA RTX PRO 4000 Blackwell SFF": "nvidia/rtx-pro-4000-blackwell-sff-edition",
    "7900xtx": "amd/radeon-rx-7900-xtx",
    "AMD Radeon RX 7900 XT": "amd/radeon-rx-7900-xt",
    "MI 300X": "amd/instinct-mi300x",
    "AMD Radeon 780M (Ryzen 7040/8040 iGPU)": "amd/ryzen-7-7840-8840-radeon-780m",
    "AMD Ryzen 7040/8040 mobile": "amd/ryzen-7-7840-8840-radeon-780m",
    "AMD Strix Halo (Ryzen AI Max+ 395, Radeon 8060S)": "amd/ryzen-ai-max-plus-395-radeon-8060s",
    "AMD RYZEN AI MAX+ 395 w/ Radeon 8060S": "amd/ryzen-ai-max-plus-395-radeon-8060s",
    "Intel(R) Arc(TM) B580 Graphics": "intel/arc-b580",
    "Intel Arc iGPU (Meteor Lake)": "intel/core-ultra-100h-igpu-arc-meteor-lake",
    "Apple M2 Ultra (76-core GPU)": "apple/m2-ultra-76-core-gpu",
    "M2 Ultra 60-core GPU": "apple/m2-ultra-60-core-gpu",
    "Apple M3 Max (40-core GPU)": "apple/m3-max-16-core-cpu-40-core-gpu",
    "AWS m6i (Ice Lake)": "intel/xeon-scalable-3-ice-lake-sp",
    "AMD Ryzen 9 7950X 16-Core Processor": "amd/ryzen-7000-zen-4",
    "AMD EPYC 7R13 Processor": "amd/epyc-7003-milan",
    "Intel(R) Xeon(R) Platinum 8480+": "intel/xeon-scalable-4-sapphire-rapids",
    "13th Gen Intel(R) Core(TM) i9-13900K": "intel/core-13th-14th-gen-raptor-lake",
    "Snapdragon 8 Gen 2": "qualcomm/snapdragon-8-gen-2",
    "Rockchip RK3588 NPU": "rockchip/rk3588-npu",
    "H100 SXM": "nvidia/h100-sxm5-80gb",
    "A100 80GB": "nvidia/a100-sxm4-80gb",
    "M3 Max 40-core": "apple/m3-max-16-core-cpu-40-core-gpu",
    "M2 Pro 19-core": "apple/m2-pro-19-core-gpu",
    "M1 Ultra 64 core": "apple/m1-ultra-64-core-gpu",
    "Ryzen AI Max+ 395": "amd/ryzen-ai-max-plus-395-radeon-8060s",
    "AI Max 395": "amd/ryzen-ai-max-plus-395-radeon-8060s",
    "DGX Spark": "nvidia/gb10-dgx-spark",
    "i9-14900K": "intel/core-13th-14th-gen-raptor-lake",
    "i7 13700h": "intel/core-13th-gen-mobile-raptor-lake-h",
    "Core i7-12700H": "intel/core-12th-gen-alder-lake",
    "i9-13900HX": "intel/core-13th-14th-gen-raptor-lake",
    "i7-1185G7": "intel/iris-xe-96eu-tiger-alder-raptor-lake",
    "Ultra 9 285K": "intel/core-ultra-200s-arrow-lake-s",
    "EPYC 9654": "amd/epyc-9004-genoa-bergamo",
    "Xeon 8480+": "intel/xeon-scalable-4-sapphire-rapids",
    "7800x3d": "amd/ryzen-7000-zen-4",
    "W7900": "amd/radeon-pro-w7900",
    "B60": "intel/arc-pro-b60",
    "6700xt": "amd/radeon-rx-6700-xt",
    "9060 xt 16gb": "amd/radeon-rx-9060-xt-16gb",
    "AMD Ryzen Threadripper PRO 5995WX 64-Cores": "amd/threadripper-pro-3000wx-5000wx",
}


@pytest.mark.parametrize(("name", "device"), NAMES.items())
def test_a_name_finds_its_device(hardware: HardwareCatalog, name: str, device: str) -> None:
    assert hardware.find(name).id == device


PUBLISHED = """AMD Instinct MI50; AMD Instinct MI60; AMD Radeon 890M (Ryzen AI 9); AMD Radeon PRO V620; AMD Radeon
PRO W7900; AMD Radeon RX 6700 XT; AMD Radeon RX 6800 XT; AMD Radeon RX 6900 XT; AMD Radeon RX 7800
XT; AMD Radeon RX 7900 GRE; AMD Radeon RX 7900 XTX; AWS Graviton4; AWS m6a (Milan); Ampere Altra;
Apple A19 Pro (iPhone 17 Pro); Apple M1 (7-core GPU); Apple M1 Max (32-core GPU); Apple M1 Pro
(16-core GPU); Apple M1 Ultra (64-core GPU); Apple M3 (10-core GPU); Apple M3 Pro (18-core GPU);
Apple M3 Ultra (80-core GPU); Apple M4 (10-core GPU); Apple M4 Max (40-core GPU); Apple M4 Pro
(20-core GPU); Intel Arc A750; Intel Arc A770; Intel Arc A770M; MediaTek Dimensity (MT6899); NVIDIA
A100 PCIe 80GB; NVIDIA A10G; NVIDIA A30; NVIDIA A40; NVIDIA GeForce GTX 1070; NVIDIA GeForce GTX
1070 Ti; NVIDIA GeForce GTX 1080 Ti; NVIDIA GeForce GTX 1660; NVIDIA GeForce GTX 1660 Ti Laptop;
NVIDIA GeForce RTX 2060 SUPER; NVIDIA GeForce RTX 2070 SUPER; NVIDIA GeForce RTX 3060; NVIDIA
GeForce RTX 3070; NVIDIA GeForce RTX 3080; NVIDIA GeForce RTX 3090; NVIDIA GeForce RTX 3090 Ti;
NVIDIA GeForce RTX 4060 Ti; NVIDIA GeForce RTX 4070; NVIDIA GeForce RTX 4070 Laptop; NVIDIA GeForce
RTX 4070 SUPER; NVIDIA GeForce RTX 4070 Ti SUPER; NVIDIA GeForce RTX 4080; NVIDIA GeForce RTX 4080
SUPER; NVIDIA GeForce RTX 4090 D; NVIDIA GeForce RTX 5060 Ti; NVIDIA GeForce RTX 5070; NVIDIA
GeForce RTX 5090; NVIDIA Jetson AGX Orin 64GB; NVIDIA L40; NVIDIA M40; NVIDIA P100; NVIDIA P40;
NVIDIA Quadro RTX 4000; NVIDIA Quadro RTX 6000; NVIDIA Quadro RTX 8000; NVIDIA RTX A4000; NVIDIA RTX
A4500; NVIDIA RTX A5000; NVIDIA RTX A6000; NVIDIA RTX PRO 4000 Blackwell; NVIDIA RTX PRO 4500
Blackwell; NVIDIA RTX PRO 6000 Blackwell; NVIDIA T4; NVIDIA TITAN Xp; Rockchip RK3576 NPU;
Snapdragon 8 Elite Gen 5"""
"""Names in published speed tables."""


@pytest.mark.parametrize("name", [" ".join(name.split()) for name in PUBLISHED.split(";")])
def test_names_of_published_tables_are_understood(hardware: HardwareCatalog, name: str) -> None:
    device = hardware.find(name)
    assert device.bandwidth_bytes_per_s
    asked, own = ("laptop" in text.lower() for text in (name, device.name))
    assert asked == own


@pytest.mark.parametrize(
    "name", ["RTX 9999", "", "🤷", "RTX 6000", "Radeon", "TITAN", "rtx 4090 48GB", "nvidia m4", "4"]
)
def test_an_unknown_or_ambiguous_name_is_never_guessed(hardware: HardwareCatalog, name: str) -> None:
    with pytest.raises(UnknownName) as caught:
        hardware.find(name)
    assert caught.value.hint
    assert len(caught.value.suggestions) <= 3


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("RTX 4909", "GeForce RTX 4090"), ("RTX4O90", "GeForce RTX 4090"), ("RTX 6090", "GeForce RTX 5090"),
        ("GTX 1090", "GeForce GTX 1080"), ("M5 Ultraa", "Apple M5 Ultra"), ("L4S", "L40S"),
        ("Strix Hallo", "Ryzen AI Max+ 395 (Radeon 8060S)"), ("Radeon 7900 XTZ", "Radeon RX 7900 XTX"),
    ],
)  # fmt: skip
def test_a_slip_of_the_hand_is_understood(hardware: HardwareCatalog, typed: str, meant: str) -> None:
    assert meant in hardware.suggestions(typed)


@pytest.mark.parametrize(("typed", "meant"), [("RTX 4900", "4090"), ("RTX 5900", "5090"), ("rtx 3900", "3090")])
def test_swapped_digits_come_first(hardware: HardwareCatalog, typed: str, meant: str) -> None:
    assert hardware.suggestions(typed)[0] == f"GeForce RTX {meant}"


def test_nothing_is_suggested_for_what_is_like_nothing(hardware: HardwareCatalog) -> None:
    assert hardware.suggestions("abacus") == ()


def test_suggestions_are_near(hardware: HardwareCatalog) -> None:
    with pytest.raises(UnknownName) as caught:
        hardware.find("RTX 6000")
    assert "RTX 6000 Ada Generation" in caught.value.suggestions


def test_every_device_is_found_by_its_own_name_and_id(hardware: HardwareCatalog) -> None:
    for device in hardware.devices():
        assert hardware.find(device.id) == device
        assert device in hardware.candidates(device.name), device.name


def test_every_alias_finds_its_own_device_and_only_devices_that_share_it(hardware: HardwareCatalog) -> None:
    bearers: dict[frozenset[str], set[str]] = {}
    for device in hardware.devices():
        for alias in (device.name, *device.aliases):
            bearers.setdefault(parse_name(alias).tokens, set()).add(device.id)
    for device in hardware.devices():
        memory = device.driver_visible_bytes or device.memory_bytes
        for alias in device.aliases:
            found = {d.id for d in hardware.candidates(alias, memory_bytes=memory)}
            shared = bearers[parse_name(alias).tokens]
            assert found, alias
            assert found <= shared, (alias, found - shared)
            laptop_under_a_desktop_name = device.form == "laptop" and "laptop" not in alias.lower()
            machine_behind_a_device = device.kind == "machine"
            assert device.id in found or laptop_under_a_desktop_name or machine_behind_a_device, (device.id, alias)


SHARED_NAMES = {"Orin (nvgpu)", "Qualcomm(R) Adreno(TM) X1-85 GPU"}
"""Several chips give these names, the same memory and no PCI id: only the names of their boards tell them apart."""


def test_every_alias_with_what_a_driver_tells_is_its_own_device(hardware: HardwareCatalog) -> None:
    """Name, GPU cores, PCI id, memory and bandwidth, as a probe asks: the device, or none where several fit."""
    checked = 0
    for device in hardware.devices():
        for alias in (device.name, *device.aliases) if device.kind != "machine" else ():
            cores = f" ({device.cores}-core GPU)" if device.vendor == "Apple" and "core" not in alias else ""
            for pci_id in device.pci_ids or (None,):
                found = hardware.identify(
                    pci_id=pci_id[:9] if pci_id else None,
                    revision=pci_id[10:] or None if pci_id else None,
                    name=alias + cores,
                    memory_bytes=device.driver_visible_bytes or device.memory_bytes,
                    bandwidth_bytes_per_s=device.bandwidth_bytes_per_s,
                )
                checked += 1
                none_fits = found is None and alias in SHARED_NAMES
                assert found.id == device.id if found else none_fits, (device.id, alias, pci_id, found)
    assert checked > 1000


def test_memory_decides_between_variants(hardware: HardwareCatalog) -> None:
    def named(name: str, gib: float) -> str | None:
        device = hardware.by_name(name, memory_bytes=round(gib * GIB))
        return device.id if device else None

    assert named("NVIDIA GeForce RTX 3060", 7.99) == "nvidia/geforce-rtx-3060-8gb"
    assert named("NVIDIA GeForce RTX 3060", 12) == "nvidia/geforce-rtx-3060-12gb"
    assert named("AMD Instinct MI50", 32) == "amd/instinct-mi50-32gb"
    assert named("NVIDIA GeForce GTX 1650", 4) is None  # GDDR5 and GDDR6: the same name, the same size


def test_by_name_gives_none_where_find_explains(hardware: HardwareCatalog) -> None:
    assert hardware.by_name("Apple M3 Max") is None
    assert hardware.by_name("no such card") is None


def test_gpu_counts(hardware: HardwareCatalog) -> None:
    for text in ("2x RTX 3090", "2 x 3090", "RTX 3090 x2", "2× RTX 3090", "2*3090"):
        count, device = hardware.parse_gpu(text)
        assert (count, device.id) == (2, "nvidia/geforce-rtx-3090"), text
    assert hardware.parse_gpu("3090")[0] == 1
    assert hardware.parse_gpu("3090 x 4") == (4, hardware.find("RTX 3090"))
    assert hardware.parse_gpu("2x 9070xt") == (2, hardware.find("RX 9070 XT"))
    assert hardware.parse_gpu("9070xt") == (1, hardware.find("RX 9070 XT"))
    with pytest.raises(UsageError):
        hardware.parse_gpu("0x RTX 3090")
    with pytest.raises(UsageError):
        hardware.parse_gpu("99x RTX 3090")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for reading in readings(text):
        assert reading.tokens
    parse_name(text)
