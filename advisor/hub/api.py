"""What a hub repository holds, as its API says: one request a repository, pinned to the commit that it names.

Every answer is bounded and checked field by field; whatever is wrong with it is a NetworkError of one line.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from advisor.errors import NetworkError, UnknownName
from advisor.hub.backoff import RETRY_STATUSES, Backoff, retry_after_s
from advisor.hub.digest import Algorithm, Digest
from advisor.hub.endpoint import endpoint, find_token
from advisor.hub.exchange import Answer, TransportFailed, exchange
from advisor.hub.names import check_repo_id, check_revision, clean_text, is_safe_path
from advisor.hub.patience import DEFAULT_PATIENCE, Patience
from advisor.hub.progress import Progress, Silent

MAX_ANSWER_BYTES = 32 << 20
"""The listing of a repository with 100,000 files is about 20 MB."""
MAX_FILES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of a repository. `digest` is None where the hub states none."""

    path: str
    bytes: int
    digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoListing:
    """A repository at one commit (40 hex digits). Files whose names we would not write are left out."""

    repo: str
    revision: str
    files: tuple[HubFile, ...]
    licence: str | None = None
    gated: bool | None = None


def list_repo(
    repo: str, revision: str = "main", *, patience: Patience = DEFAULT_PATIENCE, progress: Progress | None = None
) -> RepoListing:
    """Files, sizes and hashes of `repo`. Raises UnknownName (no such repository or revision) or NetworkError."""
    check_repo_id(repo)
    check_revision(revision)
    url = f"{endpoint()}/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true"
    return _read_listing(repo, get_json(url, what=repo, patience=patience, progress=progress or Silent()))


def get_json(url: str, *, what: str, patience: Patience, progress: Progress) -> Any:
    """One JSON document of the hub, tried again while that can help. `what` names it in messages."""
    backoff = Backoff(patience)
    token = find_token()
    while True:
        wait_s: float | None = None
        try:
            with exchange("GET", url, patience=patience, token=token) as answer:
                if answer.status == 200:
                    return _parse(_read_all(answer, patience), what)
                if answer.status not in RETRY_STATUSES:
                    raise refusal(answer, what)
                reason, wait_s = f"HTTP {answer.status}", retry_after_s(answer.headers.get("retry-after"))
        except TransportFailed as failed:
            reason = str(failed)
        backoff.pause(reason, progress=progress, gained=False, stated_s=wait_s)


def refusal(answer: Answer, what: str) -> NetworkError | UnknownName:
    """The error for an answer that will stay as it is: gated, not found, or refused."""
    code = answer.hub_headers.get("x-error-code", "")
    if code == "GatedRepo" or answer.status == 403:
        return NetworkError(
            f"{what} is gated: its owner grants access one by one",
            hint=f"ask for it at {endpoint()}/{what}, then set HF_TOKEN or run `hf auth login`",
        )
    if answer.status in (401, 404):
        return UnknownName(
            f"the hub has no {what} that this user may see",
            hint="check the spelling; for a private repository set HF_TOKEN or run `hf auth login`",
        )
    return NetworkError(f"the hub refused {what} with HTTP {answer.status}")


def _read_all(answer: Answer, patience: Patience) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise TransportFailed("the answer is compressed although that was not asked for")
    pieces, size = [], 0
    deadline = time.monotonic() + patience.answer_deadline_s
    while piece := answer.read(MAX_ANSWER_BYTES + 1 - size):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise NetworkError("the hub's answer is larger than any listing can be")
        if time.monotonic() > deadline:
            raise TransportFailed("the answer takes too long")
    return b"".join(pieces)


def _parse(data: bytes, what: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TransportFailed(f"the answer about {what} is not JSON") from error


def _read_listing(repo: str, document: Any) -> RepoListing:
    if not isinstance(document, dict):
        raise _strange(repo)
    revision = Digest.of(Algorithm.GIT, document.get("sha"))
    siblings = document.get("siblings")
    if revision is None or not isinstance(siblings, list) or len(siblings) > MAX_FILES:
        raise _strange(repo)
    files = tuple(file for file in (_read_file(repo, entry) for entry in siblings) if is_safe_path(file.path))
    card = document.get("cardData")
    licence = card.get("license") if isinstance(card, dict) else None
    return RepoListing(
        repo=repo,
        revision=revision.hex,
        files=files,
        licence=clean_text(licence, 80) if isinstance(licence, str) else None,
        gated=None if "gated" not in document else bool(document["gated"]),
    )


def _read_file(repo: str, entry: Any) -> HubFile:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("rfilename"), str):
        raise _strange(repo)
    lfs = entry.get("lfs")
    large = lfs if isinstance(lfs, Mapping) else {}
    size = large.get("size", entry.get("size"))
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 50:
        raise NetworkError(f"the hub gives no size for the files of {repo}")
    digest = Digest.of(Algorithm.SHA256, large.get("sha256")) or Digest.of(Algorithm.GIT, entry.get("blobId"))
    return HubFile(path=entry["rfilename"], bytes=size, digest=digest)


def _strange(repo: str) -> NetworkError:
    return NetworkError(f"the hub's answer about {repo} is not understood")
