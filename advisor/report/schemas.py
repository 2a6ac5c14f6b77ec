"""JSON Schemas of the JSON documents, made from their types: written-down shapes, or nouns printed as they are."""

from collections.abc import Mapping
from typing import Any

from advisor.decide.lock import Lock
from advisor.domain.device import DeviceSpec
from advisor.domain.machine import Machine
from advisor.errors import UnknownName
from advisor.report.documents import DOCUMENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOUNS: Mapping[str, type] = {"machine": Machine, "lock": Lock, "device": DeviceSpec}
"""Documents that are a noun with `schema` in front."""


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
    schema = TypeAdapter(DOCUMENTS.get(key) or NOUNS[key]).json_schema()
    if key in NOUNS:
        schema["properties"] = {"schema": {"const": f"advisor.{key}/1", "type": "string"}, **schema["properties"]}
        schema["required"] = ["schema", *schema.get("required", ())]
    return {"$schema": DIALECT, "$id": f"advisor.{key}/1", **schema}
