"""vLLM's command line for a choice (options: docs.vllm.ai, `vllm serve`)."""

from advisor.engines.serve_plan import ServePlan


def vllm_argv(plan: ServePlan) -> tuple[str, ...]:
    """Serves the repository's safetensors; as many sequences as users, the window per sequence."""
    argv = ["vllm", "serve", plan.repo or plan.model, "--served-model-name", plan.model]
    argv += ["--host", plan.host, "--port", str(plan.port)]
    argv += ["--max-model-len", str(plan.context), "--max-num-seqs", str(max(1, plan.users))]
    if plan.memory_share is not None:
        argv += ["--gpu-memory-utilization", str(plan.memory_share)]  # the default differs between versions
    if plan.tensor_parallel > 1:
        argv += ["--tensor-parallel-size", str(plan.tensor_parallel)]
    elif plan.devices > 1:
        argv += ["--pipeline-parallel-size", str(plan.devices)]
    if plan.kv_type != "f16":
        argv += ["--kv-cache-dtype", "fp8"]
    return tuple(argv)
