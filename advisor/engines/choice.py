"""Which engine measures: the one that the user names, else one that is installed, else the embedded one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from advisor.domain.machine import EngineFound
from advisor.engines.protocol import Engine
from advisor.errors import EngineError, UnknownName, UsageError

if TYPE_CHECKING:
    from advisor.engines.answering import Answerer

ENGINES = ("llama.cpp", "llama-bench", "llama-server", "ollama", "embedded")
"""Names that `--engine` takes. llama.cpp: whichever of its programs is installed."""


def _program(found: Sequence[EngineFound], name: str) -> str | None:
    """Path of an installed program."""
    for engine in found:
        if engine.path and engine.path.rsplit("/", 1)[-1] == name:
            return engine.path
    import shutil

    return shutil.which(name)


def _llama_bench(found: Sequence[EngineFound]) -> Engine | None:
    path = _program(found, "llama-bench")
    if path is None:
        return None
    from advisor.engines.llama_bench import LlamaBench

    return LlamaBench(path)


def _llama_server(found: Sequence[EngineFound]) -> Engine | None:
    path = _program(found, "llama-server")
    if path is None:
        return None
    from advisor.engines.llama_server import LlamaServer

    return LlamaServer(path)


def _embedded() -> Engine | None:
    from advisor.engines.embedded import EmbeddedEngine

    return EmbeddedEngine() if EmbeddedEngine.installed() else None


def choose_for_answer(found: Sequence[EngineFound], stated: str | None = None) -> "Answerer":
    """An engine that answers a prompt with a GGUF file. Raises as `choose_for_file`."""
    if stated is not None and stated not in ENGINES:
        raise UnknownName(f"no engine is called `{stated[:60]}`", hint="one of " + ", ".join(ENGINES))
    path = _program(found, "llama-server") if stated in (None, "llama.cpp", "llama-server") else None
    if path is not None:
        from advisor.engines.llama_server_answer import LlamaServerAnswerer

        return LlamaServerAnswerer(path)
    if stated in (None, "embedded") and _embedded() is not None:
        from advisor.engines.embedded_answer import EmbeddedAnswerer

        return EmbeddedAnswerer()
    if stated in ("llama-bench", "ollama"):
        raise UsageError(f"{stated} does not answer a prompt from a file", hint="--engine llama-server or embedded")
    raise EngineError(
        f"{stated} is not installed" if stated else "no engine that answers is installed",
        hint="pip install 'model-advisor[bench]' brings the embedded one",
    )


def choose_for_file(found: Sequence[EngineFound], stated: str | None = None) -> Engine:
    """An engine that measures a GGUF file. Raises EngineError where there is none, UnknownName for a wrong name."""
    if stated is not None and stated not in ENGINES:
        raise UnknownName(f"no engine is called `{stated[:60]}`", hint="one of " + ", ".join(ENGINES))
    if stated == "ollama":
        raise EngineError("ollama measures models of its own store, not a file", hint="name its model: qwen3:8b")
    tries = {
        "llama-bench": lambda: _llama_bench(found),
        "llama-server": lambda: _llama_server(found),
        "embedded": _embedded,
    }
    wanted = {"llama.cpp": ("llama-bench", "llama-server"), None: tuple(tries)}.get(stated, (stated or "",))
    for name in wanted:
        engine = tries[name]()
        if engine is not None:
            return engine
    raise EngineError(
        f"{stated} is not installed" if stated else "no engine for GGUF files is installed",
        hint="pip install 'model-advisor[bench]' brings the embedded one",
    )
