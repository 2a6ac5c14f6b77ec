"""The command that serves one choice on an engine. Pure: a plan in, argument lists out; nothing is started or fetched.

Every server listens on the loopback address and keeps no page, no log of slots and no way to fetch models.
"""

from dataclasses import dataclass

from advisor.engines.llama_serve import llama_server_argv
from advisor.engines.mlx import mlx_argv
from advisor.engines.ollama_serve import ollama_steps
from advisor.engines.serve_plan import ServeCommand, ServePlan
from advisor.engines.transformers_serve import transformers_argv
from advisor.engines.vllm import vllm_argv
from advisor.errors import EngineError


def serve_command(plan: ServePlan) -> ServeCommand:
    """How to serve `plan`. Raises EngineError for an engine that serves nothing by itself."""
    match plan.engine:
        case "llama.cpp" | "embedded" | "llama-server" | "lmstudio":
            return ServeCommand(argv=llama_server_argv(plan), program="llama-server")
        case "ollama":
            return ollama_steps(plan)
        case "vllm":
            return ServeCommand(argv=vllm_argv(plan), program="vllm")
        case "mlx":
            return ServeCommand(argv=mlx_argv(plan), program="mlx_lm.server")
        case "transformers":
            return ServeCommand(argv=transformers_argv(plan), program="transformers")
    raise EngineError(
        f"advisor knows no server command for {plan.engine}",
        hint="--engine llama.cpp, ollama, vllm, mlx or transformers",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A container image of an engine, and the resource that gives it an accelerator."""

    name: str
    gpu_resource: str | None = None


_LLAMA = "ghcr.io/ggml-org/llama.cpp"
_RESOURCES = {"cuda": "nvidia.com/gpu", "rocm": "amd.com/gpu", "sycl": "gpu.intel.com/i915"}
_TAGS = {"cuda": "server-cuda", "rocm": "server-rocm", "vulkan": "server-vulkan", "sycl": "server-intel"}


def image_for(plan: ServePlan) -> Image:
    """The engine's own image (llama.cpp: docs/docker.md; Ollama and vLLM: their installation pages)."""
    resource = _RESOURCES.get(plan.backend) if plan.gpu_layers or plan.engine == "vllm" else None
    if plan.engine == "vllm":
        return Image(name="vllm/vllm-openai:latest", gpu_resource=resource or "nvidia.com/gpu")
    if plan.engine == "ollama":
        return Image(name="ollama/ollama:latest", gpu_resource=resource)
    tag = _TAGS.get(plan.backend, "server") if plan.gpu_layers else "server"
    return Image(name=f"{_LLAMA}:{tag}", gpu_resource=resource)
