"""Finds the catalog's data and loads it: compiled in a wheel, or compiled once from a checkout into the user's cache.

The cache is keyed by content. A checkout or an overlay that changed is compiled again; writing is atomic, so two
programs that start at once do not harm each other.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from advisor.catalog.library import Catalog
from advisor.errors import BadDocument

_PACKAGE = Path(__file__).parent
_KEEP = 6
"""Compiled catalogs kept in the cache, beside those in use."""
_IN_USE_S = 6 * 3600.0
"""A program may go on reading a compiled catalog for so long after it opened it: the app stays open for hours."""


def source_folder() -> Path:
    """The YAML: inside the wheel, or beside the package in a checkout."""
    shipped = _PACKAGE / "data" / "source"
    return shipped if shipped.is_dir() else _PACKAGE.parents[1] / "catalog"


def _shipped() -> Path | None:
    compiled = _PACKAGE / "data" / "compiled"
    return compiled if (compiled / "manifest.json").is_file() else None


def _code_files() -> list[Path]:
    """Files whose change can change what is compiled."""
    rooms = (_PACKAGE, _PACKAGE.parent / "estimate", _PACKAGE.parent / "domain")
    return sorted(path for room in rooms for path in room.glob("*.py"))


def _overlay_files(overlays: Sequence[Path]) -> Iterable[Path]:
    if not overlays:
        return
    from advisor.catalog.overlay import overlay_files

    for path in overlays:
        yield from overlay_files(path)


def _stamp(files: Iterable[Path]) -> str:
    """Hash of names, sizes and times: cheap, and as good as content on one machine."""
    import hashlib

    digest = hashlib.sha256()
    for path in files:
        state = path.stat()
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _cache_root(cache: Path | None) -> Path:
    stated = os.environ.get("ADVISOR_CACHE")
    if cache is None and stated:
        cache = Path(stated)
    if cache is None:
        import platformdirs

        cache = Path(platformdirs.user_cache_path("advisor", appauthor=False))
    return cache / "catalog"


def _prune(root: Path) -> None:
    import shutil
    import time

    now = time.time()
    used = sorted(((p.stat().st_mtime, p) for p in root.iterdir() if p.is_dir()), reverse=True)
    for when, folder in used[_KEEP:]:
        if now - when > _IN_USE_S:
            shutil.rmtree(folder, ignore_errors=True)


def _built(source: Path, overlays: Sequence[Path], below: Callable[[], Path]) -> Mapping[str, bytes]:
    """The compiled files. Devices and prices alone go on what is compiled `below` the overlays: models take seconds."""
    from advisor.catalog.compiled import build, with_hardware
    from advisor.catalog.folder import read_folder
    from advisor.catalog.overlay import read_layer
    from advisor.catalog.overlay_gates import apply_sound

    layer = read_layer(overlays)
    if layer.hardware and not layer.models and not layer.evidence and not any(layer.deny.values()):
        return with_hardware(below(), layer.hardware)
    raw = read_folder(source)
    return build(raw, apply_sound(raw, layer) if overlays else ())


def _compile(files: Mapping[str, bytes], target: Path) -> None:
    import shutil
    import tempfile

    from advisor.catalog.compiled import write_files

    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".compiling-", dir=target.parent))
    try:
        write_files(files, scratch)
        try:
            os.replace(scratch, target)
        except OSError:  # another program was first, or an unfinished folder stands there
            if not (target / "manifest.json").is_file():
                shutil.rmtree(target, ignore_errors=True)
                os.replace(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _prune(target.parent)


def compiled_folder(overlays: Sequence[Path] = (), *, source: Path | None = None, cache: Path | None = None) -> Path:
    """The compiled catalog's folder, made first where needed. Raises `BadDocument` for data that cannot be accepted."""
    shipped = _shipped()
    if shipped is not None and not overlays and source is None:
        return shipped
    root = source or source_folder()
    if not root.is_dir():
        raise BadDocument(f"{root}: no catalog here")
    paths = [p for p in sorted(root.rglob("*")) if p.suffix in (".yaml", ".csv")]
    target = _cache_root(cache) / _stamp([*paths, *_code_files(), *_overlay_files(overlays)])
    if (target / "manifest.json").is_file():
        with suppress(OSError):
            os.utime(target)  # in use: another program's tidying leaves it alone
    else:
        files = _built(root, overlays, lambda: compiled_folder(source=source, cache=cache))
        try:
            _compile(files, target)
        except OSError:  # no home, one that is read-only, or a file where the cache should be
            return _for_this_run(files)
    return target


def _for_this_run(files: Mapping[str, bytes]) -> Path:
    """A folder that is gone when the program ends."""
    import atexit
    import shutil
    import tempfile

    from advisor.catalog.compiled import write_files

    folder = Path(tempfile.mkdtemp(prefix="advisor-catalog-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_files(files, folder)
    return folder


def user_overlays(config: Path, data: Path) -> tuple[Path, ...]:
    """Overlays that hold without being named, weakest first, where they exist.

    Signed catalogs kept under the user's `data` folder, the organisation's folder on this machine, and the user's own
    (`catalog/` under their `config` folder).
    """
    organisation = Path(os.environ.get("ADVISOR_ORG_CATALOG") or "/etc/advisor/catalog")
    local = tuple(folder for folder in (organisation, config / "catalog") if folder.exists())
    if not (data / "catalog").is_dir():
        return local
    from advisor.catalog.installed import signed_overlays

    return (*signed_overlays(data), *local)


def load_catalog(overlays: Sequence[Path] = (), *, source: Path | None = None, cache: Path | None = None) -> Catalog:
    """The catalog with overlays on it, weakest first. `source`: another catalog folder than the built-in one.

    Raises `BadDocument` for data that cannot be accepted.
    """
    folder = compiled_folder(overlays, source=source, cache=cache)
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        raise BadDocument(f"{folder}: the compiled catalog cannot be read") from None
    return Catalog(folder, manifest)
