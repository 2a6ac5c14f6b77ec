"""One named choice on a machine, whether or not anybody would recommend it."""

from dataclasses import dataclass

from advisor.decide.budget import Verdict
from advisor.decide.question import Question
from advisor.domain.estimate import Estimate
from advisor.domain.machine import Machine
from advisor.domain.model import EvidenceRow, Grade, Model
from advisor.domain.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Expected score on the task, 0–100, of this very system."""

    score: float
    sd: float
    grade: Grade
    base_score: float
    """Of the unquantized weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A model, quantization, engine and placement with everything known of it here."""

    machine: Machine
    question: Question
    model: Model
    mode: str
    workload: Workload
    estimate: Estimate
    verdict: Verdict
    quality: Quality | None
    evidence: tuple[EvidenceRow, ...] = ()

    @property
    def name(self) -> str:
        """Model and quantization as people write them."""
        return f"{self.model.name} {self.estimate.quant}"
