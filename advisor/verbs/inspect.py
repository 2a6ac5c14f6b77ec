"""Inspect: what a model file, folder or hub repository really holds, and the exact memory it takes."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from advisor.errors import AdvisorError, Offline, UsageError
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.shape import ModelShape, shape_of
from advisor.estimate.tensor_types import BLOCKS
from advisor.hub.api import RepoListing, list_repo
from advisor.hub.choose import choose_files, choose_named
from advisor.hub.endpoint import file_url, find_token, hub_is_offline
from advisor.hub.holdings import MAX_CONFIG_BYTES, Holdings, NamedStream, parse_config, read_local, read_streams
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.plan import Wanted, plan_download
from advisor.hub.progress import Progress, Silent
from advisor.hub.remote_file import RemoteFile
from advisor.verbs.download import DownloadRequest, ResolveModel, find_wanted, open_store

CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072)
"""Shown as far as the model was trained, and its own length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectRequest:
    """`target`: a path, MODEL[:QUANT] or REPO[:FILE]. `contexts` in tokens; empty: the usual ones."""

    target: str
    revision: str | None = None
    contexts: tuple[int, ...] = ()
    kv_type: str = "f16"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeShare:
    """All tensors of one type. `bytes` is None for a type whose size is unknown."""

    type_name: str
    tensors: int
    elements: int
    bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheNeed:
    """Memory beside the weights for one sequence of `context` tokens."""

    context: int
    kv_cache_bytes: int
    state_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Everything read and what follows from it. `source`: a path, or REPO@COMMIT."""

    target: str
    source: str
    holdings: Holdings
    parameters: int
    tensor_bytes: int | None
    bits_per_weight: float | None
    mix: tuple[TypeShare, ...]
    kv_type: str
    caches: tuple[CacheNeed, ...]
    fetched_bytes: int = 0


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
    path = Path(target).expanduser()
    if path.exists():
        return _inspection(request, str(path), read_local(path))
    if target.endswith((".gguf", ".safetensors")) and ":" not in target:
        raise UsageError(f"there is no file {target[:200]}")
    wanted = find_wanted(DownloadRequest(target=target, revision=request.revision), resolve)
    local = _downloaded(wanted)
    if local is not None:
        return _inspection(request, str(local), read_local(local))
    if offline or hub_is_offline():
        raise Offline(f"{wanted.repo} is not on this machine and --offline forbids asking the hub")
    return _inspect_remote(request, wanted, patience, progress or Silent())


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
    _, files = choose_named(listing, wanted.file) if wanted.file else choose_files(listing, wanted.quant)
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
    return _inspection(request, source, holdings, fetched_bytes=fetched)


def _remote_config(listing: RepoListing, open_file: Callable[[str, int], RemoteFile]) -> Mapping[str, Any] | None:
    config = next((file for file in listing.files if file.path == "config.json"), None)
    if config is None or config.bytes > MAX_CONFIG_BYTES:
        return None
    return parse_config(open_file(config.path, config.bytes).read(config.bytes))


def _inspection(request: InspectRequest, source: str, holdings: Holdings, *, fetched_bytes: int = 0) -> Inspection:
    parameters = sum(tensor.elements for tensor in holdings.tensors)
    sizes = [tensor.bytes for tensor in holdings.tensors]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    return Inspection(
        target=request.target, source=source, holdings=holdings, parameters=parameters, tensor_bytes=total,
        bits_per_weight=8 * total / parameters if total is not None and parameters else None,
        mix=_mix(holdings), kv_type=request.kv_type, caches=_caches(holdings, request), fetched_bytes=fetched_bytes,
    )  # fmt: skip


def _mix(holdings: Holdings) -> tuple[TypeShare, ...]:
    """By type, the one with most elements first."""
    names = dict.fromkeys(tensor.type_name for tensor in holdings.tensors)
    shares = []
    for name in names:
        same = [tensor for tensor in holdings.tensors if tensor.type_name == name]
        known = None not in [tensor.bytes for tensor in same]
        shares.append(
            TypeShare(
                type_name=name, tensors=len(same), elements=sum(tensor.elements for tensor in same),
                bytes=sum(tensor.bytes or 0 for tensor in same) if known else None,
            )
        )  # fmt: skip
    return tuple(sorted(shares, key=lambda share: -share.elements))


def _caches(holdings: Holdings, request: InspectRequest) -> tuple[CacheNeed, ...]:
    """Exact cache of one sequence as llama.cpp lays it out; empty where the layout is not known."""
    if holdings.architecture is None:
        return ()
    kv_type, longest = request.kv_type, holdings.context
    if kv_type not in BLOCKS:
        raise UsageError(f"`{kv_type[:20]}` is not a cache type", hint="use f16, q8_0 or q4_0")
    shape = _shape(holdings)
    if shape is None or not shape.known:
        return ()
    usual = tuple(c for c in CONTEXTS if longest is None or c < longest) + ((longest,) if longest else ())
    needs = []
    for context in request.contexts or usual:
        layout = CacheLayout(context=context, k_type=kv_type, v_type=kv_type)
        cache = cache_bytes(shape, layout)
        needs.append(CacheNeed(context=context, kv_cache_bytes=cache, state_bytes=state_bytes(shape, layout)))
    return tuple(needs)


def _shape(holdings: Holdings) -> ModelShape | None:
    """The shape, None where a hostile or odd header makes none (a zero where a width must be)."""
    assert holdings.architecture is not None
    try:
        return shape_of(holdings.architecture)
    except (ArithmeticError, ValueError, IndexError, AssertionError):
        return None
