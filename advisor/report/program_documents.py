"""The shapes of what tells of the program itself: its tasks, its diagnosis, a check of its catalog, its schemas."""

from typing import Any, Literal

from typing_extensions import TypedDict


class TaskRow(TypedDict):
    """A kind of work with its usual shape: lengths in tokens, times in seconds."""

    name: str
    title: str
    prompt_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    context: int | None
    max_ttft_s: float | None
    max_tpot_s: float | None
    max_latency_s: float | None
    categories: list[str]
    modality: str
    encoder_positions: int
    capability: str | None
    scale: str
    aliases: list[str]


class Tasks(TypedDict):
    """`advisor catalog list --tasks --json`."""

    schema: Literal["advisor.tasks/1"]
    tasks: list[TaskRow]


class Finding(TypedDict):
    """One mistake, and where it stands; line 0 is the file as a whole."""

    file: str
    line: int | None
    reason: str


class Validation(TypedDict):
    """`advisor catalog validate --json`."""

    schema: Literal["advisor.validation/1"]
    valid: bool
    files: int
    models: int
    evidence_rows: int
    findings: list[Finding]


class Source(TypedDict):
    """One source of facts about the machine: whether it answered, and with what."""

    source: str
    state: Literal["answered", "nothing", "failed", "not asked"]
    detail: str
    hint: str | None


class Conflict(TypedDict):
    """Two sources that say different things of one fact."""

    device: str
    fact: str
    kept: str
    kept_source: str
    other: str
    other_source: str


class Folder(TypedDict):
    """One of the program's own folders."""

    name: str
    path: str
    writable: bool


class Doctor(TypedDict):
    """`advisor doctor --json`; `machine` is an `advisor.machine/1` document."""

    schema: Literal["advisor.doctor/1"]
    machine: dict[str, Any]
    sources: list[Source]
    conflicts: list[Conflict]
    folders: list[Folder]
    versions: dict[str, str | None]


class Schemas(TypedDict):
    """`advisor schema --json`."""

    schema: Literal["advisor.schemas/1"]
    names: list[str]


PROGRAM_DOCUMENTS: dict[str, type] = {"tasks": Tasks, "validation": Validation, "doctor": Doctor, "schemas": Schemas}
