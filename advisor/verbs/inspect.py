"""Inspect: what a model file, folder or hub repository really holds, and the exact memory it takes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from advisor.errors import AdvisorError, Offline, UsageError
from advisor.hub.api import RepoListing, list_repo
from advisor.hub.endpoint import file_url, find_token, hub_is_offline
from advisor.hub.holdings import MAX_CONFIG_BYTES, Holdings, NamedStream, parse_config, read_local, read_streams
from advisor.hub.inspection import Inspection, measure
from advisor.hub.names import clean_text, means_a_path
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.plan import Wanted, plan_download, select_files
from advisor.hub.progress import Progress, Silent
from advisor.hub.remote_file import RemoteFile
from advisor.verbs.download import DownloadRequest, ResolveModel, find_wanted, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectRequest:
    """`target`: a path, MODEL[:QUANT] or REPO[:FILE]. `contexts` in tokens; empty: the usual ones."""

    target: str
    revision: str | None = None
    contexts: tuple[int, ...] = ()
    kv_type: str = "f16"


def inspect_target(
    request: InspectRequest,
    resolve: ResolveModel,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> Inspection:
    """Inspect what the request names; a downloaded model is read from disk.

    Raises BadDocument (malformed or hostile file), UsageError, UnknownName, NetworkError or Offline.
    """
    target = request.target
    path = _existing(target)
    if path is not None:
        return _measure(request, str(path), read_local(path))
    if means_a_path(target) or (target.endswith((".gguf", ".safetensors")) and ":" not in target):
        raise UsageError(f"there is no file {clean_text(target, 200)}")
    wanted = find_wanted(DownloadRequest(target=target, revision=request.revision), resolve)
    local = _downloaded(wanted)
    if local is not None:
        return _measure(request, str(local), read_local(local))
    if offline or hub_is_offline():
        raise Offline(f"{wanted.repo} is not on this machine and --offline forbids asking the hub")
    return _inspect_remote(request, wanted, patience, progress or Silent())


def _existing(target: str) -> Path | None:
    """The file or folder of that name, None where there is none. Raises UsageError for a pipe or a device."""
    try:
        path = Path(target).expanduser()
        if not path.exists():
            return None
    except (OSError, ValueError, RuntimeError):
        return None
    if not path.is_file() and not path.is_dir():
        raise UsageError(f"{target[:200]} is neither a file nor a folder")
    return path


def _downloaded(wanted: Wanted) -> Path | None:
    """The local file or folder of a choice that was downloaded, None where it was not (or another revision was)."""
    if wanted.revision is not None and not wanted.files:
        return None
    store = open_store()
    with suppress(AdvisorError):
        plan = plan_download(wanted, store, offline=True)
        if plan.complete:
            first = store.name_of(plan.repo, plan.files[0].path)
            only_weights = all(file.path.lower().endswith(".gguf") for file in plan.files)
            return first if only_weights or len(plan.files) == 1 else first.parent
    return None


def _inspect_remote(request: InspectRequest, wanted: Wanted, patience: Patience, progress: Progress) -> Inspection:
    listing = list_repo(wanted.repo, wanted.revision or "main", patience=patience, progress=progress)
    _, files = select_files(listing, wanted)
    token = find_token()

    def open_file(path: str, size_bytes: int) -> RemoteFile:
        url = file_url(listing.repo, listing.revision, path)
        return RemoteFile(
            url, size_bytes, what=f"{listing.repo}/{path}", token=token, patience=patience, progress=progress
        )

    weights = [file for file in files if file.path.lower().endswith((".gguf", ".safetensors"))]
    if not weights:
        raise UsageError(f"{wanted.file or wanted.repo} holds no tensors", hint="name a .gguf or .safetensors file")
    opened = [(file, open_file(file.path, file.bytes)) for file in weights]
    streams = [(f.path, NamedStream(f.path, f.bytes, cast(BinaryIO, remote))) for f, remote in opened]
    holdings = read_streams(streams, _remote_config(listing, open_file))
    fetched = sum(remote.fetched_bytes for _, remote in opened)
    source = f"{listing.repo}@{listing.revision}"
    return _measure(request, source, holdings, fetched_bytes=fetched)


def _remote_config(listing: RepoListing, open_file: Callable[[str, int], RemoteFile]) -> Mapping[str, Any] | None:
    config = next((file for file in listing.files if file.path == "config.json"), None)
    if config is None or config.bytes > MAX_CONFIG_BYTES:
        return None
    return parse_config(open_file(config.path, config.bytes).read(config.bytes))


def _measure(request: InspectRequest, source: str, holdings: Holdings, *, fetched_bytes: int = 0) -> Inspection:
    return measure(
        holdings, target=request.target, source=source, contexts=request.contexts, kv_type=request.kv_type,
        fetched_bytes=fetched_bytes,
    )  # fmt: skip
