"""JSON Schemas of the JSON documents, made from their types: written-down shapes, or nouns printed as they are."""

from collections.abc import Mapping
from typing import Any

from advisor.decide.lock import Lock
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Machine
from advisor.errors import UnknownName
from advisor.report.documents import DOCUMENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOUNS: Mapping[str, type] = {"machine": Machine, "lock": Lock}
"""Documents that are a noun with `schema` in front."""
_OR_ONE: Mapping[str, type] = {"hardware": DeviceSpec}
"""Documents that a list and one of its rows share: `hardware list` and `hardware show`."""


def document_names() -> tuple[str, ...]:
    """Names that `document_schema` knows: the middle part of each document's `schema` field."""
    return (*DOCUMENTS, *NOUNS)


def document_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of `advisor.NAME/1`. Raises UnknownName with suggestions."""
    from difflib import get_close_matches

    from pydantic import TypeAdapter

    key = name.removeprefix("advisor.").removesuffix("/1")
    if key not in document_names():
        close = tuple(get_close_matches(key, document_names(), n=3))
        hint = None if close else f"one of {', '.join(document_names())}"
        raise UnknownName(f"no document is called `{name}`", suggestions=close, hint=hint)
    kind: Any = DOCUMENTS.get(key) or NOUNS[key]
    schema = TypeAdapter(kind | _OR_ONE[key] if key in _OR_ONE else kind).json_schema()
    if key in NOUNS or key in _OR_ONE:
        own = schema.get("properties", {})
        schema["properties"] = {"schema": {"const": f"advisor.{key}/1", "type": "string"}, **own}
        schema["required"] = ["schema", *schema.get("required", ())]
    return {"$schema": DIALECT, "$id": f"advisor.{key}/1", **schema}
