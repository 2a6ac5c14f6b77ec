"""Options that several commands share, and their validation."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from advisor.cli.diagnostics import warn
from advisor.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def _stack(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def common_options(function: F) -> F:
    """`--json --quiet --verbose --no-color --offline --catalog --debug`."""
    return _stack(
        click.option("--json", "json_", is_flag=True, help="One JSON document on stdout"),
        click.option("-q", "--quiet", is_flag=True, help="Only the result"),
        click.option("-v", "--verbose", is_flag=True, help="More detail"),
        click.option("--no-color", is_flag=True, help="No colour (NO_COLOR works too)"),
        click.option("--offline", is_flag=True, help="Never use the network"),
        click.option(
            "--catalog",
            "catalogs",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="PATH",
            help="Overlay file or folder over the built-in catalog; repeatable",
        ),
        click.option("--debug", is_flag=True, hidden=True),
    )(function)


def take_settings(values: dict[str, Any]) -> Settings:
    """Remove the common options from a command's keyword arguments and make them `Settings`."""
    color = False if values.pop("no_color", False) else None
    quiet = values.pop("quiet", False)
    return Settings(
        json=values.pop("json_", False),
        quiet=quiet,
        verbose=values.pop("verbose", False),
        color=color,
        offline=values.pop("offline", False),
        catalogs=tuple(values.pop("catalogs", ())),
        debug=values.pop("debug", False),
        warn=None if quiet else partial(warn, color=color),
    )


def machine_options(function: F) -> F:
    """Which machine is meant: this one unless stated."""
    return _stack(
        click.option("--hardware", metavar="FILE|NAME", help="A probe file, or a name in the hardware catalog"),
        click.option("--gpu", "gpus", multiple=True, metavar="NAME", help='A GPU, "2x RTX 3090" too; repeatable'),
        click.option("--ram", metavar="SIZE", help="Main memory, e.g. 64GiB"),
        click.option("--vram", metavar="SIZE", help="Memory of each GPU"),
        click.option("--cpu", metavar="NAME", help="A CPU of the hardware catalog"),
        click.option("--cpu-only", is_flag=True, help="Ignore accelerators"),
    )(function)


def request_options(function: F) -> F:
    """What is asked: task, lengths, budget, limits."""
    return _stack(
        click.option("--task", metavar="NAME", help="chat, coding, summarization ... (`advisor catalog list --tasks`)"),
        click.option("--prompt-tokens", type=int, metavar="N"),
        click.option("--output-tokens", type=int, metavar="N"),
        click.option("--cached-tokens", type=int, metavar="N", help="Of earlier turns, in the cache before the prompt"),
        click.option("--context", type=int, metavar="N", help="Window to reserve, tokens per user"),
        click.option("--users", type=int, metavar="N", help="Requests served at once; `size`: people"),
        click.option("--max-ttft", metavar="DURATION", help="Time to first token: 800ms, 2s"),
        click.option("--max-tpot", metavar="DURATION", help="Time per output token"),
        click.option("--min-tps", type=float, metavar="X", help="Tokens per second, instead of --max-tpot"),
        click.option("--max-latency", metavar="DURATION", help="The whole answer"),
        click.option("--confidence", type=float, metavar="P", help="How surely the budget is met [0.9; a target: 0.5]"),
        click.option("--engine", metavar="NAME", help="llama.cpp, vllm, mlx ...; also 'llama.cpp vulkan'"),
        click.option("--license", "licence", metavar="commercial|any|SPDX"),
        click.option("--quant", metavar="NAME"),
        click.option("--min-quality", type=float, metavar="X"),
        click.option("--kv-type", type=click.Choice(["f16", "q8_0", "q4_0"]), default=None),
    )(function)
