"""Reads the hub into overlays: a repository that the catalog lacks, or exact files and results of a model that it has.

What is read (sizes, hashes, the header's integers, evaluation results) lands as a file of the user's overlay folder,
never in the shipped catalog. Files are written atomically.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from advisor.catalog.library import Catalog
from advisor.domain.architecture import Architecture
from advisor.domain.model import Model
from advisor.errors import AdvisorError, NetworkError, Offline, UnknownName, UsageError
from advisor.estimate.tensors import count_parameters
from advisor.hub.api import HubFile, RepoListing, list_repo
from advisor.hub.choose import choose_files, quant_label
from advisor.hub.endpoint import hub_is_offline
from advisor.hub.inspection import Inspection
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.progress import Progress, Silent
from advisor.hub.results import read_results
from advisor.verbs.catalog_results import Evidence, evidence_of_results

MAX_REPOS = 8
"""Repositories asked for one model: politeness towards the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One overlay that was written: what model, where, from which commits, how many files are now known exactly."""

    model: str
    path: Path
    revisions: Mapping[str, str]
    files: int
    results: int
    """Benchmark results read."""
    kept_out: Mapping[str, str]
    """Results that were not taken, and why."""
    failed: Mapping[str, str]
    """Repositories that could not be read, and why."""


def _sha256(file: HubFile) -> str | None:
    return file.digest.hex if file.digest is not None and file.digest.algorithm == "sha256" else None


def _file_record(quant: str, files: tuple[HubFile, ...]) -> dict[str, Any]:
    if len(files) > 1:
        return {"quant": quant, "parts": [_exact(file) for file in files], "bytes": sum(file.bytes for file in files)}
    return {"quant": quant, **_exact(files[0])}


def _exact(file: HubFile) -> dict[str, Any]:
    """What the hub states of one file."""
    digest = _sha256(file)
    return {"path": file.path, "bytes": file.bytes, **({"sha256": digest} if digest else {})}


def artifact_record(listing: RepoListing) -> dict[str, Any] | None:
    """The repository's GGUF files by quantization; None where it has none."""
    labels = dict.fromkeys(quant_label(f.path) for f in listing.files if f.path.lower().endswith(".gguf"))
    files = []
    for label in labels:
        if label is None:
            continue
        try:
            quant, chosen = choose_files(listing, label)
        except UsageError:  # incomplete, or a projector alone
            continue
        files.append(_file_record(quant, chosen))
    if not files:
        return None
    return {"repo": listing.repo, "format": "gguf", "revision": listing.revision, "source": "hub", "files": files}


def _plain(value: Any) -> Any:
    """A dataclass's fields as plain data, unknown and default ones left out."""
    if isinstance(value, dict):
        kept = {key: _plain(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", [], {}, False, 0)}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _architecture_record(architecture: Architecture) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(asdict(architecture))
    plain["attention"]["kind"] = architecture.attention.kind.value
    plain.setdefault("tied", bool(architecture.tied))
    return plain


def _title(repo: str) -> str:
    tail = repo.split("/", 1)[-1]
    return tail.removesuffix("-GGUF").removesuffix("-gguf").replace("-", " ").replace("_", " ")


def _write(folder: Path, name: str, document: Mapping[str, Any]) -> Path:
    import yaml

    text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=120)
    path = folder / f"{name.replace('/', '--')}.yaml"
    scratch = path.with_suffix(f".{os.getpid()}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError as error:
        raise AdvisorError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _check_online(offline: bool, what: str) -> None:
    if offline or hub_is_offline():
        raise Offline(f"{what} must be read from the hub and --offline forbids it")


def _checked(path: Path) -> None:
    """What was written must be what overlays accept; otherwise it is taken back."""
    from advisor.catalog.overlay import read_layer

    try:
        read_layer([path])
    except AdvisorError:
        path.unlink(missing_ok=True)
        raise


def _results(catalog: Catalog, model: str, patience: Patience, progress: Progress) -> tuple[Evidence, dict[str, str]]:
    """The hub's results on a model, and why they could not be read where they could not."""
    try:
        found = read_results(model, patience=patience, progress=progress)
    except (NetworkError, UnknownName) as error:
        return Evidence(rows=(), kept_out={}), {model: error.message}
    return evidence_of_results(model, found, catalog.table("hub_benchmarks").get("benchmarks", ())), {}


def add_model(
    catalog: Catalog,
    repo: str,
    folder: Path,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> Written:
    """Read a repository (files, hashes, a header, results) and write it as a model. Raises what the hub room raises."""
    _check_online(offline, repo)
    from advisor.verbs.inspect import InspectRequest, inspect_target

    told = progress or Silent()
    listing = list_repo(repo, patience=patience, progress=told)
    inspection = inspect_target(InspectRequest(target=repo), _nobody, patience=patience, progress=told)
    artifact, (evidence, failed) = artifact_record(listing), _results(catalog, repo, patience, told)
    record = _model_record(listing, inspection, artifact)
    owner = repo.split("/", 1)[0]
    document = {"schema": 1, "family": owner, "vendor": owner, "models": [record], "evidence": list(evidence.rows)}
    path = _write(folder, repo, document)
    _checked(path)
    return Written(
        model=repo,
        path=path,
        revisions={repo: listing.revision},
        files=len(artifact["files"]) if artifact else 0,
        results=len(evidence.rows),
        kept_out=evidence.kept_out,
        failed=failed,
    )


def _model_record(listing: RepoListing, inspection: Inspection, artifact: dict[str, Any] | None) -> dict[str, Any]:
    """A new model's record from its listing and header."""
    repo, holdings = listing.repo, inspection.holdings
    record: dict[str, Any] = {"id": repo, "name": holdings.name or _title(repo), "category": "llm"}
    if holdings.architecture is not None:
        counted = count_parameters(holdings.architecture)
        record["params"] = {"total": inspection.parameters, "active": min(counted.active, inspection.parameters)}
        record["architecture"] = _architecture_record(holdings.architecture)
    elif inspection.parameters:
        record["params"] = {"total": inspection.parameters}
    if holdings.context:
        record["context"] = {"native": holdings.context}
    if listing.licence:
        record["licence"] = {"id": listing.licence, **({} if listing.gated is None else {"gated": listing.gated})}
    record["engines"] = ["llama.cpp"] if artifact else ["transformers"]
    if artifact:
        record["artifacts"] = [artifact]
    return record


def _nobody(text: str) -> Model:
    raise UnknownName(f"no model named '{text[:80]}'")


def update_model(
    catalog: Catalog,
    name: str,
    folder: Path,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> Written:
    """Read exact sizes and hashes of a model's GGUF files, and results on it.

    Raises NetworkError where nothing can be read, UsageError where there is nothing to read.
    """
    model = catalog.resolve(name)
    _check_online(offline, model.id)
    told = progress or Silent()
    repos = list(dict.fromkeys(a.repo for a in model.artifacts if a.format == "gguf"))[:MAX_REPOS]
    artifacts, revisions, failed = _read_artifacts(repos, patience, told)
    evidence, unread = _results(catalog, model.id, patience, told)
    failed |= unread
    if not artifacts and not evidence.rows:
        raise _nothing_read(model.id, repos, failed)
    record = {"id": model.id, **({"artifacts": artifacts} if artifacts else {})}
    document = {"schema": 1, "models": [record], "evidence": list(evidence.rows)}
    path = _write(folder, f"update--{model.id}", document)
    _checked(path)
    return Written(
        model=model.id,
        path=path,
        revisions=revisions,
        files=sum(len(artifact["files"]) for artifact in artifacts),
        results=len(evidence.rows),
        kept_out=evidence.kept_out,
        failed=failed,
    )


def _nothing_read(model: str, repos: list[str], failed: Mapping[str, str]) -> AdvisorError:
    if failed:
        return NetworkError(f"none of the repositories of {model} could be read: {next(iter(failed.values()))}")
    what = "no GGUF file" if repos else "no GGUF repository"
    return UsageError(
        f"{model} has {what} and no results to read", hint="add a repository with `advisor catalog add REPO`"
    )


def _read_artifacts(
    repos: list[str], patience: Patience, progress: Progress
) -> tuple[list[dict[str, Any]], dict[str, str], dict[str, str]]:
    """Records and commits of the repositories that answer, and why the others do not."""
    artifacts: list[dict[str, Any]] = []
    revisions: dict[str, str] = {}
    failed: dict[str, str] = {}
    for repo in repos:
        try:
            listing = list_repo(repo, patience=patience, progress=progress)
        except (NetworkError, UnknownName) as error:
            failed[repo] = error.message
            continue
        artifact = artifact_record(listing)
        if artifact:
            artifacts.append(artifact)
            revisions[repo] = listing.revision
    return artifacts, revisions, failed
