"""`advisor recommend`."""

from pathlib import Path
from typing import Any

import click

from advisor.cli.asking import take_request, take_selection
from advisor.cli.options import common_options, machine_options, request_options, take_settings

EPILOG = """\b
Examples:
  advisor recommend --task chat
  advisor recommend --task coding --max-ttft 1s --min-tps 20 --json
  advisor recommend --task rag --prompt-tokens 8000 --gpu "RTX 4090" --ram 64GiB
"""


@click.command("recommend", epilog=EPILOG)
@request_options
@machine_options
@click.option("--limit", type=int, default=5, show_default=True, help="How many models")
@click.option("--explain", is_flag=True, help="The reasons for every pick, and the nearest misses")
@click.option(
    "--lock", type=click.Path(path_type=Path), metavar="FILE", help="Write the first pick down for `advisor check`"
)
@click.option("--all", "derivatives", is_flag=True, help="Finetunes, merges and unofficial copies too")
@click.option("--assume-idle", is_flag=True, help="Count memory that other programs hold now as free")
@common_options
def command(explain: bool, lock: Path | None, **values: Any) -> int:
    """The best model, quantization, context, engine and placement for a task within a latency budget.

    A budget that you state is hard: nothing meets it, exit 3. A task's own budget is a target.
    """
    settings = take_settings(values)
    selection = take_selection(values)
    request = take_request(values)
    from advisor.verbs.recommend import recommend
    from advisor.verbs.workspace import Workspace

    result = recommend(request, selection, Workspace(settings))
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.recommendation import recommendation_document, recommendation_text

    if settings.json:
        emit_json(recommendation_document(result))
    else:
        emit_text(recommendation_text(result, stdout_width(), explain=explain))
    if lock is not None and result.picks:
        from advisor.verbs.lock import lock_of, write_lock

        write_lock(lock_of(result), lock)
    if not result.met:
        from advisor.errors import NothingFits

        raise NothingFits("nothing meets the request", hint="the nearest misses say what each would need")
    return 0
