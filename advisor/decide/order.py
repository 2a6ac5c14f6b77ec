"""Every candidate of a question, the most useful first, made when it comes up.

Models enter a heap at an upper bound of their utility and are opened into candidates when they come to the top: most
are never opened. What is left out at once, and what was never reached, keeps its reason.
"""

import heapq
from collections.abc import Iterator, Sequence

from advisor.decide.candidates import Candidate, Reason, Shelf, System, candidates, screen, systems, utility_bound
from advisor.decide.question import Question
from advisor.domain.entry import CatalogEntry


class Order:
    """Iterates candidates by utility. `offered`: engines that are there or may be installed."""

    def __init__(
        self, question: Question, entries: Sequence[CatalogEntry], shelf: Shelf, offered: Sequence[str]
    ) -> None:
        self.excluded: dict[str, Reason] = {}
        """Reason by model id of what was left out unseen."""
        self._question, self._shelf, self._offered = question, shelf, offered
        self._heap: list[tuple[float, int, System | Candidate]] = []
        self._pushed = 0
        for entry in entries:
            if question.model is not None and entry.id != question.model:
                continue
            reason = screen(entry, question, offered)
            if reason is not None:
                self.excluded[entry.id] = reason
                continue
            for system in systems(entry, question):
                self._push(utility_bound(system, question), system)

    def __iter__(self) -> Iterator[Candidate]:
        """Each candidate once; a caller may stop and go on."""
        while self._heap:
            _, _, item = heapq.heappop(self._heap)
            if isinstance(item, System):
                self._open(item)
            else:
                yield item

    def rest(self) -> Iterator[str]:
        """Ids of the models that have something left."""
        for _, _, item in self._heap:
            yield item.entry.id if isinstance(item, System) else item.model_id

    def _push(self, bound: float, item: System | Candidate) -> None:
        self._pushed += 1
        heapq.heappush(self._heap, (-bound, self._pushed, item))

    def _open(self, system: System) -> None:
        """Replace a system by its candidates; one whose bytes cannot be known has none."""
        found = list(candidates(system, self._question, self._shelf, self._offered))
        for candidate in found:
            self._push(candidate.utility, candidate)
        if not found:
            self.excluded.setdefault(system.entry.id, Reason.ARCHITECTURE)
