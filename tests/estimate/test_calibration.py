"""The Bayesian update: recovers known parameters, keeps to its prior without data, shrinks with data."""

import math
import random
from dataclasses import replace

import pytest

from advisor.estimate.calibration import Observation, Posterior, diagonal, inverse, predict, quadratic, solve, update

PRIOR = Posterior(
    mean=tuple(math.log(m) for m in (1.2, 1.3, 1.5, 3.0, 2.0, 2.5, 2.5, 1.5)),
    covariance=diagonal([0.1] * 8),
    backend="cuda",
    device="RTX 4090",
)
TRUTH = tuple(math.log(m) for m in (1.45, 1.6, 2.1, 5.0, 1.6, 2.9, 3.5, 1.5))


def seconds(terms, theta=TRUTH):
    return sum(x * math.exp(t) for x, t in zip(terms, theta, strict=True))


def runs(count, seed=1):
    """Runs of models of many sizes, decode and prefill, without noise."""
    dice = random.Random(seed)
    for _ in range(count):
        size = dice.uniform(0.001, 0.05)
        decode = (size, size * dice.random(), size * dice.random(), 4e-4 * dice.random(), 0.0, 0.0, 0.0, 1e-4)
        prefill = (size, 0.0, 0.0, 1e-3, size * 30, size * 20 * dice.random(), size * 9 * dice.random(), 0.0)
        terms = dice.choice((decode, prefill))
        yield Observation(terms=terms, seconds=seconds(terms), sd=0.03)


def test_many_runs_recover_the_parameters():
    found = update(PRIOR, list(runs(300)))
    for name, (got, true) in enumerate(zip(found.mean, TRUTH, strict=True)):
        assert got == pytest.approx(true, abs=0.1), name
    assert found.observations == 300
    assert (found.backend, found.device) == ("cuda", "RTX 4090")


def test_no_runs_leave_the_prior():
    assert update(PRIOR, []) is PRIOR


def test_a_run_moves_only_what_it_touches_and_narrows_it():
    run = Observation(terms=(0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), seconds=0.02)
    found = update(PRIOR, [run])
    assert math.exp(found.mean[0]) == pytest.approx(2.0, rel=0.03)
    assert found.mean[1:] == pytest.approx(PRIOR.mean[1:])
    assert found.covariance[0][0] < 0.003
    assert found.covariance[1][1] == pytest.approx(0.1)


def test_two_sizes_tell_bandwidth_from_launches():
    def small_and_large(sizes):
        terms = [(size, 0.0, 0.0, 5e-4, 0.0, 0.0, 0.0, 0.0) for size in sizes]
        return update(PRIOR, [Observation(terms=t, seconds=seconds(t), sd=0.03) for t in terms])

    one, two = small_and_large([0.001]), small_and_large([0.001, 0.02])
    assert two.covariance[0][0] < one.covariance[0][0] / 5
    assert two.mean[0] == pytest.approx(TRUTH[0], abs=0.05)


def test_heavier_observations_count_more():
    terms = (0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    fast, slow = (Observation(terms=terms, seconds=s, sd=0.2) for s in (0.012, 0.02))
    light = update(PRIOR, [fast, replace(slow, weight=0.1)])
    heavy = update(PRIOR, [fast, replace(slow, weight=10.0)])
    assert light.mean[0] < heavy.mean[0]


def test_prediction_is_the_sum_with_the_parameters_variance():
    total, variance = predict(PRIOR, (0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert total == pytest.approx(0.012)
    assert variance == pytest.approx(0.1)


def test_linear_algebra():
    matrix = ((4.0, 1.0, 0.5), (1.0, 3.0, 0.2), (0.5, 0.2, 2.0))
    x = solve(matrix, [1.0, 2.0, 3.0])
    assert [sum(a * b for a, b in zip(row, x, strict=True)) for row in matrix] == pytest.approx([1.0, 2.0, 3.0])
    product = [[sum(a * b for a, b in zip(row, col, strict=True)) for col in zip(*inverse(matrix), strict=True)]
               for row in matrix]  # fmt: skip
    for i in range(3):
        assert product[i] == pytest.approx([1.0 if i == j else 0.0 for j in range(3)])
    assert quadratic([1.0, 0.0, 2.0], matrix) == pytest.approx(4.0 + 2 * 0.5 * 2 + 2.0 * 4)


def test_plain_values_bring_a_posterior_back():
    found = update(PRIOR, list(runs(20)))
    again = Posterior.from_mapping(found.to_mapping())
    assert again.mean == pytest.approx(found.mean, abs=1e-4)
    assert (again.backend, again.device, again.observations) == ("cuda", "RTX 4090", 20)


def test_another_number_of_parameters_is_refused():
    plain = PRIOR.to_mapping()
    plain["mean"] = plain["mean"][:-1]
    with pytest.raises(ValueError, match="7 parameters"):
        Posterior.from_mapping(plain)
