"""The compiled catalog: deterministic, complete, and found by the names that people type."""

import json
import os
import shutil
import subprocess
import sys
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


def part_of_the_catalog(folder: Path):
    """A few families and every table: the whole takes long to compile twice."""
    source = source_folder()
    for family in ("alibaba-qwen/qwen3.yaml", "google/gemma3.yaml", "openai/gpt-oss.yaml"):
        target = folder / "models" / family
        target.parent.mkdir(parents=True)
        target.write_bytes((source / "models" / family).read_bytes())
    for table in source.glob("*.yaml"):
        (folder / table.name).write_bytes(table.read_bytes())
    shutil.copytree(source / "hardware", folder / "hardware")
    return folder


COMPILE = """
import sys
from pathlib import Path
from advisor.catalog.compiled import compile_to_folder
print(compile_to_folder(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def compiled_apart(source: Path, target: Path, seed: str) -> str:
    """The hash that another process finds, with another order of its sets."""
    arguments = [sys.executable, "-c", COMPILE, str(source), str(target)]
    done = subprocess.run(
        arguments, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_same_input_same_bytes(tmp_path):
    source = part_of_the_catalog(tmp_path / "source")
    first = compiled_apart(source, tmp_path / "a", "1")
    second = compiled_apart(source, tmp_path / "b", "2")
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
        ("gemma3:270m", "google/gemma-3-270m-it"),
        ("Gemma-3-270M", "google/gemma-3-270m"),
        ("llama 3 8b", "meta-llama/Meta-Llama-3-8B-Instruct"),
        ("llama3.1:8b", "meta-llama/Llama-3.1-8B-Instruct"),
        ("Mistral 7B", "mistralai/Mistral-7B-Instruct-v0.3"),
        ("Llama-33B", "huggyllama/llama-30b"),
        ("dots.llm1", "rednote-hilab/dots.llm1.inst"),
        ("Qwen3-Coder-Next-80B-A3B", "Qwen/Qwen3-Coder-Next"),
        ("Claude 2", "closed/anthropic-claude-2"),
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


NAMED = """
Mistral 7B
Phi-2
Phi-3-mini
Phi-4
Phi-4-reasoning
Phi-4-mini-flash-reasoning
Gemma 3 270M
Llama 3.2 1B
Mixtral 8x7B
OLMo-2-0425-1B
GPT-Neo 1.3B
GPT-NeoX-20B
Qwen-1.8B
Qwen-72B
LLaMA 7B
Llama 2 13B
Llama 2 70B
TinyLlama
DeepSeek V3
DeepSeek R1
DeepSeek-R1-Distill-Qwen-7B
GPT-3
GPT-4
Codex
PaLM
PaLM 2
Gemini
Claude 2
ERNIE 3.5
Gopher
Chinchilla
""".strip().splitlines()


@pytest.mark.parametrize("name", NAMED)
def test_models_everybody_asks_for_are_there(catalog, name):
    assert catalog.resolve(name).id


def test_known_facts(catalog):
    llama = catalog.resolve("llama 3.1 8b")
    assert (llama.context.native, llama.released) == (131072, "2024-07-23")
    assert catalog.resolve("gpt-neo 1.3b").released == "2021-03-21"
    assert "llama.cpp" not in catalog.resolve("Phi-4-mini-flash-reasoning").engines
    assert catalog.resolve("GPT-3").total_params == 175_000_000_000
    assert catalog.resolve("GPT-4").total_params is None
    moe = catalog.resolve("Mixtral 8x7B")
    assert moe.active_params / moe.total_params == pytest.approx(12.9 / 46.7, rel=0.02)
    distilled = catalog.resolve("DeepSeek-R1-Distill-Qwen-7B").lineage
    assert (distilled.base, distilled.teacher) == ("Qwen/Qwen2.5-Math-7B", "deepseek-ai/DeepSeek-R1")


def test_a_real_file_is_known_exactly(catalog):
    files = [a for a in catalog.resolve("google/gemma-3-270m").artifacts if a.quant == "Q4_K_M"]
    assert [(a.bytes, a.files[0].sha256) for a in files] == [
        (253113024, "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818")
    ]


def test_shapes_and_weights(catalog):
    assert catalog.weights("google/gemma-3-270m", "Q4_K_M").tensor_bytes == 246_587_904
    prepared = catalog.weights("Qwen/Qwen3-8B", "Q4_K_M")
    computed = catalog.weights("Qwen/Qwen3-8B", "Q4_K_S")
    assert computed.tensor_bytes < prepared.tensor_bytes
    assert catalog.shape("Qwen/Qwen3-8B").total_params == 8_190_735_360
    assert catalog.shape("closed/openai-gpt-4") is None
    assert catalog.weights("Qwen/Qwen3-8B", "nonsense") is None


@pytest.mark.parametrize(
    ("model", "published"),
    [
        ("poolside/Laguna-S-2.1", 117_561_977_600),
        ("poolside/Laguna-XS.2", 33_442_617_088),
        ("nvidia/Llama-3_3-Nemotron-Super-49B-v1_5", 49_867_145_216),
    ],
)
def test_layers_that_differ_count_up_to_the_published_total(catalog, model, published):
    assert catalog.shape(model).total_params == catalog.resolve(model).total_params == published


def test_references_cannot_be_downloaded(catalog):
    references = [entry for entry in catalog.entries() if entry.category == "reference"]
    assert references
    assert not any(entry.downloadable or entry.published for entry in references)


def test_tidying_leaves_what_is_in_use(tmp_path):
    """More catalogs than are kept are compiled beside one that was made long ago and is open: it goes on reading."""
    made = load_catalog(source=source_folder(), cache=tmp_path).folder
    os.utime(made, (0, 0))
    first = load_catalog(source=source_folder(), cache=tmp_path)
    unused = [made.with_name(f"{number:064x}") for number in range(9)]
    for number, folder in enumerate(unused):
        folder.mkdir()
        os.utime(folder, (1e9 + number, 1e9 + number))
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("schema: 1\ndeny: {models: ['Qwen/*']}\n")
    load_catalog((overlay,), source=source_folder(), cache=tmp_path)
    assert sum(folder.exists() for folder in unused) < 9
    assert first.entries()


def test_a_title_does_not_name_a_precision(catalog):
    """`Nemotron 3 Nano 4B BF16 Q3_K_M` says two things: what a row offers is in its own column."""
    ends = ("BF16", "FP16", "F16", "FP8", "NVFP4", "INT4", "GGUF")
    assert [e.name for e in catalog.entries() if e.name.upper().split()[-1] in ends and e.category != "reference"] == []


@pytest.mark.parametrize(
    ("model", "total"),
    [
        ("deepseek-ai/DeepSeek-V3", 671_026_419_200),
        ("deepseek-ai/DeepSeek-V4-Flash", 284_334_567_511),
        ("zai-org/GLM-4.5-Air", 106_852_251_264),
        ("zai-org/GLM-5", 743_911_218_432),
        ("tencent/Hy3", 295_033_543_488),
        ("inclusionAI/Ling-3.0-tiny", 7_893_392_800),
        ("inclusionAI/Ling-3.0-flash", 124_414_211_552),
    ],
)
def test_totals_are_of_the_model_without_its_prediction_layers(catalog, model, total):
    """Totals of the hub hold layers for multi-token prediction; a dense layer taken for a routed one hides in them."""
    from advisor.estimate.tensors import count_parameters

    found = catalog.model(model)
    assert found.total_params == total
    assert count_parameters(found.architecture).total == total
