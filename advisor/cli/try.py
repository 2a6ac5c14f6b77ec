"""`advisor try`."""

import sys
from pathlib import Path
from typing import Any

import click

from advisor.cli.options import common_options, take_settings
from advisor.errors import UsageError

EPILOG = """\b
Examples:
  advisor try qwen3-1.7b qwen3-4b --prompt "Why is the sky blue?"
  advisor try qwen3-8b:Q4_K_M qwen3-8b:Q8_0 --prompt-file question.txt --json
  git diff | advisor try qwen3-4b ./mine-Q4_K_M.gguf --max-tokens 400
"""


@click.command("try", epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="A B [...]")
@click.option("--prompt", metavar="TEXT", help="What both are asked; without it and --prompt-file: stdin")
@click.option("--prompt-file", metavar="FILE", help="Read the prompt from a file, - for stdin")
@click.option("--max-tokens", type=int, default=256, show_default=True, metavar="N", help="Tokens each may write")
@click.option("--context", type=int, metavar="N", help="Window to reserve [what prompt and answer need]")
@click.option("--no-thinking", is_flag=True, help="Ask models that can answer without thinking to do so")
@click.option("--engine", metavar="NAME", help="llama.cpp, llama-server, embedded")
@click.option("--threads", type=int, metavar="N", help="CPU threads [physical cores]")
@click.option("--gpu-layers", type=int, metavar="N", help="Layers on the GPU [as estimated best]")
@common_options
def command(targets: tuple[str, ...], prompt: str | None, prompt_file: str | None, **values: Any) -> int:
    """Downloaded models answer the same prompt here, side by side, with their times.

    A and B are downloaded models (MODEL or MODEL:QUANT) or GGUF files. They run one after the other, with the model's
    own chat template and the likeliest token at each step. Nothing is downloaded.
    """
    settings = take_settings(values)
    from advisor.cli.trial_progress import make_watcher
    from advisor.verbs.trial import TrialRequest, try_models
    from advisor.verbs.workspace import Workspace

    thinking = not values.pop("no_thinking")
    request = TrialRequest(targets=targets, prompt=_prompt(prompt, prompt_file), thinking=thinking, **values)
    with make_watcher(settings) as watcher:
        trial = try_models(request, Workspace(settings), watcher)
    from advisor.cli.output import emit_json, emit_text, stdout_width
    from advisor.report.trial import trial_document, trial_text

    if settings.json:
        emit_json(trial_document(trial))
    else:
        emit_text(trial_text(trial, stdout_width()))
    if trial.failure is not None:
        raise trial.failure
    return 130 if trial.interrupted else 0


def _prompt(text: str | None, file: str | None) -> str:
    """The prompt from wherever it was given. Raises UsageError for none, two, or a file that is no text."""
    if text is not None and file is not None:
        raise UsageError("--prompt and --prompt-file are two prompts", hint="give one of them")
    if text is not None:
        return text
    if file is None and sys.stdin.isatty():
        raise UsageError("no prompt is given", hint='--prompt "TEXT", --prompt-file FILE, or text on stdin')
    from advisor.verbs.trial import MAX_PROMPT_BYTES

    try:
        if file is None or file == "-":
            raw = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
        else:
            with Path(file).expanduser().open("rb") as stream:
                raw = stream.read(MAX_PROMPT_BYTES + 1)
        return raw.decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {file or 'stdin'}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        if len(raw) > MAX_PROMPT_BYTES:
            return raw.decode("utf-8", "replace")
        raise UsageError(f"{file or 'stdin'} is not text in UTF-8") from error
