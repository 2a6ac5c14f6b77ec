"""`advisor inspect`: read headers only, and say what is really there."""

from typing import Any

import click

from advisor.cli.options import common_options, take_settings
from advisor.cli.output import emit_json, emit_text, stdout_width

EPILOG = """\b
Examples:
  advisor inspect model.gguf
  advisor inspect unsloth/Qwen3-8B-GGUF:Q4_K_M --context 32768
  advisor inspect Qwen/Qwen3-8B --json
  advisor inspect ./folder-of-safetensors
"""


@click.command(epilog=EPILOG)
@click.argument("target", metavar="TARGET")
@click.option("--context", "contexts", type=click.IntRange(1, 1 << 26), multiple=True, metavar="N",
              help="Context lengths to show; repeatable")  # fmt: skip
@click.option("--kv-type", default="f16", metavar="TYPE", help="Type of the KV cache: f16, q8_0, q4_0")
@click.option("--revision", metavar="REV", help="Branch, tag or commit of the repository")
@common_options
def command(target: str, contexts: tuple[int, ...], kv_type: str, revision: str | None, **values: Any) -> None:
    """What a model file, folder or hub repository really holds: architecture, quantization, exact memory.

    TARGET is a GGUF or safetensors file, a folder, MODEL[:QUANT] or REPO[:FILE]. Of a repository only the headers are
    fetched.
    """
    from advisor.cli.progress import choose_progress
    from advisor.report.inspect import inspection_document, inspection_text
    from advisor.verbs.inspect import InspectRequest, inspect_target
    from advisor.verbs.workspace import Workspace

    settings = take_settings(values)
    workspace = Workspace(settings)
    request = InspectRequest(target=target, revision=revision, contexts=contexts, kv_type=kv_type)

    def resolve(text: str) -> Any:
        return workspace.catalog.resolve(text)

    result = inspect_target(request, resolve, offline=settings.offline, progress=choose_progress(settings))
    if settings.json:
        emit_json(inspection_document(result))
    else:
        emit_text(inspection_text(result, stdout_width()))
