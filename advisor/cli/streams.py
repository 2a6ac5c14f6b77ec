"""The three standard streams as a program may find them: closed, or in an encoding that lacks our signs."""

import codecs
import os
import sys
from io import TextIOWrapper
from typing import TextIO

PLAIN = {
    "≤": "<=", "≥": ">=", "×": "x", "±": "+-", "–": "-", "—": "-", "−": "-", "·": "-", "…": "...", "≈": "~", "→": "->",
    "’": "'", "“": '"', "”": '"',
}  # fmt: skip
"""What is written for the signs of our texts where the encoding has none: a Windows code page, or plain ASCII."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


def prepare_streams() -> bool:
    """Make the streams ones that can be written to; False where standard output is closed, so that no result can be."""
    codecs.register_error("advisor.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors="advisor.plain")
    open_output = sys.stdout is not None
    sys.stdout, sys.stderr = _or_nothing(sys.stdout), _or_nothing(sys.stderr)
    return open_output


def _or_nothing(stream: TextIO | None) -> TextIO:
    return open(os.devnull, "w", encoding="utf-8") if stream is None else stream
