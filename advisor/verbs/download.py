"""Download: from what a person typed to verified files in the models folder. Also what is there, and removing it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from advisor.domain.model import Model
from advisor.errors import UnknownName
from advisor.hub.choose import canonical_quant
from advisor.hub.download import Downloaded, download
from advisor.hub.endpoint import hub_is_offline
from advisor.hub.names import check_revision, is_repo_id
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.plan import DownloadPlan, Wanted, plan_download, wanted_from_model
from advisor.hub.progress import Progress
from advisor.hub.store import Manifest, Store
from advisor.settings import models_folder

ResolveModel = Callable[[str], Model]
"""Finds a catalog model by id or alias; raises UnknownName."""

_WEB_ADDRESSES = ("https://huggingface.co/", "http://huggingface.co/", "huggingface.co/", "hf.co/", "hf://")


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadRequest:
    """`target` is MODEL, MODEL:QUANT or REPO:FILE as typed; `revision` a branch, tag or commit."""

    target: str
    revision: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A target in parts: a model or repository, and at most one of a quantization and a file."""

    name: str
    quant: str | None = None
    file: str | None = None


def split_target(target: str) -> Choice:
    """`MODEL[:QUANT]` or `REPO:FILE`, with a web address in front of it taken off."""
    text = target.strip()
    for prefix in _WEB_ADDRESSES:
        if text.startswith(prefix):
            text = text.removeprefix(prefix).rstrip("/")
            break
    name, colon, rest = text.rpartition(":")
    if not colon or not rest:
        return Choice(name=text.rstrip(":"))
    if rest.lower().endswith((".gguf", ".safetensors", ".json")):
        return Choice(name=name, file=rest)
    return Choice(name=name, quant=rest)


def find_wanted(request: DownloadRequest, resolve: ResolveModel) -> Wanted:
    """The catalog's listing of a model, or else the hub repository of that id. Raises UnknownName or UsageError."""
    if request.revision is not None:
        check_revision(request.revision)
    choice = split_target(request.target)
    model = _find_model(request.target, resolve)
    if model is not None:
        choice = Choice(name=choice.name)
    else:
        model = _find_model(choice.name, resolve)
    if model is None:
        if "/" not in choice.name or not is_repo_id(choice.name):
            resolve(choice.name)
        return Wanted(
            model=choice.name, repo=choice.name, quant=choice.quant, file=choice.file, revision=request.revision
        )
    if choice.file is not None or request.revision is not None:
        return Wanted(
            model=model.id, repo=choice.name if "/" in choice.name else model.id, quant=choice.quant, file=choice.file,
            revision=request.revision, licence=model.licence.id,
        )  # fmt: skip
    return wanted_from_model(model, choice.quant)


def _find_model(text: str, resolve: ResolveModel) -> Model | None:
    """A catalog model by a whole text: `qwen3:8b` is an alias, so a colon need not begin a quantization."""
    try:
        return resolve(text)
    except UnknownName:
        return None


def plan(
    request: DownloadRequest,
    resolve: ResolveModel,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> DownloadPlan:
    """What would be fetched. Nothing is written; the hub is asked only where catalog and store do not know."""
    wanted = find_wanted(request, resolve)
    forbidden = offline or hub_is_offline()
    return plan_download(wanted, open_store(), offline=forbidden, patience=patience, progress=progress)


def fetch(
    chosen: DownloadPlan,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> Downloaded:
    """Carry the plan out; see `advisor.hub.download`. The caller has consent."""
    forbidden = offline or hub_is_offline()
    return download(chosen, open_store(), offline=forbidden, patience=patience, progress=progress)


def open_store() -> Store:
    """The models folder of the settings. Nothing is created."""
    return Store(models_folder())


def list_downloads() -> tuple[Manifest, ...]:
    """Every complete download."""
    return open_store().read_manifests()


def unfinished_bytes() -> int:
    """Bytes of downloads that did not end."""
    return sum(size for _, size in open_store().unfinished())


def remove_unfinished() -> int:
    """Drop what downloads that did not end have fetched; the bytes freed. A download that is running starts over."""
    parts = open_store().unfinished()
    for path, _ in parts:
        path.unlink(missing_ok=True)
    return sum(size for _, size in parts)


def remove_downloads(target: str, resolve: ResolveModel) -> tuple[tuple[Manifest, ...], int]:
    """Remove what `target` names (all quantizations unless one is named); the bytes freed. Raises UnknownName."""
    choice = split_target(target)
    names = {choice.name.lower()}
    with suppress(UnknownName):
        names.add(resolve(choice.name).id.lower())
    store = open_store()
    chosen = tuple(
        manifest
        for manifest in store.read_manifests()
        if names & {manifest.model.lower(), manifest.repo.lower()}
        and (choice.quant is None or canonical_quant(choice.quant) == canonical_quant(manifest.quant))
        and (choice.file is None or choice.file in [file.path for file in manifest.files])
    )
    if not chosen:
        raise UnknownName(f"nothing downloaded is called {target[:80]}", hint="see `advisor download --list`")
    return chosen, sum(store.forget(manifest) for manifest in chosen)
