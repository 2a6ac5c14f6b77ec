"""Numbers as the app's columns show them: one unit a column, a fixed number of decimals, so that they line up."""

from advisor.decide.assessment import Assessment
from advisor.domain.estimate import PlacementKind
from advisor.domain.quantity import Quantity
from advisor.domain.units import GIB

UNKNOWN = "?"

PLACES = {
    PlacementKind.GPU: "GPU",
    PlacementKind.SPLIT: "split",
    PlacementKind.EXPERTS_ON_CPU: "GPU+exp",
    PlacementKind.CPU: "CPU",
}
"""Where a choice runs, in a word that fits a column."""

PLACE_PHRASES = {
    PlacementKind.GPU: "all on the GPU",
    PlacementKind.SPLIT: "layers split over GPU and CPU",
    PlacementKind.EXPERTS_ON_CPU: "experts on the CPU, the rest on the GPU",
    PlacementKind.CPU: "on the CPU",
}
"""The same in a phrase."""

LIMITS = {
    "max_ttft_s": "first token",
    "max_tpot_s": "per token",
    "max_latency_s": "whole answer",
}
"""The limits of a budget in words."""


def gib(size_bytes: float | None) -> str:
    """`19.4`; two decimals below 1 GiB, none from 1000 on."""
    if size_bytes is None:
        return UNKNOWN
    value = size_bytes / GIB
    if abs(value) < 0.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if abs(value) < 999.5 else f"{value:.0f}"


def seconds(value: float | None) -> str:
    """`0.31`, `12.40`, `305.0`: seconds for a column."""
    if value is None:
        return UNKNOWN
    return f"{value:.2f}" if value < 99.995 else f"{value:.0f}"


def brief(value_s: float) -> str:
    """`59 ms`, `2.4 s`, `75.2 s`, `130 s`, `25 min`: a time that fits half a line."""
    if value_s < 1:
        return f"{value_s * 1000:.0f} ms"
    if value_s < 99.95:
        return f"{value_s:.1f} s"
    return f"{value_s:.0f} s" if value_s < 600 else f"{value_s / 60:.0f} min"


def rate(value: float | None) -> str:
    """`9.8`, `1240.0`: tokens a second for a column."""
    if value is None:
        return UNKNOWN
    return f"{value:.1f}" if value < 9999.5 else f"{value:.0f}"


def tokens(count: int | None) -> str:
    """`8K` for 8192, `128K`, `1M`; the plain number when it is not a round power of two."""
    if count is None:
        return UNKNOWN
    if count >= 1024**2 and count % 1024**2 == 0:
        return f"{count // 1024**2}M"
    return f"{count // 1024}K" if count >= 1024 and count % 1024 == 0 else f"{count}"


def median(value: Quantity | None) -> float | None:
    """The p50, where there is one."""
    return None if value is None else value.p50


def verdict_word(assessment: Assessment) -> str:
    """How a choice stands, in one word: meets, likely, misses, memory or unknown."""
    if not assessment.estimate.fits:
        return "memory"
    if assessment.verdict.meets:
        return assessment.verdict.word
    return "unknown" if assessment.estimate.speed is None else "misses"
