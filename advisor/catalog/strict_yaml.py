"""YAML for data that strangers may write: plain mappings, lists, text and numbers, nothing else.

Refuses anchors, aliases, tags, merge keys, duplicate keys, second documents, control and invisible characters, and
anything too large, too deep or too long. Scalars follow YAML 1.2 core, so `no` and `1:30` are text. Every refusal is
a `BadDocument` that names file and line. Lines are kept, so that later checks can name them too.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor.errors import BadDocument

MAX_BYTES = 2 << 20
"""Largest file. A family's file is some 10–60 kB."""
MAX_NODES = 200_000
"""Parser events in one file: 200,000 keys take seconds to build."""
MAX_DEPTH = 24
MAX_SCALAR = 16_384
"""Characters of one value."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)
_INT = re.compile(r"[-+]?(0|[1-9]\d{0,17})\Z")
_FLOAT = re.compile(r"[-+]?(\d{1,18}\.\d{0,18}|\.\d{1,18}|\d{1,18}(?=[eE]))([eE][-+]?\d{1,3})?\Z")
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}


class Document:
    """A parsed file: `value`, and the line of everything in it."""

    __slots__ = ("_lines", "name", "value")

    def __init__(self, name: str, value: Any, lines: dict[int, dict[Any, int]]) -> None:
        self.name = name
        self.value = value
        self._lines = lines

    def line_of(self, path: Sequence[str | int]) -> int:
        """Line (from 1) of the deepest part of `path` that exists."""
        line, here = 1, self.value
        for step in path:
            known = self._lines.get(id(here), {})
            if step not in known:
                break
            line, here = known[step], here[step]
        return line


class _Builder:
    """Turns parser events into plain values; holds one frame for each open collection."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[int, dict[Any, int]] = {}
        self.root: Any = None
        self.documents = 0
        self._open: list[Any] = []
        self._keys: list[Any] = []
        self._want_value: list[bool] = []

    def refuse(self, why: str, line: int) -> BadDocument:
        return BadDocument(f"{self.name}:{line}: {why}")

    def start(self, collection: Any, event: Any) -> None:
        line = event.start_mark.line + 1
        self.check_decoration(event, line)
        if len(self._open) >= MAX_DEPTH:
            raise self.refuse(f"deeper than {MAX_DEPTH} levels", line)
        self.lines[id(collection)] = {}
        self._place(collection, line)
        self._open.append(collection)
        self._keys.append(None)
        self._want_value.append(False)

    def end(self) -> None:
        self._open.pop()
        self._keys.pop()
        self._want_value.pop()

    def scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        self.check_decoration(event, line)
        value = self._plain(event.value, line) if not event.style else self._text(event.value, line)
        self._place(value, line)

    def check_decoration(self, event: Any, line: int) -> None:
        if event.anchor:
            raise self.refuse("anchors are not allowed", line)
        if event.tag:
            raise self.refuse("tags are not allowed", line)

    def _text(self, text: str, line: int) -> str:
        if len(text) > MAX_SCALAR:
            raise self.refuse(f"value longer than {MAX_SCALAR} characters", line)
        if _INVISIBLE.search(text):
            raise self.refuse("control or invisible character", line)
        return text

    def _plain(self, text: str, line: int) -> Any:
        self._text(text, line)
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INT.match(text):
            return int(text)
        if _FLOAT.match(text):
            number = float(text)
            if not math.isfinite(number):
                raise self.refuse("number out of range", line)
            return number
        return text

    def _place(self, value: Any, line: int) -> None:
        if not self._open:
            self.root = value
            return
        here = self._open[-1]
        if isinstance(here, list):
            self.lines[id(here)][len(here)] = line
            here.append(value)
        elif self._want_value[-1]:
            here[self._keys[-1]] = value
            self._want_value[-1] = False
        else:
            self._take_key(here, value, line)

    def _take_key(self, here: dict[Any, Any], key: Any, line: int) -> None:
        if not isinstance(key, str) or key == "<<":
            raise self.refuse(f"key must be plain text: {str(key)[:40]!r}", line)
        if key in here:
            raise self.refuse(f"duplicate key {key[:40]!r}", line)
        self.lines[id(here)][key] = line
        here[key] = None
        self._keys[-1] = key
        self._want_value[-1] = True


def _feed(builder: _Builder, event: Any, kind: str) -> None:
    if kind == "ScalarEvent":
        builder.scalar(event)
    elif kind == "MappingStartEvent":
        builder.start({}, event)
    elif kind == "SequenceStartEvent":
        builder.start([], event)
    elif kind in ("MappingEndEvent", "SequenceEndEvent"):
        builder.end()
    elif kind == "AliasEvent":
        raise builder.refuse("aliases are not allowed", event.start_mark.line + 1)
    elif kind == "DocumentStartEvent":
        builder.documents += 1
        if builder.documents > 1:
            raise builder.refuse("more than one document", event.start_mark.line + 1)


def parse_yaml(data: bytes, name: str) -> Document:
    """Parse one document. `name` stands in error messages. Raises `BadDocument`, and nothing else."""
    import yaml

    if len(data) > MAX_BYTES:
        raise BadDocument(f"{name}: {len(data)} bytes, more than {MAX_BYTES}")
    builder = _Builder(name)
    try:
        text = data.decode("utf-8")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        events: Any = yaml.parse(text, Loader=loader)
        for count, event in enumerate(events):
            if count > MAX_NODES:
                raise builder.refuse(f"more than {MAX_NODES} nodes", event.start_mark.line + 1)
            _feed(builder, event, type(event).__name__)
    except UnicodeDecodeError as error:
        raise BadDocument(f"{name}: not UTF-8 at byte {error.start}") from None
    except yaml.YAMLError as error:
        raise _syntax_error(name, error) from None
    except RecursionError:
        raise BadDocument(f"{name}: nested too deeply") from None
    return Document(name, builder.root, builder.lines)


def _syntax_error(name: str, error: Any) -> BadDocument:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    return BadDocument(f"{name}:{line}: {_INVISIBLE.sub('?', str(problem))[:160]}")


def read_yaml(path: Path, name: str | None = None) -> Document:
    """Read and parse a file. Raises `BadDocument` for whatever is wrong with it, unreadable included."""
    shown = name or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadDocument(f"{shown}: {error.strerror or 'cannot be read'}") from None
    return parse_yaml(data, shown)
