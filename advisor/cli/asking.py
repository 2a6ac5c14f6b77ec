"""From command-line values to requests: shared by every command that asks about a task or a machine."""

from typing import Any

from advisor.domain.units import parse_duration
from advisor.errors import UsageError
from advisor.verbs.question import Request
from advisor.verbs.selection import MachineSelection, split_engine

DEFAULT_LIMIT = 5
"""Rows that commands without `--limit` look at."""


def take_selection(values: dict[str, Any]) -> MachineSelection:
    """Remove the machine options from a command's keyword arguments; a backend named with the engine is one."""
    backend = None
    if values.get("engine"):
        values["engine"], backend = split_engine(values["engine"])
    return MachineSelection(
        hardware=values.pop("hardware", None),
        gpus=tuple(values.pop("gpus", ())),
        ram=values.pop("ram", None),
        vram=values.pop("vram", None),
        cpu=values.pop("cpu", None),
        cpu_only=values.pop("cpu_only", False) or backend == "cpu",
        backend=None if backend == "cpu" else backend,
    )


def _duration(values: dict[str, Any], name: str, flag: str) -> float | None:
    text = values.pop(name, None)
    return None if text is None else parse_duration(text, flag)


def take_request(values: dict[str, Any]) -> Request:
    """Remove the request options from a command's keyword arguments and parse the durations."""
    return Request(
        max_ttft_s=_duration(values, "max_ttft", "--max-ttft"),
        max_tpot_s=_duration(values, "max_tpot", "--max-tpot"),
        max_latency_s=_duration(values, "max_latency", "--max-latency"),
        min_tokens_per_s=_positive(values.pop("min_tps", None), "--min-tps"),
        task=values.pop("task", None),
        prompt_tokens=values.pop("prompt_tokens", None),
        output_tokens=values.pop("output_tokens", None),
        cached_tokens=values.pop("cached_tokens", None),
        context=values.pop("context", None),
        users=values.pop("users", None),
        confidence=values.pop("confidence", None),
        engine=values.pop("engine", None),
        licence=values.pop("licence", None),
        quant=values.pop("quant", None),
        min_quality=values.pop("min_quality", None),
        max_energy_j=values.pop("max_energy", None),
        max_watts=values.pop("max_watts", None),
        tier=values.pop("tier", None),
        kv_type=values.pop("kv_type", None),
        limit=values.pop("limit", DEFAULT_LIMIT),
        derivatives=values.pop("derivatives", False),
        model=values.pop("model", None),
        assume_idle=values.pop("assume_idle", False),
    )


def _positive(value: float | None, flag: str) -> float | None:
    if value is not None and not 0 < value < 1e9:
        raise UsageError(f"{flag} {value:g} is out of range", hint="give a positive number")
    return value
