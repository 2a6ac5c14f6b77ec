"""What must hold of any answer, on the shipped catalog and the real estimates, over machines that nobody chose."""

from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from advisor.decide.candidates import Reason
from advisor.verbs.question import Request
from advisor.verbs.recommend import recommend
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace

NOTHING = -1e9
GPUS = ("GTX 1660 Super", "RTX 3060", "RTX 4090", "RX 7900 XTX", "A100 80GB", "Arc A770")
FASTER = (("RTX 3060", "RTX 3090"), ("RTX 4060 Ti", "RTX 4090"), ("M1 Pro", "M1 Max"), ("M2 Pro", "M2 Ultra"))
TASKS = ("chat", "coding", "reasoning", "summarization")


@cache
def workspace():
    return Workspace()


def answer(task, selection, **limits):
    return recommend(Request(task=task, limit=1, **limits), MachineSelection(**selection), workspace())


def worth(result):
    """Utility of the first pick; nothing where a stated budget has none."""
    return result.picks[0].assessment.candidate.utility if result.picks else NOTHING


@settings(max_examples=5, deadline=None)
@example(task="coding", gpu="Arc A770", ram=8, vram=4, rate=2.0, first=2.0, more=25, looser=1.0)
@given(
    task=st.sampled_from(TASKS), gpu=st.sampled_from(GPUS), ram=st.integers(8, 128), vram=st.integers(4, 48),
    rate=st.floats(2, 120), first=st.floats(0.1, 8), more=st.integers(1, 64), looser=st.floats(1, 4),
)  # fmt: skip
def test_more_memory_or_a_looser_budget_never_worsens_the_best(task, gpu, ram, vram, rate, first, more, looser):
    machine = {"gpus": (gpu,), "ram": f"{ram}GiB", "vram": f"{vram}GiB"}
    limits = {"min_tokens_per_s": rate, "max_ttft_s": first}
    before = worth(answer(task, machine, **limits))
    assert worth(answer(task, machine, **limits)) == before
    assert worth(answer(task, machine | {"ram": f"{ram + more}GiB"}, **limits)) >= before
    assert worth(answer(task, machine | {"vram": f"{vram + more}GiB"}, **limits)) >= before
    assert worth(answer(task, machine, min_tokens_per_s=rate / looser, max_ttft_s=first * looser)) >= before


@pytest.mark.parametrize(("slower", "faster"), FASTER)
def test_more_bandwidth_never_worsens_the_best(slower, faster):
    for task in TASKS:
        limits = {"min_tokens_per_s": 25.0, "max_ttft_s": 2.0}
        one = answer(task, {"gpus": (slower,), "ram": "32GiB"}, **limits)
        other = answer(task, {"gpus": (faster,), "ram": "32GiB"}, **limits)
        assert worth(other) >= worth(one)


@pytest.mark.parametrize(
    "selection", [{"cpu": "Ryzen 9 7950X", "ram": "32GiB"}, {"gpus": ("RTX 4090",), "ram": "64GiB"}]
)
def test_no_pick_without_a_source_for_its_quality(selection):
    for task in ("chat", "coding", "medical", "legal", "vision", "embedding"):
        result = recommend(Request(task=task, limit=8), MachineSelection(**selection), workspace())
        assert result.picks
        sourced = [bool(p.evidence) and all(row.source for row in p.evidence) for p in result.picks]
        assert sourced == sorted(sourced, reverse=True), "one without any result comes after all that have some"
        assert sourced[0]
        assert Reason.NO_QUALITY not in {p.assessment.reason for p in result.picks}


@pytest.mark.parametrize("name", ["AMD Ryzen 7000 (Zen 4)", "AWS Graviton4"])
def test_a_family_of_processors_gets_an_answer(name):
    """Its entry covers parts with many numbers of cores: a modest one is assumed and said so."""
    result = answer("chat", {"hardware": name, "ram": "12GiB"})
    assert result.picks[0].assessment.estimate.speed is not None
    assert any("number of cores not known" in note.message for note in result.machine.notes)


@pytest.mark.parametrize(
    ("name", "cores", "fast"),
    [
        ("Ryzen 9 7950X", 16, None), ("EPYC 9654", 96, None), ("Raspberry Pi 5", 4, None), ("i7-12700", 12, 8),
        ("Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", 14, None), ("AMD Ryzen 7 5700G with Radeon Graphics", 8, None),
        ("Snapdragon 8 Gen 2", 8, 5),
    ],
)  # fmt: skip
def test_a_named_processor_has_its_own_cores(name, cores, fast):
    result = answer("chat", {"hardware": name, "ram": "12GiB"})
    assert (result.machine.cpu.physical_cores, result.machine.cpu.performance_cores) == (cores, fast)
    assert result.picks[0].assessment.estimate.speed is not None
    assert not any("number of cores not known" in note.message for note in result.machine.notes)


def test_weights_trained_in_four_bits_are_offered_as_published():
    """GPT-OSS 20B: each preset below 16 bits holds the same experts, so Q2_K saves 0.6 of 12.1 GB and is no better."""
    result = recommend(Request(task="chat", limit=40), MachineSelection(gpus=("RTX 4060 Ti 16GB",)), workspace())
    quants = {p.assessment.candidate.quant for p in result.picks if p.model.id == "openai/gpt-oss-20b"}
    assert quants == {"MXFP4"}


def test_stated_memory_of_a_system_on_a_chip_is_that_of_its_gpu_too():
    machine = workspace().machine(MachineSelection(hardware="M2 Ultra", ram="192GiB"))
    assert machine.accelerators[0].memory_total_bytes == machine.memory.total_bytes == 192 * 2**30
