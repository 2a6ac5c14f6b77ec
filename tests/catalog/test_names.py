"""Names as people type them: any case, spaces or dashes, tags of Ollama, addresses, files, repositories of others."""

import json
import os
import re
from pathlib import Path

import pytest

from advisor.catalog.source import load_catalog
from advisor.errors import UnknownName

FACTS = Path(os.environ.get("ADVISOR_FACTS", "/nonexistent")) / "models.jsonl"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return load_catalog(cache=tmp_path_factory.mktemp("cache"))


TYPED = [
    ("llama 3 8b", "meta-llama/Meta-Llama-3-8B-Instruct", None),
    ("llama3:8b", "meta-llama/Meta-Llama-3-8B-Instruct", None),
    ("LLAMA-3-8B", "meta-llama/Meta-Llama-3-8B-Instruct", None),
    ("llama3 8b instruct", "meta-llama/Meta-Llama-3-8B-Instruct", None),
    ("meta llama 3 8b", "meta-llama/Meta-Llama-3-8B-Instruct", None),
    ("llama3:8b-instruct-q4_0", "meta-llama/Meta-Llama-3-8B-Instruct", "Q4_0"),
    ("qwen2.5-coder:7b-instruct-q4_K_M", "Qwen/Qwen2.5-Coder-7B-Instruct", "Q4_K_M"),
    ("qwen:7b-chat-v1.5-q4_0", "Qwen/Qwen1.5-7B-Chat", "Q4_0"),
    ("qwen:7b-chat", "Qwen/Qwen-7B-Chat", None),
    ("deepseek-r1:8b-llama-distill-q8_0", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "Q8_0"),
    ("deepseek-r1:8b", "deepseek-ai/DeepSeek-R1-0528-Qwen3-8B", None),
    ("gemma3:4b-it-q4_K_M", "google/gemma-3-4b-it", "Q4_K_M"),
    ("qwen3:8b:latest", "Qwen/Qwen3-8B", None),
    ("phi4:latest", "microsoft/phi-4", None),
    ("granite 4 tiny", "ibm-granite/granite-4.0-h-tiny", None),
    ("smollm 3", "HuggingFaceTB/SmolLM3-3B", None),
    ("codestral", "mistralai/Codestral-22B-v0.1", None),
    ("mistral-7b-v0.1", "mistralai/Mistral-7B-v0.1", None),
    ("https://huggingface.co/Qwen/Qwen3-8B", "Qwen/Qwen3-8B", None),
    ("hf.co/unsloth/Qwen3-8B-GGUF:Q4_K_M", "Qwen/Qwen3-8B", "Q4_K_M"),
    ("unsloth/qwen3-8b-gguf", "Qwen/Qwen3-8B", None),
    ("mlx-community/Qwen3-0.6B-4bit", "Qwen/Qwen3-0.6B", "mlx-4bit"),
    ("Qwen3-8B-Q4_K_M.gguf", "Qwen/Qwen3-8B", "Q4_K_M"),
    ("llama-2-7b-chat.Q4_K_M.gguf", "meta-llama/Llama-2-7b-chat-hf", "Q4_K_M"),
    ("Qwen3-8B-UD-Q4_K_XL.gguf", "Qwen/Qwen3-8B", "UD-Q4_K_XL"),
    ("TheBloke/Llama-2-13B-chat-GGUF", "meta-llama/Llama-2-13b-chat-hf", None),
    ("mradermacher/Qwen3-8B-i1-GGUF:Q4_K_M", "Qwen/Qwen3-8B", "Q4_K_M"),
    ("meta-llama/Meta-Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", None),
    ("THUDM/GLM-4-32B-0414", "zai-org/GLM-4-32B-0414", None),
    ("qwq", "Qwen/QwQ-32B", None),
]


@pytest.mark.parametrize(("typed", "model", "quant"), TYPED, ids=[row[0] for row in TYPED])
def test_what_people_type(catalog, typed, model, quant):
    found, named = catalog.split_choice(typed)
    assert (found.id, named) == (model, quant)


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("qwen3", "Qwen/Qwen3-0.6B"),
        ("llama3:latest", "meta-llama/Meta-Llama-3-8B-Instruct"),
        ("gpt-oss", "openai/gpt-oss-20b"),
        ("llama2:7b-text", "meta-llama/Llama-2-7b-chat-hf"),
        ("TheBloke/Llama-2-7B-GGUF", "meta-llama/Llama-2-7b-chat-hf"),
        ("mistral 7b v0.9 instruct", "mistralai/Mistral-7B-Instruct-v0.1"),
    ],
)
def test_what_could_be_several_or_is_another_model_is_asked_back(catalog, typed, suggested):
    with pytest.raises(UnknownName) as unknown:
        catalog.split_choice(typed)
    assert suggested in unknown.value.suggestions


@pytest.mark.parametrize("typed", ["", "-", "yi", "::", "hf.co/", ".gguf", "instruct", "x" * 5000, "\x00", "-instruct"])
def test_nothing_is_no_model(catalog, typed):
    with pytest.raises(UnknownName):
        catalog.split_choice(typed)


def test_a_repository_of_files_is_not_a_model_that_is_downloaded(catalog):
    with pytest.raises(UnknownName):
        catalog.resolve("unsloth/Qwen3-8B-GGUF")


def test_every_name_of_a_model_finds_it(catalog):
    wrong = []
    for entry in catalog.entries():
        tail = entry.id.split("/", 1)[1]
        for typed in (entry.id, entry.id.upper(), tail, tail.lower(), entry.name, entry.name.lower()):
            found = catalog.resolve_id(typed)
            if found != entry.id and found.split("/", 1)[1].lower() != tail.lower():
                wrong.append((typed, entry.id, found))
        wrong += [(a, entry.id) for a in catalog.model(entry.id).aliases if catalog.resolve_id(a) != entry.id]
    assert wrong == []


EXACTER = {
    "Qwen/Qwen-7B-Chat", "Qwen/Qwen-14B-Chat", "01-ai/Yi-6B-Chat", "01-ai/Yi-34B-Chat",
    "CohereLabs/c4ai-command-r-v01", "deepseek-ai/DeepSeek-R1-0528",
}  # fmt: skip
"""Tags that name one generation, listed under another of the same family."""
BASE = re.compile(r":.*(text|base|code)")
"""Tags of weights that are not tuned, which the catalog mostly lacks."""


@pytest.mark.skipif(not FACTS.is_file(), reason="set ADVISOR_FACTS to a folder with models.jsonl")
def test_tags_of_ollama(catalog):
    known = {entry.id for entry in catalog.entries()}
    rows = [row for row in map(json.loads, FACTS.read_text().splitlines()) if row["id"] in known]
    owners: dict[str, set[str]] = {}
    for row in rows:
        base = ((row.get("ollama") or {}).get("tag") or "").partition(":")[0]
        for variant in (row.get("ollama") or {}).get("variants") or {}:
            owners.setdefault(f"{base}:{variant}", set()).add(row["id"])
    wrong, unknown = [], []
    for tag, ids in owners.items():
        try:
            found = catalog.split_choice(tag)[0].id
        except UnknownName:
            unknown += [] if BASE.search(tag) else [tag]
            continue
        if found not in ids:
            wrong.append((tag, found))
    assert {found for _, found in wrong} <= EXACTER
    assert len(unknown) < 0.1 * len(owners), unknown
