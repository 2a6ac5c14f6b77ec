"""A recommendation as rows of the ranked table: columns, cells, order and filter. Pure functions."""

from collections.abc import Callable, Collection, Sequence

from textual.content import Content

from advisor.decide.assessment import Assessment
from advisor.decide.recommendation import NearMiss, Pick, Recommendation
from advisor.domain.model import Grade
from advisor.domain.quantity import Z90
from advisor.tui.figures import PLACES, gib, rate, seconds, tokens, verdict_word
from advisor.tui.widgets.columns import Cell, Column, Row

COLUMNS = (
    Column(title="#", right=True),
    Column(title="Model", grow=True),
    Column(title="Quant"),
    Column(title="GiB", right=True),
    Column(title="First s", right=True, rank=1),
    Column(title="Tok/s", right=True),
    Column(title="Answer s", right=True, rank=4),
    Column(title="Quality", right=True),
    Column(title="On", rank=2),
    Column(title="Budget"),
    Column(title="Context", right=True, rank=6),
    Column(title="Licence", rank=7),
    Column(title="Basis", rank=5),
)
"""What each row says; units stand in the headings."""

ORDERS: dict[str, Callable[[Pick], float | str]] = {
    "rank": lambda pick: pick.rank,
    "quality": lambda pick: -pick.assessment.candidate.score,
    "first token": lambda pick: _time(pick.assessment, "ttft_s"),
    "whole answer": lambda pick: _time(pick.assessment, "latency_s"),
    "memory": lambda pick: pick.assessment.estimate.footprint.total_bytes,
    "name": lambda pick: pick.model.name.lower(),
}
"""Orders that the rows can take."""

MISSES_KEY = "misses"
"""Key of the line between picks and near misses."""
_VERDICT_STYLES = {"meets": "$text-success", "misses": "$text-warning", "memory": "$text-error"}
_MEASURED = (Grade.MEASURED, Grade.SIBLING)


def _time(assessment: Assessment, name: str) -> float:
    speed = assessment.estimate.speed
    return float("inf") if speed is None else float(getattr(speed, name).p50)


def key_of(item: Pick | NearMiss) -> str:
    """What identifies a row: one model is on one row."""
    return item.model.id


def score_text(score: float, sd: float, grade: Grade) -> str:
    """`78 ±4`; `~` before a score that is not measured on the task."""
    return f"{'' if grade in _MEASURED else '~'}{score:.0f} ±{Z90 * sd:.0f}"


def cells_of(item: Pick | NearMiss, number: str) -> tuple[Cell, ...]:
    """One cell for each of `COLUMNS`."""
    a = item.assessment
    speed, candidate = a.estimate.speed, a.candidate
    word = verdict_word(a)
    thinking = " +think" if a.workload.thinking_tokens else ""
    return (
        number,
        item.model.name + thinking,
        candidate.quant,
        gib(a.estimate.footprint.total_bytes),
        seconds(speed.ttft_s.p50 if speed else None),
        rate(speed.decode_tokens_per_s.p50 if speed else None),
        seconds(speed.latency_s.p50 if speed else None),
        score_text(candidate.score, candidate.sd, candidate.system.grade),
        PLACES[a.estimate.placement.kind],
        Content.styled(word, _VERDICT_STYLES.get(word, "")),
        tokens(a.estimate.context),
        item.model.licence.id or "?",
        str(a.estimate.basis),
    )


def matches(item: Pick | NearMiss, words: Sequence[str]) -> bool:
    """Every word occurs in the row's texts, every `!word` does not."""
    model, candidate = item.model, item.assessment.candidate
    texts = (model.name, model.id, model.vendor, candidate.quant, model.licence.id or "", model.kind or "")
    text = " ".join((*texts, PLACES[item.assessment.estimate.placement.kind])).lower()
    return all((w[1:] not in text) if w.startswith("!") else (w in text) for w in words if w.strip("!"))


def rows_of(
    result: Recommendation, *, order: str = "rank", text: str = "", marked: Collection[str] = ()
) -> tuple[Row, ...]:
    """The picks in the order asked for, then the near misses, dimmed, each with its first need."""
    words = text.lower().split()
    picks = sorted((p for p in result.picks if matches(p, words)), key=ORDERS[order])
    misses = [m for m in result.near_misses if matches(m, words)]
    rows = [
        Row(key=key_of(pick), cells=cells_of(pick, f"{'* ' if key_of(pick) in marked else ''}{pick.rank}"))
        for pick in picks
    ]
    if misses:
        rows.append(Row(key=MISSES_KEY, cells=(), note="nearest misses, and what each needs", selectable=False))
    for miss in misses:
        need = f"needs {miss.needs[0].text}" if miss.needs else None
        rows.append(Row(key=key_of(miss), cells=cells_of(miss, "–"), dim=True, note=need))
    if not rows:
        rows.append(Row(key=MISSES_KEY, cells=(), note=_nothing_note(result, words), selectable=False))
    return tuple(rows)


def _nothing_note(result: Recommendation, words: Sequence[str]) -> str:
    """In place of rows: why there are none, and the way out."""
    if words and (result.picks or result.near_misses):
        return f"no row has {' '.join(words)[:40]} · esc shows all again"
    return "nothing here can do this task · 1 changes the question, s the machine"


def summary(result: Recommendation, shown: int, seconds_taken: float | None) -> str:
    """How many meet the budget, of how many."""
    meeting = sum(pick.assessment.works for pick in result.picks)
    aim = "budget" if result.question.budget.stated else "target"
    took = "" if seconds_taken is None else f" · {seconds_taken * 1000:.0f} ms"
    filtered = "" if shown == len(result.picks) else f" · {shown} shown"
    if not result.picks:
        return f"nothing of {result.catalog_models} models meets the {aim}{took}"
    return f"{meeting} meet the {aim} · {result.catalog_models} models{filtered}{took}"
