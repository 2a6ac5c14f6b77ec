"""Which files make up a quantization, by the names that publishers use."""

import pytest

from advisor.errors import UnknownName, UsageError
from advisor.hub.api import HubFile, RepoListing
from advisor.hub.choose import choose_files, choose_named, quant_label


def listing(*paths):
    return RepoListing(
        repo="org/m-GGUF", revision="a" * 40, files=tuple(HubFile(path=path, bytes=1, digest=None) for path in paths)
    )


@pytest.mark.parametrize(("path", "label"), [
    ("Qwen3-8B-Q4_K_M.gguf", "Q4_K_M"),
    ("qwen2.5-7b-instruct-q4_k_m.gguf", "Q4_K_M"),
    ("Qwen3-8B.Q4_K_M.gguf", "Q4_K_M"),
    ("Qwen3-8B-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"),
    ("BF16/Qwen3-235B-BF16-00001-of-00010.gguf", "BF16"),
    ("Q2_K/DeepSeek-V3-00001-of-00005.gguf", "Q2_K"),
    ("gemma-3-4b-it-IQ3_XXS.gguf", "IQ3_XXS"),
    ("gemma-3-4b-it-Q4_K_L.gguf", "Q4_K_L"),
    ("gemma-3-4b-it-IQ4_NL.gguf", "IQ4_NL"),
    ("model-fp16.gguf", "F16"),
    ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
    ("ggml-model-Q4_0.gguf", "Q4_0"),
    ("model.gguf", None),
])  # fmt: skip
def test_the_preset_is_found_in_the_name(path, label):
    assert quant_label(path) == label


def test_projectors_and_importance_matrices_are_not_models():
    files = listing("m-Q4_K_M.gguf", "mmproj-F16.gguf", "m-imatrix.gguf", "mmproj-m-Q4_K_M.gguf")
    assert choose_files(files, None)[1][0].path == "m-Q4_K_M.gguf"
    with pytest.raises(UnknownName):
        choose_files(files, "F16")
    assert choose_named(files, "mmproj-F16.gguf")[1][0].path == "mmproj-F16.gguf"


def test_the_usual_choice_without_a_name_and_an_error_without_a_usual_one():
    assert choose_files(listing("m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-Q2_K.gguf"), None)[0] == "Q4_K_M"
    assert choose_files(listing("m-IQ1_S.gguf"), None)[0] == "IQ1_S"
    with pytest.raises(UsageError, match="several"):
        choose_files(listing("m-IQ1_S.gguf", "m-IQ1_M.gguf"), None)


def test_an_unsloth_dynamic_file_answers_to_the_plain_name():
    assert choose_files(listing("m-UD-Q2_K.gguf"), "q2_k")[0] == "UD-Q2_K"


def test_the_plainest_of_two_files_of_a_preset_is_taken():
    assert choose_files(listing("m-instruct-long-Q4_0.gguf", "m-Q4_0.gguf"), "Q4_0")[1][0].path == "m-Q4_0.gguf"


def test_a_part_stands_for_the_whole():
    files = listing("m-Q8_0-00002-of-00002.gguf", "m-Q8_0-00001-of-00002.gguf")
    assert [f.path[7:12] for f in choose_named(files, "m-Q8_0-00002-of-00002.gguf")[1]] == ["00001", "00002"]


def test_a_repository_without_weights_says_so():
    with pytest.raises(UsageError, match="no GGUF and no safetensors"):
        choose_files(listing("README.md", "pytorch_model.bin"), None)
    with pytest.raises(UnknownName, match="safetensors only"):
        choose_files(listing("model.safetensors"), "Q4_K_M")


def test_consolidated_copies_are_left_out():
    files = listing("consolidated.safetensors", "model-00001-of-00001.safetensors", "config.json")
    assert [f.path for f in choose_files(files, None)[1]] == ["model-00001-of-00001.safetensors", "config.json"]
