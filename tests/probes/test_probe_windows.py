"""Windows adapters: screen graphics, integrated GPUs with their part of main memory, PowerShell's ways of answering."""

import json

import pytest

from advisor.domain.machine import HostMemory
from advisor.probes.assemble import probe
from advisor.probes.windows import read_adapters
from tests.probes.machines import WINDOWS, dxgi
from tests.probes.probe_trees import GIB, Tree, said

HOST = HostMemory(total_bytes=32 * GIB, available_bytes=20 * GIB)
QUERY = "powershell -NoProfile -Command Get-CimInstance Win32_VideoController"
QUERY += " | Select-Object Name,AdapterRAM,PNPDeviceID | ConvertTo-Json"


def found(tree, *entries, text=""):
    host = tree(Tree(platform="win32", answers={"dxgi": list(entries)}, commands={QUERY: said(text)}))
    return [s.device for s in read_adapters(host, HOST).sightings]


@pytest.mark.parametrize("dedicated", [0, 128 << 20, GIB])
def test_intels_screen_graphics_are_no_accelerator(tree, dedicated):
    assert found(tree, dxgi("Intel(R) UHD Graphics 770", 0x8086, 0x4680, dedicated)) == []


def test_a_discrete_arc_is_one(tree):
    (device,) = found(tree, dxgi("Intel(R) Arc(TM) B580 Graphics", 0x8086, 0xE20B, 12 * GIB))
    assert (device.memory_total_bytes, device.unified) == (12 * GIB, False)


def test_an_integrated_arc_works_on_main_memory(tree):
    lunar = dxgi("Intel(R) Arc(TM) 140V GPU", 0x8086, 0x64A0, 128 << 20) | {"shared_bytes": 18 * GIB}
    (device,) = found(tree, lunar)
    assert device.unified
    assert device.memory_total_bytes == 18 * GIB + (128 << 20)
    assert device.memory_available_bytes == 18 * GIB + (128 << 20)
    assert device.carve_out_bytes == 128 << 20


def test_shared_memory_is_never_more_than_the_host_has_free(tree):
    lunar = dxgi("Intel(R) Arc(TM) 140V GPU", 0x8086, 0x64A0, 128 << 20) | {"shared_bytes": 200 * GIB}
    (device,) = found(tree, lunar)
    assert device.memory_total_bytes == 32 * GIB + (128 << 20)
    assert device.memory_available_bytes == 20 * GIB + (128 << 20)


def test_nothing_set_aside_is_no_size(tree):
    """0 dedicated bytes is what a chip without a memory of its own rightly says."""
    (device,) = probe(
        None, tree(WINDOWS | Tree(answers={"dxgi": [dxgi("Arc 140V", 0x8086, 0x64A0, 0)]}))
    ).machine.accelerators
    assert (device.memory_total_bytes, device.unified) == (32 * GIB, True)


ONE = {"Name": "Radeon", "AdapterRAM": 2 << 30, "PNPDeviceID": "PCI\\VEN_1002&DEV_699F&SUBSYS_1"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (json.dumps(ONE), 1),
        (json.dumps([ONE]), 1),
        (json.dumps([ONE, ONE]), 2),
        (json.dumps({**ONE, "PNPDeviceID": "ROOT\\PARSEC"}), 0),
        (json.dumps([None, 3, "x", []]), 0),
        ("Get-CimInstance : Zugriff verweigert", 0),
        ("", 0),
        (json.dumps([ONE])[:-9], 0),
    ],
    ids=["one without brackets", "one", "two equal cards", "virtual", "odd", "localized refusal", "silent", "cut"],
)
def test_powershell_answers(tree, text, count):
    assert len(found(tree, text=text)) == count
