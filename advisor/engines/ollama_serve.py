"""Ollama's steps for a choice: a Modelfile over the very file that was chosen, created once, then run."""

import re

from advisor.engines.serve_plan import ServeCommand, ServePlan

_PARAMETERS_ALL_LAYERS = 999
"""Ollama caps `num_gpu` at the layers there are."""


def ollama_name(plan: ServePlan) -> str:
    """A local name from the model's and the quantization: lower case letters, digits, dots and dashes."""
    name = re.sub(r"[^a-z0-9.]+", "-", plan.model.rpartition("/")[2].lower()).strip("-.")
    tag = re.sub(r"[^a-z0-9._]+", "-", plan.quant.lower()).strip("-.")
    return f"{name}:{tag}" if tag else name


def modelfile(plan: ServePlan) -> str:
    """FROM the file on disk with the window, layers and threads that were estimated (Ollama, docs/modelfile.mdx)."""
    lines = [f"FROM {plan.path or plan.repo or plan.model}", f"PARAMETER num_ctx {plan.context}"]
    lines.append(f"PARAMETER num_gpu {plan.gpu_layers}")
    if plan.threads:
        lines.append(f"PARAMETER num_thread {plan.threads}")
    return "\n".join(lines) + "\n"


def ollama_steps(plan: ServePlan) -> ServeCommand:
    """Create the model from the Modelfile, then run it. The cache type is the server's, set in its environment."""
    name = ollama_name(plan)
    environment = [("OLLAMA_HOST", f"{plan.host}:11434"), ("OLLAMA_NUM_PARALLEL", str(plan.users))]
    if plan.kv_type != "f16":
        environment += [("OLLAMA_FLASH_ATTENTION", "1"), ("OLLAMA_KV_CACHE_TYPE", plan.kv_type.partition("/")[0])]
    return ServeCommand(
        argv=("ollama", "run", name),
        program="ollama",
        before=(("ollama", "create", name, "-f", "Modelfile"),),
        modelfile=modelfile(plan),
        environment=tuple(environment),
    )
