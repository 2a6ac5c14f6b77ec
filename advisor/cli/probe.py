"""`advisor probe`: this machine as text or JSON."""

from pathlib import Path
from typing import Any

import click

from advisor.cli.options import common_options, take_settings

EPILOG = """\b
Examples:
  advisor probe
  advisor probe --json
  advisor probe --measure
  advisor probe --output machine.json
  advisor recommend --hardware machine.json
"""


@click.command(epilog=EPILOG)
@click.option("--measure", is_flag=True, help="Also measure memory bandwidth and compute (about 2 s)")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the JSON to FILE"
)
@common_options
def command(measure: bool, output: Path | None, **values: Any) -> None:
    """This machine: accelerators, memory, CPU, limits, disk and engines found.

    Every fact names its source (shown with --verbose and in --json); what is unknown is ? or null.
    """
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.machine import machine_document, machine_text
    from advisor.verbs.probe import ProbeRequest, probe

    settings = take_settings(values)
    machine = probe(ProbeRequest(measure=measure, output=output), settings)
    if output is not None and not settings.json:
        from advisor.cli.diagnostics import note

        if not settings.quiet:
            note(f"wrote {output}")
        return
    if settings.json:
        emit_json(machine_document(machine))
    else:
        emit_text(machine_text(machine, stdout_width(), sources=settings.verbose))
