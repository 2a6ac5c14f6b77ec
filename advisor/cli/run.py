"""`advisor run`."""

from typing import Any

import click

from advisor.cli.asking import take_request, take_selection
from advisor.cli.options import common_options, machine_options, request_options, take_settings

EPILOG = """\b
Examples:
  advisor run qwen3-8b:Q4_K_M
  advisor run qwen3-8b --context 16384 --exec
  advisor run gpt-oss-20b --format compose --gpu "RTX 4090"
  advisor run qwen3-8b --engine ollama
  advisor run ~/models/Qwen3-8B-Q4_K_M.gguf
"""


@click.command("run", epilog=EPILOG)
@click.argument("target", metavar="MODEL[:QUANT]|FILE")
@click.option(
    "--format", "form", type=click.Choice(["command", "systemd", "compose", "ollama", "kubernetes"]),
    default="command", show_default=True, help="What to print",
)  # fmt: skip
@click.option("--exec", "execute", is_flag=True, help="Start it now instead of printing it")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where it listens")
@click.option("--port", type=int, default=8080, show_default=True, metavar="N")
@request_options
@machine_options
@common_options
def command(target: str, form: str, execute: bool, host: str, port: int, **values: Any) -> int:
    """The exact command that serves a choice: window, layers on the GPU, cache type, threads.

    It listens on this machine alone unless --host says otherwise. Nothing is downloaded.
    """
    settings = take_settings(values)
    selection, asked = take_selection(values), take_request(values)
    from advisor.cli import diagnostics
    from advisor.verbs.run import RunRequest, run_plan, start
    from advisor.verbs.workspace import Workspace

    result = run_plan(
        RunRequest(target=target, request=asked, selection=selection, host=host, port=port), Workspace(settings)
    )
    for limit in () if result.choice.estimate.fits else result.choice.estimate.limits:
        diagnostics.warn(limit, color=settings.color)
    if host not in ("127.0.0.1", "::1", "localhost"):
        diagnostics.warn(f"anybody who reaches {host} can use this server: it asks for no key", color=settings.color)
    if execute:
        start(result)
    if not result.present and result.plan.path and not settings.quiet:
        diagnostics.hint(f"first: advisor download {result.plan.model}:{result.plan.quant}", color=settings.color)
    _print(result, form, as_json=settings.json)
    return 0


def _print(result: Any, form: str, *, as_json: bool) -> None:
    from advisor.cli.output import emit_json, emit_text
    from advisor.report.run import run_document, run_text
    from advisor.settings import models_folder

    text = run_text(result.plan, result.command, result.image, form=form, models=str(models_folder().absolute()))
    if as_json:
        emit_json(
            run_document(result.choice, result.plan, result.command, present=result.present, form=form, text=text)
        )
    else:
        emit_text(text)
