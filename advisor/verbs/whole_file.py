"""Files that a user asked for (`--output`, `--record`, `--lock`, `--svg`): written whole or not at all."""

import os
from pathlib import Path

from advisor.errors import AdvisorError


def write_whole(text: str, path: Path, option: str) -> None:
    """Write UTF-8 text: others may read such a file at any moment, so it is replaced in one step.

    A link is followed, and what is no regular file (a pipe, /dev/stdout) is written to and never replaced. Raises
    AdvisorError where it cannot be written; `option` is what to choose differently.
    """
    partial: Path | None = None
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        target = path.resolve()
        partial = target.with_name(f".{target.name}.part{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, target)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        if partial is not None:
            _drop(partial)
        reason = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise AdvisorError(f"cannot write {path}: {reason or error}", hint=f"choose another {option}") from error


def _drop(partial: Path) -> None:
    from contextlib import suppress

    with suppress(OSError):
        partial.unlink()
