"""What `catalog add` and `catalog update` wrote, as JSON and as text.

`advisor.catalog-update/1` for models read from the hub, `advisor.catalog-signed/1` for signed catalogs.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

SCHEMA = "advisor.catalog-update/1"
SIGNED_SCHEMA = "advisor.catalog-signed/1"


class Written(Protocol):
    """One overlay that was written."""

    @property
    def model(self) -> str:
        """Its id."""
        ...

    @property
    def path(self) -> Path:
        """The overlay file."""
        ...

    @property
    def revisions(self) -> Mapping[str, str]:
        """Commit read, by repository."""
        ...

    @property
    def files(self) -> int:
        """Quantizations with exact bytes."""
        ...

    @property
    def results(self) -> int:
        """Benchmark results read."""
        ...

    @property
    def kept_out(self) -> Mapping[str, str]:
        """Results that were not taken, and why."""
        ...

    @property
    def failed(self) -> Mapping[str, str]:
        """Repositories that could not be read, and why."""
        ...


def update_document(written: Sequence[Written]) -> dict[str, Any]:
    """Each model with the file written and the commits read."""
    return {
        "schema": SCHEMA,
        "models": [
            {
                "model": one.model,
                "path": str(one.path),
                "revisions": dict(one.revisions),
                "files": one.files,
                "results": one.results,
                "kept_out": dict(one.kept_out),
                "failed": dict(one.failed),
            }
            for one in written
        ],
    }


def update_text(written: Sequence[Written]) -> str:
    """A line a model, and one a repository that did not answer."""
    lines = []
    for one in written:
        results = f", {one.results} benchmark results (shown, not counted in scores)" if one.results else ""
        lines.append(f"{one.model}: {one.files} quantizations with exact sizes{results}, written to {one.path}")
        lines += [f"  kept out: {name}: {reason}" for name, reason in one.kept_out.items()]
        lines += [f"  {repo}: {reason}" for repo, reason in one.failed.items()]
    return "\n".join(lines)


class Signed(Protocol):
    """A signed catalog after an update."""

    @property
    def url(self) -> str:
        """Where it was read."""
        ...

    @property
    def path(self) -> Path:
        """The folder of its files."""
        ...

    @property
    def version(self) -> int:
        """The signers' number."""
        ...

    @property
    def expires(self) -> datetime:
        """Until when its signatures hold."""
        ...

    @property
    def changed(self) -> bool:
        """Whether it differs from what was in use before."""
        ...

    @property
    def files(self) -> int:
        """YAML files."""
        ...

    @property
    def models(self) -> int:
        """Models it adds or changes."""
        ...

    @property
    def hardware(self) -> int:
        """Hardware files."""
        ...


def signed_document(updated: Sequence[Signed]) -> dict[str, Any]:
    """Each catalog with its version, its age limit and what it says something about."""
    return {
        "schema": SIGNED_SCHEMA,
        "catalogs": [
            {
                "url": one.url,
                "path": str(one.path),
                "version": one.version,
                "expires": one.expires.isoformat(),
                "changed": one.changed,
                "files": one.files,
                "models": one.models,
                "hardware": one.hardware,
            }
            for one in updated
        ],
    }


def signed_text(updated: Sequence[Signed]) -> str:
    """A line a catalog."""
    return "\n".join(
        f"{one.url}: version {one.version}{'' if one.changed else ' (as before)'}, {one.models} models"
        + (f", {one.hardware} hardware files" if one.hardware else "")
        + f", signed until {one.expires:%Y-%m-%d}, in {one.path}"
        for one in updated
    )
