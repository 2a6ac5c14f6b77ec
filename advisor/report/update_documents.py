"""The shape of the JSON documents that updates of the catalog print. Same rules as `documents`."""

from typing import Literal

from typing_extensions import TypedDict


class WrittenModel(TypedDict):
    """One model read from the hub: the overlay written, commits read, files with exact bytes, results read.

    `kept_out`: results that were not taken, and why; `failed`: repositories that could not be read, and why.
    """

    model: str
    path: str
    revisions: dict[str, str]
    files: int
    results: int
    kept_out: dict[str, str]
    failed: dict[str, str]


class CatalogUpdate(TypedDict):
    """`advisor.catalog-update/1`: models read from the hub."""

    schema: Literal["advisor.catalog-update/1"]
    models: list[WrittenModel]


class SignedCatalogState(TypedDict):
    """One signed catalog in use: its version, until when its signatures hold, and how much it says."""

    url: str
    path: str
    version: int
    expires: str
    changed: bool
    files: int
    models: int
    hardware: int


class CatalogSigned(TypedDict):
    """`advisor.catalog-signed/1`: signed catalogs after an update."""

    schema: Literal["advisor.catalog-signed/1"]
    catalogs: list[SignedCatalogState]


UPDATE_DOCUMENTS: dict[str, type] = {"catalog-update": CatalogUpdate, "catalog-signed": CatalogSigned}
"""Documents by the middle part of their `schema` field."""
