"""The session on the live program: every method is a verb or two, imported when first used so that the app opens fast.

Each call takes its own `Workspace` (stored results are read by the thread that asks, anew after a benchmark) over one
catalog and one probed machine.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor.decide.choice import Choice
from advisor.decide.recommendation import Recommendation
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Machine
from advisor.domain.workload import Task
from advisor.errors import AdvisorError
from advisor.settings import Settings
from advisor.tui.session import (
    BenchReport,
    BenchWatch,
    Cancelled,
    DownloadOffer,
    OfferedFile,
    SizingAnswer,
    TransferWatch,
)
from advisor.tui.simulation import Simulation, apply_stated
from advisor.verbs.question import Request, build_question
from advisor.verbs.workspace import Workspace

if TYPE_CHECKING:
    from advisor.catalog.library import Catalog

WINDOWS = tuple(4096 * 2**i for i in range(9))
"""Context windows that the detail screen tries, up to the model's own."""


class LiveSession:
    """Implements `advisor.tui.session.Session`."""

    def __init__(self, settings: Settings | None = None) -> None:
        # a line on stderr would stand in the middle of the screen
        self.settings = replace(settings or Settings(), warn=None)
        self._lock = threading.Lock()
        self._catalog: Catalog | None = None
        self._here: Machine | None = None

    def _workspace(self) -> Workspace:
        workspace = Workspace(self.settings)
        with self._lock:
            if self._catalog is None:
                self._catalog = workspace.catalog
        workspace.__dict__.update(catalog=self._catalog)
        if self._here is not None:
            workspace.__dict__.update(here=self._here)
        return workspace

    def tasks(self) -> Sequence[Task]:
        """Every task of the catalog."""
        return self._workspace().catalog.tasks

    def here(self, say: Callable[[str], None]) -> Machine:
        """This machine, probed anew."""
        self._here = None
        self._here = self._workspace().probed(say)
        return self._here

    def refreshed(self, machine: Machine) -> Machine:
        """The machine with the memory that is free now; no sleeping GPU is woken."""
        from advisor.probes.live import LiveHost
        from advisor.probes.refresh import refresh

        self._here = refresh(machine, LiveHost())
        return self._here

    def simulated(self, simulation: Simulation) -> Machine:
        """The machine that was chosen or stated."""
        workspace = self._workspace()
        return apply_stated(workspace.machine(simulation.selection), simulation)

    def devices(self) -> Sequence[DeviceSpec]:
        """Every device and whole machine."""
        from advisor.verbs.hardware import list_hardware

        return list_hardware(self._workspace().catalog.hardware).devices

    def recommend(self, request: Request, machine: Machine) -> Recommendation:
        """The ranked answer."""
        from advisor.verbs.recommend import recommend_on

        workspace = self._workspace()
        return recommend_on(build_question(request, workspace.catalog), machine, workspace)

    def _choices(
        self, model_id: str, mode: str, quants: Sequence[str], requests: Sequence[Request], machine: Machine
    ) -> tuple[Choice, ...]:
        """One choice for each pair that can be estimated."""
        from advisor.verbs.estimate import estimate_model

        workspace = self._workspace()
        model = workspace.catalog.model(model_id)
        found = []
        for quant in quants:
            for request in requests:
                question = build_question(request, workspace.catalog)
                try:
                    found.append(estimate_model(model, quant, question, machine, workspace, mode=mode))
                except AdvisorError:  # a quantization whose bytes are not known has no row
                    continue
        return tuple(found)

    def ladder(self, model_id: str, mode: str, request: Request, machine: Machine) -> Sequence[Choice]:
        """Every quantization published in the format of the engine, largest first."""
        from advisor.decide.loading import quants_for
        from advisor.verbs.estimator import MachineEstimator

        workspace = self._workspace()
        entry = workspace.catalog.entry(model_id)
        engine = MachineEstimator(machine, workspace).engine_for(entry, request.engine)
        choices = self._choices(model_id, mode, quants_for(entry, engine), (request,), machine)
        return sorted(choices, key=lambda choice: -choice.estimate.bits_per_weight)

    def contexts(self, model_id: str, quant: str, mode: str, request: Request, machine: Machine) -> Sequence[Choice]:
        """One choice over growing context windows."""
        workspace = self._workspace()
        model = workspace.catalog.model(model_id)
        workload = build_question(request, workspace.catalog).workload
        most = model.context.extended or model.context.native or WINDOWS[-1]
        least = workload.needed_tokens - workload.thinking_tokens
        windows = [window for window in WINDOWS if least <= window <= most] or [max(least, workload.context)]
        requests = [replace(request, context=window) for window in windows]
        return self._choices(model_id, mode, (quant,), requests, machine)

    def offer(self, target: str) -> DownloadOffer:
        """What a download would fetch."""
        from advisor.verbs.download import DownloadRequest, plan

        found = plan(DownloadRequest(target=target), self._workspace().catalog.resolve, offline=self.settings.offline)
        return DownloadOffer(
            target=target,
            repo=found.repo,
            revision=found.revision,
            quant=found.quant,
            files=tuple(OfferedFile(path=f.path, size_bytes=f.bytes, have_bytes=f.have_bytes) for f in found.files),
            missing_bytes=found.missing_bytes,
            needed_bytes=found.needed_bytes,
            free_bytes=found.free_bytes,
            folder=str(found.folder),
            licence=found.licence,
            notes=found.notes,
            plan=found,
        )

    def download(self, offer: DownloadOffer, watch: TransferWatch) -> str:
        """Fetch and verify."""
        from advisor.hub.plan import DownloadPlan
        from advisor.verbs.download import fetch

        if not isinstance(offer.plan, DownloadPlan):
            raise TypeError("a download starts from an offer of this session")
        return str(fetch(offer.plan, offline=self.settings.offline, progress=watch).path)

    def bench(self, target: str, request: Request, watch: BenchWatch) -> BenchReport:
        """Measure a choice on this machine and learn from it."""
        from advisor.tui.live_bench import Listening, report_of
        from advisor.verbs.bench import bench
        from advisor.verbs.measuring import BenchRequest

        listening = Listening(watch)
        try:
            found = bench(BenchRequest(target=target, engine=request.engine), self._workspace(), listening, watch.stop)
        except AdvisorError:
            if watch.stop.is_set():
                raise Cancelled from None
            raise
        return report_of(found, listening.samples)

    def size(self, request: Request) -> SizingAnswer:
        """Machines of the hardware catalog that meet the request."""
        from advisor.tui.live_sizing import answer_of
        from advisor.verbs.selection import MachineSelection
        from advisor.verbs.size import SizeRequest, size

        asked = SizeRequest(request=replace(request, limit=20), simulate=False)
        return answer_of(size(asked, MachineSelection(), self._workspace()))
