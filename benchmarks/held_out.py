"""What is known of a device whose own measurements are held back: the class it belongs to, fitted without it.

The spread within each class is tuned on those same predictions of held-back devices, so that intervals are as wide as
the shipped ones; noise is the shipped one. With `siblings` the device's rows of other models are known, as they are for
every device of catalog/calibration.yaml, and only the model in question is held back.
"""

from collections import defaultdict
from dataclasses import replace

from advisor.estimate.calibration import Posterior
from benchmarks.fit_constants import ENOUGH, NARROWEST, WIDEST
from benchmarks.fitting import DECODE, PREFILL, Hierarchy, fit, without
from benchmarks.intervals import judge, value_for
from benchmarks.measurements import Case

SIBLING_CAP = 40.0


class HeldOut:
    """Posteriors without the rows that they are to judge."""

    def __init__(self, cases: list[Case], generation_of, constants) -> None:
        hierarchy = Hierarchy(cases, generation_of)
        hierarchy.noise = {(b, ""): constants.prior(b, "").noise_sd for b in hierarchy.backends}
        self.rest: dict[tuple[str, str], Hierarchy] = {}
        self.rows: dict[tuple[str, str], list[Case]] = defaultdict(list)
        for case in cases:
            self.rows[(case.backend, case.device)].append(case)
        judged = defaultdict(list)
        for (backend, device), members in self.rows.items():
            others = [case for case in hierarchy.cases[backend] if case.device != device]
            rest = without(hierarchy, others, backend)
            self.rest[(backend, device)] = rest
            for case in members:
                posterior, spread = rest.known(backend, rest.generation_of(case))
                judged[backend, case.phase].append(judge(posterior, case, spread))
        for backend in hierarchy.backends:
            found = (judged[backend, phase] for phase in (DECODE, PREFILL))
            hierarchy.spread[backend, ""] = tuple(
                value_for("spread", [group], NARROWEST, WIDEST) if len(group) >= ENOUGH else 1.0 for group in found
            )
        self._siblings: dict[tuple[str, str, str], Posterior] = {}

    def of_class(self, backend: str, device: str) -> Posterior:
        """The device is known from its data sheet only."""
        rest = self.rest[(backend, device)]
        found = rest.class_prior(self.rows[(backend, device)][0])
        return replace(found, backend=backend, device=device)

    def of_siblings(self, backend: str, device: str, model: str) -> Posterior:
        """The device's rows of other models are known too."""
        key = (backend, device, model)
        if key not in self._siblings:
            known = [case for case in self.rows[(backend, device)] if case.model != model]
            found = fit(self.of_class(backend, device), known, SIBLING_CAP)
            self._siblings[key] = replace(found, backend=backend, device=device)
        return self._siblings[key]
