"""Scales, rules and the shape of the evidence files."""

import csv
import math
from pathlib import Path

import pytest
import yaml

from advisor.catalog import fit_evidence as evidence
from advisor.catalog.fit import read_inputs
from advisor.catalog.fit_facts import lineage_label, year_fraction
from advisor.catalog.fit_scores import can_do, task_rules
from advisor.catalog.folder import read_folder

CATALOG = Path(__file__).parents[2] / "catalog"
UNITS = {"frac", "pct", "pct_lower_better", "bt_rating", "wer_pct", "bleu", "rating", "points"}
RANGES = {"frac": (-0.1, 1.0001), "bt_rating": (500, 2000), "rating": (0, 5000), "points": (0, 10)}

ACCURACY = evidence.Item(name="a", group="text", scale="accuracy", chance=0.25, questions=198, factor="general")
RATING = evidence.Item(name="r", group="text", scale="rating", chance=0, questions=1, factor="dialogue")
ERROR = evidence.Item(name="e", group="text", scale="error", chance=0, questions=1000, factor="general")


@pytest.fixture(scope="module")
def raw():
    return read_folder(CATALOG)


@pytest.fixture(scope="module")
def inputs():
    return read_inputs(CATALOG)


@pytest.fixture(scope="module")
def rows(raw):
    return [row for found in raw.evidence.values() for row in found]


@pytest.fixture(scope="module")
def sources():
    return yaml.safe_load((CATALOG / "evidence" / "sources.yaml").read_text())["sources"]


@pytest.mark.parametrize(("item", "share", "shown"), [(ACCURACY, 0.7, 70), (ERROR, 0.08, 92), (RATING, 1300, 50)])
def test_scale_and_back(item, share, shown):
    assert evidence.from_scale(item, evidence.to_scale(item, share)) == pytest.approx(shown)


def test_scale_is_monotone_and_finite_at_the_ends():
    values = [evidence.to_scale(ACCURACY, share / 100) for share in range(0, 101)]
    assert values == sorted(values)
    assert all(math.isfinite(value) for value in values)
    assert evidence.to_scale(ERROR, 0.05) > evidence.to_scale(ERROR, 0.2)


def test_few_questions_measure_badly():
    few = evidence.Item(name="f", group="text", scale="accuracy", chance=0, questions=44, factor="agentic")
    many = evidence.Item(name="m", group="text", scale="accuracy", chance=0, questions=2000, factor="agentic")
    assert evidence.measurement_variance(few, 0.3, None) > 20 * evidence.measurement_variance(many, 0.3, None)


def test_first_matching_rule_holds():
    rules = [
        {"match": "X: AVG", "skip": True},
        {"match": "X: *", "group": "text", "scale": "accuracy", "factor": "code"},
    ]
    assert evidence.item_of("X: AVG", rules) is None
    assert evidence.item_of("X: HUMANEVAL", rules).factor == "code"
    assert evidence.item_of("Y", rules) is None


def test_years():
    assert year_fraction("") is None
    assert year_fraction("2025-01-01") == 2025.0
    assert 2025.4 < year_fraction("2025") < 2025.6


def test_lineage_joins_a_base_and_its_tuned_versions():
    assert lineage_label("meta-llama/Meta-Llama-3-8B-Instruct") == lineage_label("meta-llama/Meta-Llama-3-8B")
    assert lineage_label("Qwen/Qwen3-8B") != lineage_label("Qwen/Qwen3-14B")


def test_every_row_has_a_known_source_and_unit(rows, sources):
    known = {source["id"] for source in sources}
    for row in rows:
        assert row["source"] in known
        assert row["unit"] in UNITS, row
        low, high = RANGES.get(row["unit"], (-5, 100))
        assert low <= float(row["score"]) <= high, row
        assert row["mode"] in ("", "thinking", "non-thinking")


def test_most_rows_speak_of_catalogued_models(raw, rows):
    assert sum(row["model"] in raw.models for row in rows) > 0.98 * len(rows)
    assert len({row["model"] for row in rows} & set(raw.models)) >= 350


def test_sources_say_licence_and_attribution(rows, sources):
    for source in sources:
        assert set(source) == {"id", "title", "url", "commit", "published", "licence", "attribution"}
        assert source["attribution"]
    assert not any("NoLiMa" in row["benchmark"] for row in rows)


def test_tasks_refer_to_benchmarks_with_rules_and_rows(raw, rows):
    rules = raw.tables["benchmarks"]["rules"]
    known = {row["benchmark"] for row in rows}
    for task in task_rules(raw.tables["tasks"]):
        assert sum(weight for _, weight in task.reference) == pytest.approx(1, abs=1e-3)
        for name, _ in task.reference:
            assert name in known, name
            assert evidence.item_of(name, rules) is not None, name


def test_task_names_and_aliases_do_not_collide(raw):
    tasks = raw.tables["tasks"]["tasks"]
    names = [name for task in tasks for name in [task["name"], *task["aliases"]]]
    assert len(names) == len(set(names))
    assert len(tasks) == 16


def test_special_cases_name_catalogued_models(raw):
    kinds = yaml.safe_load((CATALOG / "quality" / "kinds.yaml").read_text())
    named = [*kinds["kin"], *(model for models in kinds["purposes"].values() for model in models)]
    named += [row["model"] for row in [*kinds["released"], *kinds["params"]]]
    assert [model for model in named if model not in raw.models] == []


def test_models_are_scored_on_their_tasks_only(inputs):
    tasks = {task.name: task for task in inputs.tasks}
    able = {
        model: {name for name, task in tasks.items() if can_do(inputs.models[model], task)}
        for model in ("BAAI/bge-m3", "openai/whisper-large-v3", "google/gemma-3-4b-it", "microsoft/phi-4")
    }
    assert able["BAAI/bge-m3"] == {"embedding"}
    assert able["openai/whisper-large-v3"] == {"speech-to-text"}
    assert "vision" in able["google/gemma-3-4b-it"]
    assert "vision" not in able["microsoft/phi-4"]


def test_mode_of_rows_without_a_stated_mode(inputs):
    facts = inputs.models["Qwen/Qwen3-8B"]
    row = {"mode": "", "benchmark": "benchlm CHAT: MMLU", "listed_as": "Qwen3-8B"}
    assert evidence.mode_of(row, facts) == "non-thinking"
    assert evidence.mode_of({**row, "benchmark": "LMArena text, style control: full"}, facts) == "thinking"
    assert evidence.mode_of({**row, "mode": "non-thinking"}, facts) == "non-thinking"


def test_scores_file_is_complete_and_in_range():
    with (CATALOG / "quality" / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["grade"] for row in rows} == {"measured", "sibling", "imputed", "prior"}
    assert all(0 <= float(row["score"]) <= 100 and float(row["sd"]) > 0 for row in rows)
    keys = [(row["model"], row["mode"], row["task"]) for row in rows]
    assert len(keys) == len(set(keys))


def test_scored_modes_are_those_of_the_catalog(raw):
    with (CATALOG / "quality" / "scores.csv").open(newline="") as stream:
        modes = {(row["model"], row["mode"]) for row in csv.DictReader(stream)}
    for model, mode in modes:
        thinking = raw.models[model].get("thinking") or "never"
        assert mode in {"never": ("default",), "always": ("thinking",)}.get(thinking, ("thinking", "non-thinking"))
