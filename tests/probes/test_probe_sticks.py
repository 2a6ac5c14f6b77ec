"""Memory modules from the firmware's tables: kind, configured speed and channels in use."""

import random
import struct

import pytest

from advisor.probes.assemble import probe
from advisor.probes.sticks import TABLES, memory_devices, read_sticks
from tests.probes.machines import two_sockets
from tests.probes.probe_trees import Tree, meminfo, x86


def structure(size=16384, bits=64, speed=6000, configured=5600, kind=0x22, slot="DIMM 0", bank="P0 CHANNEL A"):
    """A memory device as DSP0134 lays it out, with its two texts."""
    body = bytearray(0x5C)
    struct.pack_into("<BBH", body, 0, 17, len(body), 0x1100)
    struct.pack_into("<HHH", body, 0x08, bits + 8, bits, size if size < 0x7FFF else 0x7FFF)
    struct.pack_into("<BBB", body, 0x10, 1, 2, kind)
    struct.pack_into("<HI", body, 0x15, speed, 0)
    struct.pack_into("<I", body, 0x1C, size)
    struct.pack_into("<H", body, 0x20, configured)
    return bytes(body) + slot.encode() + b"\0" + bank.encode() + b"\0\0"


OTHER = struct.pack("<BBHI", 4, 8, 1, 0) + b"serial 123\0\0"
END = struct.pack("<BBH", 127, 4, 9) + b"\0\0"


def test_a_table_is_read():
    first, second = memory_devices(OTHER + structure() + OTHER + structure(size=131072, slot="B1") + END)
    assert first == {"mib": 16384, "bits": 64, "mts": 5600, "type": 0x22, "slot": "P0 CHANNEL A DIMM 0"}
    assert second["mib"] == 131072, "32 GiB and more stand in another field"
    assert "123" not in str(first)


@pytest.mark.parametrize("raw", [b"", b"\x11", b"\x11\x01\x00\x00", b"\x11\xff" * 9, structure()[:40], b"\0" * 99])
def test_broken_tables_end(raw):
    assert list(memory_devices(raw)) == []


def test_random_tables_end():
    dice, table = random.Random(5), OTHER + structure() * 3 + END
    for _ in range(2000):
        raw = bytearray(table)
        for _ in range(dice.randrange(1, 9)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        for row in memory_devices(bytes(raw[: dice.randrange(len(raw) + 1)])):
            assert row["slot"].isprintable()


def stick(slot, mib=16384, bits=64, mts=5600, kind=0x22):
    return {"mib": mib, "bits": bits, "mts": mts, "type": kind, "slot": slot}


EMPTY = stick("P0 CHANNEL D DIMM 0", mib=0, mts=0)


SETS = {
    "two channels": ([stick("P0 CHANNEL A DIMM 0"), stick("P0 CHANNEL B DIMM 0"), EMPTY], "DDR5-5600", 89.6),
    "one stick": ([stick("P0 CHANNEL A DIMM 1")], "DDR5-5600", 44.8),
    "one channel": ([stick("BANK 0 ChannelA-DIMM0"), stick("BANK 1 ChannelA-DIMM1")], "DDR5-5600", 44.8),
    "sub-channels": (
        [stick(f"Controller{i // 2}-Channel{'AB'[i % 2]}-DIMM0", bits=32) for i in range(4)], "DDR5-5600", 89.6,
    ),
    "bare": ([stick("A1"), stick("B1")], "DDR5-5600", 89.6),
    "soldered": ([stick("", bits=16, mts=8000, kind=0x23)] * 8, "LPDDR5-8000", 128.0),
    "slowest": ([stick("DIMM_A1"), stick("DIMM_B1", mts=4800)], "DDR5-4800", 76.8),
    "no names": ([stick("NODE 1"), stick("NODE 1")], "DDR5-5600", None),
    "server": ([stick(f"CPU1_DIMM_{c}1", mts=3200, kind=0x1A) for c in "ABCDEFGH"], "DDR4-3200", 204.8),
}  # fmt: skip


@pytest.mark.parametrize(("sticks", "kind", "gb_s"), SETS.values(), ids=SETS)
def test_modules(tree, sticks, kind, gb_s):
    found = read_sticks(tree(Tree(answers={"memory_devices": sticks})), 1)
    assert found.kind == kind
    assert found.bandwidth_bytes_per_s == (None if gb_s is None else pytest.approx(gb_s * 1e9))


NOTHING = {
    "closed": None, "none": [], "text": "x", "numbers": [3], "odd": [{"mib": "9"}], "no speed": [stick("A", mts=0)],
    "virtual": [stick("A", kind=7)], "two kinds": [stick("A1"), stick("B1", kind=0x1A)],
}  # fmt: skip


@pytest.mark.parametrize("answer", NOTHING.values(), ids=NOTHING)
def test_what_is_not_told_is_unknown(tree, answer):
    assert read_sticks(tree(Tree(answers={"memory_devices": answer})), 1) is None


def test_modules_go_before_the_data_sheet_and_are_of_one_socket(tree):
    sticks = [stick(f"P{p} CHANNEL {c}", mts=3200, kind=0x1A) for p in (0, 1) for c in "ABCD"]
    host = tree(two_sockets() | Tree(files={TABLES: ""}, answers={"memory_devices": sticks}))
    memory = probe(None, host).machine.memory
    assert memory.bandwidth_bytes_per_s == pytest.approx(4 * 25.6e9)
    assert memory.sources["bandwidth_bytes_per_s"] == "SMBIOS: 8 modules of DDR4-3200, 512 bits wide"
    assert memory.kind == "DDR4-3200"


def test_closed_tables_are_not_asked_for(tree, monkeypatch):
    host = tree(x86() | meminfo(8, 4) | Tree(files={TABLES: ""}, answers={"memory_devices": [stick("A1")]}))
    monkeypatch.setattr(host, "accessible", lambda path: False)
    assert probe(None, host).machine.memory.bandwidth_bytes_per_s is None
