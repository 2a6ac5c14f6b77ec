"""Files, folders and standard input as a stream of values: JSON documents and rows of CSV, each with its place.

Nothing here trusts what it reads: lines, files and depths are bounded, and what cannot be read is named.
"""

import csv
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import Any, TextIO, cast

from advisor.inventory.columns import roles_of, tells_of_machines
from advisor.inventory.host import Rejected
from advisor.probes.document import DECODER, MAX_FILE
from advisor.probes.text import clean

STDIN = "-"
MAX_WHOLE = 64 << 20
"""Bytes of a file that is one JSON value; one document a line may go on for as long as it likes."""
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
"""What PowerShell writes; everything else is read as UTF-8."""
_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class Piece:
    """A value and where it stands."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class Table:
    """The headings of a table, before its rows, which are mappings of texts."""

    headings: tuple[str, ...]
    place: str


Found = Piece | Table | Rejected


def read_all(paths: Sequence[str], stdin: BufferedReader | None = None) -> Iterator[Found]:
    """Everything that the paths hold, folders searched through in order of name; `-` is standard input."""
    for path in paths:
        if path == STDIN:
            yield from _pieces(stdin or cast(BufferedReader, sys.stdin.buffer), "stdin")
            continue
        place = Path(path).expanduser()
        if place.is_dir():
            for file in _files_below(place):
                yield from _file(file)
        else:
            yield from _file(place)


def _files_below(folder: Path) -> Iterator[Path]:
    """Files in order of name, without hidden ones; links to folders are not followed."""
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(base, name) for name in sorted(names) if not name.startswith("."))


def _file(path: Path) -> Iterator[Found]:
    try:
        with path.open("rb") as file:
            yield from _pieces(file, str(path))
    except OSError as error:
        yield Rejected(source=str(path), reason=f"cannot be read: {error.strerror or error}")


@contextmanager
def _text_of(file: BufferedReader) -> Iterator[TextIO]:
    start = file.peek(2)[:2]
    encoding = next((name for mark, name in _ENCODINGS if start == mark), "utf-8-sig")
    text = TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()


def _pieces(file: BufferedReader, name: str) -> Iterator[Found]:
    with _text_of(file) as text:
        first, number = "", 0
        while not first.strip():
            first, number = text.readline(MAX_FILE), number + 1
            if not first:
                yield Rejected(source=name, reason="is empty")
                return
        if first.lstrip()[0] in "{[":
            yield from _json(first, number, text, name)
        else:
            yield from _csv(first, text, name)


def _json(first: str, number: int, text: TextIO, name: str) -> Iterator[Found]:
    """One document a line where the first line is one; else the file is values one after another."""
    try:
        value = DECODER.decode(first)
    except (ValueError, RecursionError):
        yield from _values(first + text.read(MAX_WHOLE), name)
        return
    rest = text.readline(MAX_FILE)
    while rest and not rest.strip():
        rest, number = text.readline(MAX_FILE), number + 1
    if not rest:
        yield from _unpacked(value, name)
        return
    yield Piece(value, f"{name}:{number}")
    yield from _lines(rest, number + 1, text, name)


def _lines(line: str, number: int, text: TextIO, name: str) -> Iterator[Found]:
    while line:
        place = f"{name}:{number}"
        if len(line) >= MAX_FILE and not line.endswith("\n"):
            yield Rejected(source=place, reason=f"is longer than {MAX_FILE >> 20} MiB")
            while line and not line.endswith("\n"):
                line = text.readline(MAX_FILE)
        elif line.strip():
            try:
                yield Piece(DECODER.decode(line), place)
            except (ValueError, RecursionError) as error:
                yield Rejected(source=place, reason=f"is not JSON: {clean(str(error), 120)}")
        line, number = text.readline(MAX_FILE), number + 1


def _values(text: str, name: str) -> Iterator[Found]:
    if len(text) >= MAX_WHOLE:
        yield Rejected(source=name, reason=f"is one JSON value of more than {MAX_WHOLE >> 20} MiB: write one a line")
        return
    at, count = 0, 0
    while at < len(text):
        try:
            value, end = DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            rest = ", and what follows is left out" if count else ""
            yield Rejected(source=name, reason=f"is not JSON: {clean(str(error), 120)}{rest}")
            return
        while end < len(text) and text[end] in " \t\r\n,":
            end += 1
        if count == 0 and end == len(text):
            yield from _unpacked(value, name)
        else:
            yield Piece(value, f"{name}#{count + 1}")
        at, count = end, count + 1


def _unpacked(value: Any, name: str) -> Iterator[Found]:
    """The items of a list, or of the one list that an answer wraps (`value`, `rows`, `results`); else the value."""
    wraps = isinstance(value, dict) and not value.keys() & {"schema", "kind", "ansible_facts"}
    if wraps and not tells_of_machines(roles_of(value)):
        lists = [v for v in value.values() if isinstance(v, list) and v and all(isinstance(item, dict) for item in v)]
        value = lists[0] if len(lists) == 1 and len(value) <= 8 else value
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield Piece(item, f"{name}#{position + 1}")
    else:
        yield Piece(value, name)


def _csv(first: str, text: TextIO, name: str) -> Iterator[Found]:
    delimiter = max(_DELIMITERS, key=first.count)
    if first.count(delimiter) == 0:
        yield Rejected(source=name, reason="is neither JSON nor a table with headings")
        return

    def lines() -> Iterator[str]:
        yield first
        while line := text.readline(MAX_FILE):
            yield line

    rows = csv.reader(lines(), delimiter=delimiter)
    try:
        headings = tuple(cell.strip() for cell in next(rows))
        yield Table(headings, name)
        for row in rows:
            if any(cell.strip() for cell in row):
                cells = dict(zip(headings, row, strict=False))
                yield Piece({**dict.fromkeys(headings, ""), **cells}, f"{name}:{rows.line_num}")
    except csv.Error as error:
        yield Rejected(source=f"{name}:{rows.line_num}", reason=f"is no CSV from here on: {clean(str(error), 100)}")
