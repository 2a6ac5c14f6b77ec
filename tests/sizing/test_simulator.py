"""The simulation: the same seed gives the same run, load makes it slower, and saturation is seen."""

from dataclasses import replace

import pytest

from advisor.domain.machine import Accelerator
from advisor.sizing.capacity import capacity, rate_at
from advisor.sizing.constants import ServingConstants
from advisor.sizing.demand import Demand, Targets
from advisor.sizing.purchase import replica_of
from advisor.sizing.serving import Replica, Served, max_sequences, step_terms
from advisor.sizing.simulator import meets, simulate, simulated_rate


@pytest.fixture
def replica(card: Accelerator, constants: ServingConstants) -> Replica:
    return replica_of([card], constants.engines["vllm"], constants)


def test_the_same_seed_gives_the_same_run(dense: Served, replica: Replica, demand: Demand) -> None:
    runs = [simulate(dense, replica, demand, 2.0, seed=seed, sigma=0.6, count=200) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_an_idle_replica_takes_the_time_of_its_steps(dense: Served, replica: Replica, demand: Demand) -> None:
    run = simulate(dense, replica, demand, 0.001, seed=1, sigma=0.0, count=20)
    alone = step_terms(dense, replica, 1, dense.cache_of(550)).total_s
    assert run.tpot_p50_s == pytest.approx(alone, rel=0.02)
    prompt = step_terms(dense, replica, 0, 0, prompt=400, attended=200).total_s
    assert run.ttft_p50_s == pytest.approx(prompt, rel=0.02)
    assert not run.saturated


def test_more_load_is_slower_until_it_saturates(dense: Served, replica: Replica, demand: Demand) -> None:
    free = replace(demand, targets=Targets())
    saturated = rate_at(dense, replica, free, max_sequences(dense, replica, free.mean_tokens))
    light, heavy, beyond = (
        simulate(dense, replica, free, share * saturated, seed=1, sigma=0.6, count=600) for share in (0.1, 0.7, 3.0)
    )
    assert light.tpot_p95_s < heavy.tpot_p95_s
    assert light.ttft_p95_s <= heavy.ttft_p95_s < beyond.ttft_p95_s
    assert not heavy.saturated
    assert beyond.saturated
    assert not meets(beyond, free)


def test_every_request_is_served_in_full(dense: Served, replica: Replica, demand: Demand) -> None:
    run = simulate(dense, replica, demand, 1.0, seed=3, sigma=0.0, count=100)
    assert run.tokens_per_s == pytest.approx(300.0, rel=0.3)


def test_the_closed_form_and_the_simulation_agree_on_the_planned_load(
    dense: Served, replica: Replica, demand: Demand, constants: ServingConstants
) -> None:
    found = capacity(dense, replica, demand, constants.planning)
    assert found is not None
    run = simulate(dense, replica, demand, found.requests_per_s, seed=1, sigma=0.6, count=1500)
    assert run.decoding == pytest.approx(found.decoding, rel=0.25)
    assert run.tpot_p95_s < 1.5 * found.tpot_s  # steps with prompts in them are longer than the mean step
    rate = simulated_rate(dense, replica, demand, found.requests_per_s, seed=1, sigma=0.6)
    assert 0.25 * found.requests_per_s <= rate <= found.requests_per_s


def test_what_cannot_hold_a_quarter_gives_zero(dense: Served, replica: Replica, demand: Demand) -> None:
    hopeless = replace(demand, targets=Targets(max_tpot_s=1e-6))
    assert simulated_rate(dense, replica, hopeless, 1.0, seed=1, sigma=0.6) == 0.0


def test_thinking_delays_the_first_token_unless_the_whole_answer_is_limited(
    dense: Served, replica: Replica, demand: Demand
) -> None:
    thinks = demand.thinking(1000)
    slow = simulate(dense, replica, thinks, 0.01, seed=1, sigma=0.0, count=20)
    fast = simulate(dense, replica, demand, 0.01, seed=1, sigma=0.0, count=20)
    assert slow.ttft_p50_s > fast.ttft_p50_s + 1000 * fast.tpot_p50_s * 0.9
    limited = replace(thinks, targets=Targets(max_latency_s=60.0))
    run = simulate(dense, replica, limited, 0.01, seed=1, sigma=0.0, count=20)
    assert run.ttft_p50_s == pytest.approx(fast.ttft_p50_s, rel=0.01)
