"""MLX's server command for a choice (mlx-lm, mlx_lm/SERVER.md). The window is the model's own: no option sets it."""

from advisor.engines.serve_plan import ServePlan


def mlx_argv(plan: ServePlan) -> tuple[str, ...]:
    """Serves an MLX repository on the loopback address."""
    return ("mlx_lm.server", "--model", plan.repo or plan.model, "--host", plan.host, "--port", str(plan.port))
