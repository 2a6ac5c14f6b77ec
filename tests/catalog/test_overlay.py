"""Overlays: facts on top, associative, and denials that win."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.catalog.compiled import build
from advisor.catalog.folder import RawCatalog, read_folder
from advisor.catalog.overlay import Layer, apply_layer, layer_of, merge_layers, read_layer
from advisor.catalog.overlay_gates import apply_sound
from advisor.catalog.source import load_catalog, user_overlays
from advisor.catalog.strict_yaml import parse_yaml
from advisor.catalog.validate import validate_path
from advisor.errors import BadDocument, UnknownName
from advisor.report.model_sheet import model_text
from advisor.settings import Settings
from advisor.verbs.catalog import show_model
from advisor.verbs.workspace import Workspace

BASE = "schema: 1\nfamily: F\nvendor: V\nmodels:\n- {id: v/a, name: A, category: llm, params: {total: 10, active: 5}}\n"


@pytest.fixture
def base(tmp_path):
    family = tmp_path / "base" / "models" / "v" / "f.yaml"
    family.parent.mkdir(parents=True)
    family.write_text(BASE + "- {id: v/b, name: B, category: llm, licence: {id: mit}}\n")
    return tmp_path / "base"


def load(base, tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"overlay-{number}.yaml")
        paths[-1].write_text(text)
    return load_catalog(paths, source=base, cache=tmp_path / "cache")


def test_facts_merge_by_key(base, tmp_path):
    catalog = load(base, tmp_path, "schema: 1\nmodels:\n- {id: v/a, params: {total: 20}, aliases: [mine]}\n")
    model = catalog.resolve("mine")
    assert (model.id, model.total_params, model.active_params, model.name) == ("v/a", 20, 5, "A")


def test_new_models_enter(base, tmp_path):
    new = "schema: 1\nfamily: N\nvendor: Us\nmodels:\n- {id: us/new, name: New, category: llm}\n"
    assert load(base, tmp_path, new).resolve("us/new").vendor == "Us"
    with pytest.raises(BadDocument, match="needs name, category"):
        load(base, tmp_path, "schema: 1\nfamily: N\nvendor: Us\nmodels:\n- {id: us/new}\n")


def test_an_entry_that_fails_a_gate_is_left_out_and_the_rest_holds(base, tmp_path):
    """More active parameters than there are: the model below stands, a new one stays out, the sound entry holds."""
    bad = """schema: 1
family: N
vendor: Us
models:
- {id: v/a, params: {active: 50}}
- {id: v/b, aliases: [bee]}
- {id: us/new, name: New, category: llm, params: {total: 10, active: 20}}
"""
    catalog = load(base, tmp_path, bad)
    assert catalog.resolve("v/a").active_params == 5
    assert catalog.resolve("bee").id == "v/b"
    assert [entry.id for entry in catalog.entries()] == ["v/a", "v/b"]
    assert [line.removeprefix(f"{tmp_path}/") for line in catalog.left_out] == [
        "overlay-0.yaml:7: us/new: params.active: 20 active of 10 parameters",
        "overlay-0.yaml:5: v/a: params.active: 50 active of 10 parameters",
    ]
    assert load(base, tmp_path, "schema: 1\nmodels:\n- {id: v/b, aliases: [bee]}\n").left_out == ()


def test_left_out_entries_are_said_once_a_run(base, tmp_path, monkeypatch):
    overlay = tmp_path / "bad.yaml"
    overlay.write_text("schema: 1\nmodels:\n- {id: Qwen/Qwen3-8B, params: {total: 9}}\n")
    monkeypatch.setenv("ADVISOR_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache"))
    said = []
    workspace = Workspace(Settings(catalogs=(overlay,), warn=said.append))
    assert workspace.catalog.resolve("Qwen/Qwen3-8B").total_params > 8e9
    assert workspace.catalog.count > 600
    assert len(said) == 1
    assert "bad.yaml:3: Qwen/Qwen3-8B: params.total: the architecture has" in said[0]
    assert [str(finding).split(": ")[1] for finding in validate_path(overlay).findings] == ["Qwen/Qwen3-8B"]


def test_deny_wins_over_a_later_layer(base, tmp_path):
    deny = "schema: 1\ndeny: {models: ['v/A']}\n"
    again = "schema: 1\nfamily: F\nvendor: V\nmodels:\n- {id: v/a, name: A, category: llm}\n"
    catalog = load(base, tmp_path, deny, again)
    with pytest.raises(UnknownName):
        catalog.resolve("v/a")
    assert [entry.id for entry in catalog.entries()] == ["v/b"]


@pytest.mark.parametrize("deny", ["{vendors: [V]}", "{licences: ['MI?']}"])
def test_deny_by_vendor_and_licence(base, tmp_path, deny):
    left = [entry.id for entry in load(base, tmp_path, f"schema: 1\ndeny: {deny}\n").entries()]
    assert "v/b" not in left


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("schema: 1\nmodel: []\n", "unknown key 'model'"),
        ("schema: 1\ndeny: {model: [x]}\n", "deny takes lists"),
        ("schema: 1\ndeny: {models: x}\n", "must be a list of patterns"),
        ("schema: 1\nmodels: {a: 1}\n", "models must be a list"),
        ("schema: 1\nmodels:\n- {name: A}\n", "without an id"),
        ("schema: 1\nmodels:\n- {id: v/a, params: {total: -1}}\n", "params.total"),
        ("schema: 1\nmodels:\n- {id: v/a, engines: [rocket]}\n", "engines"),
        ("- 1\n", "a mapping is needed"),
        ("a: &x [*x]\n", "anchors"),
    ],
)
def test_hostile_overlays_are_refused(base, tmp_path, text, reason):
    with pytest.raises(BadDocument) as caught:
        load(base, tmp_path, text)
    assert "overlay-0.yaml" in caught.value.message
    assert reason in caught.value.message


def test_organisation_then_user(tmp_path, monkeypatch):
    organisation, config = tmp_path / "org", tmp_path / "config"
    organisation.mkdir()
    (config / "catalog").mkdir(parents=True)
    monkeypatch.setenv("ADVISOR_ORG_CATALOG", str(organisation))
    assert user_overlays(config, tmp_path / "data") == (organisation, config / "catalog")
    monkeypatch.setenv("ADVISOR_ORG_CATALOG", str(tmp_path / "none"))
    assert user_overlays(config, tmp_path / "data") == (config / "catalog",)


def test_folders_are_read_in_order(tmp_path):
    (tmp_path / "b.yaml").write_text("schema: 1\nmodels:\n- {id: v/a, note: second}\n")
    (tmp_path / "a.yaml").write_text("schema: 1\nmodels:\n- {id: v/a, note: first, domain: legal}\n")
    record = read_layer([tmp_path]).models["v/a"]
    assert (record["note"], record["domain"]) == ("second", "legal")


facts = st.fixed_dictionaries(
    {"id": st.just("v/a")},
    optional={
        "note": st.none() | st.text(max_size=3),
        "params": st.none() | st.dictionaries(st.sampled_from(["total", "active"]), st.integers(1, 9), max_size=2),
        "languages": st.lists(st.sampled_from(["en", "de"]), max_size=2),
        "artifacts": st.lists(
            st.fixed_dictionaries(
                {"repo": st.sampled_from(["r/1", "r/2"]), "format": st.sampled_from(["gguf", "mlx"])}
            ),
            max_size=2,
            unique_by=lambda a: a["repo"],
        ),
    },
)
layers = st.builds(
    Layer,
    models=facts.map(lambda record: {"v/a": record}) | st.just({}),
    deny=st.fixed_dictionaries({"models": st.frozensets(st.sampled_from(["a/*", "b/*"]))}),
    evidence=st.dictionaries(st.tuples(st.sampled_from("xy")), st.fixed_dictionaries({"score": st.integers(0, 9)})),
)


def test_results_are_laid_over_and_replace_the_same_result(tmp_path):
    row = "{model: v/a, benchmark: B, task: t, unit: pct, source: mine, score: %s}"
    (tmp_path / "a.yaml").write_text("schema: 1\nevidence: [" + row % 1 + "]\n")
    (tmp_path / "b.yaml").write_text("schema: 1\nevidence: [" + row % 2 + "]\n")
    raw = RawCatalog(evidence={"v/a": [{"model": "v/a", "benchmark": "B", "source": "other", "score": 3}]})
    apply_layer(raw, read_layer([tmp_path]))
    assert [row["score"] for row in raw.evidence["v/a"]] == [3, 2]
    assert [row.get("fitted", True) for row in raw.evidence["v/a"]] == [True, False]


def test_results_of_an_overlay_are_shown_as_not_counted(tmp_path, monkeypatch):
    """The scores come from a fit made before: whoever adds a result must see that it did not move them."""
    overlay = tmp_path / "mine.yaml"
    overlay.write_text(
        "schema: 1\nevidence:\n- {model: EleutherAI/gpt-neox-20b, benchmark: Ours, task: chat, unit: pct, source: mine,"
        " score: 7}\n"
    )
    monkeypatch.setenv("ADVISOR_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("ADVISOR_CACHE", str(tmp_path / "cache"))
    name = "EleutherAI/gpt-neox-20b"
    with_it = model_text(show_model(Workspace(Settings(catalogs=(overlay,))).catalog, name), 120)
    assert "Ours *" in with_it
    assert "not counted in the scores above" in with_it
    assert "not counted" not in model_text(show_model(Workspace(Settings()).catalog, name), 120)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{model: v/a, benchmark: B, task: t, unit: pct, source: s, score: 400}", "outside"),
        ("{model: v/a, benchmark: B, task: t, unit: frac, source: s, score: 40}", "outside"),
        ("{model: v/a, benchmark: B, task: t, unit: stars, source: s, score: 4}", "unit"),
        ("{model: v/a, benchmark: B, task: t, unit: pct, score: 4}", "source"),
        ("{model: v/a, benchmark: B, task: t, unit: pct, source: s, score: high}", "score"),
        ("just text", "evidence.0"),
    ],
)
def test_bad_results_name_their_line(tmp_path, row, reason):
    (tmp_path / "a.yaml").write_text(f"schema: 1\nevidence:\n- {row}\n")
    with pytest.raises(BadDocument, match=rf"a.yaml:3: .*{reason}"):
        read_layer([tmp_path])


def test_a_later_schema_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("schema: 2\nmodels: []\n")
    with pytest.raises(BadDocument, match="schema 2 is not known"):
        read_layer([tmp_path])


@given(layers, layers, layers)
def test_merging_is_associative(a, b, c):
    left, right = merge_layers(merge_layers(a, b), c), merge_layers(a, merge_layers(b, c))
    assert left == right


def test_hardware_documents_are_layers_too():
    document = parse_yaml(b"family: Mine\nvendor: Us\ndevices: [{id: us/card}]\n", "mine.yaml")
    assert layer_of(document).hardware == (document.value,)


def test_devices_and_prices_alone_give_the_same_bytes_as_compiling_all_anew(base, tmp_path):
    devices = base / "hardware" / "v" / "cards.yaml"
    devices.parent.mkdir(parents=True)
    card = "- {id: v/card, name: Card 9000, kind: gpu, memory_gib: 8, sources: {default: sheet}}\n"
    devices.write_text("family: Cards\nvendor: V\ndevices:\n" + card)
    quotes = tmp_path / "quotes.yaml"
    price = "{usd: 90, date: '2026-11-01', kind: quote, source: shop}"
    new = "- {id: v/a-new-one, name: Card 10000, kind: gpu, sources: {default: sheet}}\n"
    quotes.write_text(f"devices:\n- {{id: v/card, prices: [{price}]}}\n{new}")
    quick = load_catalog([quotes], source=base, cache=tmp_path / "cache")
    raw = read_folder(base)
    slow = build(raw, apply_sound(raw, read_layer([quotes])))
    assert quick.hardware.get("v/card").prices[0].usd == 90
    assert json.loads(slow["manifest.json"])["sha256"] == quick.sha256
    assert {p.name: p.read_bytes() for p in quick.folder.iterdir()} == slow
