"""What need not be estimated, because a choice already estimated shows that it cannot be quick enough.

Only choices that sit on the same kind of memory are compared: where a machine has accelerators, a failure that lay
partly on the host says nothing of a smaller choice that an accelerator holds whole. Nor does a time that holds thinking
tokens say anything of a model that writes none.
"""

from dataclasses import dataclass, field

from advisor.decide.assessment import Assessment
from advisor.decide.candidates import Candidate
from advisor.domain.estimate import PlacementKind

COMPUTE_HELP = 1.5
"""Most that another quantization of the same weights speeds up a part that is bound by arithmetic: kernels differ."""
BYTES_HELP = 1.3
"""Slack on the rule that a part bound by memory takes time in proportion to the bytes read: some types cost more."""
FAR_OFF = 2.0
"""A choice too slow by this factor rules out other models that have this many times its parameters and its bytes: one
of the two is what its time is proportional to, give or take less. Experts are slower a parameter than dense layers, a
prompt touches them all: a mixture that is too slow says nothing of dense models."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Bytes read for a token, active parameters, and the factor by which time would have to shrink."""

    active_bytes: float
    active_params: float
    factor: float
    sparse: bool

    def speaks_of(self, sparse: bool) -> bool:
        """Whether it says anything of models with experts, or of those without."""
        return sparse or not self.sparse


def _active_params(candidate: Candidate) -> float:
    entry = candidate.system.entry
    return float(entry.active_params or entry.total_params or 0)


def _sparse(candidate: Candidate) -> bool:
    entry = candidate.system.entry
    return 0 < (entry.active_params or 0) < (entry.total_params or 0)


@dataclass(slots=True)
class TooSlow:
    """Failures by system and over all, on one machine. `mixed`: it has accelerators beside the host."""

    mixed: bool
    engine: str
    siblings: dict[tuple[str, str], list[_Failure]] = field(default_factory=dict)
    others: list[_Failure] = field(default_factory=list)

    def remember(self, assessment: Assessment) -> None:
        """Keep by how much a fitting choice was too slow."""
        estimate, candidate = assessment.estimate, assessment.candidate
        comparable = not self.mixed or estimate.placement.kind is PlacementKind.GPU
        if not comparable or not estimate.fits or estimate.speed is None or not assessment.verdict.misses:
            return
        params, thinks = _active_params(candidate), assessment.workload.thinking_tokens > 0
        for miss in assessment.verdict.misses:
            factor = miss.needed_s / miss.allowed_s
            failure = _Failure(candidate.active_bytes, params, factor, _sparse(candidate))
            self.siblings.setdefault((candidate.model_id, candidate.system.mode), []).append(failure)
            for_others = miss.limit == "max_tpot_s" or (miss.limit == "max_ttft_s" and not thinks)
            if failure.factor >= FAR_OFF and for_others and candidate.engine == self.engine:
                self._keep(failure)

    def _keep(self, failure: _Failure) -> None:
        """Keep a failure unless one that is no nearer with less of both is known already."""
        if not any(
            f.active_bytes <= failure.active_bytes
            and f.active_params <= failure.active_params
            and f.factor >= failure.factor
            and f.speaks_of(failure.sparse)
            for f in self.others
        ):
            self.others.append(failure)

    def least_overshoot(self, candidate: Candidate) -> float:
        """The factor by which a choice misses the budget at the least, judging by those that missed it; 0: no telling.

        From 1 on it cannot meet the budget.
        """
        size = max(candidate.active_bytes, 1.0)
        siblings = self.siblings.get((candidate.model_id, candidate.system.mode), ())
        least = max((f.factor / max(COMPUTE_HELP, BYTES_HELP * f.active_bytes / size) for f in siblings), default=0.0)
        if candidate.engine != self.engine:
            return least
        params, sparse = _active_params(candidate), _sparse(candidate)
        others = (
            f.factor / FAR_OFF
            for f in self.others
            if size >= FAR_OFF * f.active_bytes and params >= FAR_OFF * f.active_params and f.speaks_of(sparse)
        )
        return max(least, max(others, default=0.0))
