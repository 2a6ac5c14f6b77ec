"""Inference engines that are installed or answer on this machine. Nothing is started; versions are not asked for."""

from advisor.domain.machine import EngineFound
from advisor.probes.host import Host

_PROGRAMS = (
    ("llama-server", "llama.cpp"), ("llama-bench", "llama.cpp"), ("llama-cli", "llama.cpp"), ("ollama", "ollama"),
    ("vllm", "vllm"), ("mlx_lm.server", "mlx"), ("mlx_lm.generate", "mlx"), ("lms", "lmstudio"),
)  # fmt: skip
"""Programs on PATH and the engine they belong to."""
_MODULES = (("xllamacpp", "embedded"), ("vllm", "vllm"), ("mlx_lm", "mlx"))
"""Python modules of this interpreter."""
OLLAMA_PORT = 11434
"""Where Ollama listens by default; tried by a connection of at most 50 ms."""


def find_engines(host: Host) -> tuple[EngineFound, ...]:
    """Each program once, then importable modules, then Ollama where it listens."""
    found: dict[str, EngineFound] = {}
    for program, name in _PROGRAMS:
        path = host.which(program) or _in_home(host, program)
        if path:
            found[program] = EngineFound(name=name, path=path, source=f"PATH: {program}")
    for module, name in _MODULES:
        if not any(e.name == name for e in found.values()) and host.ask("module", module):
            found[module] = EngineFound(name=name, source=f"Python module {module}")
    if host.ask("listening", f"127.0.0.1:{OLLAMA_PORT}") is True:
        path = found["ollama"].path if "ollama" in found else None
        found["ollama"] = EngineFound(name="ollama", path=path, running=True, source=f"127.0.0.1:{OLLAMA_PORT}")
    return tuple(found.values())


def _in_home(host: Host, program: str) -> str | None:
    """LM Studio keeps its program outside PATH."""
    home = host.environ.get("HOME")
    path = f"{home}/.lmstudio/bin/lms"
    return path if program == "lms" and home and host.exists(path) else None
