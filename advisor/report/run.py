"""`advisor.run/1`, and the text of each `--format` of `advisor run`."""

from typing import Any

from advisor.decide.choice import Choice
from advisor.engines.serve_plan import ServeCommand, ServePlan
from advisor.engines.serving import Image
from advisor.report.quantities import estimate_fields
from advisor.report.serving import (
    compose_document,
    kubernetes_documents,
    modelfile_text,
    shell_text,
    systemd_text,
    yaml_text,
)

FORMATS = ("command", "systemd", "compose", "ollama", "kubernetes")


def run_text(plan: ServePlan, command: ServeCommand, image: Image, *, form: str, models: str) -> str:
    """The text that stdout gets. Raises UsageError for a form that the engine has no use for."""
    match form:
        case "systemd":
            return systemd_text(plan, command)
        case "compose":
            return yaml_text(compose_document(plan, image, models))
        case "ollama":
            return modelfile_text(plan)
        case "kubernetes":
            return yaml_text(*kubernetes_documents(plan, image, models))
    return shell_text(command)


def run_document(
    choice: Choice, plan: ServePlan, command: ServeCommand, *, present: bool, form: str, text: str
) -> dict[str, Any]:
    """The choice, its estimate and the command in parts; `text` is what the form prints."""
    return {
        "schema": "advisor.run/1",
        "model": plan.model,
        "repo": plan.repo,
        "path": plan.path,
        "downloaded": present,
        **estimate_fields(choice.estimate),
        "fits": choice.estimate.fits,
        "limits": list(choice.estimate.limits),
        "argv": list(command.argv),
        "before": [list(step) for step in command.before],
        "environment": dict(command.environment),
        "url": f"http://{plan.host}:{plan.port}" if command.program != "ollama" else "http://127.0.0.1:11434",
        "format": form,
        "text": text,
    }
