"""`advisor compare`."""

from typing import Any

import click

from advisor.cli.asking import take_request, take_selection
from advisor.cli.options import common_options, machine_options, request_options, take_settings

EPILOG = """\b
Examples:
  advisor compare qwen3-8b qwen3-14b
  advisor compare mistral-7b llama-2-13b --task chat --json
"""


@click.command("compare", epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="A B [...]")
@request_options
@machine_options
@click.option("--assume-idle", is_flag=True, help="Count memory that other programs hold now as free")
@common_options
def command(targets: tuple[str, ...], **values: Any) -> int:
    """Choices side by side, and what the larger one buys."""
    settings = take_settings(values)
    selection = take_selection(values)
    request = take_request(values)
    from advisor.verbs.compare import compare
    from advisor.verbs.workspace import Workspace

    result = compare(targets, request, selection, Workspace(settings))
    from advisor.cli.output import emit_json, emit_prose, stdout_width
    from advisor.report.comparison import comparison_document, comparison_text

    if settings.json:
        emit_json(comparison_document(result))
    else:
        emit_prose(comparison_text(result, stdout_width()))
    return 0
