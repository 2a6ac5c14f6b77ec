"""Measure a model on this machine: a file, a download, a model that is served already, or one with random weights."""

import threading

from advisor.bench.result import BenchReport
from advisor.engines.protocol import Listener, ignore_progress
from advisor.verbs.bench_target import find_target
from advisor.verbs.measuring import BenchRequest, bench_target, check_request
from advisor.verbs.workspace import Workspace


def bench(
    request: BenchRequest,
    workspace: Workspace,
    listener: Listener = ignore_progress,
    stop: threading.Event | None = None,
) -> BenchReport:
    """Measure `request.target`, store the result, compare it with the estimate made before.

    Raises UsageError for a target that is not there, EngineError and OutOfMemory where the run fails.
    """
    check_request(request)
    if request.sliced:
        from advisor.verbs.bench_sliced import bench_sliced

        return bench_sliced(request, workspace, listener, stop)
    if request.target is None and request.quick:
        from advisor.verbs.bench_quick import bench_quick

        return bench_quick(request, workspace, listener, stop)
    if request.endpoint is not None:
        from advisor.verbs.bench_served import bench_endpoint

        return bench_endpoint(request, request.endpoint, workspace, listener, stop)
    if request.engine == "ollama":
        from advisor.verbs.bench_served import bench_ollama

        return bench_ollama(request, workspace, listener, stop)
    return bench_target(request, find_target(request.target, workspace), workspace, listener, stop)
