"""Devices by PCI id, facts with their sources, machines built from the catalog, and the files' gates."""

from typing import Any

import pytest

from advisor.catalog.hardware import HardwareCatalog
from advisor.catalog.hardware_schema import compile_hardware
from advisor.catalog.machines import Stated, cpu_of
from advisor.domain.device import DeviceKind
from advisor.errors import BadDocument, UnknownName, UsageError
from advisor.estimate.cpu_rates import threads_used

GIB = 1024**3


def test_pci_id_finds_the_device(hardware: HardwareCatalog) -> None:
    device = hardware.by_pci("10de:2684")
    assert device is not None
    assert device.id == "nvidia/geforce-rtx-4090"
    assert hardware.by_pci("0x10DE:0x2684".lower()) == device
    assert hardware.by_pci("10de:ffff") is None


@pytest.mark.parametrize(
    ("pci_id", "revision", "gib", "device"),
    [
        ("1002:744c", "c8", 24, "amd/radeon-rx-7900-xtx"),
        ("1002:744c", "0xcc", 20, "amd/radeon-rx-7900-xt"),
        ("1002:744c", None, 24, "amd/radeon-rx-7900-xtx"),
        ("1002:7550", "c0", None, "amd/radeon-rx-9070-xt"),
        ("1002:7550", "c3", None, "amd/radeon-rx-9070"),
        ("1002:7550", None, 16, None),
        ("10de:1e30", None, 47.5, "nvidia/quadro-rtx-8000"),
        ("10de:1e30", None, 23.6, "nvidia/quadro-rtx-6000"),
        ("10de:2d04", None, 15.9, "nvidia/geforce-rtx-5060-ti-16gb"),
    ],
)
def test_revision_then_memory_decide(
    hardware: HardwareCatalog, pci_id: str, revision: str | None, gib: float | None, device: str | None
) -> None:
    memory = None if gib is None else round(gib * GIB)
    found = hardware.by_pci(pci_id, memory_bytes=memory, revision=revision)
    assert (found.id if found else None) == device


def test_every_pci_id_finds_its_device_or_only_those_that_share_it(hardware: HardwareCatalog) -> None:
    for device in hardware.devices():
        for pci_id in device.pci_ids:
            key, _, revision = pci_id[:9], *pci_id.partition(":")[1:2], pci_id[10:] or None
            found = hardware.pci_candidates(key, memory_bytes=device.memory_bytes, revision=revision)
            assert device in found
            assert all(any(p[:9] == key for p in other.pci_ids) for other in found)


def test_pci_and_name_together_decide(hardware: HardwareCatalog) -> None:
    found = hardware.identify(pci_id="1002:15bf", name="AMD Radeon 760M Graphics")
    assert found is not None
    assert found.id == "amd/ryzen-5-7640-8640-radeon-760m"
    assert hardware.identify(pci_id="1002:15bf", name="AMD Radeon Graphics") is None


def test_bandwidth_decides_where_id_name_and_memory_are_shared(hardware: HardwareCatalog) -> None:
    shared = {"pci_id": "10de:1f82", "name": "NVIDIA GeForce GTX 1650", "memory_bytes": 4 * GIB}
    assert hardware.identify(**shared) is None
    for rate, device in ((128e9, "nvidia/geforce-gtx-1650-gddr5"), (192e9, "nvidia/geforce-gtx-1650-gddr6")):
        found = hardware.identify(**shared, bandwidth_bytes_per_s=rate)
        assert found is not None
        assert found.id == device


def test_figures_are_in_si_units_with_their_source(hardware: HardwareCatalog) -> None:
    card = hardware.get("nvidia/geforce-rtx-4090")
    assert card.memory_bytes == 24 * GIB
    assert card.bandwidth_bytes_per_s == pytest.approx(1008e9)
    assert card.f16_flops == pytest.approx(165.2e12, rel=0.01)
    assert card.driver_visible_bytes == 24564 * 1024**2
    for device in hardware.devices():
        if device.kind is not DeviceKind.MACHINE and device.bandwidth_bytes_per_s is not None:
            assert device.sources.get("bandwidth_bytes_per_s"), device.id
        for price in device.prices:
            assert price.date
            assert price.source


def test_the_catalog_is_as_large_as_promised(hardware: HardwareCatalog) -> None:
    assert len([d for d in hardware.devices() if d.kind is not DeviceKind.MACHINE]) >= 386
    assert len(hardware.devices(DeviceKind.MACHINE)) >= 12


def test_a_soc_is_one_unified_pool(hardware: HardwareCatalog) -> None:
    machine = hardware.machine("Apple M3 Max (40-core GPU)", ram_bytes=64 * GIB)
    (gpu,) = machine.accelerators
    assert gpu.unified
    assert gpu.memory_total_bytes == machine.memory.total_bytes == 64 * GIB
    assert gpu.memory_available_bytes == 48 * GIB
    assert machine.os == "darwin"


def test_a_board_has_no_more_memory_than_is_soldered_on_it(hardware: HardwareCatalog) -> None:
    machine = hardware.machine("Raspberry Pi 5")
    assert machine.memory.total_bytes == 2 * GIB
    assert any("the smallest, 2 GiB, of 2, 4, 8, 16" in note.message for note in machine.notes)
    assert hardware.machine("Raspberry Pi 5", ram_bytes=8 * GIB).memory.total_bytes == 8 * GIB


def test_a_soc_without_stated_memory_takes_the_smallest_and_says_so(hardware: HardwareCatalog) -> None:
    machine = hardware.machine("Strix Halo")
    assert machine.memory.total_bytes == 32 * GIB
    assert any("smallest" in note.message for note in machine.notes)
    with pytest.raises(UsageError):
        hardware.machine("Strix Halo", ram_bytes=1024 * GIB)


def test_a_stated_gpu_gets_an_assumed_host_with_a_note(hardware: HardwareCatalog) -> None:
    machine = hardware.stated(Stated(gpus=(hardware.parse_gpu("2x RTX 3090"),)))
    assert [a.index for a in machine.accelerators] == [0, 1]
    assert machine.memory.total_bytes == 32 * GIB
    assert machine.memory.sources["total_bytes"] == "assumed"
    assert any("assumed" in note.message for note in machine.notes)


def test_vram_ram_and_cpu_override(hardware: HardwareCatalog) -> None:
    stated = Stated(
        gpus=(hardware.parse_gpu("RTX 4090"),),
        vram_bytes=48 * GIB,
        ram_bytes=128 * GIB,
        cpu=hardware.find("Ryzen 9 7950X"),
    )
    machine = hardware.stated(stated)
    assert machine.accelerators[0].memory_total_bytes == 48 * GIB
    assert machine.memory.total_bytes == 128 * GIB
    assert machine.memory.bandwidth_bytes_per_s == pytest.approx(83.2e9)
    assert "avx512f" in machine.cpu.instruction_sets


def test_cpu_only_has_no_accelerators(hardware: HardwareCatalog) -> None:
    gpus = (hardware.parse_gpu("RTX 4090"),)
    assert hardware.stated(Stated(gpus=gpus, cpu_only=True, ram_bytes=64 * GIB)).accelerators == ()
    soc = Stated(gpus=(hardware.parse_gpu("M4 Max"),), cpu_only=True)
    assert hardware.stated(soc).accelerators == ()


def test_a_soc_cannot_be_paired(hardware: HardwareCatalog) -> None:
    with pytest.raises(UsageError):
        hardware.stated(Stated(gpus=(hardware.parse_gpu("2x M4 Max"),)))


def test_a_display_gpu_is_not_offered(hardware: HardwareCatalog) -> None:
    assert not hardware.machine("UHD Graphics 770", ram_bytes=16 * GIB).usable_accelerators()


def test_every_whole_machine_can_be_built(hardware: HardwareCatalog) -> None:
    for spec in hardware.devices(DeviceKind.MACHINE):
        machine = hardware.machine(spec.id)
        assert machine.origin == "catalog"
        assert machine.catalog_id == spec.id
        assert machine.memory.total_bytes == spec.memory_bytes
        assert machine.usable_accelerators(), spec.id
        assert all(a.memory_available_bytes and a.bandwidth_bytes_per_s for a in machine.accelerators)


def test_a_pascal_card_computes_in_fp32(hardware: HardwareCatalog) -> None:
    card = hardware.machine("Tesla P40").accelerators[0]
    assert card.f16_flops is not None
    assert card.f16_flops > 5e12


def _file(**device: Any) -> dict[str, Any]:
    base = {"id": "x/one", "name": "One 1", "kind": "gpu", "memory_gib": 8, "sources": {"default": "a data sheet"}}
    return {"family": "X", "vendor": "X", "devices": [{**base, **device}]}


@pytest.mark.parametrize(
    "fault",
    [
        {"memory_gib": -1},
        {"memory_gib": "8"},
        {"memory_gib": True},
        {"speed": 3},
        {"kind": "toaster"},
        {"pci_ids": ["10DE:2684"]},
        {"patterns": ["(a+)+b"]},
        {"patterns": ["(a"]},
        {"prices": [{"usd": 3}]},
        {"prices": [{"usd": 3, "date": "soon", "kind": "quote", "source": "shop"}]},
        {"prices": [{"usd": 3, "date": "2026-01-01", "kind": "guess", "source": "shop"}]},
        {"parts": [{"device": "x/none", "count": 1}]},
        {"sources": {}},
        {"pcie_gen": 9, "pcie_lanes": 16},
        {"name": "a\x1b[31mb"},
        {"id": "../etc"},
    ],
)
def test_a_faulty_file_is_refused_with_the_place(fault: dict[str, Any]) -> None:
    compile_hardware([_file()])
    with pytest.raises(BadDocument, match="hardware catalog"):
        compile_hardware([_file(**fault)])


def test_a_device_described_twice_is_refused() -> None:
    with pytest.raises(BadDocument, match="twice"):
        compile_hardware([_file(), _file()])


def test_a_users_quote_is_added_by_overlay() -> None:
    rows = compile_hardware([_file()])
    quote = {"usd": 900, "date": "2026-11-01", "kind": "quote", "source": "our supplier"}
    overlay = {"devices": [{"id": "x/one", "prices": [quote]}]}
    device = HardwareCatalog.from_rows(compile_hardware([overlay], rows)).get("x/one")
    assert [p.usd for p in device.prices] == [900]
    with pytest.raises(BadDocument, match="nowhere"):
        compile_hardware([{"devices": [{"id": "x/two", "prices": [quote]}]}], rows)


def test_an_unknown_id_is_an_unknown_name(hardware: HardwareCatalog) -> None:
    with pytest.raises(UnknownName):
        hardware.get("nvidia/none")


def test_cores_of_a_family_are_those_of_the_named_processor():
    row = {"id": "x/y", "name": "Y", "kind": "cpu", "processors": {"i7 1[0-9]k?": "8+4", "i5 10": 6}}
    catalog = HardwareCatalog.from_rows(compile_hardware([{"family": "F", "vendor": "X", "devices": [row]}]))
    found = [catalog.find(name) for name in ("Intel(R) Core(TM) i7-10K CPU @ 3.60GHz", "i5-10", "Y")]
    assert [(spec.cpu_cores, spec.performance_cores) for spec in found] == [(12, 8), (6, None), (None, None)]


@pytest.mark.parametrize("cores", ["8-4", 0, True, "many", "8+4+2"])
def test_cores_are_written_in_one_way(cores):
    row = {"id": "x/y", "name": "Y", "kind": "cpu", "cpu_cores": cores}
    with pytest.raises(BadDocument, match="cores are written"):
        compile_hardware([{"family": "F", "vendor": "X", "devices": [row]}])


@pytest.mark.parametrize(
    "clusters",
    [["2x Cortex-A76 @ 2.4GHz"], ["0x Cortex-A76"], ["2x Cortex-A76", "Cortex-A55"], ["A", "B", "C"], [], "Zen 4",
     ["3x Cortex-A76"]],
)  # fmt: skip
def test_clusters_are_counted_or_are_a_family_s_two_kinds(clusters: object) -> None:
    row = {"id": "x/y", "name": "Y", "kind": "cpu", "cpu_cores": 4, "clusters": clusters}
    with pytest.raises(BadDocument, match="clusters"):
        compile_hardware([{"vendor": "X", "devices": [row]}])


def test_cores_by_kind(hardware: HardwareCatalog) -> None:
    phone = hardware.by_name("Snapdragon 8 Gen 2")
    assert phone is not None
    found = [(c.cores, c.kind, c.max_hz) for c in phone.clusters]
    assert found[0] == (1, "Cortex-X3", pytest.approx(3.2e9))
    assert sum(cores for cores, _, _ in found) == phone.cpu_cores == 8


@pytest.mark.parametrize(
    ("name", "threads"), [("Snapdragon 8 Gen 2", 6), ("Snapdragon 8 Elite", 6), ("Core i7-12700", 8)]
)
def test_apps_on_phones_take_four_fifths_of_the_cores_and_others_the_fast_ones(
    hardware: HardwareCatalog, name: str, threads: int
) -> None:
    spec = hardware.by_name(name) or hardware.find(name)
    assert threads_used(cpu_of(spec)) == threads
    hybrid = hardware.by_name("i7-12700")
    assert hybrid is not None
    assert [(c.cores, c.kind) for c in hybrid.clusters_of(12)] == [(8, "Golden Cove"), (4, "Gracemont")]
    assert [(c.cores, c.kind) for c in hybrid.clusters_of(6)] == [(6, "Golden Cove")]
