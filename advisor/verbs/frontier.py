"""Quality against time or memory over all models that fit, and the drawing of it."""

from dataclasses import replace

from advisor.decide.frontier import Axis, FrontierPoint, frontier
from advisor.decide.ranking import rank
from advisor.decide.recommendation import Recommendation
from advisor.domain.units import MAX_DURATION_S
from advisor.domain.workload import Budget
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.workspace import Workspace


def frontier_of(result: Recommendation, axis: Axis, workspace: Workspace) -> tuple[FrontierPoint, ...]:
    """Every model that fits, in its best choice without any budget: what each second or byte more would buy.

    Against time a choice needs a known speed, so there the limit is one that everything with a speed meets.
    """
    catalog = workspace.catalog
    entries = catalog.entries()
    budget = Budget(max_latency_s=MAX_DURATION_S if axis is Axis.LATENCY else None, confidence=0.5)
    question = replace(result.question, budget=budget, limit=len(entries))
    estimator = MachineEstimator(result.machine, workspace, assume_idle=question.assume_idle)
    ranking = rank(question, entries, catalog, estimator, estimator.offered(question.engine))
    return frontier(ranking.picks, axis)
