"""The exact command that serves one choice here: from a model's name to a plan, and starting it where asked."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.decide.choice import Choice
from advisor.decide.loading import ENGINE_FORMATS
from advisor.domain.estimate import Footprint, PlacementKind
from advisor.domain.model import Artifact, Category, Model
from advisor.engines.serve_plan import HOST, PORT, Output, ServeCommand, ServePlan
from advisor.engines.serving import Image, image_for, serve_command
from advisor.errors import EngineError, NothingFits, UsageError
from advisor.estimate.formats import in_format
from advisor.hub.choose import canonical_quant
from advisor.hub.names import means_a_path
from advisor.hub.plan import wanted_from_model
from advisor.hub.store import Store
from advisor.settings import models_folder
from advisor.verbs.bench_target import BenchTarget, find_target
from advisor.verbs.estimate import estimate_choice
from advisor.verbs.question import Request
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace

OUTPUTS = {Category.EMBED: Output.VECTORS, Category.RERANK: Output.SCORES}
"""What models of a kind answer with, where it is not text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to serve, and where it listens."""

    target: str
    request: Request
    selection: MachineSelection
    host: str = HOST
    port: int = PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The choice as it will be served. `present`: its files are on this disk."""

    choice: Choice
    plan: ServePlan
    command: ServeCommand
    image: Image
    present: bool


def run_plan(request: RunRequest, workspace: Workspace) -> RunResult:
    """Plan the serving of `request.target`. Raises UsageError, UnknownName, EngineError."""
    if not 0 < request.port < 65536:
        raise UsageError(f"--port {request.port} is out of range", hint="give a port between 1 and 65535")
    file = _file(request.target, workspace)
    name = request.target if file is None else _name_of(file)
    choice = estimate_choice(name, request.request, request.selection, workspace)
    artifact = _artifact(choice.model, choice.estimate.quant, choice.estimate.engine)
    path, present = _path(choice, artifact) if file is None else (str(file.path.resolve()), True)
    share = workspace.catalog.constants.engine(choice.estimate.engine).utilization
    plan = replace(_plan(choice, artifact, path, request), memory_share=share)
    return RunResult(
        choice=choice, plan=plan, command=serve_command(plan), image=image_for(plan), present=present
    )  # fmt: skip


def _file(target: str, workspace: Workspace) -> BenchTarget | None:
    """The GGUF file that is meant; None for a name."""
    meant = means_a_path(target) or Path(target).is_file()
    return find_target(target, workspace) if meant else None


def _name_of(file: BenchTarget) -> str:
    """`MODEL:QUANT` of what a file holds. Raises UsageError for what the catalog does not know."""
    identity = file.identity
    if identity.known and identity.quant:
        return f"{identity.model}:{identity.quant}"
    name = shlex.quote(str(file.path))
    raise UsageError(
        f"{file.path} holds {identity.model}, which the catalog does not know",
        hint=f"`advisor inspect {name}` says what it needs; `llama-server -m {name} -c 4096` serves it",
    )


def _artifact(model: Model, quant: str, engine: str) -> Artifact | None:
    """The published files of this quantization: for GGUF those that `advisor download` would fetch."""
    found = [a for a in model.artifacts if a.role == "model" and _loaded(a.quant, a) == _loaded(quant, a)]
    wanted = ENGINE_FORMATS.get(engine, "gguf")
    if wanted == "gguf" and any(a.format == "gguf" for a in found):
        repo = wanted_from_model(model, quant).repo
        return next((a for a in found if a.repo == repo), found[0])
    return next((a for a in found if a.format == wanted), None)


def _loaded(quant: str, artifact: Artifact) -> str:
    return canonical_quant(in_format(quant, (artifact.format,)))


def _path(choice: Choice, artifact: Artifact | None) -> tuple[str | None, bool]:
    """The downloaded file, else where `advisor download` will put it."""
    store = Store(models_folder())
    names = {choice.model.id.lower()} | ({artifact.repo.lower()} if artifact else set())
    for manifest in store.read_manifests():
        same = canonical_quant(manifest.quant) == canonical_quant(choice.estimate.quant)
        if same and names & {manifest.model.lower(), manifest.repo.lower()}:
            first = min((f.path for f in manifest.files if f.path.endswith(".gguf")), default=None)
            if first is not None and store.name_of(manifest.repo, first).is_file():
                return str(store.name_of(manifest.repo, first)), True
    first = min((f.path for f in artifact.files), default=None) if artifact else None
    return (str(store.name_of(artifact.repo, first)), False) if artifact and first else (None, False)


def _plan(choice: Choice, artifact: Artifact | None, path: str | None, request: RunRequest) -> ServePlan:
    e, machine = choice.estimate, choice.machine
    on_gpu = e.placement.kind is not PlacementKind.CPU
    devices = [machine.accelerators[i] for i in e.placement.devices] if on_gpu else []
    cores = [n for n in (machine.cpu.physical_cores, machine.cpu.usable_threads) if n]
    host = next((d.total_bytes for d in e.footprint.devices if d.device == "host"), None)
    return ServePlan(
        engine=e.engine,
        model=choice.model.id,
        repo=artifact.repo if artifact else None,
        path=path,
        quant=e.quant,
        context=e.context,
        users=max(1, choice.workload.users),
        gpu_layers=e.placement.gpu_layers if on_gpu else 0,
        cpu_expert_layers=e.placement.cpu_expert_layers,
        tensor_parallel=e.placement.tensor_parallel,
        devices=len(devices),
        kv_type=e.kv_type,
        threads=min(cores) if cores else None,
        backend=(devices[0].backend or "cuda") if devices else "cpu",
        memory_bytes=host,
        prompt_cache_mib=_prompt_cache_mib(e.footprint),
        host=request.host,
        port=request.port,
        output=OUTPUTS.get(choice.model.category, Output.TEXT),
    )


def _prompt_cache_mib(memory: Footprint) -> int | None:
    """Half of what is left in main memory, where the engine's default would take more than all of it."""
    host = next((d for d in memory.devices if d.device == "host"), None)
    if host is None or host.headroom_bytes is None or memory.growth_bytes <= host.headroom_bytes:
        return None
    return max(0, host.headroom_bytes) >> 21


def start(result: RunResult) -> None:
    """Become the server. Raises instead where files or program are missing, or memory is not enough."""
    e = result.choice.estimate
    name = f"{result.choice.model.id}:{e.quant}"
    if not e.fits:
        raise NothingFits(f"{name} does not fit this machine: {'; '.join(e.limits)[:200]}")
    if not result.present and result.plan.engine not in ENGINE_FORMATS:
        raise UsageError(f"{name} is not downloaded", hint=f"advisor download {name}")
    program = shutil.which(result.command.argv[0])
    if program is None:
        raise EngineError(
            f"{result.command.argv[0]} is not installed", hint="install the engine, or choose another by --engine"
        )
    environment = os.environ | dict(result.command.environment)
    _prepare(result.command, environment)
    os.execve(program, [program, *result.command.argv[1:]], environment)


def _prepare(command: ServeCommand, environment: dict[str, str]) -> None:
    """Run the steps before, in a folder of their own that holds the Modelfile."""
    with tempfile.TemporaryDirectory(prefix="advisor-run-") as folder:
        if command.modelfile is not None:
            (Path(folder) / "Modelfile").write_text(command.modelfile)
        for step in command.before:
            # their output is no result of ours
            done = subprocess.run(step, cwd=folder, env=environment, stdout=sys.stderr, check=False)
            if done.returncode:
                raise EngineError(f"`{' '.join(step[:2])}` failed with code {done.returncode}")
