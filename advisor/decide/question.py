"""What is asked, with every default filled in."""

from dataclasses import dataclass

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
    limit: int = 5
    derivatives: bool = False
    """Offer finetunes, merges and unofficial copies too."""
    model: str | None = None
    """Only this model (catalog id)."""
    assume_idle: bool = False
    """Count memory that other programs hold now as free."""
