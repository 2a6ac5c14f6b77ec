"""The answer to a question: picks, near misses, and what fell out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from advisor.decide.assessment import Assessment
from advisor.decide.candidates import Reason
from advisor.decide.counterfactual import Need
from advisor.decide.question import Question
from advisor.domain.entry import CatalogEntry
from advisor.domain.machine import Machine
from advisor.domain.model import EvidenceRow, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A choice with what a person needs to judge and use it."""

    rank: int
    model: Model
    assessment: Assessment
    evidence: tuple[EvidenceRow, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A choice that does not work, and each change that would help."""

    model: Model
    assessment: Assessment
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A model made for the task of which nothing can be estimated here: how good it is, and what runs it elsewhere."""

    entry: CatalogEntry
    reason: Reason
    score: float | None
    """0 to 100; None where nothing is known."""
    sd: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer: picks best first, near misses, and how many models fell to which reason."""

    machine: Machine
    question: Question
    catalog_models: int
    catalog_sha256: str
    picks: tuple[Pick, ...]
    near_misses: tuple[NearMiss, ...]
    rejected: Mapping[str, int]
    excluded: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    """Only where there is neither pick nor near miss, best first."""

    @property
    def met(self) -> bool:
        """Something may be offered: a pick that works, or one for a task's own target, which is only an aim."""
        return bool(self.picks)
