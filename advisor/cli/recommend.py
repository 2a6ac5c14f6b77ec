"""`advisor recommend`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from advisor.cli.asking import take_request, take_selection
from advisor.cli.options import common_options, machine_options, request_options, take_settings
from advisor.errors import UsageError
from advisor.settings import Settings

if TYPE_CHECKING:
    from advisor.decide.recommendation import Recommendation
    from advisor.report.extras import Extras
    from advisor.verbs.question import Request
    from advisor.verbs.workspace import Workspace

EPILOG = """\b
Examples:
  advisor recommend --task chat
  advisor recommend --task coding --max-ttft 1s --min-tps 20 --json
  advisor recommend --task rag --prompt-tokens 8000 --gpu "RTX 4090" --ram 64GiB
  advisor recommend --task coding --with embedding --with chat
  advisor recommend --task chat --tier edge --max-watts 30
  advisor recommend --task chat --choices qwen3-8b
  advisor recommend --task chat --why-not llama-3.3-70b
  advisor recommend --task chat --frontier latency --svg frontier.svg
"""


@click.command("recommend", epilog=EPILOG)
@request_options
@machine_options
@click.option("--limit", type=int, default=5, show_default=True, help="How many models")
@click.option("--explain", is_flag=True, help="The reasons for every pick, and the nearest misses")
@click.option(
    "--lock", type=click.Path(path_type=Path), metavar="FILE", help="Write the first pick down for `advisor check`"
)
@click.option("--with", "tasks", multiple=True, metavar="TASK", help="A model for this task too, in the same memory")
@click.option("--why-not", "names", multiple=True, metavar="MODEL", help="Why this model is not the pick; repeatable")
@click.option("--choices", "models", multiple=True, metavar="MODEL", help="All its quantizations and placements")
@click.option("--excluded", is_flag=True, help="List every model that is not offered, with its reason")
@click.option("--frontier", "axis", type=click.Choice(["latency", "memory"]), help="Quality against time or memory")
@click.option("--svg", type=click.Path(path_type=Path), metavar="FILE", help="Draw the frontier into a file")
@click.option("--all", "derivatives", is_flag=True, help="Finetunes, merges and unofficial copies too")
@click.option("--max-energy", type=float, metavar="J", help="Joules that an answer may take")
@click.option("--max-watts", type=float, metavar="W", help="Mean power that may be drawn while answering")
@click.option(
    "--tier",
    type=click.Choice(["edge", "workstation", "server", "cloud"]),
    help="Only what belongs on machines of this class or below",
)
@click.option("--assume-idle", is_flag=True, help="Count memory that other programs hold now as free")
@common_options
def command(explain: bool, lock: Path | None, **values: Any) -> int:
    """The best model, quantization, context, engine and placement for a task within a latency budget.

    A budget that you state is hard: nothing meets it, exit 3. A task's own budget is a target:
    likely met is enough, and where nothing meets it the least bad is given.
    """
    settings = take_settings(values)
    selection = take_selection(values)
    asked = _Asked(
        explain=explain, **{name: values.pop(name) for name in ("tasks", "names", "models", "excluded", "axis", "svg")}
    )
    request = take_request(values)
    from advisor.verbs.recommend import recommend
    from advisor.verbs.workspace import Workspace

    workspace = Workspace(settings)
    result = recommend(request, selection, workspace, levers=explain)
    extras = _extras(asked, request, result, workspace)
    _emit(settings, asked, result, extras)
    if lock is not None and result.picks:
        from advisor.verbs.lock import lock_of, write_lock

        write_lock(lock_of(result), lock)
    return _conclude(result, extras)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked beyond the picks."""

    explain: bool
    tasks: tuple[str, ...]
    names: tuple[str, ...]
    models: tuple[str, ...]
    excluded: bool
    axis: str | None
    svg: Path | None

    def __post_init__(self) -> None:
        if self.svg is not None and self.axis is None:
            raise UsageError("--svg draws the frontier", hint="add --frontier latency or --frontier memory")


def _extras(asked: _Asked, request: "Request", result: "Recommendation", workspace: "Workspace") -> "Extras | None":
    """The further answers; None, with nothing imported, where nothing was asked."""
    if not (asked.explain or asked.tasks or asked.names or asked.models or asked.excluded or asked.axis):
        return None
    from advisor.decide.frontier import Axis
    from advisor.report.extras import Extras
    from advisor.verbs.choices import choices_of
    from advisor.verbs.explain import explain
    from advisor.verbs.frontier import frontier_of
    from advisor.verbs.pack import questions_together, recommend_together
    from advisor.verbs.why_not import why_not_named, why_not_neighbours

    questions = questions_together(request, asked.tasks, workspace) if asked.tasks else ()
    axis = Axis(asked.axis) if asked.axis else None
    answers = why_not_named(asked.names, result, workspace)
    neighbours = why_not_neighbours(result, workspace) if asked.explain else ()
    named = {answer.model_id for answer in answers}
    return Extras(
        together=recommend_together(questions, result.machine, workspace) if questions else None,
        why_not=(*answers, *(n for n in neighbours if n.model_id not in named)),
        axis=axis,
        points=frontier_of(result, axis, workspace) if axis else (),
        excluded=asked.excluded,
        choices=tuple(choices_of(name, result, workspace) for name in asked.models),
        explained=explain(result, workspace) if asked.explain else (),
    )


def _emit(settings: Settings, asked: _Asked, result: "Recommendation", extras: "Extras | None") -> None:
    from advisor.cli.output import emit_json, emit_prose, stdout_width
    from advisor.report.recommendation import recommendation_document, recommendation_text

    document: dict[str, Any] = {}
    lines: list[str] = []
    width = stdout_width()
    if extras is not None:
        from advisor.report.extras import extras_document, extras_lines

        document, lines = extras_document(result, extras), extras_lines(result, extras, width)
    if settings.json:
        emit_json({**recommendation_document(result), **document})
    else:
        emit_prose("\n".join([recommendation_text(result, width, explain=asked.explain), *lines]))
    if asked.svg is not None and extras is not None and extras.axis is not None:
        from advisor.report.frontier import frontier_svg
        from advisor.verbs.whole_file import write_whole

        title = f"{result.question.task.title} on {result.machine.name}"
        write_whole(frontier_svg(extras.points, extras.axis, title), asked.svg, "--svg")


def _conclude(result: "Recommendation", extras: "Extras | None") -> int:
    """Raises NothingFits (exit 3) where there is no pick, or no set for all tasks."""
    from advisor.errors import NothingFits

    if not result.met:
        told = "the nearest misses say what each would need" if result.near_misses else "--excluded lists every reason"
        raise NothingFits("nothing meets the request", hint=told)
    if extras is not None and extras.together is not None and not extras.together.fits:
        raise NothingFits(
            "no set of models serves every task in this memory", hint="ask for fewer tasks, or loosen a budget"
        )
    return 0
