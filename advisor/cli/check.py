"""`advisor check`."""

from pathlib import Path
from typing import Any

import click

from advisor.cli.asking import take_selection
from advisor.cli.options import common_options, machine_options, take_settings

EPILOG = """\b
Examples:
  advisor recommend --task coding --lock choice.json
  advisor check choice.json && advisor run ...
"""


@click.command("check", epilog=EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@machine_options
@common_options
def command(file: Path, **values: Any) -> int:
    """Whether a choice written by `recommend --lock` still holds on this machine.

    Exit 0: it does; 3: it no longer fits or meets its budget; 4: the published files have changed.
    """
    settings = take_settings(values)
    selection = take_selection(values)
    from advisor.verbs.lock import check_lock, read_lock
    from advisor.verbs.workspace import Workspace

    check = check_lock(read_lock(file), selection, Workspace(settings))
    from advisor.cli.output import emit_json, emit_prose
    from advisor.report.lock import check_document, check_text

    if settings.json:
        emit_json(check_document(check))
    else:
        emit_prose(check_text(check))
    if check.files_changed:
        return 4
    return 0 if check.holds else 3
