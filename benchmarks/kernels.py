"""Which kernels a published row was run with: those of its date, where today's read prompts faster on processors.

Between 2024 and 2026 one storage type after another got kernels that multiply many columns at once, by instruction
set; see kernels.yaml. A row of before tells of a processor what it tells only beside the kernels that it used.
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from advisor.estimate.constants import Constants


@lru_cache(maxsize=1)
def replaced() -> list[dict[str, Any]]:
    """The entries of kernels.yaml."""
    import yaml

    found: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text("utf-8"))
    return found


def of_date(constants: Constants, date: str) -> Constants:
    """The constants with the kernels of a date (YYYY-MM, or longer); of a date that is not told, today's."""
    older = tuple(i for i, entry in enumerate(replaced()) if date and date[:7] < entry["until"])
    return _with(constants, older) if older else constants


@lru_cache(maxsize=64)
def _with(constants: Constants, older: tuple[int, ...]) -> Constants:
    x86, arm = dict(constants.cpu.gemm_flops), dict(constants.cpu.gemm_arm_flops)
    for entry in (replaced()[i] for i in older):
        (arm if entry["arm"] else x86).update(entry["flops"])
    return replace(constants, cpu=replace(constants.cpu, gemm_flops=x86, gemm_arm_flops=arm))
