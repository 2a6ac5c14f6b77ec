"""The hash that names a file's content: sha256 for large files, git's blob hash for the small ones in a repository."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_PIECE_BYTES = 1 << 20


class Algorithm(StrEnum):
    """How a hub states what a file holds."""

    SHA256 = "sha256"
    GIT = "git"
    """sha1 over `blob SIZE\\0` and the content; enough to notice damage, not an attack, so for small files only."""


_HEX_LENGTH = {Algorithm.SHA256: 64, Algorithm.GIT: 40}


@dataclass(frozen=True, slots=True)
class Digest:
    """An algorithm and its result in lower-case hex."""

    algorithm: Algorithm
    hex: str

    @classmethod
    def of(cls, algorithm: Algorithm, text: object) -> "Digest | None":
        """A digest if `text` is one in form, else None."""
        if not isinstance(text, str):
            return None
        value = text.strip().strip('"').lower()
        right = len(value) == _HEX_LENGTH[algorithm] and all(c in "0123456789abcdef" for c in value)
        return cls(algorithm, value) if right else None

    @property
    def name(self) -> str:
        """The file name of this content in the store."""
        return f"{self.algorithm.value}-{self.hex}"


def hash_file(
    path: Path, algorithm: Algorithm, size_bytes: int, progress: Callable[[int], None] = lambda _done: None
) -> Digest:
    """Read the whole of `path` from disk. `progress` gets the bytes read so far. Raises OSError."""
    git = algorithm is Algorithm.GIT
    state = hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False) if git else hashlib.sha256()
    done = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            state.update(piece)
            done += len(piece)
            progress(done)
    return Digest(algorithm, state.hexdigest())
