"""Step time, memory and the closed form: what must hold whatever the figures."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.catalog.source import load_catalog
from advisor.domain.machine import Accelerator
from advisor.errors import BadDocument
from advisor.estimate.shape import LayerShape
from advisor.sizing.capacity import capacity, mean_step, rate_at
from advisor.sizing.constants import ServingConstants
from advisor.sizing.demand import Demand, Targets
from advisor.sizing.purchase import replica_of
from advisor.sizing.serving import Replica, Served, cache_room_bytes, max_sequences, step_terms
from benchmarks.serving import predict

GIB = 1024**3
CATALOG = Path(__file__).parents[2] / "catalog"
LOAD = Path(__file__).parents[2] / "benchmarks" / "published_load"


@pytest.fixture
def replica(card: Accelerator, constants: ServingConstants) -> Replica:
    return replica_of([card], constants.engines["vllm"], constants)


def test_decoding_alone_reads_the_weights_once(dense: Served, replica: Replica) -> None:
    terms = step_terms(dense, replica, 1, 0)
    assert terms.weights_s == pytest.approx(15e9 / (864e9 * 0.81))
    assert terms.binding == "bandwidth"
    assert terms.total_s > terms.weights_s


def test_a_long_prompt_is_bound_by_compute(dense: Served, replica: Replica) -> None:
    terms = step_terms(dense, replica, 0, 0, prompt=2048, attended=1024)
    assert terms.binding == "compute"


def test_units_for_the_weights_read_prompts_faster(
    dense: Served, card: Accelerator, constants: ServingConstants
) -> None:
    narrow = replace(dense, narrow_flops=14e9, multiplied="fp8")
    engine, fast = constants.engines["vllm"], replace(card, fp8_flops=2 * (card.f16_flops or 0.0))

    def compute_s(model: Served, device: Accelerator) -> float:
        replica = replica_of([device], engine, constants, model.multiplied)
        return step_terms(model, replica, 0, 0, prompt=2048, attended=0).compute_s

    assert compute_s(narrow, card) == pytest.approx(compute_s(dense, card))
    assert 0.5 * compute_s(dense, fast) < compute_s(narrow, fast) < 0.7 * compute_s(dense, fast)


def test_a_backend_has_a_pace_of_its_own(card: Accelerator, constants: ServingConstants) -> None:
    engine = replace(constants.engines["vllm"], pace={"rocm": 0.5})
    usual, slow = (replica_of([replace(card, backend=b)], engine, constants) for b in ("cuda", "rocm"))
    assert slow.flops == usual.flops / 2
    assert slow.bandwidth_bytes_per_s == usual.bandwidth_bytes_per_s / 2
    assert slow.memory_bytes == usual.memory_bytes


def test_only_written_tokens_need_the_output_head(dense: Served, replica: Replica) -> None:
    headed = replace(dense, head_flops=3e9)
    assert step_terms(headed, replica, 64, 0).compute_s == pytest.approx(step_terms(dense, replica, 64, 0).compute_s)
    reading = [step_terms(m, replica, 0, 0, prompt=2048).compute_s for m in (headed, dense)]
    assert reading[0] == pytest.approx(0.8 * reading[1])


def test_a_prompt_is_read_in_few_steps_that_multiply(dense: Served, replica: Replica, demand: Demand) -> None:
    """Spread evenly over the answer's steps it would hide behind the reading of the weights, at no cost."""
    long = replace(demand, prompt_tokens=2000, output_tokens=1000)
    alone = step_terms(dense, replica, 1, dense.cache_of(long.mean_tokens)).total_s
    chunk = step_terms(dense, replica, 1, dense.cache_of(long.mean_tokens), prompt=2000, attended=1000).total_s
    assert mean_step(dense, replica, long, 1).total_s == pytest.approx(alone + (chunk - alone) / 1000)
    without = replace(long, prefix_hit=1.0)
    assert mean_step(dense, replica, without, 1).total_s == pytest.approx(alone)


def test_heads_that_cannot_be_dealt_out_are_kept_twice(dense: Served) -> None:
    kind = LayerShape("F", "F", 512, 512, 0, 0, 0, 0, 0, 0, 0, 0, kv_heads=4)
    few = replace(dense, caches=((kind, 131072.0, 0.0),))
    assert few.split(4) is few
    assert few.split(8).cache_of(100) == 2 * few.cache_of(100)


def test_experts_are_read_as_far_as_tokens_cover_them(dense: Served) -> None:
    sparse = replace(dense, dense_bytes=1e9, expert_bytes=32e9, expert_share=1 / 16)
    assert sparse.weights_read(1) == pytest.approx(3e9)
    assert sparse.weights_read(16) < 33e9
    assert sparse.weights_read(1000) == pytest.approx(33e9, rel=1e-3)


def test_a_window_bounds_the_cache(dense: Served) -> None:
    windowed = replace(dense, full_cache_bytes=0.0, window_cache_bytes=1000.0, window=512)
    assert windowed.cache_of(100) == 100_000
    assert windowed.cache_of(100_000) == 512_000


def test_weights_that_do_not_fit_leave_no_sequence(dense: Served, replica: Replica) -> None:
    huge = replace(dense, resident_bytes=100e9)
    assert cache_room_bytes(huge, replica) < 0
    assert max_sequences(huge, replica, 500) == 0


def test_gibibytes_are_not_rounded_down_to_gigabytes(dense: Served, replica: Replica) -> None:
    room = cache_room_bytes(dense, replica)
    assert room == pytest.approx(45 * GIB * 0.92 - replica.engine.overhead_bytes - 16e9)


def test_an_engine_takes_its_share_of_all_memory_or_what_is_free(
    card: Accelerator, constants: ServingConstants
) -> None:
    held = replace(card, memory_available_bytes=30 * GIB)
    assert replica_of([held, held], constants.engines["vllm"], constants).memory_bytes == 60 * GIB
    assert replica_of([card], constants.engines["llama.cpp"], constants).memory_bytes == 44 * GIB


def test_sizing_takes_the_share_that_estimates_take() -> None:
    plain = yaml.safe_load((CATALOG / "serving.yaml").read_text("utf-8"))
    assert not [name for name, row in plain["engines"].items() if "memory_share" in row]
    catalog = load_catalog()
    shares = {name: engine.utilization for name, engine in catalog.constants.engines.items()}
    assert (
        ServingConstants.from_mapping(catalog.table("serving"), shares).engines["vllm"].memory_share == shares["vllm"]
    )


def test_several_gpus_without_tensor_parallel_add_memory_not_speed(
    dense: Served, card: Accelerator, constants: ServingConstants
) -> None:
    one = replica_of([card], constants.engines["llama.cpp"], constants)
    two = replica_of([card, card], constants.engines["llama.cpp"], constants)
    assert cache_room_bytes(dense, two) > cache_room_bytes(dense, one)
    assert step_terms(dense, two, 1, 0).weights_s == step_terms(dense, one, 1, 0).weights_s
    parallel = replica_of([card, card], constants.engines["vllm"], constants)
    assert step_terms(dense, parallel, 1, 0).weights_s < step_terms(dense, one, 1, 0).weights_s
    assert step_terms(dense, parallel, 1, 0).link_s > 0


def test_no_capacity_without_a_chance(
    dense: Served, replica: Replica, demand: Demand, constants: ServingConstants
) -> None:
    hopeless = replace(demand, targets=Targets(max_tpot_s=0.001))
    assert capacity(dense, replica, hopeless, constants.planning) is None
    assert capacity(replace(dense, resident_bytes=1e12), replica, demand, constants.planning) is None


def test_the_planned_load_keeps_away_from_saturation(
    dense: Served, replica: Replica, demand: Demand, constants: ServingConstants
) -> None:
    found = capacity(dense, replica, demand, constants.planning)
    assert found is not None
    assert found.utilization <= 0.70 + 1e-9
    assert found.tpot_s <= 0.05
    assert found.ttft_s <= 2.0
    assert rate_at(dense, replica, demand, found.decoding) == pytest.approx(found.requests_per_s, rel=1e-3)


def test_what_binds_is_named(dense: Served, replica: Replica, demand: Demand, constants: ServingConstants) -> None:
    free = replace(demand, targets=Targets())
    few = replace(replica, memory_bytes=24 * GIB)
    found = capacity(dense, few, free, constants.planning)
    assert found is not None
    assert found.binding == "memory"
    tight = replace(demand, targets=Targets(max_tpot_s=0.03))
    found = capacity(dense, replica, tight, constants.planning)
    assert found is not None
    assert found.binding in ("bandwidth", "compute", "engine")


def _rate(model: Served, replica: Replica, demand: Demand, constants: ServingConstants) -> float:
    found = capacity(model, replica, demand, constants.planning)
    return found.requests_per_s if found else 0.0


@settings(deadline=None, max_examples=100)
@given(
    factor=st.floats(1.0, 8.0),
    prompt=st.integers(50, 8000),
    output=st.integers(20, 2000),
    tpot=st.floats(0.02, 0.5),
    ttft=st.floats(0.2, 20.0),
    share=st.sampled_from([0.0, 1 / 32, 1 / 4]),
)
def test_more_bandwidth_or_memory_never_lowers_capacity(
    factor: float, prompt: int, output: int, tpot: float, ttft: float, share: float
) -> None:
    constants = _shipped()
    replica = Replica(
        devices=1,
        memory_bytes=44 * GIB,
        bandwidth_bytes_per_s=864e9,
        flops=362e12,
        link=None,
        engine=constants.engines["vllm"],
    )
    experts = 10e9 if share else 0.0
    model = Served(
        dense_bytes=5e9,
        expert_bytes=experts,
        expert_share=share,
        resident_bytes=5e9 + experts,
        flops_per_token=6e9,
        attention_flops=5e5,
        n_layers=32,
        kernels=544,
        hidden=4096,
        full_cache_bytes=1e5,
        window_cache_bytes=0,
    )
    demand = Demand(
        users=1,
        usage=constants.usage_of("chat"),
        prompt_tokens=prompt,
        output_tokens=output,
        targets=Targets(max_ttft_s=ttft, max_tpot_s=tpot),
    )
    before = _rate(model, replica, demand, constants)
    for changed in (
        replace(replica, bandwidth_bytes_per_s=replica.bandwidth_bytes_per_s * factor),
        replace(replica, memory_bytes=replica.memory_bytes * factor),
        replace(replica, flops=replica.flops * factor),
    ):
        assert _rate(model, changed, demand, constants) >= before * (1 - 1e-3)


def _shipped() -> ServingConstants:
    return ServingConstants.from_mapping(yaml.load((CATALOG / "serving.yaml").read_text(), yaml.CSafeLoader), {})


def test_incomplete_constants_are_refused() -> None:
    with pytest.raises(BadDocument):
        ServingConstants.from_mapping({"engines": {}}, {})
    with pytest.raises(BadDocument):
        ServingConstants.from_mapping({"engines": {"x": {"eta": 1}}, "links": {}, "planning": {}, "power": {}}, {})


def test_published_runs_under_load_are_all_understood() -> None:
    catalog, served = load_catalog(), {}
    shares = {name: engine.utilization for name, engine in catalog.constants.engines.items()}
    constants = ServingConstants.from_mapping(catalog.table("serving"), shares)
    rows = [row for path in sorted(LOAD.glob("*.csv")) for row in csv.DictReader(path.read_text("utf-8").splitlines())]
    for row in rows:
        seconds, rate = predict(row, catalog, constants, served)
        assert min(seconds, rate) > 0, row["id"]
        assert all((row["source"], row["date"], row["out_tok_s"] or row["tpot_ms_mean"])), row["id"]
    assert len({row["id"] for row in rows}) == len(rows)
