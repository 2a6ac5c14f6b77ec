"""Reads an `advisor.machine/1` or `advisor.record/1` file nobody vouches for: checked, bounded, its text cleaned.

What `machine_document` writes comes back equal, but for `origin`, which says `file`: a machine in a file is not this
one.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from advisor.domain.device import HardwareLookup
from advisor.domain.machine import Machine
from advisor.errors import BadDocument
from advisor.probes.text import clean

SCHEMA = "advisor.machine/1"
RECORD_SCHEMA = "advisor.record/1"
MAX_FILE = 8 << 20
"""Bytes; a machine with 256 accelerators takes less than 1 MiB."""
MAX_ITEMS = 1024
MAX_TEXT = 1000
MAX_NUMBER = 2**62
_HINT = "write one with `advisor probe --output FILE`"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a file begins that PowerShell's `>` wrote."""


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number in JSON")


DECODER = json.JSONDecoder(parse_constant=_refuse)
"""JSON as the standard has it: no NaN, no infinity."""


def read_machine(path: Path, lookup: HardwareLookup | None = None) -> Machine:
    """The machine described in a file. Raises BadDocument in one line for whatever is wrong with it.

    A record that `advisor doctor --record` wrote is probed again from its answers; `lookup` fills data-sheet figures.
    """
    return machine_of(_load(path), str(path), lookup)


def machine_of(document: Any, name: str, lookup: HardwareLookup | None = None) -> Machine:
    """The machine of a parsed document of either kind. Raises BadDocument."""
    if isinstance(document, Mapping) and document.get("schema") == RECORD_SCHEMA:
        from advisor.probes.assemble import probe_machine
        from advisor.probes.record import ReplayHost

        return replace(probe_machine(lookup, host=ReplayHost(document, name)), origin="file")
    return machine_from(document, name)


def _load(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE + 1)
    except OSError as error:
        raise BadDocument(f"cannot read {path}: {error.strerror or error}", hint=_HINT) from error
    if len(raw) > MAX_FILE:
        raise BadDocument(f"{path} is larger than {MAX_FILE >> 20} MiB", hint=_HINT)
    try:
        return DECODER.decode(raw.decode("utf-16" if raw[:2] in _UTF_16 else "utf-8-sig"))
    except RecursionError as error:
        raise BadDocument(f"{path} is nested too deeply", hint=_HINT) from error
    except ValueError as error:
        raise BadDocument(f"{path} is not JSON: {clean(str(error), 200)}", hint=_HINT) from error


def machine_from(document: Any, name: str = "the document") -> Machine:
    """The machine of a parsed document. Raises BadDocument."""
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, Mapping) else None
        other = f" but {clean(found, 60)}" if isinstance(found, str) else ""
        raise BadDocument(f"{name} is no {SCHEMA} document{other}", hint=_HINT)
    machine = _validated(document, name)
    _check(machine, name, "machine")
    cleaned: Machine = with_texts(machine, lambda text: clean(text, MAX_TEXT))
    devices = tuple(replace(device, index=i) for i, device in enumerate(cleaned.accelerators))
    return replace(cleaned, accelerators=devices, origin="file")


@cache
def _adapter() -> Any:
    """Checks of every field, built once: building takes longer than checking."""
    from pydantic import TypeAdapter

    return TypeAdapter(Machine)


def _validated(document: Mapping[str, Any], name: str) -> Machine:
    from pydantic import ValidationError

    try:
        text = json.dumps({key: value for key, value in document.items() if key != "schema"})
        machine: Machine = _adapter().validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        message = f"{name}: {clean(place, 80)}: {clean(first['msg'], 120)}"
        raise BadDocument(message, hint=_HINT) from error
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"{name}: {clean(str(error), 120)}", hint=_HINT) from error
    return machine


def _check(value: Any, name: str, place: str) -> None:
    """Sizes and rates are finite, not negative and not absurd; lists are not endless."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, int | float):
        if not math.isfinite(value) or value < 0 or value > MAX_NUMBER:
            raise BadDocument(f"{name}: {place} is out of range", hint=_HINT)
    elif is_dataclass(value):
        for field in fields(value):
            _check(getattr(value, field.name), name, f"{place}.{field.name}")
    elif isinstance(value, Mapping | tuple):
        if len(value) > MAX_ITEMS:
            raise BadDocument(f"{name}: {place} has more than {MAX_ITEMS} items", hint=_HINT)
        for item in value if isinstance(value, tuple) else ():
            _check(item, name, f"{place}[]")


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The same value, of nested dataclasses, tuples and mappings, with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(key)): with_texts(item, change) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(with_texts(item, change) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: with_texts(getattr(value, f.name), change) for f in fields(value)})
    return value
