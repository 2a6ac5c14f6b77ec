"""JSON Schemas of the JSON documents, made from their types."""

from typing import Any

from advisor.errors import UnknownName
from advisor.report.documents import DOCUMENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_names() -> tuple[str, ...]:
    """Names that `document_schema` knows: the middle part of each document's `schema` field."""
    return tuple(DOCUMENTS)


def document_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of `advisor.NAME/1`. Raises UnknownName with suggestions."""
    from difflib import get_close_matches

    from pydantic import TypeAdapter

    key = name.removeprefix("advisor.").removesuffix("/1")
    if key not in DOCUMENTS:
        close = tuple(get_close_matches(key, DOCUMENTS, n=3))
        raise UnknownName(
            f"no document is called `{name}`",
            suggestions=close,
            hint=None if close else f"one of {', '.join(DOCUMENTS)}",
        )
    schema = TypeAdapter(DOCUMENTS[key]).json_schema()
    return {"$schema": DIALECT, "$id": f"advisor.{key}/1", **schema}
