"""What a download would fetch, before it does: files, sizes, hashes, and whether the disk has room.

The store is asked first; the hub only where the store and the catalog do not know every size and hash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from advisor.domain.model import Artifact, ArtifactFile, Model
from advisor.domain.units import GIB, format_size
from advisor.errors import DiskFull, Offline, UnknownName, UsageError, VerificationFailed
from advisor.hub.api import HubFile, RepoListing, list_repo
from advisor.hub.choose import PREFERRED, canonical_quant, choose_files, choose_named
from advisor.hub.digest import Algorithm, Digest
from advisor.hub.names import check_repo_id, clean_text, is_allowed_format, is_safe_path
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.progress import Progress
from advisor.hub.store import Manifest, Store

RESERVE_BYTES = GIB
RESERVE_SHARE = 0.02
"""Room left on the disk after a download: the larger of the two, so that the system goes on working."""
FORMATS = ("gguf", "safetensors", "mlx")
"""Formats of catalogued artifacts that a hub repository holds, preferred first."""
MAX_UNHASHED_BYTES = 10_000_000
"""A larger file without a sha256 cannot be verified and is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for. Empty fields are filled from the hub: `revision` None is the newest."""

    model: str
    repo: str
    quant: str | None = None
    format: str | None = None
    file: str | None = None
    revision: str | None = None
    files: tuple[ArtifactFile, ...] = ()
    """As the catalog lists them."""
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """One file to have. `have_bytes` are in the store already."""

    path: str
    bytes: int
    digest: Digest
    have_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadPlan:
    """Everything a person needs to say yes or no."""

    model: str
    repo: str
    revision: str
    quant: str
    files: tuple[PlannedFile, ...]
    licence: str | None
    folder: Path
    free_bytes: int | None
    notes: tuple[str, ...] = ()

    @property
    def total_bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def missing_bytes(self) -> int:
        """Still to be fetched."""
        return sum(file.bytes - file.have_bytes for file in self.files)

    @property
    def complete(self) -> bool:
        """Whether everything is in the store and verified."""
        return self.missing_bytes == 0

    @property
    def needed_bytes(self) -> int:
        """Free space that must be there before the first byte."""
        return needed_bytes(self.missing_bytes, self.total_bytes)


def needed_bytes(missing_bytes: int, total_bytes: int) -> int:
    """Missing bytes and the reserve; nothing when nothing is missing."""
    return missing_bytes + max(RESERVE_BYTES, int(total_bytes * RESERVE_SHARE)) if missing_bytes else 0


def check_room(store: Store, missing_bytes: int, total_bytes: int) -> None:
    """Raises DiskFull unless the models folder has room for what is missing and the reserve."""
    free, needed = store.free_bytes(), needed_bytes(missing_bytes, total_bytes)
    if free is not None and free < needed:
        raise DiskFull(
            f"{store.root} needs {format_size(needed)} free and has {format_size(free)}",
            hint="make room, or name a folder on another disk in ADVISOR_MODELS",
        )


def wanted_from_model(model: Model, quant: str | None) -> Wanted:
    """The published files of a catalog model in one quantization. Raises UsageError or UnknownName."""
    if not model.downloadable:
        raise UsageError(f"{model.name} cannot be downloaded: its weights were not published")
    weights = [a for a in model.artifacts if a.role == "model" and a.format in FORMATS]
    if not weights:
        return Wanted(model=model.id, repo=model.id, quant=quant, licence=model.licence.id)
    artifact = _choose_artifact(model, sorted(weights, key=lambda a: FORMATS.index(a.format)), quant)
    return Wanted(
        model=model.id, repo=artifact.repo, quant=artifact.quant, format=artifact.format, revision=artifact.revision,
        files=artifact.files, licence=model.licence.id,
    )  # fmt: skip


def _choose_artifact(model: Model, weights: Sequence[Artifact], quant: str | None) -> Artifact:
    """Of the quantization's repositories the one whose files are best known; GGUF first."""
    names = [quant] if quant else [*PREFERRED, weights[0].quant]
    for name in names:
        matching = [a for a in weights if canonical_quant(a.quant) == canonical_quant(name)]
        if matching:
            return min((a for a in matching if a.format == matching[0].format), key=_unknowns)
    known = tuple(sorted({artifact.quant for artifact in weights}))
    close = get_close_matches(canonical_quant(quant or ""), known, n=3, cutoff=0.4) or known[:3]
    raise UnknownName(f"no published {clean_text(quant or '', 40)} of {model.name} is known", suggestions=tuple(close))


def _unknowns(artifact: Artifact) -> tuple[bool, int]:
    """Fewer is better: an unlisted repository, then each size and hash that is not known."""
    missing = sum(file.sha256 is None for file in artifact.files) + sum(file.bytes is None for file in artifact.files)
    return not artifact.files, missing


def plan_download(
    wanted: Wanted,
    store: Store,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> DownloadPlan:
    """Resolve `wanted` to files with sizes and hashes.

    Raises Offline, NetworkError, UnknownName (repository, file or quantization) or UsageError. Nothing is written.
    """
    check_repo_id(wanted.repo)
    known = _from_catalog(wanted) or _from_manifests(wanted, store)
    if known is not None:
        return _assemble(wanted, known, store, notes=())
    if offline:
        raise Offline(
            f"{wanted.repo} is not in {store.root} and --offline forbids asking the hub",
            hint="download it once without --offline",
        )
    listing = list_repo(wanted.repo, wanted.revision or "main", patience=patience, progress=progress)
    quant, files = select_files(listing, wanted)
    manifest = _as_manifest(wanted, listing, quant, files)
    return _assemble(wanted, manifest, store, notes=_disagreements(wanted, files), licence=listing.licence)


@dataclass(frozen=True, slots=True)
class _Known:
    repo: str
    revision: str
    quant: str
    files: tuple[tuple[str, int, Digest], ...]


def _from_catalog(wanted: Wanted) -> _Known | None:
    if wanted.file or wanted.revision is None or wanted.quant is None:
        return None
    files = []
    for file in wanted.files:
        digest = Digest.of(Algorithm.SHA256, file.sha256)
        if digest is None or file.bytes is None or not is_safe_path(file.path) or not is_allowed_format(file.path):
            return None
        files.append((file.path, file.bytes, digest))
    return _Known(wanted.repo, wanted.revision, wanted.quant, tuple(files)) if files else None


def _from_manifests(wanted: Wanted, store: Store) -> _Known | None:
    """What was downloaded before and is unchanged: no network is needed for it."""
    for manifest in store.read_manifests():
        if _is_same_choice(manifest, wanted) and all(store.is_verified(f.digest, f.bytes) for f in manifest.files):
            files = tuple((f.path, f.bytes, f.digest) for f in manifest.files)
            return _Known(manifest.repo, manifest.revision, manifest.quant, files)
    return None


def _is_same_choice(manifest: Manifest, wanted: Wanted) -> bool:
    if manifest.repo != wanted.repo or wanted.revision not in (None, manifest.revision):
        return False
    if wanted.file:
        return wanted.file in [file.path for file in manifest.files]
    return wanted.quant is None or canonical_quant(wanted.quant) == canonical_quant(manifest.quant)


def select_files(listing: RepoListing, wanted: Wanted) -> tuple[str, tuple[HubFile, ...]]:
    """Name and files of what is wanted: by name, as the catalog lists them, or by quantization."""
    if wanted.file:
        return choose_named(listing, wanted.file)
    by_path = {file.path: file for file in listing.files}
    stated = [file.path for file in wanted.files]
    if wanted.quant and stated and all(path in by_path and is_allowed_format(path) for path in stated):
        return wanted.quant, tuple(by_path[path] for path in stated)
    if wanted.format in ("safetensors", "mlx"):
        return wanted.quant or "safetensors", choose_files(listing, None)[1]
    return choose_files(listing, wanted.quant)


def _as_manifest(wanted: Wanted, listing: RepoListing, quant: str, files: Sequence[HubFile]) -> _Known:
    known = []
    for file in files:
        weak = file.digest is not None and file.digest.algorithm is Algorithm.GIT and file.bytes > MAX_UNHASHED_BYTES
        if file.digest is None or weak:
            raise VerificationFailed(
                f"the hub states no sha256 for {wanted.repo}/{file.path}, so it could not be verified",
                hint="choose another repository",
            )
        known.append((file.path, file.bytes, file.digest))
    return _Known(listing.repo, listing.revision, quant, tuple(known))


def _disagreements(wanted: Wanted, files: Sequence[HubFile]) -> tuple[str, ...]:
    """The catalog's listing was not pinned to a commit: the hub's answer holds, and the difference is told."""
    stated = {file.path: file.sha256 for file in wanted.files if file.sha256}
    changed = [f.path for f in files if f.digest and stated.get(f.path, f.digest.hex) != f.digest.hex]
    return tuple(f"{path} has changed on the hub since the catalog was written" for path in changed)


def _assemble(
    wanted: Wanted, known: _Known, store: Store, *, notes: tuple[str, ...], licence: str | None = None
) -> DownloadPlan:
    files = tuple(
        PlannedFile(path=path, bytes=size, digest=digest, have_bytes=store.have_bytes(digest, size))
        for path, size, digest in known.files
    )
    return DownloadPlan(
        model=wanted.model, repo=known.repo, revision=known.revision, quant=known.quant, files=files,
        licence=wanted.licence or licence, folder=store.root, free_bytes=store.free_bytes(), notes=notes,
    )  # fmt: skip
