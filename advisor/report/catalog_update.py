"""What `catalog add` and `catalog update` wrote, as JSON (`advisor.catalog-update/1`) and as text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

SCHEMA = "advisor.catalog-update/1"


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
                "failed": dict(one.failed),
            }
            for one in written
        ],
    }


def update_text(written: Sequence[Written]) -> str:
    """A line a model, and one a repository that did not answer."""
    lines = []
    for one in written:
        lines.append(f"{one.model}: {one.files} quantizations with exact sizes, written to {one.path}")
        lines += [f"  {repo}: {reason}" for repo, reason in one.failed.items()]
    return "\n".join(lines)
