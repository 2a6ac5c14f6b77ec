"""The process edge: a lazy group of commands, and every outcome mapped to the contract's exit codes."""

import errno
import gc
import sys
from importlib import import_module
from typing import Any

import click

from advisor.cli.streams import prepare_streams
from advisor.errors import AdvisorError

COMMANDS: dict[str, str] = {
    "recommend": "The best model, quantization, engine and placement for a task",
    "estimate": "Memory and speed of one choice",
    "compare": "Choices side by side, and what the larger one buys",
    "probe": "This machine: accelerators, memory, CPU, limits, disk, engines",
    "inspect": "What a model file, folder or hub repository really holds",
    "download": "Fetch a model: resumable, verified",
    "try": "The same prompt to downloaded models, side by side",
    "bench": "Measure on this machine and calibrate later estimates",
    "run": "The exact command that serves a choice",
    "size": "Which hardware to buy for a workload",
    "fleet": "What many hosts can run, and which upgrade buys most",
    "check": "Whether a locked choice still holds",
    "catalog": "The model catalog: list, show, validate",
    "hardware": "The hardware catalog: list, show",
    "doctor": "What was detected, what failed, how to mend it",
    "schema": "JSON Schemas of outputs and catalog files",
}
"""Every command with its one-line help: `--help` imports none of them."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `advisor.cli.NAME` and take its `command`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"advisor.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with close names suggested."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=3, cutoff=0.6)
            tail = f" (did you mean {' or '.join(close)}?)" if close else ""
            raise click.UsageError(f"no such command '{args[0]}'{tail}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from the static list."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"advisor {version('model-advisor')}")
        ctx.exit()


EPILOG = """\b
Examples:
  advisor recommend --task chat
  advisor recommend --task coding --max-ttft 1s --gpu "RTX 4090" --json
  advisor estimate qwen3-8b:Q4_K_M --context 16384
  advisor size --task chat --users 50
"""


@click.group(
    cls=LazyGroup, invoke_without_command=True, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version"
)
@click.pass_context
def group(ctx: click.Context) -> None:
    """Which open model to run here, for a task, within a latency.

    Without a command: the app in a terminal, otherwise what `advisor recommend` prints.
    """
    if ctx.invoked_subcommand is None:
        _default(ctx)


def _default(ctx: click.Context) -> None:
    if sys.stdin.isatty() and sys.stdout.isatty():
        from advisor.tui.app import run_app

        run_app()
        return
    ctx.invoke(group.get_command(ctx, "recommend") or group)


def _fail(error: AdvisorError) -> int:
    from advisor.cli.diagnostics import report_error

    report_error(error)
    return error.exit_code


def _misused(error: click.ClickException) -> int:
    """One line for what was typed wrong; for a group without its command, its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        from advisor.cli.diagnostics import note

        note(error.format_message())
        return error.exit_code
    hint = None
    if isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"see `{error.ctx.command_path} --help`"
    from advisor.errors import UsageError

    return _fail(UsageError(error.format_message().rstrip("."), hint=hint))


def _run(args: list[str] | None) -> int:
    result: Any = group.main(args=args, prog_name="advisor", standalone_mode=False)
    sys.stdout.flush()
    return result if isinstance(result, int) else 0


def _close_quietly() -> int:
    """The reader of our output went away: say nothing."""
    _drop_output()
    return 0


def _drop_output() -> None:
    """What is still unwritten goes nowhere: the interpreter's last flush would fail again, and say so."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
"""The disk's own failures: no defect of ours, and nothing to report."""


def _disk_failed(error: OSError) -> int:
    where = f" {error.filename}" if error.filename else ""
    code = _fail(AdvisorError(f"cannot write{where}: {error.strerror}"))
    if not where:
        _drop_output()
    return code


OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""Garbage collection looks for cycles after so many new objects: a command that answers in a moment makes fewer, and
should not spend a tenth of its time on walking a catalog that it keeps."""


def main(args: list[str] | None = None) -> int:
    """Run one command. Returns the exit code of the contract; no traceback leaves unless `--debug` is given."""
    arguments = sys.argv[1:] if args is None else args
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    if not prepare_streams():
        return _fail(AdvisorError("standard output is closed: nothing can be printed"))
    try:
        return _run(args)
    except AdvisorError as error:
        if "--debug" in arguments:
            raise
        return _fail(error)
    except click.exceptions.Exit as done:
        return done.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        return _misused(error)
    except BrokenPipeError:
        return _close_quietly()
    except Exception as error:  # the process edge: whatever it is, a user gets one line
        if "--debug" in arguments:
            raise
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in FULL:
        return _disk_failed(error)
    return _fail(
        AdvisorError(
            f"unexpected {type(error).__name__}: {str(error)[:300]}".replace("\n", " "),
            hint="run again with --debug and report it with `advisor doctor`",
        )
    )
