"""What is asked, with every default filled in."""

from dataclasses import dataclass, replace

from advisor.decide.efficiency import Tier
from advisor.domain.workload import Budget, Task, Workload


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A task, the shape of one request, the budget, and what may be offered."""

    task: Task
    workload: Workload
    """`thinking_tokens` are those of a model that thinks; others write none."""
    budget: Budget
    licence: str = "any"
    """any, commercial, or an SPDX id."""
    engine: str | None = None
    quant: str | None = None
    kv_type: str = "f16"
    min_quality: float | None = None
    max_energy_j: float | None = None
    """Energy that an answer may take."""
    max_watts: float | None = None
    """Mean power that may be drawn while it is written."""
    tier: Tier | None = None
    """Only what belongs on machines of this class or below."""
    limit: int = 5
    derivatives: bool = False
    """Offer finetunes, merges and unofficial copies too."""
    model: str | None = None
    """Only this model (catalog id)."""
    assume_idle: bool = False
    """Count memory that other programs hold now as free."""
    context_stated: bool = True
    """False: `workload.context` is the usual window, and a model with a shorter one is served with its own."""

    @property
    def least_context(self) -> int:
        """Tokens that a model's context must hold to come into question."""
        return self.workload.context if self.context_stated else replace(self.workload, thinking_tokens=0).needed_tokens

    def workload_for(self, thinking_tokens: int, longest: int | None) -> Workload:
        """The workload of a system that writes `thinking_tokens`, in a window that holds them.

        `longest` is the model's own limit; None: unknown.
        """
        workload = replace(self.workload, thinking_tokens=thinking_tokens)
        context = max(workload.context, workload.needed_tokens)
        return replace(workload, context=min(context, longest) if longest else context)
