"""Updates from an organisation's own server, accepted only when signed. They land as overlays in the data folder."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from advisor.catalog.installed import (
    Installed,
    all_installed,
    install,
    read_installed,
    source_folder_of,
    write_files,
)
from advisor.errors import AdvisorError, BadDocument, Offline, UsageError, VerificationFailed
from advisor.hub.lock import hold
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.progress import Progress, Silent
from advisor.hub.signed import MAX_ROOT_BYTES, SignedCatalog, check_address, check_root, read_signed

_TRUST = "trust-"
_ROOT = "root.json"
_NEED_ROOT = "ask its owner for the file, then: advisor catalog update --from URL --root root.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUpdate:
    """One signed catalog after an update: where it lies, which version, whether anything changed."""

    url: str
    path: Path
    version: int
    expires: datetime
    changed: bool
    files: int
    models: int
    hardware: int


def _stated_root(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ROOT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or 'cannot be read'}") from error
    return check_root(data, path.name)


def _trusted_root(url: str, folder: Path, stated: Path | None) -> bytes:
    """The root given now, or the one given the first time. Raises UsageError where none was ever given."""
    if stated is not None:
        return _stated_root(stated)
    try:
        found = read_installed(folder)
    except BadDocument as error:
        raise UsageError(
            f"what is kept of {url} is damaged: its trust root must be given again", hint=_NEED_ROOT
        ) from error
    if found is None:
        raise UsageError(f"{url} is not trusted yet: it needs a trust root", hint=_NEED_ROOT)
    try:
        return (folder / f"{_TRUST}{found.root_sha256[:12]}" / _ROOT).read_bytes()
    except OSError as error:
        raise UsageError(f"the trust root of {url} is gone", hint=_NEED_ROOT) from error


def _held(folder: Path) -> Callable[[str], bytes | None]:
    """Reader of files that are in use now."""
    try:
        found = read_installed(folder)
    except BadDocument:
        found = None

    def read(path: str) -> bytes | None:
        if found is None:
            return None
        try:
            return (folder / found.files / path).read_bytes()
        except OSError:
            return None

    return read


def _check(files: Path, *, new: bool) -> tuple[int, int]:
    """Models and hardware documents that the files add or change. Raises VerificationFailed where they do not hold.

    New files are compiled with the built-in catalog: whatever would stop a later command stops them here.
    """
    from advisor.catalog.compiled import build
    from advisor.catalog.folder import read_folder
    from advisor.catalog.overlay import read_layer
    from advisor.catalog.overlay_gates import apply_sound
    from advisor.catalog.source import source_folder

    try:
        layer = read_layer([files])
        if new:
            raw = read_folder(source_folder())
            build(raw, apply_sound(raw, layer))
    except BadDocument as error:
        raise VerificationFailed(
            f"the signed catalog is not accepted: {error.message}", hint="nothing was changed: the catalog in use stays"
        ) from error
    return len(layer.models), len(layer.hardware)


def update_signed(
    url: str,
    data: Path,
    *,
    root: Path | None = None,
    offline: bool = False,
    patience: Patience = DEFAULT_PATIENCE,
    progress: Progress | None = None,
) -> SignedUpdate:
    """Bring the catalog at `url` up to date under the user's `data` folder; whatever fails, the old one stays.

    `root`: the trust root, needed once. Raises VerificationFailed, NetworkError, UsageError.
    """
    address = check_address(url)
    if offline:
        raise Offline(f"{address} must be read and --offline forbids it")
    folder, told = source_folder_of(data, address), progress or Silent()
    trusted = _trusted_root(address, folder, root)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise AdvisorError(f"{folder} cannot be written: {error.strerror}") from error
    with hold(folder / ".lock", patience=patience, progress=told):
        digest = hashlib.sha256(trusted).hexdigest()
        trust = folder / f"{_TRUST}{digest[:12]}"
        found = read_signed(
            address, root=trusted, state=trust / "metadata", known=_held(folder), patience=patience, progress=told
        )
        (trust / _ROOT).write_bytes(trusted)
        return _accept(address, folder, digest, found)


def _accept(url: str, folder: Path, root_sha256: str, found: SignedCatalog) -> SignedUpdate:
    """Check verified files as overlays, then make them the ones in use."""
    import shutil

    before = _before(folder)
    name = write_files(folder, found.files)
    changed = before is None or before.files != name
    try:
        models, hardware = _check(folder / name, new=changed)
    except VerificationFailed:
        if changed:
            shutil.rmtree(folder / name, ignore_errors=True)
        raise
    now = datetime.now(UTC).isoformat(timespec="seconds")
    expires = found.expires.isoformat()
    install(
        folder,
        Installed(
            url=url, root_sha256=root_sha256, files=name, version=found.version, expires=expires, updated=now
        ),
    )  # fmt: skip
    return SignedUpdate(
        url=url, path=folder / name, version=found.version, expires=found.expires,
        changed=changed, files=len(found.files), models=models, hardware=hardware,
    )  # fmt: skip


def _before(folder: Path) -> Installed | None:
    try:
        return read_installed(folder)
    except BadDocument:
        return None


def update_all_signed(
    data: Path, *, offline: bool = False, patience: Patience = DEFAULT_PATIENCE, progress: Progress | None = None
) -> list[SignedUpdate]:
    """Bring every signed catalog in use up to date. Raises UsageError where there is none."""
    urls = [found.url for _, found in all_installed(data)]
    if not urls:
        raise UsageError(
            "name models to read from the hub, or a signed catalog with --from",
            hint="advisor catalog update qwen3:8b, or advisor catalog update --from URL --root root.json",
        )
    return [update_signed(url, data, offline=offline, patience=patience, progress=progress) for url in urls]
