"""`advisor bench MODEL --sliced`: its first layers with random weights, for a model that is not downloaded.

Two slices tell what a layer and what everything else takes on this machine; the estimate learns from both and says what
the whole model would do.
"""

import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from advisor.bench.calibrate import learn
from advisor.bench.result import BenchReport, Prediction
from advisor.bench.slicing import first_layers, slice_depths
from advisor.domain.architecture import Architecture
from advisor.engines.protocol import Listener
from advisor.errors import UsageError
from advisor.estimate.formats import preset_of
from advisor.verbs.bench_quick import QUANT, synthetic_target
from advisor.verbs.gguf_identity import identity_of
from advisor.verbs.measuring import BenchRequest, bench_target, earlier_results, plan_of, usable_cores
from advisor.verbs.prediction import estimate_plan, prediction_of, sensible_gpu_layers
from advisor.verbs.workspace import Workspace


def bench_sliced(
    request: BenchRequest, workspace: Workspace, listener: Listener, stop: threading.Event | None
) -> BenchReport:
    """Measure both slices; the larger one's report, with the other beside it. The files are removed.

    Raises UsageError for a model that llama.cpp does not load or whose architecture is not known.
    """
    model, quant, architecture = _subject(request, workspace)
    depths = slice_depths(architecture, quant)
    reports: list[BenchReport] = []
    with tempfile.TemporaryDirectory(prefix="advisor-slices-") as folder:
        for count in depths:
            target = synthetic_target(Path(folder), model, first_layers(architecture, count), quant)
            reports.append(bench_target(request, target, workspace, listener, stop, synthetic=True))
            target.path.unlink()
    *others, last = reports
    return replace(
        last, others=tuple(r.result for r in others), layers=depths[-1], all_layers=architecture.n_layers,
        whole=_whole(request, workspace, (model, quant, architecture), last.result.engine),
    )  # fmt: skip


def _subject(request: BenchRequest, workspace: Workspace) -> tuple[str, str, Architecture]:
    if request.target is None:
        raise UsageError("--sliced needs a model", hint="advisor bench qwen3-8b:Q4_K_M --sliced")
    model, quant = workspace.catalog.split_choice(request.target)
    if model.architecture is None:
        raise UsageError(f"the architecture of {model.id} is not known, so its layers cannot be written")
    if model.architecture.gguf_arch is None:
        raise UsageError(f"llama.cpp does not load {model.id}, so its layers cannot be measured here")
    if preset_of(quant or QUANT) is None:
        raise UsageError(f"{quant} cannot be written: only quantizations of llama.cpp's can", hint="for example Q4_K_M")
    return model.id, quant or QUANT, model.architecture


def _whole(
    request: BenchRequest, workspace: Workspace, subject: tuple[str, str, Architecture], engine: str
) -> Prediction | None:
    """What the estimate says of the whole model now that it knows the slices."""
    (model, quant, architecture), machine, constants = subject, workspace.here, workspace.catalog.constants
    identity = identity_of(model, architecture, quant, known=True)
    layers = request.gpu_layers
    if layers is None:
        layers = sensible_gpu_layers(identity, machine, engine, constants)
    plan = replace(plan_of(request), threads=request.threads or usable_cores(machine), gpu_layers=layers)
    learned = learn(machine, engine, earlier_results(), constants)
    said = estimate_plan(plan, identity, machine, constants, learned)
    return prediction_of(said, learned, identity) if said else None
