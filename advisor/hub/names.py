"""Names and texts that come from outside, made safe where they enter: repository ids, file paths, free text.

A name that breaks the rules is refused, never repaired; free text loses what could move a terminal.
"""

import re
import unicodedata

from advisor.errors import UsageError

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=-]{0,199}")
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

ALLOWED_SUFFIXES = (".gguf", ".safetensors", ".json", ".jinja", ".txt", ".md", ".model")
"""What is ever downloaded: weights without code, and small texts. Pickles (.bin, .pt, .pkl) can run code."""


def clean_text(text: str, limit: int = 200) -> str:
    """`text` in NFC without control, ESC, bidi, zero-width or private characters; white space becomes one space."""
    kept = (" " if c.isspace() else c for c in unicodedata.normalize("NFC", text[: 4 * limit]))
    shown = "".join(c for c in kept if unicodedata.category(c) not in _UNSAFE_CATEGORIES)
    return " ".join(shown.split())[:limit]


def is_repo_id(text: str) -> bool:
    """Whether `text` has the form of a hub repository id."""
    return _REPO.fullmatch(text) is not None and ".." not in text and "--" not in text


def means_a_path(text: str) -> bool:
    """Whether a person who typed `text` meant a file or folder, there or not: no model's name begins so."""
    return text.startswith(("/", "./", "../", "~"))


def check_repo_id(text: str) -> str:
    """`text` unchanged. Raises UsageError."""
    if not is_repo_id(text):
        raise UsageError(
            f"`{clean_text(text, 80)}` is not a hub repository id", hint="write it like unsloth/Qwen3-8B-GGUF"
        )
    return text


def check_revision(text: str) -> str:
    """`text` unchanged: a branch, tag or commit. Raises UsageError."""
    if not _REVISION.fullmatch(text):
        raise UsageError(f"`{clean_text(text, 80)}` is not a revision", hint="a branch, a tag or a commit of 40 digits")
    return text


def is_safe_path(path: str) -> bool:
    """Whether every segment is plain: no `..`, no hidden or absolute name, no control character, at most 200 long."""
    return len(path) <= 500 and all(_SEGMENT.fullmatch(part) for part in path.split("/"))


def is_allowed_format(path: str) -> bool:
    """Whether a file of this name may be downloaded at all."""
    return path.lower().endswith(ALLOWED_SUFFIXES)
