"""Machines with many cards of a kind are told in few words."""

from dataclasses import replace

from advisor.domain.machine import Accelerator, Machine
from advisor.report.machine import machine_text
from advisor.report.recommendation import machine_line

CARD = Accelerator(
    index=0, name="H200", vendor="nvidia", backend="cuda", memory_total_bytes=141 << 30,
    memory_available_bytes=138 << 30, bandwidth_bytes_per_s=4.8e12,
)  # fmt: skip
EIGHT = tuple(replace(CARD, index=i) for i in range(8))


def test_cards_that_are_alike_are_counted():
    line = machine_line(Machine(name="x", origin="stated", accelerators=EIGHT))
    assert line.startswith("8x H200 (138 GiB free each, 4800 GB/s) · ")
    busy = replace(EIGHT[7], memory_available_bytes=20 << 30)
    mixed = machine_line(Machine(name="x", origin="stated", accelerators=(*EIGHT[:7], busy)))
    assert mixed.startswith("7x H200 (138 GiB free each, 4800 GB/s) · H200 (20.0 GiB free, 4800 GB/s) · ")


def test_a_probe_names_neighbours_that_are_alike_once():
    odd = replace(CARD, index=8, name="L4", memory_available_bytes=None)
    text = machine_text(Machine(name="x", origin="probed", accelerators=(*EIGHT, odd)))
    assert "gpu0-7" in text
    assert "8x H200" in text
    assert "gpu8" in text
    assert text.count("H200") == 1
    noted = (EIGHT[0], replace(EIGHT[1], notes=("fell off the bus",)))
    assert machine_text(Machine(name="x", origin="probed", accelerators=noted)).count("H200") == 2
