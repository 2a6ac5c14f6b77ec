"""Carry out a plan: every file from the store, another tool's store, or the hub; verified before it gets its name.

A file that is visible under its final name has been hashed in full. Whatever fails, unfinished bytes are kept for the
next run and a good older file stays.
"""

from dataclasses import dataclass
from pathlib import Path

from advisor.errors import Offline, VerificationFailed
from advisor.hub.digest import Digest
from advisor.hub.endpoint import file_url, find_token
from advisor.hub.fetch import Fetch, Source
from advisor.hub.local_copies import find_copies, take_copy
from advisor.hub.lock import Lock, hold
from advisor.hub.part_file import PartFile
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.plan import DownloadPlan, PlannedFile, check_room
from advisor.hub.progress import Progress, Silent
from advisor.hub.store import Manifest, Store, StoredFile
from advisor.hub.verify import check_format, has_digest

_HASH_TRIES = 2
"""A wrong hash is worth one clean start: the part may hold a bad block of an earlier run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedFile:
    """A verified file. `origin`: store, hub, hub cache or ollama; `fetched_bytes` came over the network now."""

    path: str
    bytes: int
    digest: Digest
    local_path: Path
    origin: str
    fetched_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloaded:
    """A complete choice. `path` is what an engine loads: the file, the first part, or the folder."""

    plan: DownloadPlan
    files: tuple[DownloadedFile, ...]
    path: Path


def download(
    plan: DownloadPlan,
    store: Store,
    *,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> Downloaded:
    """Fetch what is missing, in order.

    Raises NetworkError, Offline, DiskFull, StoreError, or VerificationFailed. Safe to call again after any of them.
    """
    store.prepare()
    check_room(store, plan.missing_bytes, plan.total_bytes)
    work = _Work(plan, store, offline, patience, progress or Silent())
    files = tuple(work.obtain(file) for file in plan.files)
    stored = tuple(StoredFile(path=f.path, bytes=f.bytes, digest=f.digest) for f in files)
    store.write_manifest(
        Manifest(model=plan.model, repo=plan.repo, revision=plan.revision, quant=plan.quant, files=stored)
    )
    return Downloaded(plan=plan, files=files, path=_entrance(files))


def _entrance(files: tuple[DownloadedFile, ...]) -> Path:
    ggufs = [file for file in files if file.path.lower().endswith(".gguf")]
    if ggufs or len(files) == 1:
        return (ggufs or list(files))[0].local_path
    return files[0].local_path.parent


@dataclass(frozen=True, slots=True)
class _Work:
    """What all files of one plan share."""

    plan: DownloadPlan
    store: Store
    offline: bool
    patience: Patience
    progress: Progress

    def obtain(self, file: PlannedFile) -> DownloadedFile:
        """One file, verified and named."""
        origin, fetched = "store", 0
        if not self.store.is_verified(file.digest, file.bytes):
            with hold(self.store.lock(file.digest), patience=self.patience, progress=self.progress) as lock:
                self.progress.start(file.path, file.bytes, self.store.have_bytes(file.digest, file.bytes))
                origin, fetched = self._obtain_locked(file, lock)
        local_path = self.store.link(self.plan.repo, file.path, file.digest)
        self.progress.finish(file.path)
        return DownloadedFile(
            path=file.path, bytes=file.bytes, digest=file.digest, local_path=local_path, origin=origin,
            fetched_bytes=fetched,
        )  # fmt: skip

    def _obtain_locked(self, file: PlannedFile, lock: Lock) -> tuple[str, int]:
        """Where the content came from, and the bytes fetched for it."""
        if self.store.is_verified(file.digest, file.bytes):
            return "store", 0
        if self.store.blob(file.digest).exists():
            if self._is_right(self.store.blob(file.digest), file, lock):
                self.store.record_verified(file.digest)
                return "store", 0
            self.progress.note(f"{file.path} in the store is damaged; fetching it again")
        found = self._from_neighbours(file, lock)
        return (found, 0) if found else ("hub", self._from_hub(file, lock))

    def _is_right(self, path: Path, file: PlannedFile, lock: Lock) -> bool:
        def tell(done_bytes: int) -> None:
            lock.beat()
            self.progress.verify(done_bytes, file.bytes)

        return has_digest(path, file.digest, file.bytes, tell)

    def _admit(self, candidate: Path, file: PlannedFile) -> None:
        try:
            check_format(candidate, file.path)
        except VerificationFailed:
            candidate.unlink(missing_ok=True)
            raise
        self.store.admit(candidate, file.digest)

    def _from_neighbours(self, file: PlannedFile, lock: Lock) -> str | None:
        """The name of the tool whose copy was taken, None if nobody has a right one."""
        copy = self.store.blobs / (file.digest.name + ".copy")
        for origin, path in find_copies(self.plan.repo, file.digest, file.bytes):
            if not take_copy(path, copy):
                continue
            if self._is_right(copy, file, lock):
                self._admit(copy, file)
                self.progress.note(f"{file.path} was already here ({origin})")
                return origin
            copy.unlink()
            self.progress.note(f"the copy of {file.path} in the {origin} store is damaged; not used")
        return None

    def _from_hub(self, file: PlannedFile, lock: Lock) -> int:
        """Bytes fetched. The part is resumed, verified and admitted."""
        if self.offline:
            raise Offline(f"{file.path} is not in the store and --offline forbids fetching it")
        fetched = 0
        for attempt in range(1, _HASH_TRIES + 1):
            fetched += self._fetch(file, lock)
            part = self.store.part(file.digest)
            if self._is_right(part, file, lock):
                self._admit(part, file)
                return fetched
            part.unlink()
            if attempt < _HASH_TRIES:
                self.progress.note(f"{file.path} arrived damaged; fetching it once more")
        raise VerificationFailed(
            f"{file.path} has the wrong {file.digest.algorithm} after {_HASH_TRIES} downloads",
            hint="something on the way alters it, or the repository was tampered with: try another network",
        )

    def _fetch(self, file: PlannedFile, lock: Lock) -> int:
        source = Source(
            url=file_url(self.plan.repo, self.plan.revision, file.path),
            label=f"{self.plan.repo}/{file.path}", size_bytes=file.bytes, digest=file.digest, token=find_token(),
        )  # fmt: skip
        with PartFile(self.store.part(file.digest), file.bytes) as part:
            check_room(self.store, part.missing_bytes, file.bytes)
            before = part.have_bytes
            Fetch(source, part, patience=self.patience, progress=self.progress, beat=lock.beat).run()
            part.sync()
            return part.have_bytes - before
