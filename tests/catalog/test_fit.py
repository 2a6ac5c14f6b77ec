"""The latent-factor model on small made-up data, and what the committed scores say of known pairs."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from advisor.catalog import fit_latent as latent
from advisor.catalog.fit import fingerprint, read_inputs, score_group
from advisor.catalog.fit_quant import fit_losses, predicted, read_losses

CATALOG = Path(__file__).parents[2] / "catalog"


def _none(plain):
    return []


def _prior(count, seed=1):
    rng = np.random.default_rng(seed)
    labels = [(f"v{i % 5}", f"f{i % 10}", f"m{i}", f"m{i}") for i in range(count)]
    return latent.Prior(
        design=rng.normal(size=(count, 2)), labels=labels, variances=(0.1, 0.1, 0.1, 0.1, 0.1), products=_none
    )


def _made_up(count=60, items=6, seed=2):
    rng = np.random.default_rng(seed)
    prior = _prior(count)
    theta = prior.design @ np.array([1.0, -0.5]) + 0.3 * rng.normal(size=count)
    place = np.array([(s, i) for s in range(count) for i in range(items) if rng.random() < 0.7])
    value = theta[place[:, 0]] + place[:, 1] + 0.2 * rng.normal(size=len(place))
    cells = latent.Cells(system=place[:, 0], item=place[:, 1], value=value, variance=np.full(len(place), 0.01))
    return prior, cells, theta


def _fit(prior, cells, items=6):
    beliefs = [latent.Belief(name=f"b{i}", loadings=np.array([0.8, 0.0]), halfway=25) for i in range(items)]
    return latent.fit(prior, cells, beliefs, 8)


def test_abilities_are_recovered():
    prior, cells, theta = _made_up()
    model = _fit(prior, cells)
    assert np.corrcoef(model.theta[:, 0], theta)[0, 1] > 0.97


def test_unseen_systems_follow_the_design_and_are_less_sure():
    prior, cells, _ = _made_up()
    model = _fit(prior, cells)
    others = latent.Prior(
        design=np.array([[2.0, 0.0], [-2.0, 0.0]]),
        labels=[("x", "x", "x", "x"), ("y", "y", "y", "y")],
        variances=prior.variances,
        products=_none,
    )
    mean, covariance = latent.abilities(model, prior, others)
    assert mean[0, 0] > mean[1, 0] + 1
    seen = np.einsum("knkn->nk", model.covariance)[:, 0]
    assert covariance[0, 0, 0] > seen.max()


def test_kin_of_a_measured_model_inherit_from_it():
    prior, cells, theta = _made_up()
    model = _fit(prior, cells)
    best = int(np.argmax(theta))
    near = latent.Prior(design=np.zeros((1, 2)), labels=[prior.labels[best]], variances=prior.variances, products=_none)
    far = latent.Prior(
        design=np.zeros((1, 2)), labels=[("q", "q", "q", "q")], variances=prior.variances, products=_none
    )
    close, stranger = (latent.abilities(model, prior, other) for other in (near, far))
    assert close[1][0, 0, 0] < stranger[1][0, 0, 0]


def test_same_input_gives_the_same_output():
    prior, cells, _ = _made_up()
    first, second = _fit(prior, cells), _fit(prior, cells)
    assert np.array_equal(first.theta, second.theta)
    assert np.array_equal(first.loadings, second.loadings)


REFIT = "run `python -m advisor.catalog.fit` and commit what it wrote"


@pytest.fixture(scope="module")
def inputs():
    return read_inputs(CATALOG)


@pytest.fixture(scope="module")
def committed():
    return json.loads((CATALOG / "quality" / "coefficients.json").read_text())


def test_the_committed_fit_is_of_these_rows_facts_and_code(inputs, committed):
    assert committed["inputs"] == fingerprint(inputs), REFIT
    scores = (CATALOG / "quality" / "scores.csv").read_bytes()
    assert committed["scores"] == hashlib.sha256(scores).hexdigest(), REFIT


def test_any_change_of_rows_or_facts_changes_the_fingerprint(inputs):
    first = inputs.results[0]
    moved = replace(inputs, results=[replace(first, value=first.value + 1e-9), *inputs.results[1:]])
    model = inputs.models["microsoft/phi-4"]
    dated = replace(inputs, models={**inputs.models, model.model: replace(model, released=2024.0)})
    assert len({fingerprint(inputs), fingerprint(moved), fingerprint(dated)}) == 3


def test_refitting_the_smallest_group_gives_the_committed_scores(inputs):
    _, scores = score_group(inputs, "speech")
    with (CATALOG / "quality" / "scores.csv").open(newline="") as stream:
        rows = {row["model"]: row for row in csv.DictReader(stream) if row["task"] == "speech-to-text"}
    assert {score.model for score in scores} == set(rows)
    for score in scores:
        assert float(rows[score.model]["score"]) == pytest.approx(score.score, abs=0.11), REFIT
        assert float(rows[score.model]["sd"]) == pytest.approx(score.sd, abs=0.11), REFIT


def test_a_benchmark_with_few_results_is_less_sure_of_itself():
    prior, cells, _ = _made_up(items=2)
    few = cells.item == 0
    few &= np.cumsum(few) > 8
    thin = latent.Cells(
        system=cells.system[~few], item=cells.item[~few], value=cells.value[~few], variance=cells.variance[~few]
    )
    model = _fit(prior, thin, 2)
    doubts = [latent.doubt_of(model, index, np.zeros(2), np.ones(2)) for index in range(2)]
    assert doubts[0] > 2 * doubts[1] > 0


def test_quantization_fit_finds_the_law_that_made_its_rows():
    rows = read_losses(CATALOG / "quality" / "quantization.csv")
    assert len(rows) > 80
    found = fit_losses(rows)
    at_four = 25 * predicted([np.log(found["points_at_four_bits"] / 25), found["size_exponent"], 4.2], 8e9, 4)
    assert at_four == pytest.approx(found["points_at_four_bits"])
    assert 3.5 < found["bits_exponent"] < 5


def _scores(task):
    best = {}
    with (CATALOG / "quality" / "scores.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["task"] == task:
                best[row["model"]] = max(best.get(row["model"], 0.0), float(row["score"]))
    return best


@pytest.mark.parametrize("task", ["general", "chat", "reasoning", "coding"])
@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("microsoft/phi-4", "meta-llama/Llama-2-70b-chat-hf"),
        ("google/gemma-3-27b-it", "meta-llama/Llama-2-70b-chat-hf"),
        ("Qwen/Qwen3-8B", "meta-llama/Llama-2-70b-chat-hf"),
        ("google/gemma-3-27b-it", "EleutherAI/pythia-12b"),
        ("Qwen/Qwen3-8B", "closed/openai-gpt-3"),
        ("Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen-72B"),
    ],
)
def test_newer_small_models_beat_old_giants(task, small, large):
    scores = _scores(task)
    if large not in scores:
        pytest.skip("not dated")
    assert scores[small] > scores[large]


def test_half_the_size_is_level_in_chat():
    """Blind comparisons put Mistral 7B ahead of Llama 2 13B by 8 rating points, other results behind it: no winner."""
    scores = _scores("chat")
    difference = scores["mistralai/Mistral-7B-Instruct-v0.3"] - scores["meta-llama/Llama-2-13b-chat-hf"]
    assert abs(difference) < 2


def test_the_prior_does_not_run_away_where_nothing_is_measured():
    reasoning = _scores("reasoning")
    assert reasoning["EleutherAI/gpt-neo-125m"] < 25 < reasoning["microsoft/phi-4"]


def test_unmeasured_translation_says_so():
    with (CATALOG / "quality" / "scores.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["task"] == "translation"]
    assert {row["grade"] for row in rows} <= {"measured", "sibling", "prior"}
    assert all(float(row["sd"]) >= 6 for row in rows if row["grade"] == "prior")


def test_a_taught_model_answers_better_than_its_base():
    chat = _scores("chat")
    assert chat["mistralai/Mistral-7B-Instruct-v0.1"] > chat["mistralai/Mistral-7B-v0.1"] + 5
