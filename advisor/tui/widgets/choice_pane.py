"""One choice in words and bars: compact (six lines) where rows are scarce, else in full. It draws what it is given."""

from dataclasses import dataclass

from textual.content import Content
from textual.geometry import Size
from textual.widgets import Static

from advisor.decide.assessment import Assessment
from advisor.decide.explanation import GRADE_WORDS
from advisor.domain.model import EvidenceRow, Model
from advisor.domain.units import format_count
from advisor.domain.workload import Budget
from advisor.tui.figures import PLACE_PHRASES, tokens
from advisor.tui.widgets import choice_lines as lines
from advisor.tui.widgets.columns import fit
from advisor.tui.widgets.rule import rule_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the pane shows of a pick or a near miss."""

    model: Model
    assessment: Assessment
    budget: Budget
    why: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """What would make a near miss work."""
    commands: tuple[tuple[str, str], ...] = ()
    evidence: tuple[EvidenceRow, ...] = ()


def facts(shown: Shown) -> str:
    """Kind, parameters, context and licence in one line."""
    model, estimate = shown.model, shown.assessment.estimate
    total, active = model.total_params, model.active_params
    size = format_count(total) + (f", {format_count(active)} active" if active and active != total else "")
    window = f"context {tokens(estimate.context)} of {tokens(model.context.extended or model.context.native)}"
    released = f"released {model.released}" if model.released else ""
    return " · ".join(x for x in (f"{model.kind or ''} {size}".strip(), window, model.licence.id, released) if x)


def title(shown: Shown) -> str:
    """Model, quantization, mode."""
    candidate = shown.assessment.candidate
    thinking = " thinking" if shown.assessment.workload.thinking_tokens else ""
    return f"{shown.model.name} · {candidate.quant}{thinking}"


def compact_lines(shown: Shown, width: int, *, plain: bool = False) -> list[Content]:
    """Six lines: title, memory with its legend (or what a near miss needs), budget, time, quality."""
    a = shown.assessment
    estimate, candidate = a.estimate, a.candidate
    memory = [lines.pool_line(pool, width, plain=plain) for pool in lines.tightest(estimate)]
    parts = Content(" " * (lines.LABEL + 1)).append(lines.memory_legend(estimate, width - lines.LABEL - 1, plain=plain))
    return [
        rule_line(title(shown), f"{estimate.basis} · {PLACE_PHRASES[estimate.placement.kind]}", width),
        *memory,
        lines.labelled("needs", Content.styled(shown.needs[0], "$text-warning")) if shown.needs else parts,
        lines.budget_line(a, shown.budget),
        lines.token_line(estimate, width, plain=plain),
        lines.quality_and_grade(candidate.score, candidate.sd, candidate.system.grade, width),
    ]


def _section(name: str, note: str, width: int, body: list[Content]) -> list[Content]:
    return [Content(""), rule_line(name, note, width), *body]


def _wrapped(texts: tuple[str, ...], width: int) -> list[Content]:
    found: list[Content] = []
    for text in texts:
        first, *more = Content(text).wrap(max(10, width - 2))
        found += [Content.assemble(("• ", "$foreground-muted"), first), *(Content("  ").append(line) for line in more)]
    return found


def figure_lines(shown: Shown, width: int, *, plain: bool = False) -> list[Content]:
    """The figures: facts, memory, time, budget."""
    a = shown.assessment
    estimate = a.estimate
    memory = [lines.pool_line(pool, width, plain=plain) for pool in lines.pools(estimate)]
    memory += [lines.memory_legend(estimate, width, plain=plain), lines.headroom_line(estimate)]
    return [
        rule_line(title(shown), str(estimate.basis), width),
        *(Content(line.plain) for line in Content(facts(shown)).wrap(width)),
        Content.styled(f"{estimate.engine}, {PLACE_PHRASES[estimate.placement.kind]}", "$foreground-muted"),
        *_section("Memory", "GiB", width, memory),
        *_section("Time", lines.work_line(a.workload), width, lines.time_lines(estimate, width, plain=plain)),
    ]


def reason_lines(shown: Shown, width: int, *, plain: bool = False) -> list[Content]:
    """The judgement: budget, quality, reasons or needs, commands."""
    a, candidate = shown.assessment, shown.assessment.candidate
    probability = f"met with probability {a.verdict.probability:.0%}"
    grade = Content.styled(GRADE_WORDS[candidate.system.grade], "$foreground-muted")
    body = [
        *_section("Budget", probability, width, lines.budget_lines(a, shown.budget))[1:],
        *_section("Quality", "of 100", width, [lines.quality_line(candidate.score, candidate.sd, width), grade]),
    ]
    if shown.needs:
        body += _section("What it needs", "", width, _wrapped(shown.needs, width))
    if shown.why:
        body += _section("Why", "", width, _wrapped(shown.why, width))
    if shown.commands:
        commands = [lines.labelled(name, command) for name, command in shown.commands]
        body += _section("In a shell", "", width, commands)
    return body


def evidence_lines(shown: Shown, width: int, *, plain: bool = False) -> list[Content]:
    """Each published result that the quality rests on, with its source."""
    found: list[Content] = []
    for row in shown.evidence:
        own = ", says its maker" if row.self_reported else ""
        mode = f", {row.mode}" if row.mode else ""
        found.append(Content.assemble((row.figure, "bold"), f"  {row.benchmark}{mode}  {row.date or ''}{own}"))
        found.append(Content.styled(f"  {row.source}", "$foreground-muted"))
    return _section("Evidence", f"{len(shown.evidence)} results", width, found) if found else []


DRAWINGS = {"compact": compact_lines, "figures": figure_lines, "reasons": reason_lines, "evidence": evidence_lines}
"""What a pane can show of a choice."""


class ChoicePane(Static):
    """The lines of a choice, drawn anew whenever the choice or the width changes. `part`: a key of `DRAWINGS`."""

    def __init__(self, part: str, *, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.shown: Shown | None = None
        self._part = part

    def show(self, shown: Shown | None) -> None:
        """Show a choice, or nothing."""
        self.shown = shown
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines at this width."""
        return len(self._lines(width))

    def _lines(self, width: int) -> list[Content]:
        if self.shown is None:
            return []
        width = max(20, width)
        found = DRAWINGS[self._part](self.shown, width, plain=self.app.no_color)
        return [fit(line, width) if line.cell_length > width else line for line in found]

    def render(self) -> Content:
        """The lines."""
        return Content("\n").join(self._lines(self.content_size.width))
