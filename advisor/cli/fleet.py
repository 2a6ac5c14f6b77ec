"""`advisor fleet`: what many hosts can run, and which upgrade buys most."""

from typing import TYPE_CHECKING, Any

import click

from advisor.cli.asking import take_request
from advisor.cli.options import common_options, request_options, take_settings

if TYPE_CHECKING:
    from advisor.inventory.fleet import Fleet
    from advisor.settings import Settings

EPILOG = """\b
Examples:
  advisor fleet eval hosts/
  advisor fleet eval inventory.csv --task coding --min-tps 20 --format csv > verdicts.csv
  advisor fleet eval hosts/ --model qwen3-8b:Q4_K_M --min-tps 10 --json
  advisor fleet eval hosts/ --task chat --budget 20000 --catalog quotes.yaml
  cat hosts/*.json | advisor fleet eval -
"""


@click.group(name="fleet", epilog=EPILOG)
def command() -> None:
    """Many hosts: what each can run, what blocks the rest, and which upgrade buys most."""


@command.command(name="eval", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER|-...")
@request_options
@click.option("--model", metavar="MODEL", help="Only this model: how many hosts run it, MODEL:QUANT too")
@click.option("--reserve", metavar="SIZE", help="Main memory kept for the system [a tenth, 2 to 8 GiB]")
@click.option("--stale-days", type=int, default=90, show_default=True, metavar="N", help="Older documents are stale")
@click.option("--budget", "budget_usd", type=float, metavar="USD", help="For all upgrades together")
@click.option("--no-upgrades", is_flag=True, help="Only what the hosts can run: faster")
@click.option(
    "--format", "format_", type=click.Choice(["text", "csv", "markdown"]), default="text", show_default=True,
    help="csv: one row a host",
)  # fmt: skip
@click.option("--limit", type=int, default=10, show_default=True, help="Rows of each table of the text")
@common_options
def eval_command(paths: tuple[str, ...], format_: str, **values: Any) -> int:
    """What hosts can run, from what was collected of them.

    Reads what `advisor probe --json` wrote (files, folders, one document a line, - for standard input), tables (CSV, or
    JSON of osquery, Intune, Jamf and others), facts of Ansible and nodes of Kubernetes. Equal machines are estimated
    once, as idle. What cannot be read is named and left out. Prices: launch prices of the catalog; give your own quotes
    with --catalog FILE. Nothing is sent anywhere.
    """
    settings = take_settings(values)
    limit: int = values.pop("limit")
    from advisor.domain.units import parse_size
    from advisor.errors import NothingFits, UsageError
    from advisor.verbs.fleet import FleetRequest, evaluate, with_model
    from advisor.verbs.workspace import Workspace

    if settings.json and format_ != "text":
        raise UsageError("--json and --format say the same thing", hint="give one of them")
    if not 1 <= limit <= 1_000_000:
        raise UsageError(f"--limit {limit} is out of range", hint="give 1 or more")
    workspace, model, reserve = Workspace(settings), values.pop("model"), values.pop("reserve")
    own = {name: values.pop(name) for name in ("stale_days", "budget_usd")}
    upgrades = not values.pop("no_upgrades")
    request = take_request(values)
    ask = FleetRequest(
        paths=paths,
        request=with_model(request, model, workspace) if model else request,
        reserve_bytes=parse_size(reserve, "--reserve") if reserve else None,
        upgrades=upgrades,
        **own,
    )
    fleet = evaluate(ask, workspace, say=None if settings.quiet or settings.json else _say)
    _emit(fleet, settings, format_, limit)
    if not fleet.met:
        raise NothingFits("no host meets the request", hint="the answer says what each kind of machine would need")
    return 0


def _say(text: str) -> None:
    """Progress, for who waits at a terminal."""
    import sys

    if sys.stderr.isatty():
        from advisor.cli.diagnostics import note

        note(text)


def _emit(fleet: "Fleet", settings: "Settings", format_: str, limit: int) -> None:
    from advisor.cli.output import emit_json, emit_prose, emit_text, stdout_width
    from advisor.report.fleet import fleet_document
    from advisor.report.fleet_tables import fleet_csv, fleet_markdown
    from advisor.report.fleet_text import fleet_text

    if settings.json:
        emit_json(fleet_document(fleet))
    elif format_ == "csv":
        emit_text(fleet_csv(fleet))
    elif format_ == "markdown":
        emit_text(fleet_markdown(fleet))
    else:
        emit_prose(fleet_text(fleet, stdout_width(), limit=limit, quiet=settings.quiet))
