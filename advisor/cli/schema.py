"""`advisor schema`."""

from typing import Any

import click

from advisor.cli.options import common_options, take_settings

EPILOG = """\b
Examples:
  advisor schema
  advisor schema recommendation > recommendation.schema.json
"""


@click.command("schema", epilog=EPILOG)
@click.argument("name", required=False)
@common_options
def command(name: str | None, **values: Any) -> int:
    """JSON Schemas of the JSON outputs and of the catalog's files; without NAME, their names."""
    settings = take_settings(values)
    from advisor.cli.output import emit_json, emit_text
    from advisor.verbs.schema import schema, schema_names

    if name is not None:
        emit_json(schema(name))
    elif settings.json:
        emit_json({"schema": "advisor.schemas/1", "names": list(schema_names())})
    else:
        emit_text("\n".join(schema_names()))
    return 0
