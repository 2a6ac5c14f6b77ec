"""`advisor bench --quick` without a model: three random models written here tell a machine's rates apart.

Many kernels over few bytes, dense layers beyond any cache, and layers of experts.
"""

import shutil
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from advisor.bench.result import BenchReport
from advisor.bench.synthetic import EXPERTS, THIN, WIDE, write_model
from advisor.domain.architecture import Architecture
from advisor.domain.units import format_size
from advisor.engines.protocol import Listener
from advisor.errors import DiskFull
from advisor.verbs.bench_target import BenchTarget
from advisor.verbs.gguf_identity import identity_of
from advisor.verbs.measuring import BenchRequest, bench_target
from advisor.verbs.workspace import Workspace

QUANT = "Q4_K_M"
MODELS = (("synthetic/thin", THIN), ("synthetic/experts", EXPERTS), ("synthetic/wide", WIDE))
SPARE_BYTES = 512 << 20
"""Left free beside the file, so that the disk is not filled to the brim."""


def synthetic_target(folder: Path, name: str, architecture: Architecture, quant: str) -> BenchTarget:
    """Write one model with random weights and name it. Raises DiskFull where there is no room."""
    identity = identity_of(name, architecture, quant, known=False)
    file_bytes = identity.weights.file_bytes if identity.weights else 0
    free, needed = shutil.disk_usage(folder).free, file_bytes + SPARE_BYTES
    if free < needed:
        raise DiskFull(
            f"{format_size(needed)} would be written to {folder.parent} and {format_size(free)} is free there",
            hint="set TMPDIR to a folder with room, or name a GGUF file",
        )
    path = folder / f"{name.rpartition('/')[2]}-{quant}.gguf"
    try:
        size = write_model(path, architecture, quant, name=name)
    except OSError as error:
        raise DiskFull(f"{path} could not be written: {error.strerror}", hint="set TMPDIR to another folder") from error
    return BenchTarget(path=path, file_bytes=size, identity=identity)


def bench_quick(
    request: BenchRequest, workspace: Workspace, listener: Listener, stop: threading.Event | None
) -> BenchReport:
    """Measure all; the report of the dense layers, with the others beside it. The files are removed."""
    reports: list[BenchReport] = []
    with tempfile.TemporaryDirectory(prefix="advisor-quick-") as folder:
        for name, architecture in MODELS:
            target = synthetic_target(Path(folder), name, architecture, QUANT)
            reports.append(bench_target(request, target, workspace, listener, stop, synthetic=True))
            target.path.unlink()
    *others, last = reports
    return replace(last, others=tuple(r.result for r in others))
