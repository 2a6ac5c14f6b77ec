"""What is loaded beside a model: drafts, prediction blocks, projectors; and how much drafting helps."""

from dataclasses import replace

import pytest

from advisor.domain.architecture import Moe
from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.quantity import Quantity
from advisor.domain.workload import Workload
from advisor.estimate.companions import (
    beside,
    draft_model,
    prediction_block_bytes,
    prediction_blocks,
    projector,
    reserve,
)
from advisor.estimate.footprint import Choice, cache_layout, footprint, growth_bytes
from advisor.estimate.kv_cache import cache_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.speculation import faster, plan, speedup, tokens_per_step
from advisor.estimate.tensors import tensor_list
from advisor.estimate.weighing import weight_profile
from tests.estimate import models
from tests.estimate.conftest import card, computer

GIB = 1 << 30
WORKLOAD = Workload(task="chat", prompt_tokens=100, output_tokens=100, context=8192)
GPU = Placement(kind=PlacementKind.GPU, gpu_layers=99, devices=(0,))
CPU = Placement(kind=PlacementKind.CPU)


def placed(architecture, constants, quant="Q4_K_M", workload=WORKLOAD):
    engine = constants.engine("llama.cpp")
    layout = cache_layout(workload, engine)
    return Choice(shape_of(architecture), weight_profile(architecture, quant), engine, layout)


def test_a_draft_brings_weights_cache_and_scratch_but_no_second_driver(constants):
    machine = computer(card())
    draft = placed(models.QWEN3_06B, constants, "Q8_0")
    found = draft_model("draft", draft, GPU, machine, constants)
    alone = footprint(draft, replace(GPU, gpu_layers=29), machine, constants)
    assert found.total_bytes == alone.total_bytes - sum(d.overhead_bytes for d in alone.devices)
    assert found.bytes["gpu0"].kv_cache == 8192 * 28 * 2 * 8 * 128 * 2


def test_a_companion_lies_in_the_room_that_was_reserved(constants):
    machine = computer(card())
    main = placed(models.LLAMA_8B, constants)
    companion = projector(GIB, GPU, main.engine)
    assert companion.bytes["gpu0"].total == int(1.4 * GIB)
    room = reserve(machine, companion, constants)
    plain = footprint(main, replace(GPU, gpu_layers=33), machine, constants)
    both = beside(footprint(main, replace(GPU, gpu_layers=33), room, constants), companion)
    assert both.devices[0].available_bytes == plain.devices[0].available_bytes
    assert both.total_bytes == plain.total_bytes + companion.total_bytes
    assert projector(GIB, CPU, main.engine).bytes.keys() == {"host"}


def test_prediction_blocks_have_a_cache_and_keep_states(constants):
    architecture = replace(models.QWEN36_27B, nextn_layers=1)
    main = placed(architecture, constants)
    found = prediction_blocks(architecture, "Q4_K_M", main, GPU, drafted=3)
    part = found.bytes["gpu0"]
    assert part.weights == prediction_block_bytes(architecture, "Q4_K_M") > 100 << 20
    states = main.shape.state_bytes
    assert part.kv_cache == 8192 * 2 * 4 * 256 * 2 + 3 * states


def test_prediction_blocks_of_step_are_dense_and_have_heads():
    """llama.cpp reads no experts for them; three blocks of Step 3.7 take 0.9 GB and their heads, not 9."""
    moe = Moe(n_experts=288, n_used=8, ffn=1280, n_shared=1, shared_ffn=1280, first_dense=3)
    a = models.gqa("step35", 128896, 4096, "FSSS" * 11 + "F", 64, 8, 128, 11264, window=512, moe=moe, nextn_layers=3)
    names = {t.name for t in tensor_list(a, nextn=True)} - {t.name for t in tensor_list(a)}
    assert not [name for name in names if "_exps" in name]
    assert "blk.47.nextn.shared_head_head.weight" in names
    assert prediction_block_bytes(a, "Q4_K_M") < 2.2e9


def test_prompts_that_were_read_fill_main_memory(constants):
    plain, windowed = placed(models.LLAMA_8B, constants), placed(models.GEMMA3_4B, constants)
    assert growth_bytes(plain) == 8 * GIB
    one = 29 * 1536 * 2 * 4 * 256 * 2
    assert growth_bytes(windowed) == 8 * GIB + one
    assert growth_bytes(replace(plain, engine=constants.engine("vllm"))) == 0
    whole = cache_bytes(plain.shape, plain.layout)
    assert growth_bytes(replace(plain, engine=constants.engine("mlx"))) == 10 * whole, "ten prompts are kept"


def test_the_published_formula():
    assert tokens_per_step(0.8, 2) == pytest.approx(1 + 0.8 + 0.64)
    assert speedup(0.8, 2, 1.2, 0.05) == pytest.approx(2.44 / 1.3)
    assert speedup(0.0, 4, 1.0, 0.0) == 1.0


def test_drafting_stops_where_it_costs_more_than_it_yields():
    cheap = plan("x", 0.8, lambda tokens: 1 + 0.02 * tokens, 0.02, most=8, width=1.25)
    dear = plan("x", 0.8, lambda tokens: 1 + 0.5 * (tokens - 1), 0.3, most=8, width=1.25)
    assert cheap.drafted_tokens > dear.drafted_tokens == 1
    assert dear.speedup.p50 < cheap.speedup.p50
    assert cheap.speedup.p90 == pytest.approx(1.25 * cheap.speedup.p50)


def test_doubts_add_and_the_prompt_is_read_twice(constants):
    from tests.estimate.test_candidate import run

    speed = run(models.LLAMA_8B, computer(card()), WORKLOAD, constants).speed
    found = plan("x", 0.8, lambda tokens: 1.2, 0.05, most=4, width=1.25)
    sped = faster(speed, found, WORKLOAD, prompt_s=0.5)
    assert sped.tpot_s.p50 == pytest.approx(speed.tpot_s.p50 / found.speedup.p50)
    wider = sped.tpot_s.p90 / sped.tpot_s.p50
    assert wider > max(1.25, speed.tpot_s.p90 / speed.tpot_s.p50)
    assert sped.ttft_s == Quantity(*(x + 0.5 for x in (speed.ttft_s.p10, speed.ttft_s.p50, speed.ttft_s.p90)))
    assert sped.latency_s.p50 < speed.latency_s.p50 + 0.5
