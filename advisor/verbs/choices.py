"""All that a recommendation leaves out of one model: every quantization, mode and placement, and how each would do."""

from dataclasses import replace

from advisor.decide.assessment import Assessment, assessments
from advisor.decide.loading import quants_for
from advisor.decide.order import Order
from advisor.decide.recommendation import Recommendation
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.workspace import Workspace


def choices_of(name: str, result: Recommendation, workspace: Workspace) -> tuple[Assessment, ...]:
    """Those that work first, each group by what it is worth. Empty for a model that the task or licence rules out.

    Raises UnknownName for a model that the catalog does not have.
    """
    catalog = workspace.catalog
    entry = catalog.entry(catalog.resolve(name).id)
    estimator = MachineEstimator(result.machine, workspace, assume_idle=result.question.assume_idle)
    question = replace(result.question, model=entry.id, min_quality=None)
    engine = estimator.engine_for(entry, question.engine, question.quant)
    quants = (question.quant,) if question.quant else quants_for(entry, engine)
    found = [
        one
        for quant in quants
        for candidate in Order(replace(question, quant=quant), (entry,), catalog, estimator.offered(question.engine))
        for one in assessments(candidate, question, estimator)
    ]
    return tuple(sorted(found, key=_place))


def _place(one: Assessment) -> tuple[bool, bool, float, float]:
    speed = one.estimate.speed
    latency = speed.latency_s.p50 if speed else float("inf")
    return (not one.works, not one.estimate.fits, -one.candidate.utility, latency)
