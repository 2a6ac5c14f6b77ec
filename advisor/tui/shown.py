"""From a pick or a near miss to what the pane shows of it."""

from advisor.decide.counterfactual import need_lines
from advisor.decide.recommendation import NearMiss, Pick
from advisor.domain.workload import Budget
from advisor.report.pick import commands
from advisor.tui.widgets.choice_pane import Shown


def shown_of(item: Pick | NearMiss, budget: Budget) -> Shown:
    """Why a pick is one, or what a near miss needs; with the commands that take it further."""
    estimate = item.assessment.estimate
    typed = commands(item.model, estimate)
    why: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    if isinstance(item, Pick):
        why = item.why
    else:
        needs = tuple(line.removeprefix("needs ") for line in need_lines(item.needs))
    return Shown(
        model=item.model,
        assessment=item.assessment,
        budget=budget,
        why=why,
        needs=needs,
        commands=tuple((name, text) for name, text in typed.items() if text),
    )


def target_of(item: Pick | NearMiss) -> str:
    """`MODEL:QUANT`, as download and bench take it."""
    return f"{item.model.id}:{item.assessment.estimate.quant}"
