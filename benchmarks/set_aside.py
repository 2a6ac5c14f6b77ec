"""Published rows that tell of something else than one stream on an engine of today; each reason is counted.

What a source says of single rows stands in set_aside.yaml. Two bounds hold for all: no accelerator reads its weights
faster than its memory gives them, and none reads a prompt at several times its matrix rate, unless tokens were drafted
or the prompt's beginning was cached.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

MEMORY_SHARE = 0.95
"""Most of the data sheet's bandwidth that a decode step reads weights at: published steps reach 0.9."""

MATRIX_RATES = 4.0
"""Most that a prompt is read at, against `parts.compute_rate`: the data sheet's INT8 rate where it is known."""


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


def impossible(terms: tuple[float, ...], seconds: float, *, decoding: bool) -> str | None:
    """Why a rate cannot be that of an accelerator alone: its terms at data-sheet rates (s) and what it took (s)."""
    if decoding and terms[0] + terms[1] > MEMORY_SHARE * seconds:
        return "decode faster than the memory: drafts, or another device"
    if not decoding and sum(terms[4:7]) > MATRIX_RATES * seconds:
        return "a prompt faster than the arithmetic: part of it was cached"
    return None
