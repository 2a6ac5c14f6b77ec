"""`advisor bench`."""

from typing import Any

import click

from advisor.cli.options import common_options, take_settings

EPILOG = """\b
Examples:
  advisor bench
  advisor bench ./model-Q4_K_M.gguf --json
  advisor bench qwen3-8b:Q4_K_M --prompt-tokens 2048 --depth 8192
  advisor bench --quick
  advisor bench qwen3-8b:Q4_K_M --sliced
  advisor bench qwen3-8b:Q4_K_M --endpoint http://127.0.0.1:8000/v1
"""


@click.command("bench", epilog=EPILOG)
@click.argument("target", metavar="[TARGET]", required=False)
@click.option("--quick", is_flag=True, help="Seconds; without TARGET it writes small random models, no download")
@click.option("--sliced", is_flag=True, help="The first layers of MODEL with random weights: no download")
@click.option("--engine", metavar="NAME", help="llama.cpp, llama-bench, llama-server, ollama, embedded")
@click.option("--endpoint", metavar="URL", help="A running OpenAI-compatible server on this machine, as it is")
@click.option("--prompt-tokens", type=int, metavar="N", help="Prompt of each run [512]")
@click.option("--output-tokens", type=int, metavar="N", help="Tokens written in each run [32]")
@click.option("--depth", type=int, metavar="N", help="Tokens in the cache before them [0]")
@click.option("--repetitions", type=int, metavar="N", help="Runs after the warm-up [3]")
@click.option("--threads", type=int, metavar="N", help="CPU threads [physical cores]")
@click.option("--gpu-layers", type=int, metavar="N", help="Layers on the GPU [as estimated best]")
@click.option("--kv-type", type=click.Choice(["f16", "q8_0", "q4_0"]), default=None, help="Type of the KV cache [f16]")
@common_options
def command(target: str | None, **values: Any) -> int:
    """Measure on this machine and calibrate later estimates.

    TARGET is a GGUF file or a downloaded MODEL[:QUANT]; without it the newest download is measured. With --endpoint it
    says which of the catalog's models is served there. Nothing is downloaded. The result is stored and every later
    estimate on this machine learns from it. --sliced writes two models of the first layers of a model that need not be
    downloaded, measures them, and says from both what the whole model would do here.
    """
    settings = take_settings(values)
    from advisor.cli.bench_progress import make_listener
    from advisor.verbs.bench import bench
    from advisor.verbs.measuring import BenchRequest
    from advisor.verbs.workspace import Workspace

    with make_listener(settings) as listener:
        report = bench(BenchRequest(target=target, **values), Workspace(settings), listener)
    from advisor.cli.diagnostics import warn
    from advisor.cli.output import emit_json, emit_prose, stdout_width
    from advisor.report.bench import bench_document, bench_text

    for notice in report.notices:
        warn(notice, color=settings.color)
    if settings.json:
        emit_json(bench_document(report))
    else:
        emit_prose(bench_text(report, stdout_width()))
    return 130 if "interrupted" in report.result.tags else 0
