"""A signed catalog on an organisation's server, read with The Update Framework (python-tuf, an extra).

The server is a folder of static files: `metadata/` (root, timestamp, snapshot, targets) and `targets/` with the
catalog's YAML files. What is handed on was signed by the keys that the trust root names, is no older than what was
seen before, has not expired, and belongs together; anything else is a `VerificationFailed` of one line.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from advisor.errors import AdvisorError, NetworkError, UsageError, VerificationFailed
from advisor.hub.connection import check_scheme
from advisor.hub.names import clean_text, is_safe_path
from advisor.hub.patience import Patience
from advisor.hub.progress import Progress

if TYPE_CHECKING:
    from tuf.api.metadata import TargetFile, Targets
    from tuf.ngclient import Updater

    from advisor.hub.signed_fetch import Fetcher

MAX_ROOT_BYTES = 512_000
"""A root with a dozen keys is 10 kB; this is also python-tuf's own limit."""
MAX_FILES = 500
MAX_FILE_BYTES = 2 << 20
"""What the strict YAML reader takes."""
MAX_TOTAL_BYTES = 32 << 20
_UNCHANGED = "nothing was changed: the catalog in use stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCatalog:
    """The verified files by path, the version that the signers gave them, and when the signatures run out."""

    version: int
    expires: datetime
    files: Mapping[str, bytes]


def check_address(url: str) -> str:
    """The address without a trailing slash. Raises UsageError for anything but a plain https (or loopback) one."""
    stripped = url.strip().rstrip("/")
    try:
        parts = urlsplit(stripped)
        check_scheme(parts, what="the catalog's address")
        _ = parts.port
    except (NetworkError, ValueError) as error:
        raise UsageError(str(error), hint="write it like https://models.example.org/catalog") from error
    if parts.query or parts.fragment or parts.username is not None:
        raise UsageError("the catalog's address must be a plain folder: no user, query or fragment")
    return stripped


def check_root(data: bytes, name: str) -> bytes:
    """`data` unchanged: a trust root in TUF's form. Raises UsageError."""
    if len(data) > MAX_ROOT_BYTES:
        raise UsageError(f"{name} is larger than any trust root")
    try:
        kind = json.loads(data)["signed"]["_type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        kind = None
    if kind != "root":
        raise UsageError(f"{name} is not a trust root", hint="ask the catalog's owner for its root.json")
    return data


def read_signed(
    url: str,
    *,
    root: bytes,
    state: Path,
    known: Callable[[str], bytes | None],
    patience: Patience,
    progress: Progress,
) -> SignedCatalog:
    """Read the catalog at `url`. `state`: where the accepted metadata is kept, which is what rollback is judged by.

    `known` gives bytes held from an earlier update; they are used where their hash is the signed one.
    Raises VerificationFailed, NetworkError, or AdvisorError where the extra is not installed.
    """
    try:
        from tuf.api import exceptions
        from tuf.ngclient import Updater

        from advisor.hub.signed_fetch import Fetcher
    except ImportError:
        raise AdvisorError(
            "signed updates need python-tuf, which is not installed", hint="pip install 'model-advisor[update]'"
        ) from None
    fetcher = Fetcher(patience=patience, progress=progress)
    try:
        state.mkdir(parents=True, exist_ok=True)
        updater = Updater(
            str(state), f"{url}/metadata/", target_base_url=f"{url}/targets/", fetcher=fetcher, bootstrap=root
        )
        updater.refresh()
        return _read_files(updater, _targets(state), state, known)
    except exceptions.RepositoryError as error:
        raise VerificationFailed(f"{url}: {_reason(error)}", hint=_UNCHANGED) from error
    except exceptions.DownloadError as error:
        raise _download_failure(error, url, fetcher) from error
    except OSError as error:
        raise AdvisorError(f"{state} cannot be written: {error.strerror or error}") from error
    finally:
        fetcher.close()


def _reason(error: Exception) -> str:
    from tuf.api import exceptions

    detail = clean_text(str(error), 160)
    if isinstance(error, exceptions.ExpiredMetadataError):
        return f"the signed catalog has expired ({detail})"
    if isinstance(error, exceptions.BadVersionNumberError):
        return f"older than what was accepted before, or its parts do not belong together ({detail})"
    if isinstance(error, exceptions.UnsignedMetadataError):
        return f"not signed by the keys that are trusted ({detail})"
    if isinstance(error, exceptions.LengthOrHashMismatchError):
        return f"a file is not the one that was signed ({detail})"
    return f"its metadata is not acceptable ({detail})"


def _download_failure(error: Exception, url: str, fetcher: "Fetcher") -> AdvisorError:
    from tuf.api import exceptions

    if isinstance(error, exceptions.DownloadLengthMismatchError):
        return VerificationFailed(f"{url}: a file is longer than the one that was signed", hint=_UNCHANGED)
    if isinstance(error, exceptions.DownloadHTTPError):
        return NetworkError(f"{url} has no signed catalog: {clean_text(str(error), 200)}", hint=_UNCHANGED)
    if fetcher.failure is not None:
        return NetworkError(fetcher.failure.message, hint=fetcher.failure.hint or _UNCHANGED)
    return NetworkError(f"{url}: {clean_text(str(error), 200)}", hint=_UNCHANGED)


def _targets(state: Path) -> "Targets":
    """The list of files that `refresh` has just verified and stored."""
    from tuf.api.metadata import Metadata, Targets

    stored: Metadata[Targets] = Metadata[Targets].from_file(str(state / "targets.json"))
    return stored.signed


def _check_listing(targets: "Targets") -> dict[str, "TargetFile"]:
    """The catalog's files in order. Files of other kinds are left alone. Raises VerificationFailed."""
    files = {path: target for path, target in sorted(targets.targets.items()) if path.endswith(".yaml")}
    if not files:
        raise VerificationFailed("the signed catalog lists no .yaml file", hint=_UNCHANGED)
    for path, target in files.items():
        if not is_safe_path(path):
            raise VerificationFailed(f"the signed catalog names a file `{clean_text(path, 80)}`", hint=_UNCHANGED)
        if target.length > MAX_FILE_BYTES:
            raise VerificationFailed(f"{path} of the signed catalog has more than 2 MB", hint=_UNCHANGED)
    if len(files) > MAX_FILES or sum(target.length for target in files.values()) > MAX_TOTAL_BYTES:
        raise VerificationFailed("the signed catalog is larger than a catalog can be", hint=_UNCHANGED)
    return files


def _read_files(
    updater: "Updater", targets: "Targets", state: Path, known: Callable[[str], bytes | None]
) -> SignedCatalog:
    files: dict[str, bytes] = {}
    for path, target in _check_listing(targets).items():
        held = known(path)
        files[path] = held if held is not None and _is_signed(target, held) else _download(updater, target, state)
    return SignedCatalog(version=targets.version, expires=targets.expires, files=files)


def _is_signed(target: "TargetFile", data: bytes) -> bool:
    from tuf.api.exceptions import LengthOrHashMismatchError

    try:
        target.verify_length_and_hashes(data)
    except LengthOrHashMismatchError:
        return False
    return True


def _download(updater: "Updater", target: "TargetFile", state: Path) -> bytes:
    scratch = state / "target.part"
    try:
        return Path(updater.download_target(target, str(scratch))).read_bytes()
    finally:
        scratch.unlink(missing_ok=True)
