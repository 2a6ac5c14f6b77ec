"""Published rows that tell of something else than one stream on an engine of today; each reason is counted.

What a source says of single rows stands in set_aside.yaml. For all answers holds that no accelerator reads its weights
faster than its memory gives them, unless tokens were drafted (of prompts, see prompt_rows.py), and that a card which
may not draw its power, or does not while it has gigabytes to read, is not at its own pace.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

MEMORY_SHARE = 0.95
"""Most of the data sheet's bandwidth that a decode step reads weights at: published steps reach 0.9."""

DRAWN = re.compile(r"power ([\d.]+) W")
LEAST_DRAWN = 0.6
"""A card that reads a model of several GiB without pause draws more of its rated power: of 117 such rows that state it
five lie below, all of a card whose other models draw 0.84 of it and more, and they run at a sixth of their pace."""
LARGE_BYTES = 4 * 2**30
"""Smaller models leave a card waiting for kernels to start."""
LEAST_LIMIT = 0.7
"""A single card held below this share of its rated power is slowed while decoding, too; shared among several, the same
limit changed nothing (rows of one machine at four limits)."""


@lru_cache(maxsize=1)
def _entries() -> tuple[tuple[Mapping[str, str], str], ...]:
    import yaml

    plain = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return tuple((entry["where"], entry["reason"]) for entry in plain)


def told(row: Mapping[str, str]) -> str | None:
    """Why a row is set aside by what its source says of it."""
    for where, reason in _entries():
        if all(text in row[name] if name == "source_ref" else text == row[name] for name, text in where.items()):
            return reason
    return None


def impossible(weights_s: float, seconds: float) -> str | None:
    """Why an answer's rate cannot be that of its accelerators alone: they read the weights in `weights_s` at best."""
    if weights_s > MEMORY_SHARE * seconds:
        return "decode faster than the memory: drafts, or another device"
    return None


def slowed(row: Mapping[str, str], power_w: float | None, file_bytes: float) -> str | None:
    """Why a card rated at `power_w` did not run at its own pace, as its row tells."""
    if not power_w:
        return None
    drawn = DRAWN.search(row["notes"])
    if drawn and file_bytes >= LARGE_BYTES and float(drawn[1]) < LEAST_DRAWN * power_w:
        return "drew little power: waited for main memory"
    limit = float(row["power_limit_w"] or 0.0)
    if limit and limit < LEAST_LIMIT * power_w and float(row["n_gpus"] or 1.0) <= 1.0:
        return "power limit far below the data sheet's"
    return None
