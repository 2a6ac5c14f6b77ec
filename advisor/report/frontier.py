"""The frontier of quality against time or memory: as data, as a table, and as an SVG drawing."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from advisor.decide.frontier import Axis, FrontierPoint
from advisor.domain.quantity import Z90
from advisor.domain.units import format_duration, format_size
from advisor.report.text_table import Column, table

TITLES = {Axis.LATENCY: "time of a whole answer", Axis.MEMORY: "memory"}
COLUMNS = (
    Column("Model", grow=True), Column("Quant"), Column("Answer", right=True), Column("Memory", right=True),
    Column("Quality", right=True), Column("Gain", right=True),
)  # fmt: skip
WIDTH, HEIGHT, LEFT, BOTTOM, EDGE = 960, 540, 60, 50, 40
"""Of the drawing, in pixels: all of it, and the margins."""
LABELS_APART = 14
"""Least distance between the base lines of two labels, pixels."""


def name_of(point: FrontierPoint) -> str:
    """The model as people write it."""
    a = point.assessment
    return a.candidate.system.entry.name + (" +think" if a.workload.thinking_tokens else "")


def frontier_document(points: Sequence[FrontierPoint], axis: Axis) -> dict[str, Any]:
    """All points, cheapest first. `cost` in seconds or bytes."""
    return {
        "axis": str(axis),
        "points": [
            {
                "model": p.assessment.candidate.model_id,
                "quant": p.assessment.candidate.quant,
                "mode": p.assessment.candidate.system.mode,
                "cost": p.cost,
                "score": round(p.score, 2),
                "sd": round(p.assessment.candidate.sd, 2),
                "on_frontier": p.on_frontier,
            }
            for p in points
        ],
    }


def frontier_lines(points: Sequence[FrontierPoint], axis: Axis, width: int) -> list[str]:
    """The points that nothing cheaper equals, with the points each step up gains."""
    rows, before = [], None
    for p in points:
        if not p.on_frontier:
            continue
        a = p.assessment
        answer = format_duration(a.estimate.speed.latency_s.p50) if a.estimate.speed else "?"
        size = format_size(a.estimate.footprint.total_bytes)
        gain = "" if before is None else f"+{p.score - before:.1f}"
        rows.append((name_of(p), a.candidate.quant, answer, size, f"{p.score:.0f}±{Z90 * a.candidate.sd:.0f}", gain))
        before = p.score
    head = f"Quality against {TITLES[axis]}, of {len(points)} models that fit (no budget applied):"
    return [head, *(table(COLUMNS, rows, width) if rows else ["  none"])]


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within the range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [m * 10.0**p for p in powers for m in (1, 2, 5) if low <= m * 10.0**p <= high]


class _Scale:
    """Cost (logarithmic) and score to pixels."""

    def __init__(self, points: Sequence[FrontierPoint]) -> None:
        costs, scores = [p.cost for p in points], [p.score for p in points]
        self.low, self.high = min(costs) / 1.2, max(costs) * 1.2
        self.bottom, self.top = max(0.0, min(scores) - 3), min(100.0, max(scores) + 3)

    def x(self, cost: float) -> float:
        share = math.log(cost / self.low) / math.log(self.high / self.low)
        return LEFT + share * (WIDTH - LEFT - EDGE)

    def y(self, score: float) -> float:
        share = (score - self.bottom) / (self.top - self.bottom)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - EDGE)


def _text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(words)}</text>'


def _axes(scale: _Scale, axis: Axis, title: str) -> list[str]:
    show = format_duration if axis is Axis.LATENCY else format_size
    base = HEIGHT - BOTTOM
    lines = [_text(LEFT, 24, title, ' font-size="16"')]
    lines.append(f'<path d="M{LEFT} {EDGE}V{base}H{WIDTH - EDGE}" fill="none" stroke="currentColor"/>')
    for tick in _ticks(scale.low, scale.high):
        lines.append(_text(scale.x(tick), base + 18, show(tick), ' text-anchor="middle"'))
    for score in range(math.ceil(scale.bottom / 10) * 10, math.floor(scale.top) + 1, 10):
        lines.append(_text(LEFT - 8, scale.y(score) + 4, str(score), ' text-anchor="end"'))
    lines.append(_text((LEFT + WIDTH) / 2, HEIGHT - 8, TITLES[axis], ' text-anchor="middle"'))
    return lines


def frontier_svg(points: Sequence[FrontierPoint], axis: Axis, title: str) -> str:
    """A drawing that stands alone: every model a dot, the frontier a line with names. Colours are the page's own."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="11" fill="currentColor" role="img">'
    )
    if not points:
        return f"{head}{_text(LEFT, EDGE, 'no model fits')}</svg>\n"
    scale = _Scale(points)
    best = [p for p in points if p.on_frontier]
    lines = [head, f"<title>{escape(title)}</title>", *_axes(scale, axis, title)]
    path = "L".join(f"{scale.x(p.cost):.1f} {scale.y(p.score):.1f}" for p in best)
    lines.append(f'<path d="M{path}" fill="none" stroke="#2a78d6" stroke-width="2"/>')
    for p in points:
        look = 'r="5" fill="#2a78d6"' if p.on_frontier else 'r="3" opacity="0.35"'
        label = f"{name_of(p)} {p.assessment.candidate.quant}: {p.score:.0f}"
        x, y = scale.x(p.cost), scale.y(p.score)
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" {look}><title>{escape(label)}</title></circle>')
    return "\n".join([*lines, *_labels(best, scale), "</svg>"]) + "\n"


def _labels(best: Sequence[FrontierPoint], scale: _Scale) -> list[str]:
    """Names beside the points of the frontier, best first, where there is room."""
    lines: list[str] = []
    used: list[float] = []
    for p in reversed(best):
        y = scale.y(p.score) - 8
        if all(abs(y - other) >= LABELS_APART for other in used):
            used.append(y)
            lines.append(_text(scale.x(p.cost) - 8, y, name_of(p), ' text-anchor="end"'))
    return lines
