"""`advisor estimate`."""

from typing import Any

import click

from advisor.cli.asking import take_request, take_selection
from advisor.cli.options import common_options, machine_options, request_options, take_settings

EPILOG = """\b
Examples:
  advisor estimate qwen3-8b:Q4_K_M
  advisor estimate gpt-oss-20b --context 32768 --gpu "RTX 4090" --json
  advisor estimate gemma-3-4b:Q4_K_M --context 16384 --verify
  advisor estimate qwen3-32b:Q4_K_M --draft qwen3-0.6b:Q8_0 --gpu "RTX 5090"
"""


@click.command("estimate", epilog=EPILOG)
@click.argument("target", metavar="MODEL[:QUANT]")
@request_options
@machine_options
@click.option("--assume-idle", is_flag=True, help="Count memory that other programs hold now as free")
@click.option(
    "--verify", is_flag=True, help="Ask an installed llama.cpp what it would allocate (llama-fit-params); no download"
)
@click.option("--draft", metavar="MODEL[:QUANT]|mtp", help="With a draft model, or its own prediction blocks")
@common_options
def command(target: str, **values: Any) -> int:
    """Memory and speed of one choice on this machine or a stated one."""
    settings = take_settings(values)
    selection = take_selection(values)
    request = take_request(values)
    from advisor.verbs.companions import estimate_together
    from advisor.verbs.workspace import Workspace

    workspace = Workspace(settings)
    result = estimate_together(target, request, selection, workspace, draft=values["draft"])
    verification = None
    if values["verify"]:
        from advisor.verbs.verify import verify_choice

        verification = verify_choice(result, workspace)
    from advisor.cli.output import emit_json, emit_prose, stdout_width
    from advisor.report.estimate import estimate_document, estimate_text

    if settings.json:
        emit_json(estimate_document(result, verification))
    else:
        emit_prose(estimate_text(result, stdout_width(), verification))
    return 0
