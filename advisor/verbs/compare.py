"""Choices side by side, and what the larger one buys."""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot

from advisor.decide.choice import Choice
from advisor.decide.comparison import Comparison, Difference
from advisor.decide.quality import probability_better
from advisor.errors import UsageError
from advisor.verbs.estimate import estimate_model
from advisor.verbs.question import Request, build_question
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace


def compare(targets: Sequence[str], request: Request, selection: MachineSelection, workspace: Workspace) -> Comparison:
    """Estimate each target and set neighbours by size against each other. Raises UsageError for fewer than two."""
    if not 2 <= len(targets) <= 8:
        raise UsageError(f"compare takes 2 to 8 models, not {len(targets)}", hint="advisor compare qwen3-8b qwen3-14b")
    catalog = workspace.catalog
    question = build_question(request, catalog)
    parsed = [catalog.split_choice(text) for text in targets]
    machine = workspace.machine(selection)
    choices = tuple(estimate_model(m, q or question.quant, question, machine, workspace) for m, q in parsed)
    by_size = sorted(choices, key=lambda c: c.model.total_params or 0)
    return Comparison(choices=choices, differences=tuple(_difference(a, b) for a, b in pairwise(by_size)))


def _difference(small: Choice, large: Choice) -> Difference:
    points = points_sd = probability = None
    if small.quality and large.quality:
        points = large.quality.score - small.quality.score
        points_sd = hypot(large.quality.sd, small.quality.sd)
        probability = probability_better(large.quality.score, large.quality.sd, small.quality.score, small.quality.sd)
    a, b = small.estimate, large.estimate
    return Difference(
        smaller=small.name,
        larger=large.name,
        points=points,
        points_sd=points_sd,
        p_better=probability,
        memory_ratio=b.footprint.total_bytes / a.footprint.total_bytes,
        time_ratio=b.speed.latency_s.p50 / a.speed.latency_s.p50 if a.speed and b.speed else None,
        energy_ratio=(
            b.joules_per_answer.p50 / a.joules_per_answer.p50 if a.joules_per_answer and b.joules_per_answer else None
        ),
    )
