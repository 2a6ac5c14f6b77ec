"""Huawei Ascend NPUs by `npu-smi`, whose columns change between versions: read by key. Untested on hardware."""

import re

from advisor.domain.machine import Accelerator, ProbeNote
from advisor.probes.host import Host
from advisor.probes.sighting import Findings, Sighting
from advisor.probes.text import clean_or_none, fields, positive

SOURCE = "npu-smi"
LIMIT_S = 5.0
MAX_CARDS = 64
MAX_CHIPS = 8
"""On one card; two is the most that was built."""


def read_ascend(host: Host) -> Findings:
    """One device a chip; a note where the tool is missing or does not answer."""
    listing = host.run(["npu-smi", "info", "-l"], LIMIT_S)
    if listing.code != 0:
        message = "an Ascend NPU is present but npu-smi does not answer"
        return Findings(notes=(ProbeNote(source=SOURCE, message=message, hint="install the Ascend driver"),))
    ids = re.findall(r"NPU ID\s*:\s*(\d{1,4})", listing.out)[:MAX_CARDS]
    chips = re.findall(r"Chip Count\s*:\s*(\d{1,2})", listing.out)
    sightings: list[Sighting] = []
    for position, card in enumerate(dict.fromkeys(ids)):
        count = max(1, min(int(chips[position]), MAX_CHIPS)) if position < len(chips) else 1
        sightings.extend(_chip(host, card, chip, count) for chip in range(count))
    return Findings(sightings=tuple(sightings))


def _chip(host: Host, card: str, chip: int, count: int) -> Sighting:
    """A card of two chips is two devices with half its memory each."""
    memory = fields(host.run(["npu-smi", "info", "-t", "memory", "-i", card], LIMIT_S).out)
    board = fields(host.run(["npu-smi", "info", "-t", "board", "-i", card], LIMIT_S).out)
    size = positive(memory.get("HBM Capacity(MB)")) or positive(memory.get("DDR Capacity(MB)"))
    name = clean_or_none(board.get("Chip Name") or board.get("Product Name") or board.get("Model"))
    device = Accelerator(
        index=0,
        name=f"Ascend {name}" if name and not name.lower().startswith("ascend") else name or "Ascend NPU",
        vendor="huawei",
        memory_total_bytes=size * (1 << 20) // count if size and size < 1 << 24 else None,
        backend="cann",
    )
    return Sighting(source=SOURCE, device=device, uuid=f"ascend {card}/{chip}")
