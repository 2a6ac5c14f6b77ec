"""`advisor size`: which hardware to buy for a workload."""

from typing import Any

import click

from advisor.cli.asking import take_request, take_selection
from advisor.cli.options import common_options, machine_options, request_options, take_settings

EPILOG = """\b
Examples:
  advisor size --task chat --users 50
  advisor size --task agentic-coding --users 20 --max-ttft 2s --min-tps 30 --json
  advisor size --task rag --users 100 --budget 20000 --catalog quotes.yaml
  advisor size --task agentic-coding --users 50 --active 0.5 --per-minute 6 --cached 0.8
  advisor size --task coding --users 10 --hardware "Mac Studio M3 Ultra (80-core GPU), 512 GB"
"""


HABITS = ("active", "per_minute", "peak", "cached")


@click.command("size", epilog=EPILOG)
@request_options
@click.option("--model", metavar="MODEL", help="Only this model")
@click.option("--budget", "budget_usd", type=float, metavar="USD", help="For all machines together; hard")
@click.option("--active", type=float, metavar="SHARE", help="Of the users, who are active at a time")
@click.option("--per-minute", type=float, metavar="X", help="Requests a minute of an active user")
@click.option("--peak", type=float, metavar="X", help="Load at the peak over the mean")
@click.option("--cached", type=float, metavar="SHARE", help="Of a prompt, what the prefix cache holds already")
@click.option("--limit", type=int, default=5, show_default=True, help="How many options")
@click.option("--no-simulation", is_flag=True, help="The closed form alone: faster, no random arrivals")
@machine_options
@common_options
def command(budget_usd: float | None, no_simulation: bool, **values: Any) -> int:
    """Which hardware to buy so that so many users can do a task within its limits.

    --users counts people; who of them ask at once, and how often, the task says unless it is stated.
    Prices are shown with date and source; give your own quotes with --catalog FILE. Nothing meets it: exit 3.
    """
    settings = take_settings(values)
    selection = take_selection(values)
    model = values.pop("model", None)
    request = take_request(values)
    from dataclasses import replace

    from advisor.verbs.size import Habits, SizeRequest, size
    from advisor.verbs.workspace import Workspace

    workspace = Workspace(settings)
    if model is not None:
        resolved, quant = workspace.catalog.split_choice(model)
        request = replace(request, model=resolved.id, quant=quant or request.quant)
    habits = Habits(**{name: values.pop(name) for name in HABITS})
    asked = SizeRequest(request=request, budget_usd=budget_usd, simulate=not no_simulation, habits=habits)
    result = size(asked, selection, workspace)
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.size import sizing_document, sizing_text

    if settings.json:
        emit_json(
            sizing_document(
                question=result.question,
                demand=result.demand,
                budget_usd=result.budget_usd,
                sizing=result.sizing,
                machines=result.machines,
                constants=result.constants,
            )
        )
    else:
        emit_text(
            sizing_text(
                question=result.question,
                demand=result.demand,
                sizing=result.sizing,
                machines=result.machines,
                constants=result.constants,
                width=stdout_width(),
                quiet=settings.quiet,
            )
        )
    if not result.sizing.options:
        from advisor.errors import NothingFits

        raise NothingFits("no machine meets the request", hint="ask for less: fewer users, wider limits, more budget")
    return 0
