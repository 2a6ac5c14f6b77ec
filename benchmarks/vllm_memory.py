"""What vLLM says it loads on each GPU, and how many tokens its cache holds, against the estimate.

    python -m benchmarks.vllm_memory

Start-up logs that users published (published_memory/vllm.csv). Of the cache its bytes a token on one GPU count: with
more GPUs than KV heads every head is kept several times. Copies by a recipe of their publisher are named, not judged.
"""

import csv
import sys
from pathlib import Path
from typing import NamedTuple

from advisor.catalog.source import load_catalog
from advisor.estimate.kv_cache import read_bytes
from advisor.estimate.shaping import shape_of

TABLE = Path(__file__).parent / "published_memory" / "vllm.csv"
GIB = 2**30
LONG = 1 << 20
"""Depth at which windows do not count."""


class Compared(NamedTuple):
    """One figure of a log: predicted over reported, less one."""

    row: dict[str, str]
    what: str
    error: float

    @property
    def own_recipe(self) -> bool:
        """What stays wide was the publisher's choice: no rule tells it."""
        return "own recipe" in self.row["notes"]


def compared(catalog) -> list[Compared]:
    """Every figure of the table."""
    found = []
    for row in csv.DictReader(TABLE.read_text("utf-8").splitlines()):
        devices = int(row["devices"])
        if row["weights_gib"]:
            weights = catalog.weights(row["model"], row["quant"], "safetensors")
            found.append(Compared(row, "weights", weights.loaded_bytes / devices / GIB / float(row["weights_gib"]) - 1))
        if row["cache_gib"]:
            shape = shape_of(catalog.model(row["model"]).architecture)
            size = {"f16": 2.0, "q8_0": 1.0}[row["kv_type"]]
            token = read_bytes(shape, LONG, devices=devices) / LONG / devices * size / 2.0
            said = float(row["cache_gib"]) * GIB / float(row["cache_tokens"])
            found.append(Compared(row, "cache of a token", token / said - 1))
    return found


def main() -> int:
    """Print the table."""
    for one in compared(load_catalog()):
        row = one.row
        print(f"{row['model']} {row['quant']} on {row['devices']}: {one.what} {one.error:+.1%}  {row['notes']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
