"""`advisor hardware`: the hardware catalog."""

from typing import Any

import click

from advisor.cli.options import common_options, take_settings


@click.group(
    name="hardware",
    no_args_is_help=False,
    epilog="""\b
Examples:
  advisor hardware list --kind gpu --vendor nvidia
  advisor hardware show "RTX 4090"
  advisor hardware show "A100 80GB PCIe" --json
""",
)
def command() -> None:
    """Devices and whole machines, with the source of every figure.

    Prices come with a date and a source; add your own quotes with --catalog FILE.
    """


@command.command(name="list")
@click.option("--kind", metavar="KIND", help="gpu, soc, cpu, npu, machine or memory")
@click.option("--vendor", metavar="NAME", help="NVIDIA, AMD, Apple, Intel ...")
@common_options
def list_command(kind: str | None, vendor: str | None, **values: Any) -> None:
    """List devices."""
    settings = take_settings(values)
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.hardware import hardware_document, hardware_text
    from advisor.verbs.hardware import list_hardware
    from advisor.verbs.workspace import Workspace

    listing = list_hardware(Workspace(settings).catalog.hardware, kind=kind, vendor=vendor)
    if settings.json:
        emit_json(hardware_document(listing.devices))
    else:
        emit_text(hardware_text(listing.devices, listing.total, stdout_width()))


@command.command(name="show")
@click.argument("name")
@common_options
def show_command(name: str, **values: Any) -> None:
    """Show one device or machine: NAME is an id, a name or an alias."""
    settings = take_settings(values)
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.hardware import hardware_device_document, hardware_device_text
    from advisor.verbs.hardware import show_hardware
    from advisor.verbs.workspace import Workspace

    device = show_hardware(Workspace(settings).catalog.hardware, name)
    if settings.json:
        emit_json(hardware_device_document(device))
    else:
        emit_text(hardware_device_text(device, stdout_width(160)))
