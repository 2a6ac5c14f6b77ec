"""Marked rows side by side: attributes as rows, the best value of each marked. Pure functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from advisor.decide.explanation import time_shares
from advisor.decide.quality import interval, probability_better
from advisor.decide.recommendation import NearMiss, Pick
from advisor.domain.units import format_count, format_duration
from advisor.tui.figures import PLACE_PHRASES, gib, rate, tokens, verdict_word
from advisor.tui.widgets.columns import Cell, Column, Row

Item = Pick | NearMiss


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One line of the comparison. `better`: smaller (-1), larger (1) or neither (0) value is best."""

    name: str
    text: Callable[[Item], str]
    value: Callable[[Item], float | None] = lambda _item: None
    better: int = 0


def _speed(item: Item, name: str) -> float | None:
    speed = item.assessment.estimate.speed
    return None if speed is None else float(getattr(speed, name).p50)


def _duration(name: str) -> Callable[[Item], str]:
    return lambda item: format_duration(_speed(item, name))


def _quality(item: Item) -> str:
    c = item.assessment.candidate
    low, high = interval(c.score, c.sd)
    return f"{c.score:.0f} ({low:.0f}–{high:.0f})"


def _parameters(item: Item) -> str:
    total, active = item.model.total_params, item.model.active_params
    return format_count(total) + (f", {format_count(active)} active" if active and active != total else "")


def _decode(item: Item) -> str:
    shares = time_shares(item.assessment.estimate, "decode")
    return f"{shares[0][0]} {shares[0][1]:.0%}" if shares else "?"


ATTRIBUTES = (
    Attribute(name="quantization", text=lambda i: i.assessment.candidate.quant),
    Attribute(name="budget", text=lambda i: verdict_word(i.assessment)),
    Attribute(name="quality", text=_quality, value=lambda i: i.assessment.candidate.score, better=1),
    Attribute(name="evidence", text=lambda i: str(i.assessment.candidate.system.grade)),
    Attribute(
        name="memory GiB",
        text=lambda i: gib(i.assessment.estimate.footprint.total_bytes),
        value=lambda i: i.assessment.estimate.footprint.total_bytes,
        better=-1,
    ),
    Attribute(name="first token", text=_duration("ttft_s"), value=lambda i: _speed(i, "ttft_s"), better=-1),
    Attribute(
        name="tokens/s",
        text=lambda i: rate(_speed(i, "decode_tokens_per_s")),
        value=lambda i: _speed(i, "decode_tokens_per_s"),
        better=1,
    ),
    Attribute(name="whole answer", text=_duration("latency_s"), value=lambda i: _speed(i, "latency_s"), better=-1),
    Attribute(name="load", text=_duration("load_s"), value=lambda i: _speed(i, "load_s"), better=-1),
    Attribute(name="a token is", text=_decode),
    Attribute(name="runs", text=lambda i: PLACE_PHRASES[i.assessment.estimate.placement.kind]),
    Attribute(name="parameters", text=_parameters),
    Attribute(name="context", text=lambda i: tokens(i.model.context.extended or i.model.context.native)),
    Attribute(name="licence", text=lambda i: i.model.licence.id or "?"),
    Attribute(name="released", text=lambda i: i.model.released or "?"),
    Attribute(name="basis", text=lambda i: str(i.assessment.estimate.basis)),
)
"""Every line, in the order shown."""


def columns_of(items: Sequence[Item], width: int) -> tuple[Column, ...]:
    """A label column and one for each item, its title cut to its share of the width."""
    share = max(8, (width - 16) // max(1, len(items)) - 2)
    titles = [
        item.model.name if len(item.model.name) <= share else item.model.name[: share - 1] + "…" for item in items
    ]
    return (Column(title="", grow=True), *(Column(title=title, right=True) for title in titles))


def rows_of(items: Sequence[Item], width: int) -> tuple[Row, ...]:
    """One row an attribute, and what each costs against the first."""
    share = max(8, (width - 16) // max(1, len(items)) - 2)
    rows = [Row(key=a.name, cells=(a.name, *_cells(a, items, share))) for a in ATTRIBUTES]
    first = items[0].assessment.candidate
    chances = [
        "–" if i == 0 else f"{probability_better(x.score, x.sd, first.score, first.sd):.0%}"
        for i, x in enumerate(item.assessment.candidate for item in items)
    ]
    rows.insert(4, Row(key="better", cells=("better than #1?", *chances)))
    return tuple(rows)


def _cells(attribute: Attribute, items: Sequence[Item], share: int) -> list[Cell]:
    values = [attribute.value(item) for item in items]
    known = [v for v in values if v is not None]
    best = None
    if attribute.better and known and min(known) != max(known):
        best = max(known) if attribute.better > 0 else min(known)
    cells: list[Cell] = []
    for item, value in zip(items, values, strict=True):
        text = attribute.text(item)
        text = text if len(text) <= share else text[: share - 1] + "…"
        cells.append(Content.styled(f"* {text}", "bold $text-success") if best is not None and value == best else text)
    return cells
