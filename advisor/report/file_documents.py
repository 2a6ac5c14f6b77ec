"""The shape of the JSON documents about model files: downloads and inspections. Same rules as `documents`."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict


class PlannedFile(TypedDict):
    """A file of a plan (`have_bytes`), or of a finished download (`local_path`, `origin`, `fetched_bytes`).

    One of `sha256` and `git`, git's blob hash, is there.
    """

    path: str
    bytes: int
    sha256: NotRequired[str]
    git: NotRequired[str]
    have_bytes: NotRequired[int]
    local_path: NotRequired[str]
    origin: NotRequired[str]
    fetched_bytes: NotRequired[int]


class Download(TypedDict):
    """`advisor.download/1`: what was done, or with `dry_run` what would be."""

    schema: Literal["advisor.download/1"]
    dry_run: bool
    model: str
    repo: str
    revision: str
    quant: str
    license: str | None
    total_bytes: int
    missing_bytes: int
    needed_bytes: int
    free_bytes: int | None
    folder: str
    notes: list[str]
    path: str | None
    verified: bool
    fetched_bytes: int
    files: list[PlannedFile]


class ListedDownload(TypedDict):
    """One complete download."""

    model: str
    repo: str
    revision: str
    quant: str
    bytes: int
    files: list[str]


class Downloads(TypedDict):
    """`advisor.downloads/1`: everything in the models folder."""

    schema: Literal["advisor.downloads/1"]
    downloads: list[ListedDownload]
    unfinished_bytes: int


class InspectedFile(TypedDict):
    """One file that was read."""

    path: str
    bytes: int


class TypeShare(TypedDict):
    """All tensors of one type; `bytes` is null for a type whose size is unknown."""

    type: str
    tensors: int
    params: int
    bytes: int | None


class InspectedFootprint(TypedDict):
    """Bytes of weights, cache, recurrent state and llama-server's scratch for one sequence."""

    context: int
    weights: int | None
    kv_cache: int
    state: int
    compute: int
    total: int | None


class Inspection(TypedDict):
    """`advisor.inspection/1`: what a file, folder or repository really holds."""

    schema: Literal["advisor.inspection/1"]
    target: str
    source: str
    format: str
    version: int | None
    name: str | None
    files: list[InspectedFile]
    file_bytes: int
    preset: str | None
    architecture_name: str | None
    architecture: dict[str, Any] | None
    context: int | None
    params: int
    tensors: int
    tensor_bytes: int | None
    bits_per_weight: float | None
    types: list[TypeShare]
    kv_type: str
    footprints: list[InspectedFootprint]
    chat_template_bytes: int | None
    fetched_bytes: int
    warnings: list[str]


FILE_DOCUMENTS: dict[str, type] = {"download": Download, "downloads": Downloads, "inspection": Inspection}
"""Documents by the middle part of their `schema` field."""
