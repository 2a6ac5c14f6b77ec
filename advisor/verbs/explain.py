"""The arithmetic behind each pick of a recommendation, with its numbers and their sources."""

from advisor.decide.candidates import DOUBT_WEIGHT, POINTS_OF_EVIDENCE, POINTS_PER_DOUBLING, answer_tokens
from advisor.decide.explanation import Explained, quality_source, time_shares
from advisor.decide.question import Question
from advisor.decide.recommendation import Pick, Recommendation
from advisor.estimate.derivation import Step, derive
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.workspace import Workspace


def _order(pick: Pick, question: Question) -> tuple[Step, Step]:
    """How the pick's quality and its place come about."""
    c = pick.assessment.candidate
    size, work = c.size.file_bytes / 2**30, answer_tokens(c.system, question) * c.active_bytes / 2**40
    evidence = POINTS_OF_EVIDENCE[c.system.grade]
    quality = Step(
        about="quality",
        name="expected score",
        text=f"{c.system.base_score:.1f} as published − {c.system.base_score - c.score:.1f} for {c.quant} = "
        f"{c.score:.1f} ± {c.sd:.1f}",
        value=c.score,
        unit="points",
        source=quality_source(pick.assessment, pick.evidence),
    )
    place = Step(
        about="quality",
        name="worth, by which models are ordered",
        text=f"{c.score:.1f} − {DOUBT_WEIGHT:g} × {c.sd:.1f} of doubt − {evidence:g} for {c.system.grade} evidence − "
        f"{POINTS_PER_DOUBLING:g} × (log2 of {size:.1f} GiB of weights + log2 of {work:.2f} TiB read for an answer) "
        f"= {c.utility:.1f}",
        value=c.utility,
        unit="points",
        source="the same on every machine, so that more of anything never gives a lesser answer",
    )
    return quality, place


def explain(result: Recommendation, workspace: Workspace) -> tuple[Explained, ...]:
    """One explanation a pick, in order of rank."""
    estimator = MachineEstimator(result.machine, workspace, assume_idle=result.question.assume_idle)
    return tuple(
        Explained(
            rank=pick.rank,
            model_id=pick.model.id,
            quant=pick.assessment.estimate.quant,
            steps=(*derive(estimator.setting(pick.assessment)), *_order(pick, result.question)),
            shares={phase: time_shares(pick.assessment.estimate, phase) for phase in ("prefill", "decode")},
        )
        for pick in result.picks
    )
