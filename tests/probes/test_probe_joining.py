"""Several sources of one device, the variables that hide devices, and nvidia-smi as the second source."""

from dataclasses import replace

import pytest

from advisor.catalog.source import load_catalog
from advisor.domain.machine import Accelerator, CoreCluster, Cpu, HostMemory
from advisor.probes.datasheet import fill_accelerator, fill_host
from advisor.probes.merge import merge
from advisor.probes.nvidia_smi import read_nvidia_smi
from advisor.probes.pci import lane_bytes_per_s, normal_address
from advisor.probes.sighting import Sighting
from advisor.probes.visibility import apply_visibility
from tests.probes.probe_trees import GIB, Tree, said

# joining


def sighting(source, address=None, uuid=None, **facts):
    facts = {"name": "", "vendor": "nvidia"} | facts
    return Sighting(source=source, device=Accelerator(index=0, pci_address=address, **facts), uuid=uuid)


def test_one_device_by_four_sources():
    seen = [
        sighting("nvml", "0000:01:00.0", "GPU-1", name="RTX 4090", memory_total_bytes=25757220864),
        sighting("vulkan", "0000:01:00.0", memory_total_bytes=25769803776, backend="vulkan"),
        sighting("nvidia-smi", "0000:01:00.0", "GPU-1", memory_total_bytes=8 * GIB),
        Sighting(
            source="pci",
            device=Accelerator(index=0, name="", vendor="nvidia", pci_address="0000:01:00.0"),
            present_only=True,
        ),
    ]
    (merged,) = merge(seen)
    assert merged.device.memory_total_bytes == 25757220864
    assert merged.seen_by == ("nvml", "vulkan", "nvidia-smi", "pci")
    (conflict,) = merged.conflicts
    assert (conflict.kept_source, conflict.other_source, conflict.other) == ("nvml", "nvidia-smi", str(8 * GIB))


def test_equal_names_are_not_one_device():
    assert len(merge([sighting("a", "0000:01:00.0", name="X"), sighting("a", "0000:02:00.0", name="X")])) == 2


def test_addresses_are_written_in_several_ways():
    assert normal_address("00000000:01:00.0") == normal_address("0000:01:00.0") == "0000:01:00.0"
    assert normal_address("0000000F:01:00.0") == "000f:01:00.0"
    assert normal_address("01:00") is None


def test_lane_rates():
    assert lane_bytes_per_s("16.0 GT/s PCIe", 16) == pytest.approx(31.5e9, rel=0.001)
    assert lane_bytes_per_s("Unknown", 16) is None
    assert lane_bytes_per_s("16.0 GT/s PCIe", 0) is None


def test_amd_variables(tree):
    devices = [Accelerator(index=i, name="RX", vendor="amd") for i in range(3)]
    host = tree(Tree(environ={"ROCR_VISIBLE_DEVICES": "1,2", "HIP_VISIBLE_DEVICES": "0"}))
    shown, notes = apply_visibility(devices, [None] * 3, host)
    assert [d.usable for d in shown] == [False, True, False], "HIP counts among what ROCR left"
    assert len(notes) == 2


def test_void_in_a_container(tree):
    devices = [Accelerator(index=0, name="RTX", vendor="nvidia")]
    environ = {"NVIDIA_VISIBLE_DEVICES": "void"}
    inside, _ = apply_visibility(devices, [None], tree(Tree(files={"/.dockerenv": ""}, environ=environ)))
    assert [d.usable for d in inside] == [False]


def test_void_outside_means_nothing(tree):
    devices = [Accelerator(index=0, name="RTX", vendor="nvidia")]
    outside, _ = apply_visibility(devices, [None], tree(Tree(environ={"NVIDIA_VISIBLE_DEVICES": "void"})))
    assert [d.usable for d in outside] == [True]


# nvidia-smi

SMI = "nvidia-smi --query-gpu=index,uuid,pci.bus_id,name,memory.total,memory.free{} --format=csv,noheader,nounits"


def smi(tree, full, short=""):
    commands = {SMI.format(",compute_cap"): full}
    if short:
        commands[SMI.format("")] = said(short)
    return read_nvidia_smi(
        tree(Tree(files={"/bin/nvidia-smi": ""}, environ={"PATH": "/bin"}, commands=commands))
    ).sightings


@pytest.mark.parametrize(
    "cell", ["[N/A]", "[Not Supported]", "[Insufficient Permissions]", "[GPU is lost]", "[Unknown Error]"]
)
def test_texts_in_cells_are_unknown(tree, cell):
    (found,) = smi(tree, said(f"0, GPU-a, 00000000:01:00.0, NVIDIA A100, {cell}, {cell}, {cell}\n"))
    assert (found.device.memory_total_bytes, found.device.memory_available_bytes) == (None, None)
    assert found.device.compute_capability is None


def test_old_programs_lack_a_column(tree):
    refused = said('Field "compute_cap" is not a valid field to query.\n', code=2)
    (found,) = smi(tree, refused, "0, GPU-a, 00000000:01:00.0, Tesla V100-PCIE-16GB, 16160, 16000\n")
    assert found.device.memory_total_bytes == 16160 << 20


# published measurements are known by the catalog's names


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.mark.parametrize(
    ("name", "memory_gib", "family"),
    [("NVIDIA GeForce RTX 3060", 12, "GeForce RTX 3060 12GB"), ("NVIDIA A100-SXM4-80GB", 80, "A100 SXM4 80GB"),
     ("NVIDIA GeForce RTX 4090", 24, "GeForce RTX 4090")],
)  # fmt: skip
def test_a_driver_s_name_finds_what_was_published_of_the_device(catalog, name, memory_gib, family):
    (merged,) = merge([sighting("nvml", name=name, memory_total_bytes=memory_gib * GIB)])
    device = fill_accelerator(merged, catalog.hardware)
    assert (device.name, device.family) == (name, family)
    assert catalog.constants.device("cuda", device.family) is not None


def test_a_slice_of_a_device_is_not_what_was_measured(catalog):
    (merged,) = merge(
        [sighting("nvml", name="NVIDIA A100-SXM4-80GB", memory_total_bytes=10 * GIB, shared_with="GPU-1")]
    )
    assert fill_accelerator(merged, catalog.hardware).family is None


def test_a_processor_finds_its_family(catalog):
    cpu, _ = fill_host(Cpu(name="AMD Ryzen 7 7840U w/ Radeon 780M Graphics"), HostMemory(), catalog.hardware, ())
    assert catalog.constants.device("cpu", cpu.family) is not None
    unnamed, _ = fill_host(Cpu(name="AMD EPYC"), HostMemory(), catalog.hardware, ())
    assert unnamed.family is None


def test_kinds_of_cores_come_from_the_data_sheet(catalog):
    probed = tuple(CoreCluster(cores=n, max_hz=hz) for n, hz in ((2, 5.1e9), (6, 4.9e9), (4, 3.8e9)))
    cpu = Cpu(name="12th Gen Intel(R) Core(TM) i7-12700K", physical_cores=12, clusters=probed)
    filled = fill_host(cpu, HostMemory(), catalog.hardware, ())[0].clusters
    assert [(c.cores, c.kind, c.max_hz) for c in filled] == [
        (2, "Golden Cove", 5.1e9), (6, "Golden Cove", 4.9e9), (4, "Gracemont", 3.8e9),
    ]  # fmt: skip
    virtual = fill_host(replace(cpu, physical_cores=6, clusters=()), HostMemory(), catalog.hardware, ())[0]
    assert virtual.clusters == ()


def test_clocks_of_cores_come_from_the_data_sheet(catalog):
    cpu = Cpu(name="AWS Graviton3", physical_cores=8, clusters=(CoreCluster(cores=8, kind="Neoverse-V1"),))
    (filled,) = fill_host(cpu, HostMemory(), catalog.hardware, ())[0].clusters
    assert (filled.cores, filled.max_hz) == (8, 2.6e9)
