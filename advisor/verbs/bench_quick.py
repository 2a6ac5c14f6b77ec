"""`advisor bench --quick` without a model: two random models written here tell bandwidth and kernel cost apart."""

import shutil
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from advisor.bench.result import BenchReport
from advisor.bench.synthetic import THIN, WIDE, write_model
from advisor.domain.architecture import Architecture
from advisor.domain.units import format_size
from advisor.engines.protocol import Listener
from advisor.errors import DiskFull
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from advisor.verbs.bench_target import BenchTarget
from advisor.verbs.gguf_identity import Identity
from advisor.verbs.measuring import BenchRequest, bench_target
from advisor.verbs.workspace import Workspace

QUANT = "Q4_K_M"
MODELS = (("synthetic/thin", THIN), ("synthetic/wide", WIDE))
ROOM_BYTES = 1 << 30
"""More than the larger file, so that the disk is not filled to the brim."""


def synthetic_target(folder: Path, name: str, architecture: Architecture) -> BenchTarget:
    """Write one model and name it. Raises DiskFull where there is no room."""
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise DiskFull(
            f"a quick benchmark writes {format_size(ROOM_BYTES)} for a moment and {format_size(free)} is free",
            hint="set TMPDIR to a folder with room, or name a GGUF file",
        )
    path = folder / f"{name.rpartition('/')[2]}-{QUANT}.gguf"
    try:
        size = write_model(path, architecture, QUANT, name=name)
    except OSError as error:
        raise DiskFull(f"{path} could not be written: {error.strerror}", hint="set TMPDIR to another folder") from error
    identity = Identity(
        model=name, known=False, quant=QUANT, vocab=architecture.vocab, architecture=architecture,
        shape=shape_of(architecture), weights=weight_profile(architecture, QUANT),
    )  # fmt: skip
    return BenchTarget(path=path, file_bytes=size, identity=identity)


def bench_quick(
    request: BenchRequest, workspace: Workspace, listener: Listener, stop: threading.Event | None
) -> BenchReport:
    """Measure both models; the larger one's report, with the other beside it. The files are removed."""
    reports: list[BenchReport] = []
    with tempfile.TemporaryDirectory(prefix="advisor-quick-") as folder:
        for name, architecture in MODELS:
            target = synthetic_target(Path(folder), name, architecture)
            reports.append(bench_target(request, target, workspace, listener, stop, synthetic=True))
            target.path.unlink()
    *others, last = reports
    return replace(last, others=tuple(r.result for r in others))
