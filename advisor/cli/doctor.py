"""`advisor doctor`: what was detected, what failed, and a record for bug reports."""

from pathlib import Path
from typing import Any

import click

from advisor.cli.options import common_options, take_settings

EPILOG = """\b
Examples:
  advisor doctor
  advisor doctor --json
  advisor doctor --record machine-record.json
  advisor recommend --hardware machine-record.json
"""


@click.command(epilog=EPILOG)
@click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every raw answer of this machine to FILE, redacted",
)
@common_options
def command(record: Path | None, **values: Any) -> None:
    """What was detected here, by which source, what failed and how to mend it.

    Host name, user names, UUIDs and container ids are left out. A record plays this machine back
    anywhere with --hardware FILE.
    """
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.doctor import doctor_document, doctor_text
    from advisor.verbs.doctor import DoctorRequest, diagnose

    settings = take_settings(values)
    diagnosis = diagnose(DoctorRequest(record=record), settings)
    if settings.json:
        emit_json(doctor_document(diagnosis))
    else:
        emit_text(doctor_text(diagnosis, stdout_width()))
    if record is not None and not settings.quiet:
        from advisor.cli.diagnostics import note

        note(f"wrote {record}; look through it before you send it")
