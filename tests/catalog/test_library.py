"""The compiled catalog: deterministic, complete, and found by the names that people type."""

import json
from pathlib import Path

import pytest

from advisor.catalog.compiled import compile_to_folder
from advisor.catalog.source import load_catalog, source_folder
from advisor.domain.model import Category, Thinking
from advisor.errors import BadDocument, UnknownName


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return load_catalog(cache=tmp_path_factory.mktemp("cache"))


def contents(folder: Path):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_same_input_same_bytes(tmp_path):
    first = compile_to_folder(source_folder(), tmp_path / "a")
    second = compile_to_folder(source_folder(), tmp_path / "b")
    assert first == second
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["sha256"] == first


def test_a_changed_fact_changes_the_hash(tmp_path):
    family = tmp_path / "c" / "models" / "v" / "f.yaml"
    family.parent.mkdir(parents=True)
    text = "schema: 1\nfamily: F\nvendor: V\nmodels:\n- {id: v/m, name: M, category: llm, params: {total: 10}}\n"
    family.write_text(text)
    first = compile_to_folder(tmp_path / "c", tmp_path / "a")
    family.write_text(text.replace("10", "11"))
    assert compile_to_folder(tmp_path / "c", tmp_path / "a") != first


def test_cache_is_used_and_follows_the_source(tmp_path):
    family = tmp_path / "c" / "models" / "v" / "f.yaml"
    family.parent.mkdir(parents=True)
    family.write_text("schema: 1\nfamily: F\nvendor: V\nmodels:\n- {id: v/m, name: M, category: llm}\n")
    first = load_catalog(source=tmp_path / "c", cache=tmp_path / "k")
    again = load_catalog(source=tmp_path / "c", cache=tmp_path / "k")
    assert first.folder == again.folder
    family.write_text("schema: 1\nfamily: F\nvendor: V\nmodels:\n- {id: v/other, name: Other, category: llm}\n")
    assert load_catalog(source=tmp_path / "c", cache=tmp_path / "k").resolve("other").id == "v/other"


def test_missing_catalog_is_one_clear_line(tmp_path):
    with pytest.raises(BadDocument, match="no catalog here"):
        load_catalog(source=tmp_path / "none", cache=tmp_path)


def test_enough_models_with_files(catalog):
    entries = catalog.entries()
    assert len(entries) >= 480
    assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
    assert {entry.category for entry in entries} <= {str(category) for category in Category}


def test_every_model_decodes(catalog):
    for entry in catalog.entries():
        model = catalog.model(entry.id)
        assert (model.id, model.total_params, model.thinking) == (entry.id, entry.total_params, entry.thinking)
        architecture = model.architecture
        if architecture is not None:
            assert len(architecture.layer_kinds()) == architecture.n_layers, model.id


@pytest.mark.parametrize(
    ("typed", "model_id"),
    [
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("qwen/qwen3-8b", "Qwen/Qwen3-8B"),
        ("qwen3:8b", "Qwen/Qwen3-8B"),
        ("qwen3-8b", "Qwen/Qwen3-8B"),
        ("QWEN 3 8B", "Qwen/Qwen3-8B"),
        ("gpt-oss 20b", "openai/gpt-oss-20b"),
        ("phi-2", "microsoft/phi-2"),
    ],
)
def test_loose_names(catalog, typed, model_id):
    assert catalog.resolve(typed).id == model_id


def test_unknown_names_suggest(catalog):
    with pytest.raises(UnknownName) as caught:
        catalog.resolve("qwen3-8bb")
    assert "Qwen/Qwen3-8B" in caught.value.suggestions
    assert 1 <= len(caught.value.suggestions) <= 3
    with pytest.raises(UnknownName) as caught:
        catalog.resolve("\x1b[31m" + "z" * 5000)
    assert "\x1b" not in caught.value.message


def test_gpt_neo_13b_never_was(catalog):
    with pytest.raises(UnknownName, match="never published") as caught:
        catalog.resolve("GPT-Neo 13B")
    assert caught.value.suggestions == ("EleutherAI/gpt-neox-20b",)


def test_model_and_quantization_apart(catalog):
    for text in ("qwen3:8b:Q4_K_M", "Qwen/Qwen3-8B:q4_k_m", "qwen3:8b-q4_K_M"):
        model, quant = catalog.split_choice(text)
        assert (model.id, quant) == ("Qwen/Qwen3-8B", "Q4_K_M")
    assert catalog.split_choice("qwen3:8b")[1] is None
    with pytest.raises(UnknownName, match="no quantization named 'Q9_Z'"):
        catalog.split_choice("qwen3-8b:Q9_Z")


def test_thinking_modes(catalog):
    modes = {
        "deepseek-ai/DeepSeek-R1": Thinking.ALWAYS,
        "Qwen/QwQ-32B": Thinking.ALWAYS,
        "openai/gpt-oss-20b": Thinking.ALWAYS,
        "Qwen/Qwen3-8B": Thinking.TOGGLE,
        "Qwen/Qwen3-4B-Instruct-2507": Thinking.NEVER,
        "Qwen/Qwen3-4B-Thinking-2507": Thinking.ALWAYS,
        "microsoft/Phi-4-reasoning": Thinking.ALWAYS,
        "microsoft/phi-4": Thinking.NEVER,
        "meta-llama/Llama-3.1-8B-Instruct": Thinking.NEVER,
        "zai-org/GLM-4.5-Air": Thinking.TOGGLE,
    }
    assert {model_id: catalog.model(model_id).thinking for model_id in modes} == modes


def test_references_cannot_be_downloaded(catalog):
    references = [entry for entry in catalog.entries() if entry.category == "reference"]
    assert references
    assert not any(entry.downloadable or entry.published for entry in references)
