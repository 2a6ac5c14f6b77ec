"""What is to be served, engine-independent, and the command that does it."""

from dataclasses import dataclass
from enum import StrEnum

HOST = "127.0.0.1"
"""Nothing but this machine may connect unless the user says so."""
PORT = 8080


class Output(StrEnum):
    """What a model answers with: a server must be told when it is not text."""

    TEXT = "text"
    VECTORS = "vectors"
    SCORES = "scores"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServePlan:
    """One choice, ready to be served. `context` is per user; `gpu_layers` counts the output head as one."""

    engine: str
    model: str
    """Catalog id, also the name the server answers to."""
    repo: str | None
    """Hub repository of the chosen files."""
    path: str | None
    """First file on disk, or where it will be once downloaded."""
    quant: str
    context: int
    users: int = 1
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    tensor_parallel: int = 1
    devices: int = 0
    kv_type: str = "f16"
    threads: int | None = None
    backend: str = "cpu"
    memory_bytes: int | None = None
    """Main memory that it needs."""
    prompt_cache_mib: int | None = None
    """Main memory that it may fill with past prompts, where its default would not fit."""
    memory_share: float | None = None
    """Share of each device's memory that the engine takes, where it takes one."""
    host: str = HOST
    port: int = PORT
    projector: str | None = None
    output: Output = Output.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeCommand:
    """`argv` starts the server; `before` must have run once; `modelfile` is what Ollama creates the model from."""

    argv: tuple[str, ...]
    program: str
    before: tuple[tuple[str, ...], ...] = ()
    modelfile: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
