"""Download plans and results as text and as `advisor.download/1`."""

from collections.abc import Sequence
from typing import Any

from advisor.domain.units import format_size
from advisor.hub.download import Downloaded
from advisor.hub.plan import DownloadPlan
from advisor.hub.store import Manifest

SCHEMA = "advisor.download/1"
_SHOWN_FILES = 12


def plan_document(plan: DownloadPlan) -> dict[str, Any]:
    """What would be done: `path` is null, and each file says how much of it is there already."""
    files = [
        {
            "path": file.path,
            "bytes": file.bytes,
            "have_bytes": file.have_bytes,
            file.digest.algorithm.value: file.digest.hex,
        }
        for file in plan.files
    ]
    return {**_shared(plan, dry_run=True), "path": None, "verified": False, "fetched_bytes": 0, "files": files}


def download_document(result: Downloaded) -> dict[str, Any]:
    """What was done. `origin` says where each file came from: store, hub, hub cache or ollama."""
    files = [
        {
            "path": file.path,
            "bytes": file.bytes,
            file.digest.algorithm.value: file.digest.hex,
            "local_path": str(file.local_path),
            "origin": file.origin,
            "fetched_bytes": file.fetched_bytes,
        }
        for file in result.files
    ]
    fetched = sum(file.fetched_bytes for file in result.files)
    return {
        **_shared(result.plan, dry_run=False),
        "path": str(result.path),
        "verified": True,
        "fetched_bytes": fetched,
        "files": files,
    }


def _shared(plan: DownloadPlan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "dry_run": dry_run,
        "model": plan.model,
        "repo": plan.repo,
        "revision": plan.revision,
        "quant": plan.quant,
        "license": plan.licence,
        "total_bytes": plan.total_bytes,
        "missing_bytes": plan.missing_bytes,
        "needed_bytes": plan.needed_bytes,
        "free_bytes": plan.free_bytes,
        "folder": str(plan.folder),
        "notes": list(plan.notes),
    }


def plan_text(plan: DownloadPlan, width: int) -> str:
    """What a person sees before saying yes: files, sizes, licence, room on the disk."""
    lines = [f"{plan.repo} {plan.quant} (commit {plan.revision[:12]})"]
    for file in plan.files[:_SHOWN_FILES]:
        have = "" if not file.have_bytes else f", {format_size(file.have_bytes)} of it here"
        lines.append(f"  {file.path[: max(20, width - 40)]}  {format_size(file.bytes)}{have}")
    if len(plan.files) > _SHOWN_FILES:
        lines.append(f"  and {len(plan.files) - _SHOWN_FILES} more files")
    lines.append(f"licence      {plan.licence or 'not stated'}")
    lines.append(f"to fetch     {format_size(plan.missing_bytes)} of {format_size(plan.total_bytes)}")
    lines.append(f"free on disk {format_size(plan.free_bytes)}, needed {format_size(plan.needed_bytes)}")
    lines.append(f"into         {plan.folder}")
    return "\n".join(lines)


def list_document(manifests: Sequence[Manifest], unfinished_bytes: int = 0) -> dict[str, Any]:
    """Everything downloaded, and the bytes of downloads that did not end."""
    entries = [
        {
            "model": m.model,
            "repo": m.repo,
            "revision": m.revision,
            "quant": m.quant,
            "bytes": m.bytes,
            "files": [file.path for file in m.files],
        }
        for m in manifests
    ]
    return {"schema": "advisor.downloads/1", "downloads": entries, "unfinished_bytes": unfinished_bytes}


def list_text(manifests: Sequence[Manifest], unfinished_bytes: int = 0) -> str:
    """One line a download, and one for those that did not end."""
    names = [f"{m.repo}:{m.quant}" for m in manifests]
    widest = max((len(name) for name in names), default=0)
    lines = [f"{name:<{widest}}  {format_size(m.bytes)}" for name, m in zip(names, manifests, strict=True)]
    if unfinished_bytes:
        lines.append(f"unfinished: {format_size(unfinished_bytes)} (`advisor download --remove unfinished` drops it)")
    return "\n".join(lines) or "nothing downloaded yet"
