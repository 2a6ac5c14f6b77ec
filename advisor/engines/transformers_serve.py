"""The server of the transformers library (docs: huggingface.co/docs/transformers, Serve CLI; extra `serving`)."""

from advisor.engines.serve_plan import Output, ServePlan
from advisor.errors import EngineError


def transformers_argv(plan: ServePlan) -> tuple[str, ...]:
    """Serves whatever model a request names. Raises EngineError for vectors and scores, which it has no address for."""
    if plan.output is not Output.TEXT:
        raise EngineError(
            f"transformers serves no {plan.output}",
            hint="load it with sentence-transformers, or choose a model that llama.cpp loads",
        )
    return ("transformers", "serve", "--host", plan.host, "--port", str(plan.port))
