"""Files that are already on this machine under the same hash: huggingface_hub's cache and Ollama's store.

They are read, never changed. A hard link costs nothing; where one is not possible the file is copied.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from advisor.errors import DiskFull
from advisor.hub.digest import Algorithm, Digest
from advisor.hub.endpoint import hub_cache_folder


def find_copies(repo: str, digest: Digest, size_bytes: int) -> Iterator[tuple[str, Path]]:
    """(`hub cache` or `ollama`, path) of each file that by name and size should be this content."""
    for origin, path in _candidates(repo, digest):
        try:
            if path.is_file() and path.stat().st_size == size_bytes:
                yield origin, path
        except OSError:
            continue


def _candidates(repo: str, digest: Digest) -> Iterator[tuple[str, Path]]:
    if digest.algorithm is not Algorithm.SHA256:
        return
    yield "hub cache", hub_cache_folder() / ("models--" + repo.replace("/", "--")) / "blobs" / digest.hex
    for folder in _ollama_folders():
        yield "ollama", folder / "blobs" / f"sha256-{digest.hex}"


def _ollama_folders() -> Iterator[Path]:
    """OLLAMA_MODELS, the user's own, and the service's (Ollama's Linux installer)."""
    stated = os.environ.get("OLLAMA_MODELS")
    if stated:
        yield Path(stated).expanduser()
    yield Path.home() / ".ollama" / "models"
    yield Path("/usr/share/ollama/.ollama/models")


def take_copy(source: Path, target: Path) -> bool:
    """Make `target` the same content by a hard link, else by copying. False where neither is possible."""
    target.unlink(missing_ok=True)
    real = source.resolve()
    try:
        os.link(real, target)
        return True
    except OSError:
        pass
    try:
        shutil.copyfile(real, target)
        return True
    except OSError as error:
        target.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"the disk is full: no room for a copy of {source.name}") from error
        return False
