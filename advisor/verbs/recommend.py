"""The best choices for a task on a machine, within a budget."""

from advisor.decide.assessment import Assessment
from advisor.decide.counterfactual import Need, needs
from advisor.decide.explanation import why
from advisor.decide.question import Question
from advisor.decide.ranking import Ranking, rank
from advisor.decide.recommendation import NearMiss, Pick, Recommendation
from advisor.domain.machine import Machine
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.left_out import left_out
from advisor.verbs.question import Request, build_question
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace


def recommend(
    request: Request, selection: MachineSelection, workspace: Workspace, *, levers: bool = False
) -> Recommendation:
    """Answer a request. Raises UsageError and UnknownName for bad input; finding nothing is a result, not an error.

    `levers`: try those that change the machine for each near miss too, as is done anyway where nothing else is left.
    """
    catalog = workspace.catalog
    question = build_question(request, catalog)
    machine = workspace.machine(selection)
    return recommend_on(question, machine, workspace, levers=levers)


def recommend_on(question: Question, machine: Machine, workspace: Workspace, *, levers: bool = False) -> Recommendation:
    """As `recommend`, with the question and the machine already made: the app asks this at every change."""
    catalog = workspace.catalog
    estimator = MachineEstimator(machine, workspace, assume_idle=question.assume_idle)
    ranking = rank(question, catalog.entries(), catalog, estimator, estimator.offered(question.engine))
    misses = _near(ranking, question, estimator, levers)
    if not ranking.picks and not misses:
        from advisor.verbs.relaxing import relaxed

        found = relaxed(question, lambda q: rank(q, catalog.entries(), catalog, estimator, estimator.offered(q.engine)))
        misses = [(assessment, (need,)) for assessment, need in found]
    return Recommendation(
        machine=machine,
        question=question,
        catalog_models=len(catalog.entries()),
        catalog_sha256=catalog.sha256,
        picks=_picks(ranking, question, workspace),
        near_misses=tuple(
            NearMiss(model=catalog.model(a.candidate.model_id), assessment=a, needs=needed) for a, needed in misses
        ),
        rejected={str(reason): count for reason, count in ranking.rejected.items()},
        excluded={model_id: str(reason) for model_id, reason in ranking.excluded.items()},
        left_out=() if ranking.picks or misses else left_out(question, ranking, catalog.entries()),
    )


def _near(
    ranking: Ranking, question: Question, estimator: MachineEstimator, levers: bool
) -> list[tuple[Assessment, tuple[Need, ...]]]:
    """What missed, with each change that would help: of the machine too where asked for, or where all is lost."""
    if not levers and ranking.picks:
        return [(a, needs(a, question, estimator)) for a in ranking.misses]
    from advisor.verbs.levers import Levers

    tried = Levers(question, estimator)
    return [(a, tried.needs(a)) for a in ranking.misses]


def _picks(ranking: Ranking, question: Question, workspace: Workspace) -> tuple[Pick, ...]:
    catalog = workspace.catalog
    picks = []
    for index, assessment in enumerate(ranking.picks):
        model_id = assessment.candidate.model_id
        picks.append(
            Pick(
                rank=index + 1,
                model=catalog.model(model_id),
                assessment=assessment,
                evidence=catalog.evidence_for(model_id, question.task.name),
                why=why(assessment, ranking.picks[index + 1 : index + 2], question.task.title),
            )
        )
    return tuple(picks)
