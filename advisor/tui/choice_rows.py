"""Choices as table rows: the quantizations of a model, and one of them over growing context windows. Pure functions."""

from collections.abc import Sequence

from textual.content import Content

from advisor.decide.choice import Choice
from advisor.decide.quality import interval
from advisor.tui.figures import PLACES, gib, rate, seconds, tokens
from advisor.tui.widgets.columns import Cell, Column, Row

LADDER_COLUMNS = (
    Column(title="Quant", grow=True),
    Column(title="Bits", right=True),
    Column(title="GiB", right=True),
    Column(title="First s", right=True),
    Column(title="Tok/s", right=True),
    Column(title="Answer s", right=True, rank=2),
    Column(title="Quality", right=True),
    Column(title="On", rank=1),
    Column(title="Budget"),
)

CONTEXT_COLUMNS = (
    Column(title="Context", grow=True),
    Column(title="KV GiB", right=True),
    Column(title="GiB", right=True),
    Column(title="Free GiB", right=True),
    Column(title="Tok/s", right=True),
    Column(title="On", rank=1),
    Column(title="Budget"),
)


def word(choice: Choice) -> Content:
    """meets, likely, misses, memory or unknown."""
    if not choice.estimate.fits:
        return Content.styled("memory", "$text-error")
    if choice.verdict.meets:
        return Content.styled(choice.verdict.word, "$text-success")
    return Content.styled("unknown" if choice.estimate.speed is None else "misses", "$text-warning")


def quality_text(choice: Choice) -> str:
    """`78 (74–82)`, or `?`."""
    if choice.quality is None:
        return "?"
    low, high = interval(choice.quality.score, choice.quality.sd)
    return f"{choice.quality.score:.1f} ({low:.0f}–{high:.0f})"


def ladder_rows(choices: Sequence[Choice], current: str) -> tuple[Row, ...]:
    """One row a quantization; the recommended one is named so."""
    return tuple(Row(key=c.estimate.quant, cells=_ladder_cells(c, current), dim=not c.estimate.fits) for c in choices)


def _ladder_cells(choice: Choice, current: str) -> tuple[Cell, ...]:
    estimate = choice.estimate
    speed = estimate.speed
    return (
        estimate.quant + (" *" if estimate.quant == current else ""),
        f"{estimate.bits_per_weight:.2f}",
        gib(estimate.footprint.total_bytes),
        seconds(speed.ttft_s.p50 if speed else None),
        rate(speed.decode_tokens_per_s.p50 if speed else None),
        seconds(speed.latency_s.p50 if speed else None),
        quality_text(choice),
        PLACES[estimate.placement.kind],
        word(choice),
    )


def context_rows(choices: Sequence[Choice]) -> tuple[Row, ...]:
    """One row a window."""
    return tuple(Row(key=str(c.estimate.context), cells=_context_cells(c), dim=not c.estimate.fits) for c in choices)


def _context_cells(choice: Choice) -> tuple[Cell, ...]:
    estimate = choice.estimate
    devices = estimate.footprint.devices
    room = [d.headroom_bytes for d in devices if d.total_bytes and d.headroom_bytes is not None]
    speed = estimate.speed
    return (
        f"{tokens(estimate.context)} tokens",
        gib(sum(d.kv_cache_bytes for d in devices)),
        gib(estimate.footprint.total_bytes),
        gib(min(room)) if room else "?",
        rate(speed.decode_tokens_per_s.p50 if speed else None),
        PLACES[estimate.placement.kind],
        word(choice),
    )


def longest_fitting(choices: Sequence[Choice]) -> str:
    """The longest window tried that fits, in words."""
    fitting = [c.estimate.context for c in choices if c.estimate.fits]
    return f"fits up to {tokens(max(fitting))} of those tried" if fitting else "none of those tried fits"
