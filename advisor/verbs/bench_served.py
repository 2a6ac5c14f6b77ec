"""Measure a model that an engine already serves or keeps itself: Ollama's store, or any OpenAI-compatible server."""

import os
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from advisor.bench.fingerprint import fingerprint
from advisor.bench.result import BenchReport
from advisor.bench.smoke import Subject
from advisor.decide.loading import file_format
from advisor.domain.machine import Machine
from advisor.engines.protocol import Listener, MeasurePlan
from advisor.errors import UnknownName, UsageError
from advisor.hub.names import clean_text
from advisor.verbs.measuring import BenchRequest, measure_and_keep, plan_of, usable_cores
from advisor.verbs.workspace import Workspace

KEY_VARIABLE = "OPENAI_API_KEY"
"""Where clients of this protocol look for the server's key."""


def _subject(name: str | None, machine: Machine, workspace: Workspace) -> Subject:
    """What is measured; its shape comes from the catalog where the name is known there."""
    subject = Subject(machine=fingerprint(machine), model=name or "?", quant=None)
    catalog = workspace.catalog
    with suppress(UnknownName):
        model, quant = catalog.split_choice(name or "")
        known = catalog.weights(model.id, quant, file_format("openai_api", quant) or "gguf") if quant else None
        subject = replace(subject, model=model.id, quant=quant, shape=catalog.shape(model.id), weights=known)
    return subject


def bench_ollama(
    request: BenchRequest, workspace: Workspace, listener: Listener, stop: threading.Event | None
) -> BenchReport:
    """Measure a model of Ollama's store."""
    from advisor.engines.ollama import Ollama

    machine = workspace.here
    plan = replace(
        plan_of(request), tag=request.target, threads=request.threads or usable_cores(machine),
        gpu_layers=request.gpu_layers or 0,
    )  # fmt: skip
    return measure_and_keep(Ollama(), plan, _subject(request.target, machine, workspace), listener, stop)


def bench_endpoint(
    request: BenchRequest, endpoint: str, workspace: Workspace, listener: Listener, stop: threading.Event | None
) -> BenchReport:
    """Measure what a server on this machine serves, as it runs.

    Raises UsageError for an address elsewhere and for flags that only an engine of our own could follow.
    """
    from advisor.engines.openai_api import OpenAiApi

    _refuse_what_the_server_decides(request)
    machine = workspace.here
    accelerated = bool(machine.usable_accelerators())
    engine = OpenAiApi(endpoint, key=os.environ.get(KEY_VARIABLE), backend="gpu" if accelerated else "cpu")
    tag = _served_name(request.target, engine.served())
    subject = _subject(request.target or tag, machine, workspace)
    layers = request.gpu_layers
    if layers is None:
        layers = subject.shape.n_layers + 1 if accelerated and subject.shape else 0
    plan: MeasurePlan = replace(plan_of(request), tag=tag, gpu_layers=layers)
    return measure_and_keep(engine, plan, subject, listener, stop)


def _served_name(target: str | None, served: Collection[str]) -> str:
    """The target where it is served under that name, else the one model there is."""
    if target in served:
        return str(target)
    if len(served) == 1:
        return next(iter(served))
    raise UsageError(
        "the server serves several models" if target is None else f"the server serves no {clean_text(target, 100)}",
        hint="name one of " + ", ".join(list(served)[:5]),
    )


def _refuse_what_the_server_decides(request: BenchRequest) -> None:
    decided = {"--engine": request.engine, "--threads": request.threads, "--kv-type": request.kv_type}
    for flag, value in decided.items():
        if value is not None:
            raise UsageError(f"{flag} cannot be set for a server that runs already", hint="leave it out")
