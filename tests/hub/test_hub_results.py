"""Evaluation results of the hub: known benchmarks become evidence with source and date, the rest is kept out."""

import json
import random

import pytest
import yaml

from advisor.catalog.source import load_catalog
from advisor.errors import NetworkError
from advisor.hub.results import parse_results
from advisor.report.catalog_update import update_document, update_text
from advisor.verbs.catalog_results import evidence_of_results
from advisor.verbs.catalog_update import add_model, update_model
from tests.hub.fakehub import Content
from tests.hub.gguf_files import gguf_bytes
from tests.hub.test_hub_catalog import FAMILY
from tests.hub.test_hub_inspect import MODEL, tensors

TABLE = """
- {dataset: cais/hle, benchmark: HLE, task: reasoning}
- {dataset: Idavidrein/gpqa, only: [gpqa_diamond], benchmark: GPQA Diamond, task: reasoning, chance: 25}
"""
BENCHMARKS = yaml.safe_load(TABLE)


def entry(dataset, value, task="default", **more):
    outside = {key: more.pop(key) for key in ("verified", "pullRequest") if key in more}
    data = {"dataset": {"id": dataset, "task_id": task}, "value": value, **more}
    return {"filename": f".eval_results/{dataset.split('/')[-1]}.yaml", "data": data, **outside}


CARD = {"url": "https://e.org", "name": "Card"}
STATED = [
    entry("Idavidrein/gpqa", 0.633, "gpqa_diamond", date="2026-02-03T10:00:00Z", source=CARD),
    entry("cais/hle", 20.9, "hle", verified=True, date="2026-02-04"),
    entry("cais/hle", 31.5, "hle", notes="With tools", date="2026-02-30"),
    entry("cais/hle", 22.0, "hle", notes="no-tools"),
]  # fmt: skip
KEPT_OUT = {
    "unknown benchmark": (entry("some/set", 50), "not a benchmark of the catalog"),
    "another task": (entry("Idavidrein/gpqa", 50, "gpqa_main"), "task gpqa_main is not a benchmark"),
    "above": (entry("cais/hle", 412), "outside 0 to 100"),
    "below": (entry("cais/hle", -1), "outside 0 to 100"),
    "share or percent": (entry("cais/hle", 0.7), "may be a share or a percentage"),
    "text": (entry("cais/hle", "41"), "no number"),
    "yes": (entry("cais/hle", True), "no number"),
    "infinite": (entry("cais/hle", float("inf")), "no finite number"),
    "huge": (entry("cais/hle", 10**400), "no finite number"),
    "proposed": (entry("cais/hle", 40, pullRequest=12), "not merged"),
    "invalid": ({"filename": ".eval_results/x.yaml", "error": "bad \x1b[2J yaml"}, "finds it invalid: bad"),
    "nameless": ({"filename": "a", "data": {"value": 1}}, "names no dataset"),
    "no entry": ("text", "not understood"),
}


@pytest.fixture
def base(tmp_path):
    family = tmp_path / "base" / "models" / "org" / "tiny.yaml"
    family.parent.mkdir(parents=True)
    family.write_text(FAMILY)
    (tmp_path / "base" / "hub_benchmarks.yaml").write_text(f"schema: 1\nsource: test\nbenchmarks:{TABLE}")
    return tmp_path / "base"


@pytest.fixture
def catalog(base, tmp_path):
    return load_catalog(source=base, cache=tmp_path / "cache")


@pytest.fixture
def content(hub):
    content = Content(gguf_bytes(MODEL, tensors()))
    hub.commit("org/tiny-GGUF", {"tiny-Q8_0.gguf": content})
    return content


def rows_of(entries):
    return evidence_of_results("org/tiny", parse_results("org/tiny", {"evalResults": entries}), BENCHMARKS)


def test_results_are_evidence_with_source_and_date(hub, content, catalog, base, tmp_path, patience):
    hub.results["org/tiny"] = [*STATED, KEPT_OUT["unknown benchmark"][0]]
    written = update_model(catalog, "tiny", tmp_path / "mine", patience=patience)
    assert (written.results, list(written.kept_out)) == (4, [".eval_results/set.yaml"])
    later = load_catalog([tmp_path / "mine"], source=base, cache=tmp_path / "cache")
    seen = {(r.benchmark, r.score, r.unit, r.date, r.self_reported) for r in later.evidence("org/tiny")}
    assert seen == {
        ("GPQA Diamond", 63.3, "pct", "2026-02-03", True),
        ("HLE", 20.9, "pct", "2026-02-04", False),
        ("HLE (with tools)", 31.5, "pct", None, True),
        ("HLE", 22.0, "pct", None, True),
    }
    assert any("hub, .eval_results/gpqa.yaml; Card https://e.org" in r.source for r in later.evidence("org/tiny"))
    again = update_model(later, "tiny", tmp_path / "mine", patience=patience)
    assert again.results == 4
    newest = load_catalog([tmp_path / "mine"], source=base, cache=tmp_path / "cache")
    assert len(newest.evidence("org/tiny")) == 4


@pytest.mark.parametrize("name", KEPT_OUT)
def test_what_cannot_be_used_is_kept_out_with_its_reason(name):
    stated, reason = KEPT_OUT[name]
    found = rows_of([stated, STATED[1]])
    assert [row["score"] for row in found.rows] == [20.9]
    [said] = found.kept_out.values()
    assert reason in said
    assert said.isprintable()


def test_a_new_model_brings_its_results(hub, content, catalog, base, tmp_path, patience):
    hub.results["org/tiny-GGUF"] = STATED
    written = add_model(catalog, "org/tiny-GGUF", tmp_path / "mine", patience=patience)
    later = load_catalog([tmp_path / "mine"], source=base, cache=tmp_path / "cache")
    assert len(later.evidence("org/tiny-GGUF")) == written.results == 4
    assert "4 benchmark results" in update_text([written])
    assert update_document([written])["models"][0]["kept_out"] == {}


def test_results_alone_are_enough(hub, catalog, base, tmp_path, patience):
    hub.results["org/tiny"] = STATED
    written = update_model(catalog, "tiny", tmp_path / "mine", patience=patience)
    assert (written.files, written.results, len(written.failed)) == (0, 4, 2)


def test_files_are_read_although_results_are_not(hub, content, catalog, tmp_path, patience):
    hub.results["org/tiny"] = {"not": "a list"}
    written = update_model(catalog, "tiny", tmp_path / "mine", patience=patience)
    assert (written.files, written.results) == (1, 0)
    assert "not understood" in written.failed["org/tiny"]


@pytest.mark.parametrize("document", [None, [], "x", {"evalResults": {}}, {"evalResults": 3}])
def test_answers_about_nothing(document):
    with pytest.raises(NetworkError, match="not understood"):
        parse_results("org/m", document)


def mutated_results(rounds, seed):
    """Feed mutated answers through; returns how many gave rows."""
    rng, text, useful = random.Random(seed), json.dumps({"evalResults": STATED}), 0
    spice = [
        "null",
        "[]",
        "{}",
        "-1",
        '"',
        "1e99",
        "1e999",
        "true",
        "\\u202e",
        "\\ud800",
        "",
        "NaN",
        "[[[",
        "0.5",
        "9" * 400,
    ]
    for _ in range(rounds):
        mutated = text
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(mutated))
            mutated = mutated[:at] + rng.choice(spice) + mutated[at + rng.choice((0, 1, 8)) :]
        try:
            document = json.loads(mutated)
        except (ValueError, RecursionError):
            continue
        try:
            found = rows_of(document.get("evalResults") if isinstance(document, dict) else document)
        except NetworkError as error:
            assert "\n" not in error.message  # noqa: PT017
            continue
        useful += bool(found.rows)
        assert all(0 <= row["score"] <= 100 for row in found.rows)
    return useful


def test_mutated_results_short():
    assert mutated_results(2000, seed=3) > 0


@pytest.mark.long
def test_mutated_results_long():
    assert mutated_results(300_000, seed=4) > 0
