"""The models folder: content by its hash, names for people as links to it, and what was downloaded as manifests.

blobs/sha256-HEX             a verified file; read-only by convention, never changed in place
blobs/sha256-HEX.part        the same, unfinished
blobs/sha256-HEX.verified    record of the last full hash: size, mtime_ns, inode (JSON)
ORG/REPO/PATH                symbolic link to a blob (a hard link where links are not possible)
manifests/ORG--REPO--QUANT.json
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.errors import StoreError
from advisor.hub.digest import Algorithm, Digest
from advisor.hub.names import is_repo_id, is_safe_path

MANIFEST_SCHEMA = "advisor.manifest/1"
_MAX_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file of a manifest."""

    path: str
    bytes: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One downloaded choice. `model` is the id that was asked for; `revision` a commit."""

    model: str
    repo: str
    revision: str
    quant: str
    files: tuple[StoredFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(file.bytes for file in self.files)


class Store:
    """The folder `root`. Methods that write create what they need and raise StoreError."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self.manifests = root / "manifests"

    def prepare(self) -> None:
        """Make the folders."""
        try:
            self.blobs.mkdir(parents=True, exist_ok=True)
            self.manifests.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.root} cannot be used for models: {os.strerror(error.errno or 0)}",
                hint="name another folder in ADVISOR_MODELS",
            ) from error

    def blob(self, digest: Digest) -> Path:
        """Where this content is, once it is complete and verified."""
        return self.blobs / digest.name

    def part(self, digest: Digest) -> Path:
        """Where this content grows."""
        return self.blobs / (digest.name + ".part")

    def lock(self, digest: Digest) -> Path:
        """The lock file of this content."""
        return self.blobs / (digest.name + ".lock")

    def _record(self, digest: Digest) -> Path:
        return self.blobs / (digest.name + ".verified")

    def free_bytes(self) -> int | None:
        """Room for this user on the disk of the models folder, None if it cannot be told."""
        folder = self.root
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        try:
            figures = os.statvfs(folder)
        except OSError:
            return None
        return figures.f_bavail * figures.f_frsize

    def have_bytes(self, digest: Digest, size_bytes: int) -> int:
        """Bytes of this content that need not be fetched: all, an unfinished part, or none."""
        if self.is_verified(digest, size_bytes):
            return size_bytes
        try:
            return min(size_bytes, self.part(digest).stat().st_size)
        except OSError:
            return 0

    def is_verified(self, digest: Digest, size_bytes: int) -> bool:
        """Whether the content is there and unchanged since it was hashed (size, mtime_ns and inode as recorded)."""
        try:
            record = json.loads(self._record(digest).read_bytes())
            figures = self.blob(digest).stat()
        except (OSError, ValueError):
            return False
        return bool(record == _figures(figures) and figures.st_size == size_bytes)

    def record_verified(self, digest: Digest) -> None:
        """Note that the blob has just been hashed and is right."""
        write_atomically(self._record(digest), json.dumps(_figures(self.blob(digest).stat())).encode())

    def admit(self, candidate: Path, digest: Digest) -> None:
        """Move a verified file into its place in one step, durably, and record it."""
        os.replace(candidate, self.blob(digest))
        sync_folder(self.blobs)
        self.record_verified(digest)

    def link(self, repo: str, path: str, digest: Digest) -> Path:
        """The human-readable name of a blob: an absolute path that ends in the file's own name."""
        name = self.name_of(repo, path)
        name.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(self.blob(digest), name.parent)
        if name.is_symlink() and os.readlink(name) == target:
            return name
        temporary = name.with_name(f".{name.name}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            temporary.symlink_to(target)
        except OSError:
            os.link(self.blob(digest), temporary)
        os.replace(temporary, name)
        return name

    def name_of(self, repo: str, path: str) -> Path:
        """Where `link` puts a file of a repository."""
        return (self.root / repo / path).absolute()

    def _manifest_path(self, repo: str, quant: str) -> Path:
        return self.manifests / (f"{repo}--{quant}".replace("/", "--") + ".json")

    def write_manifest(self, manifest: Manifest) -> None:
        """Record a complete download."""
        document = {
            "schema": MANIFEST_SCHEMA,
            "model": manifest.model,
            "repo": manifest.repo,
            "revision": manifest.revision,
            "quant": manifest.quant,
            "downloaded_at": int(time.time()),
            "files": [{"path": f.path, "bytes": f.bytes, "digest": f.digest.name} for f in manifest.files],
        }
        data = json.dumps(document, indent=2).encode()
        write_atomically(self._manifest_path(manifest.repo, manifest.quant), data)

    def read_manifests(self) -> tuple[Manifest, ...]:
        """Every readable manifest, in order of name."""
        found = (read_manifest(path) for path in sorted(self.manifests.glob("*.json")))
        return tuple(manifest for manifest in found if manifest is not None)

    def unfinished(self) -> tuple[tuple[Path, int], ...]:
        """Parts of downloads that did not end, and their bytes; running the same download again goes on with them."""
        return tuple((path, path.stat().st_size) for path in sorted(self.blobs.glob("*.part")))

    def forget(self, manifest: Manifest) -> int:
        """Remove a choice: its links, and its content unless another choice holds it. Returns the bytes freed."""
        self._manifest_path(manifest.repo, manifest.quant).unlink(missing_ok=True)
        kept = {file.digest for other in self.read_manifests() for file in other.files}
        freed = 0
        for file in manifest.files:
            if file.digest in kept:
                continue
            self.name_of(manifest.repo, file.path).unlink(missing_ok=True)
            for path in (self.blob(file.digest), self.part(file.digest), self._record(file.digest)):
                freed += path.stat().st_size if path.exists() else 0
                path.unlink(missing_ok=True)
        self._drop_empty_folders(manifest.repo)
        return freed

    def _drop_empty_folders(self, repo: str) -> None:
        for folder in (self.root / repo, (self.root / repo).parent):
            if folder != self.root and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _figures(stat: os.stat_result) -> dict[str, int]:
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "inode": stat.st_ino}


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` in one step: a reader sees the old content or the new. Raises StoreError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {os.strerror(error.errno or 0)}") from error


def read_manifest(path: Path) -> Manifest | None:
    """A manifest, or None where the file is not one (damaged, of a later version, or somebody else's)."""
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            return None
        document = json.loads(path.read_bytes())
        if document["schema"] != MANIFEST_SCHEMA:
            return None
        files = tuple(_stored_file(entry) for entry in document["files"])
        if not is_repo_id(str(document["repo"])) or not all(is_safe_path(file.path) for file in files):
            return None
        return Manifest(
            model=str(document["model"]), repo=str(document["repo"]), revision=str(document["revision"]),
            quant=str(document["quant"]), files=files,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _stored_file(entry: dict[str, Any]) -> StoredFile:
    algorithm, _, text = str(entry["digest"]).partition("-")
    digest = Digest.of(Algorithm(algorithm), text)
    if digest is None:
        raise ValueError("not a digest")
    return StoredFile(path=str(entry["path"]), bytes=int(entry["bytes"]), digest=digest)
