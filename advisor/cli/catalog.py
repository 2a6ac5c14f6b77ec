"""`advisor catalog`: the model catalog."""

from pathlib import Path
from typing import Any

import click

from advisor.cli.options import common_options, take_settings
from advisor.settings import Settings


@click.group(
    name="catalog",
    epilog="""\b
Examples:
  advisor catalog list --task coding
  advisor catalog show qwen3:8b
  advisor catalog validate my-models.yaml
  advisor catalog add someone/New-Model-GGUF
  advisor catalog update qwen3:8b
  advisor catalog update --from https://models.example.org/catalog --root root.json
""",
)
def command() -> None:
    """Models: facts with their sources, published files, evidence of quality.

    Your own facts go on top with --catalog FILE, or into the folder `catalog` of the configuration.
    """


@command.command(name="list")
@click.option("--task", metavar="NAME", help="Models for a task, best first")
@click.option("--vendor", metavar="NAME", help="Google, Meta, Alibaba Qwen ...")
@click.option("--kind", metavar="KIND", help="llm, code, vlm, omni, embed, rerank, asr, mt, domain, guard or reference")
@click.option("--tasks", is_flag=True, help="List the tasks instead")
@common_options
def list_command(task: str | None, vendor: str | None, kind: str | None, tasks: bool, **values: Any) -> None:
    """List models."""
    settings = take_settings(values)
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.catalog import catalog_document, catalog_text, tasks_document, tasks_text
    from advisor.verbs.catalog import list_models, list_tasks
    from advisor.verbs.workspace import Workspace

    catalog = Workspace(settings).catalog
    if tasks:
        found = list_tasks(catalog)
        if settings.json:
            emit_json(tasks_document(found))
        else:
            emit_text(tasks_text(found, stdout_width()))
        return
    listing = list_models(catalog, task=task, vendor=vendor, kind=kind)
    if settings.json:
        emit_json(catalog_document(listing))
    else:
        emit_text(catalog_text(listing, stdout_width(120)))


@command.command(name="show")
@click.argument("model")
@common_options
def show_command(model: str, **values: Any) -> None:
    """Show one model: MODEL is an id, an alias or an Ollama tag."""
    settings = take_settings(values)
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.catalog import model_document
    from advisor.report.model_sheet import model_text
    from advisor.verbs.catalog import show_model
    from advisor.verbs.workspace import Workspace

    sheet = show_model(Workspace(settings).catalog, model)
    if settings.json:
        emit_json(model_document(sheet))
    else:
        emit_text(model_text(sheet, stdout_width(120)))


@command.command(name="validate")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@common_options
def validate_command(path: Path | None, **values: Any) -> int:
    """Check a catalog folder or an overlay: PATH, or the built-in catalog.

    Names file, line and reason of everything that is wrong; exit code 2 then.
    """
    settings = take_settings(values)
    from advisor.cli.output import emit_json, emit_text
    from advisor.report.validation import validation_document, validation_text
    from advisor.verbs.catalog import validate

    result = validate(path)
    if settings.json:
        emit_json(validation_document(result))
    else:
        emit_text(validation_text(result))
    return 2 if result.findings else 0


@command.command(name="add")
@click.argument("repo")
@common_options
def add_command(repo: str, **values: Any) -> None:
    """Read the hub repository REPO into your own catalog.

    Files, hashes, one header and published results are read, no weights. What is read lands in the folder `catalog` of
    the configuration.
    """
    settings = take_settings(values)
    from advisor.cli.progress import choose_progress
    from advisor.settings import config_folder
    from advisor.verbs.catalog_update import add_model
    from advisor.verbs.workspace import Workspace

    catalog, folder = Workspace(settings).catalog, config_folder() / "catalog"
    progress = choose_progress(settings)
    _report([add_model(catalog, repo, folder, offline=settings.offline, progress=progress)], settings.json)


@command.command(name="update")
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--from", "source", metavar="URL", help="A signed catalog on your organisation's server")
@click.option(
    "--root", type=click.Path(path_type=Path), metavar="FILE", help="Its trust root; needed the first time only"
)
@common_options
def update_command(models: tuple[str, ...], source: str | None, root: Path | None, **values: Any) -> None:
    """Read exact sizes, hashes and results of MODEL from the hub, or a signed catalog from a server.

    Without arguments every signed catalog in use is brought up to date. What is not signed by the keys that the trust
    root names, has expired or is older than before is refused with exit code 4; the catalog in use stays.
    """
    settings = take_settings(values)
    if models and (source or root):
        raise click.UsageError("give either models or --from")
    if root is not None and source is None:
        raise click.UsageError("--root belongs to --from")
    if models:
        _update_models(models, settings)
    else:
        _update_signed(source, root, settings)


def _update_models(models: tuple[str, ...], settings: Settings) -> None:
    from advisor.cli.progress import choose_progress
    from advisor.settings import config_folder
    from advisor.verbs.catalog_update import update_model
    from advisor.verbs.workspace import Workspace

    catalog, folder = Workspace(settings).catalog, config_folder() / "catalog"
    progress = choose_progress(settings)
    _report(
        [update_model(catalog, model, folder, offline=settings.offline, progress=progress) for model in models],
        settings.json,
    )


def _update_signed(source: str | None, root: Path | None, settings: Settings) -> None:
    from advisor.cli.output import emit_json, emit_text
    from advisor.cli.progress import choose_progress
    from advisor.report.catalog_update import signed_document, signed_text
    from advisor.settings import data_folder
    from advisor.verbs.catalog_signed import update_all_signed, update_signed

    data, offline, progress = data_folder(), settings.offline, choose_progress(settings)
    if source is None:
        updated = update_all_signed(data, offline=offline, progress=progress)
    else:
        updated = [update_signed(source, data, root=root, offline=offline, progress=progress)]
    if settings.json:
        emit_json(signed_document(updated))
    else:
        emit_text(signed_text(updated))


def _report(written: list[Any], json_: bool) -> None:
    from advisor.cli.output import emit_json, emit_text
    from advisor.report.catalog_update import update_document, update_text

    if json_:
        emit_json(update_document(written))
    else:
        emit_text(update_text(written))
