"""Whether a file on disk is what it should be: size and hash of the whole, then a strict look at its header."""

import os
from collections.abc import Callable
from pathlib import Path

from advisor.errors import BadDocument, StoreError, VerificationFailed
from advisor.hub.digest import Digest, hash_file
from advisor.hub.gguf_header import read_gguf_file
from advisor.hub.safetensors_header import read_safetensors_file


def has_digest(path: Path, digest: Digest, size_bytes: int, progress: Callable[[int], None]) -> bool:
    """Whether `path` has this size and, read from disk, this hash. Raises StoreError."""
    try:
        if path.stat().st_size != size_bytes:
            return False
        return hash_file(path, digest.algorithm, size_bytes, progress) == digest
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {os.strerror(error.errno or 0)}") from error


def check_format(path: Path, name: str) -> None:
    """Read the header of a model file strictly, before any engine does. `name` is the file's name in its repository.

    Raises VerificationFailed: the hash is right, so the publisher's own file is malformed or hostile.
    """
    readers = {".gguf": read_gguf_file, ".safetensors": read_safetensors_file}
    reader = readers.get(Path(name.lower()).suffix)
    if reader is None:
        return
    try:
        reader(path)
    except BadDocument as error:
        raise VerificationFailed(
            f"{name} is not a sound file: {error.message}", hint="choose another publisher"
        ) from error
