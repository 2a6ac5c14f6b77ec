"""What one kind of machine can do of what is asked, and what stands in the way where it cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from advisor.decide.assessment import Assessment
from advisor.decide.candidates import Reason, screen
from advisor.decide.counterfactual import needs
from advisor.decide.question import Question
from advisor.decide.ranking import Ranking, rank
from advisor.domain.entry import CatalogEntry
from advisor.domain.machine import Machine
from advisor.inventory.fleet import DRIVER, Outcome, Standing
from advisor.sizing.upgrade import Seat
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.workspace import Workspace

_BY_REASON = {
    Reason.MEMORY: "memory",
    Reason.SPEED_UNKNOWN: "speed_unknown",
    Reason.ENERGY: "energy",
    Reason.POWER: "power",
}
_BY_LIMIT = {"max_tpot_s": "bandwidth", "max_ttft_s": "compute"}
"""What a part of an answer waits for: a token for the memory that is read, the first one for arithmetic."""


@dataclass(slots=True)
class Judge:
    """Judges machines by one question."""

    question: Question
    workspace: Workspace
    _screened: dict[tuple[str, ...], tuple[CatalogEntry, ...]] = field(default_factory=dict)
    """Models that come into question at all, by the engines on offer: the same on hundreds of machines."""

    def outcome(self, machine: Machine, missing: Sequence[str] = (), *, choices: int = 1) -> Outcome:
        """What the machine can do: up to `choices` models that meet the request, and why not where none does.

        `missing`: what the source of the machine does not tell.
        """
        estimator = MachineEstimator(machine, self.workspace)
        ranking = self._rank(estimator, self.workspace.catalog.entries(), choices)
        if not ranking.picks and not self.question.budget.stated:
            ranking = self._rank(estimator, self.workspace.catalog.entries(), choices, firm=False)
        if ranking.met:
            return Outcome(standing=Standing.MEETS, choices=ranking.picks)
        nearest = ranking.picks[0] if ranking.picks else next(iter(ranking.misses), None)
        blocked_by = self._blocked_by(machine, nearest, ranking)
        untold = [fact for fact in ("memory", "cores") if fact in missing]
        unknown = not ranking.picks and (blocked_by == "speed_unknown" or untold)
        standing = Standing.BELOW_TARGET if ranking.picks else Standing.UNKNOWN if unknown else Standing.BLOCKED
        return Outcome(
            standing=standing,
            choices=ranking.picks,
            blocked_by=f"{untold[0]}_unknown" if unknown and untold else blocked_by,
            miss=nearest,
            needs=needs(nearest, self.question, estimator) if nearest is not None and not unknown else (),
        )

    def seat(self, machine: Machine) -> Seat:
        """What a host like this would be worth: the best choice alone."""
        estimator = MachineEstimator(machine, self.workspace)
        ranking = self._rank(estimator, self._in_question(estimator.offered(self.question.engine)), 1)
        standing = Standing.MEETS if ranking.met else Standing.BLOCKED
        return Outcome(standing=standing, choices=ranking.picks).seat

    def _rank(
        self, estimator: MachineEstimator, entries: Sequence[CatalogEntry], limit: int, *, firm: bool = True
    ) -> Ranking:
        """`firm`: a target too is kept or not, since hosts are counted by it; else the least bad may be given."""
        budget, offered = self.question.budget, estimator.offered(self.question.engine)
        if firm:
            budget = replace(budget, stated=True, confidence=budget.required)
        asked = replace(self.question, limit=limit, budget=budget)
        return rank(asked, entries, self.workspace.catalog, estimator, offered)

    def _in_question(self, offered: tuple[str, ...]) -> Sequence[CatalogEntry]:
        if offered not in self._screened:
            entries = self.workspace.catalog.entries()
            self._screened[offered] = tuple(e for e in entries if screen(e, self.question, offered) is None)
        return self._screened[offered]

    def _blocked_by(self, machine: Machine, nearest: Assessment | None, ranking: Ranking) -> str:
        if self._driver_alone(machine):
            return DRIVER
        if nearest is None:
            told = [r for r in ranking.rejected if r != Reason.NOT_FOR_TASK]
            return str(next(iter(told), Reason.NOT_FOR_TASK))
        return hindrance(nearest)

    def _driver_alone(self, machine: Machine) -> bool:
        """An accelerator was seen that cannot be used, and with it the request would be met."""
        if all(a.usable for a in machine.accelerators):
            return False
        mended = tuple(replace(a, usable=True) for a in machine.accelerators)
        return self.seat(replace(machine, accelerators=mended)).works


def hindrance(miss: Assessment) -> str:
    """What a choice that does not work lacks most."""
    reason = miss.reason
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    missed = {m.limit for m in miss.verdict.misses}
    known = [cause for limit, cause in _BY_LIMIT.items() if limit in missed]
    if known:
        return known[0]
    speed = miss.estimate.speed
    if speed is None:
        return "speed_unknown"
    return "compute" if speed.ttft_s.p50 > speed.latency_s.p50 / 2 else "bandwidth"
