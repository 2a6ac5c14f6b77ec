"""The latent-factor model on small made-up data, and what the committed scores say of known pairs."""

import csv
from pathlib import Path

import numpy as np
import pytest

from advisor.catalog import fit_latent as latent
from advisor.catalog.fit_quant import fit_losses, predicted, read_losses

CATALOG = Path(__file__).parents[2] / "catalog"


def _prior(count, seed=1):
    rng = np.random.default_rng(seed)
    labels = [(f"v{i % 5}", f"f{i % 10}", f"m{i}", f"m{i}") for i in range(count)]
    return latent.Prior(design=rng.normal(size=(count, 2)), labels=labels, variances=(0.1, 0.1, 0.1, 0.1, 0.1))


def _made_up(count=60, items=6, seed=2):
    rng = np.random.default_rng(seed)
    prior = _prior(count)
    theta = prior.design @ np.array([1.0, -0.5]) + 0.3 * rng.normal(size=count)
    place = np.array([(s, i) for s in range(count) for i in range(items) if rng.random() < 0.7])
    value = theta[place[:, 0]] + place[:, 1] + 0.2 * rng.normal(size=len(place))
    cells = latent.Cells(system=place[:, 0], item=place[:, 1], value=value, variance=np.full(len(place), 0.01))
    return prior, cells, theta


def _fit(prior, cells, items=6):
    names = [f"b{i}" for i in range(items)]
    return latent.fit(prior, cells, names, {name: np.array([0.8, 0.0]) for name in names}, 8)


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
    )
    mean, covariance = latent.abilities(model, prior, others)
    assert mean[0, 0] > mean[1, 0] + 1
    seen = np.einsum("knkn->nk", model.covariance)[:, 0]
    assert covariance[0, 0, 0] > seen.max()


def test_kin_of_a_measured_model_inherit_from_it():
    prior, cells, theta = _made_up()
    model = _fit(prior, cells)
    best = int(np.argmax(theta))
    near = latent.Prior(design=np.zeros((1, 2)), labels=[prior.labels[best]], variances=prior.variances)
    far = latent.Prior(design=np.zeros((1, 2)), labels=[("q", "q", "q", "q")], variances=prior.variances)
    close, stranger = (latent.abilities(model, prior, other) for other in (near, far))
    assert close[1][0, 0, 0] < stranger[1][0, 0, 0]


def test_same_input_gives_the_same_output():
    prior, cells, _ = _made_up()
    first, second = _fit(prior, cells), _fit(prior, cells)
    assert np.array_equal(first.theta, second.theta)
    assert np.array_equal(first.loadings, second.loadings)


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
