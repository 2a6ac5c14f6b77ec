"""Signed catalogs that were accepted, as overlays in the user's data folder: one folder a server.

`source.json` names the folder of files that counts. It is replaced in one step, so a program that is ended at any
moment leaves the old catalog or the new one.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from advisor.errors import AdvisorError, BadDocument

_POINTER = "source.json"
_FILES = "files-"
_KEEP = 2
"""Sets of files kept: the one in use, and the one before, which a program that runs now may be reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One signed catalog in use. Times are ISO 8601, UTC; `root_sha256` names the trust root it was accepted under."""

    url: str
    root_sha256: str
    files: str
    version: int
    expires: str
    updated: str


def catalogs_folder(data: Path) -> Path:
    """Where signed catalogs are kept under the user's data folder."""
    return data / "catalog"


def source_folder_of(data: Path, url: str) -> Path:
    """The folder of one server's catalog: its host for people, its hash for uniqueness."""
    host = re.sub(r"[^A-Za-z0-9.-]", "", urlsplit(url).hostname or "")[:80]
    return catalogs_folder(data) / f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def read_installed(folder: Path) -> Installed | None:
    """What is in use there; None where nothing is. Raises `BadDocument` for a pointer that is damaged."""
    try:
        stated = json.loads((folder / _POINTER).read_bytes())
        found = Installed(**stated)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        found = None
    sound = found is not None and re.fullmatch(rf"{_FILES}[0-9a-f]{{16}}", str(found.files))
    if found is None or not sound or not (folder / found.files).is_dir():
        raise BadDocument(
            f"{folder / _POINTER} is damaged", hint="run `advisor catalog update --from URL --root FILE` again"
        )
    return found


def all_installed(data: Path) -> list[tuple[Path, Installed]]:
    """Every signed catalog in use, with its folder, in a fixed order."""
    root = catalogs_folder(data)
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    return [(folder, found) for folder in folders if (found := read_installed(folder)) is not None]


def signed_overlays(data: Path) -> tuple[Path, ...]:
    """Folders of YAML files of the signed catalogs in use."""
    return tuple(folder / found.files for folder, found in all_installed(data))


def _holds(target: Path, files: Mapping[str, bytes]) -> bool:
    """Whether the set is there already, and nobody has changed it."""
    try:
        there = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
        return there == set(files) and all((target / path).read_bytes() == data for path, data in files.items())
    except OSError:
        return False


def write_files(folder: Path, files: Mapping[str, bytes]) -> str:
    """Put a set of files beside the one in use, named by content. Returns its name."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    name = f"{_FILES}{digest.hexdigest()[:16]}"
    target, scratch = folder / name, folder / f".{name}.{os.getpid()}"
    if _holds(target, files):
        return name
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        for path, data in files.items():
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / path).write_bytes(data)
        shutil.rmtree(target, ignore_errors=True)
        scratch.replace(target)
    except OSError as error:
        shutil.rmtree(scratch, ignore_errors=True)
        raise AdvisorError(f"{target} cannot be written: {error.strerror}") from error
    return name


def install(folder: Path, installed: Installed) -> None:
    """Make a set of files the one in use, and drop those before the last."""
    scratch = folder / f".{_POINTER}.{os.getpid()}"
    try:
        scratch.write_text(json.dumps(asdict(installed), indent=1) + "\n", encoding="utf-8")
        scratch.replace(folder / _POINTER)
    except OSError as error:
        raise AdvisorError(f"{folder / _POINTER} cannot be written: {error.strerror}") from error
    sets = [path for path in folder.glob(f"{_FILES}*") if path.name != installed.files]
    sets.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in sets[_KEEP - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
