"""Published rows that tell of something else than one stream on an engine of today; each reason is counted.

What a source says of single rows stands in set_aside.yaml. For all answers holds that no accelerator reads its weights
faster than its memory gives them, unless tokens were drafted (of prompts, see prompt_rows.py).
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

MEMORY_SHARE = 0.95
"""Most of the data sheet's bandwidth that a decode step reads weights at: published steps reach 0.9."""


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
