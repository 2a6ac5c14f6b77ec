"""llama-server's command line for a choice (options: llama.cpp, tools/server/README.md)."""

from advisor.engines.serve_plan import Output, ServePlan

OUTPUT_FLAGS = {Output.TEXT: (), Output.VECTORS: ("--embeddings",), Output.SCORES: ("--reranking",)}


def llama_server_argv(plan: ServePlan) -> tuple[str, ...]:
    """Exactly what was estimated: window, layers on the GPU, cache type, threads; private and offline."""
    argv = ["llama-server", "--model", plan.path or "MODEL.gguf", "--alias", plan.model]
    argv += ["--host", plan.host, "--port", str(plan.port)]
    argv += ["--ctx-size", str(plan.context * plan.users), "--parallel", str(plan.users)]
    if plan.users > 1:
        argv += ["--kv-unified"]  # as estimated; with a stated number of slots each would have a cache of its own
    if plan.prompt_cache_mib is not None:
        argv += ["--cache-ram", str(plan.prompt_cache_mib)]
    argv += ["--n-gpu-layers", str(plan.gpu_layers)]
    if plan.cpu_expert_layers:
        argv += ["--n-cpu-moe", str(plan.cpu_expert_layers)]
    if plan.kv_type != "f16":
        k_type, _, v_type = plan.kv_type.partition("/")
        # a quantized V cache needs flash attention
        argv += ["--cache-type-k", k_type, "--cache-type-v", v_type or k_type, "--flash-attn", "on"]
    if plan.threads:
        argv += ["--threads", str(plan.threads)]
    if plan.projector:
        argv += ["--mmproj", plan.projector]
    return (*argv, *OUTPUT_FLAGS[plan.output], "--no-webui", "--no-slots", "--offline")
