"""The arithmetic that is shown adds up to the figures that are given."""

import math
from functools import cache

import pytest

from advisor.report.explanation import explanations_document
from advisor.verbs.explain import explain
from advisor.verbs.question import Request
from advisor.verbs.recommend import recommend
from advisor.verbs.selection import MachineSelection
from advisor.verbs.why_not import why_not_neighbours
from advisor.verbs.workspace import Workspace

MACHINES = [
    {"gpus": ("RTX 4090",), "ram": "64GiB"},
    {"gpus": ("2x RTX 3060",), "ram": "64GiB"},
    {"cpu": "EPYC 9654", "ram": "64GiB"},
]


@cache
def workspace():
    return Workspace()


@pytest.mark.parametrize("machine", MACHINES, ids=["card", "two cards", "processor"])
def test_steps_add_up_to_the_estimate(machine):
    result = recommend(Request(task="chat", limit=4), MachineSelection(**machine), workspace())
    for pick, one in zip(result.picks, explain(result, workspace()), strict=True):
        estimate = pick.assessment.estimate
        sums = {}
        for step in one.steps:
            sums[step.about] = sums.get(step.about, 0.0) + step.value
            assert step.source
            assert math.isfinite(step.value)
        assert sums["decode"] == pytest.approx(estimate.speed.tpot_s.p50, rel=1e-6)
        request_s = workspace().catalog.constants.settings["request_s"]
        assert sums["prefill"] + request_s == pytest.approx(estimate.speed.ttft_s.p50, rel=1e-6)
        assert sums["work"] == pytest.approx(estimate.flops.per_output_token + estimate.flops.prompt, rel=1e-6)
        cache_bytes = sum(s.value for s in one.steps if s.name.startswith(("KV cache", "state")) and s.unit == "bytes")
        assert cache_bytes == pytest.approx(sum(d.kv_cache_bytes for d in estimate.footprint.devices), rel=1e-3)
        worth = next(s.value for s in one.steps if s.name.startswith("worth"))
        assert worth == pick.assessment.candidate.utility
        assert sum(share for _, share in one.shares["decode"]) == pytest.approx(1.0)


def test_each_pick_is_explained_as_data():
    result = recommend(Request(task="chat", limit=2), MachineSelection(**MACHINES[0]), workspace())
    first, second = explanations_document(explain(result, workspace()))
    assert (first["rank"], second["rank"]) == (1, 2)
    assert {s["about"] for s in first["steps"]} == {"memory", "work", "prefill", "decode", "quality"}


def test_the_larger_the_smaller_and_the_famous_one_are_answered():
    result = recommend(Request(task="chat"), MachineSelection(**MACHINES[0]), workspace())
    answers = why_not_neighbours(result, workspace())
    sizes = [workspace().catalog.entry(a.model_id).total_params for a in answers]
    size = result.picks[0].model.total_params
    assert min(sizes) < size < max(sizes)
    counts = {e.id: len(workspace().catalog.evidence(e.id)) for e in workspace().catalog.entries()}
    assert max(counts[a.model_id] for a in answers) >= sorted(counts.values())[-40]
