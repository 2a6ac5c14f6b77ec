"""Every change that is said to suffice alone does: each is made, and the model is then a pick."""

from functools import cache

import pytest

from advisor.domain.units import parse_duration
from advisor.verbs.question import Request
from advisor.verbs.recommend import recommend
from advisor.verbs.selection import MachineSelection
from advisor.verbs.why_not import why_not_named
from advisor.verbs.workspace import Workspace

CPU = {"cpu": "Ryzen 9 7950X", "ram": "16GiB"}
CARD = {"gpus": ("RTX 3060",), "ram": "16GiB"}
GIB = 2**30


@cache
def workspace():
    return Workspace()


def ask(machine, **request):
    return recommend(Request(**({"task": "chat"} | request)), MachineSelection(**machine), workspace(), levers=True)


def alone(result, lever):
    """Near misses with the first need of a kind that suffices alone."""
    found = [(m, n) for m in result.near_misses for n in m.needs if n.alone and n.lever == lever]
    assert found, {n.lever for m in result.near_misses for n in m.needs}
    return found[0]


def works(model, machine, **request):
    return bool(ask(machine, model=model, **request).picks)


def test_a_graphics_card():
    request = {"min_tokens_per_s": 60.0, "min_quality": 45.0}
    miss, need = alone(ask(CPU, **request), "gpu")
    assert not works(miss.model.id, CPU, **request)
    assert works(miss.model.id, CPU | {"gpus": (need.needed,)}, **request)


def test_more_main_memory():
    request = {"max_tpot_s": 5.0, "min_quality": 70.0}
    miss, need = alone(ask({"cpu": "Ryzen 9 7950X", "ram": "8GiB"}, **request), "ram")
    assert works(miss.model.id, {"cpu": "Ryzen 9 7950X", "ram": f"{int(need.needed / GIB)}GiB"}, **request)


def test_another_quantization():
    request = {"min_tokens_per_s": 10.0, "quant": "BF16", "min_quality": 60.0}
    miss, need = alone(ask(CARD, **request), "quantization")
    assert works(miss.model.id, CARD, **request | {"quant": need.needed})


def test_more_energy_and_more_power():
    miss, need = alone(ask(CARD, max_energy_j=5.0), "energy")
    assert works(miss.model.id, CARD, max_energy_j=need.needed)
    miss, need = alone(ask(CARD, max_watts=30.0, model="Qwen/Qwen3-8B"), "energy")
    assert works(miss.model.id, CARD, max_watts=need.needed)


def test_all_limits_of_a_budget_together():
    limits = {"max_ttft_s": 0.001, "min_tokens_per_s": 5000.0}
    miss, need = alone(ask(CARD, **limits), "budget")
    assert need.field == "all"
    words = need.needed.replace("--", "\n").split("\n")[1:]
    loosened = {flag: parse_duration(value.strip(), flag) for flag, _, value in (w.partition(" ") for w in words)}
    assert works(miss.model.id, CARD, max_ttft_s=loosened["max-ttft"], max_tpot_s=loosened["max-tpot"])


def test_there_is_always_a_near_miss():
    result = ask({"cpu": "Ryzen 9 7950X", "ram": "4GiB"}, min_quality=75.0)
    assert result.picks == ()
    assert result.near_misses
    assert all(miss.needs for miss in result.near_misses)


def test_a_model_too_large_for_all_memory_says_what_it_would_need():
    (answer,) = why_not_named(("llama-3.3-70b",), ask(CPU), workspace())
    assert "parameters" in answer.lines[1]
    assert {"gpu", "memory"} <= {need.lever for need in answer.needs}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_energy_j": 1.0}, "too_much_energy"),
        ({"max_watts": 1.0}, "too_much_power"),
        ({"tier": "edge"}, "above_tier"),
    ],
)
def test_filters_hold_and_count_their_reason(limits, reason):
    result = ask(CARD, **limits)
    assert result.rejected[reason] >= 1
    for pick in result.picks:
        assert pick.assessment.candidate.size.file_bytes <= 5 * GIB
