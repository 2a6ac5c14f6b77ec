"""`advisor download`: show what it takes, ask, fetch, verify, print the path."""

import sys
from typing import Any

import click

from advisor.cli import diagnostics
from advisor.cli.options import common_options, take_settings
from advisor.cli.output import emit_json, emit_text, stdout_width
from advisor.domain.units import format_size
from advisor.errors import AdvisorError, UsageError
from advisor.settings import Settings

EPILOG = """\b
Examples:
  advisor download qwen3-8b:Q4_K_M
  advisor download unsloth/gemma-3-270m-it-GGUF:Q8_0 --dry-run
  llama-server -m "$(advisor download qwen3-8b --yes)"
  advisor download --list
"""


@click.command(epilog=EPILOG)
@click.argument("target", metavar="MODEL[:QUANT]", required=False)
@click.option("-y", "--yes", is_flag=True, help="Do not ask")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be fetched")
@click.option("--revision", metavar="REV", help="Branch, tag or commit of the repository")
@click.option("--list", "list_", is_flag=True, help="Show what was downloaded")
@click.option("--remove", is_flag=True, help="Remove MODEL[:QUANT], or `unfinished`, from the models folder")
@common_options
def command(target: str | None, yes: bool, dry_run: bool, revision: str | None, **values: Any) -> None:
    """Fetch a model: resumable and verified by its hash. The path is printed on stdout.

    MODEL is a catalog id or alias, or any hub repository (REPO:FILE names one file). HF_ENDPOINT, HF_TOKEN and the
    proxy variables are respected.
    """
    list_, remove = values.pop("list_"), values.pop("remove")
    settings = take_settings(values)
    if list_:
        _list(settings)
    elif target is None:
        raise UsageError("name a model to download", hint="e.g. `advisor download qwen3-8b:Q4_K_M`")
    elif remove:
        _remove(target, settings, yes=yes)
    else:
        _download(target, revision, settings, yes=yes, dry_run=dry_run)


def _resolver(settings: Settings) -> Any:
    """The catalog is read when a name is looked up, not before."""
    from advisor.verbs.workspace import Workspace

    workspace = Workspace(settings)

    def resolve(text: str) -> Any:
        return workspace.catalog.resolve(text)

    return resolve


def _list(settings: Settings) -> None:
    from advisor.report.download import list_document, list_text
    from advisor.verbs.download import list_downloads, unfinished_bytes

    found, unfinished = list_downloads(), unfinished_bytes()
    emit_json(list_document(found, unfinished)) if settings.json else emit_text(list_text(found, unfinished))


def _remove(target: str, settings: Settings, *, yes: bool) -> None:
    from advisor.verbs.download import remove_downloads, remove_unfinished

    _ask(f"Remove {target}?", f"removing {target}", yes=yes)
    if target == "unfinished":
        freed = remove_unfinished()
    else:
        _, freed = remove_downloads(target, _resolver(settings))
    if not settings.quiet:
        diagnostics.note(f"{format_size(freed)} freed")


def _download(target: str, revision: str | None, settings: Settings, *, yes: bool, dry_run: bool) -> None:
    from advisor.cli.progress import BarProgress, choose_progress
    from advisor.report.download import download_document, plan_document, plan_text
    from advisor.verbs.download import DownloadRequest, fetch, plan

    progress = choose_progress(settings)
    request = DownloadRequest(target=target, revision=revision)
    chosen = plan(request, _resolver(settings), offline=settings.offline, progress=progress)
    for note in chosen.notes:
        diagnostics.warn(note, color=settings.color)
    if dry_run:
        emit_json(plan_document(chosen)) if settings.json else emit_text(plan_text(chosen, stdout_width()))
        return
    if not chosen.complete:
        what = f"downloading {format_size(chosen.missing_bytes)} into {chosen.folder}"
        if not settings.quiet and (yes or sys.stdin.isatty()):
            diagnostics.note(plan_text(chosen, stdout_width()))
        _ask("Download?", what, yes=yes)
    try:
        result = fetch(chosen, offline=settings.offline, progress=progress)
    finally:
        if isinstance(progress, BarProgress):
            progress.close()
    emit_json(download_document(result)) if settings.json else emit_text(str(result.path))


def _ask(question: str, what: str, *, yes: bool) -> None:
    """Consent by flag or by hand. Raises UsageError where nobody can be asked, AdvisorError on a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what} needs your consent: add --yes")
    if not click.confirm(question, default=False, err=True):
        raise AdvisorError("nothing was changed")
