"""Wrong usage gets one clear line and the contract's exit code."""

import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("recommend", "--task", "chatt"), "chat"),
        (("recommend", "--task", ""), "no task"),
        (("recommend", "--max-ttft", "-1s"), "--max-ttft"),
        (("recommend", "--max-ttft", "1 fortnight"), "unknown unit"),
        (("recommend", "--min-tps", "-3"), "--min-tps"),
        (("recommend", "--min-tps", "nan"), "--min-tps"),
        (("recommend", "--max-tpot", "1s", "--min-tps", "3"), "same thing"),
        (("recommend", "--context", "99999999999999"), "--context"),
        (("recommend", "--context", "10", "--prompt-tokens", "500"), "cannot hold"),
        (("recommend", "--users", "0"), "--users"),
        (("recommend", "--confidence", "7"), "--confidence"),
        (("recommend", "--gpu", "RTX 9999"), "RTX 9999"),
        (("recommend", "--gpu", "0x RTX 4090"), "0 GPUs"),
        (("recommend", "--ram", "lots"), "--ram"),
        (("recommend", "--ram", "-5GiB"), "--ram"),
        (("recommend", "--ram", "16"), "write 16GiB"),
        (("recommend", "--hardware", "no-such-file.json"), "no-such-file.json"),
        (("recommend", "--hardware", "README.md"), "README.md"),
        (("recommend", "--gpu", "RTX 4090", "--cpu-only"), "--cpu-only"),
        (("recommend", "--quant", "Q99"), "Q99"),
        (("recommend", "--quant", "zzzz"), "Q4_K_M"),
        (("recommend", "--engine", "llama.cp"), "llama.cpp"),
        (("recommend", "--license", "apache"), "did you mean apache-2.0?"),
        (("recommend", "--license", "commerical"), "did you mean commercial?"),
        (("recommend", "--kv-type", "q1"), "q1"),
        (("recommend", "--limit", "-1"), "--limit"),
        (("recommend", "--limit", "0"), "--limit"),
        (("inspect", "/no/such/file"), "no file /no/such/file"),
        (("bench", "./no-such-file"), "no file ./no-such-file"),
        (("bench", "qwen3-8bb"), "Qwen3-8B"),
        (("recommend", "--catalog", "/no/such/place"), "/no/such/place"),
        (("recommend", "--taks", "chat"), "--task"),
        (("estimate", "gpt-neo-13b"), "gpt-neox-20b"),
        (("estimate", "qwen3-8bb"), "Qwen3-8B"),
        (("estimate", "\x1b[31mred"), "no model"),
        (("estimate", "gpt-4"), "architecture"),
        (("estimate", ""), ""),
        (("estimate", "phi-2", "--kv-type", "q8_0"), "multiple of 32"),
        (("compare", "qwen3-8b"), "2 to 8"),
        (("check", "no-such-lock.json"), "no-such-lock.json"),
        (("check", "README.md"), "README.md"),
        (("schema", "recomendation"), "recommendation"),
        (("recomend",), "recommend"),
        (("help",), "advisor --help"),
        (("inspect", "README.md"), "README.md: neither a GGUF nor a safetensors file"),
        (("bench", "README.md"), "README.md: not a GGUF file"),
    ],
    ids=lambda value: " ".join(value)[:40].replace("\x1b", "ESC") if isinstance(value, tuple) else "",
)
def test_one_clear_line(advisor, arguments, words):
    said = advisor.fails(*arguments, code=2)
    assert words.lower() in said.lower()
    assert "\x1b" not in said


def test_offline_download_is_a_clear_error(advisor):
    said = advisor.fails("download", "qwen3-8b:Q4_K_M", "--yes", "--offline", code=1)
    assert "offline" in said.lower()


def test_hostile_yaml_is_refused(advisor):
    overlay = advisor.folder / "bomb.yaml"
    overlay.write_text("a: &a [x]\nb: [*a, *a, *a]\n")
    said = advisor.fails("recommend", "--catalog", str(overlay), code=2)
    assert "bomb.yaml" in said


def test_a_closed_pipe_is_quiet(advisor):
    command = f"{sys.executable} -m advisor catalog list --json | head -c 20"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        check=False, cwd=ROOT, env=advisor.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith("{")


def test_a_closed_stderr_does_not_change_the_exit_code(advisor):
    command = f"{sys.executable} -m advisor recommend --max-ttft 1ms --gpu 'RTX 4090' 2>&1 >/dev/null | true"
    done = subprocess.run(
        ["bash", "-c", command + "; echo ${PIPESTATUS[0]}"],
        check=False, cwd=ROOT, env=advisor.environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "3\n"


def test_help_and_version_need_nothing(advisor):
    assert advisor("--help").returncode == 0
    assert advisor("--version").stdout.startswith("advisor ")
    for command in ("recommend", "estimate", "size", "download", "bench", "probe", "inspect", "run", "doctor"):
        done = advisor(command, "--help")
        assert done.returncode == 0
        assert "Examples:" in done.stdout, command


def test_without_a_terminal_it_recommends(advisor):
    done = advisor()
    assert done.returncode == 0, done.stderr
    assert "Quality" in done.stdout


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "--gpu", "2x RTX 4090", "--explain"),
        ("recommend", "--gpu", "RTX 4090", "--max-ttft", "1ms"),
        ("estimate", "qwen3-30b-a3b", "--gpu", "RTX 4090"),
        ("compare", "qwen3-8b", "gemma-3-4b", "--gpu", "RTX 4090"),
    ],
    ids=" ".join,
)
def test_lines_fit_the_terminal(advisor, arguments, columns):
    advisor.environment["COLUMNS"] = str(columns)
    lines = advisor(*arguments).stdout.splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= columns


def test_a_pipe_gets_whole_lines(advisor):
    advisor.environment.pop("COLUMNS", None)
    (line,) = [x for x in advisor("estimate", "qwen3-8b", "--gpu", "RTX 4090").stdout.splitlines() if "Speed:" in x]
    assert "tokens/s" in line
    assert len(line) > 100


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("qwen3-8b", "qwen3-4b", "--prompt", "hi"), 1, "`advisor download qwen3-8b && advisor download qwen3-4b`"),
        (("qwen3-8b", "gpt-neo-13b", "--prompt", "hi"), 2, "EleutherAI/gpt-neox-20b"),
        (("qwen3-8b", "--prompt", "hi"), 2, "2 to 4 models"),
        (("qwen3-8b", "qwen3-4b", "--prompt", "  "), 2, "the prompt is empty"),
        (("qwen3-8b", "qwen3-4b"), 2, "the prompt is empty"),
        (("qwen3-8b", "qwen3-4b", "--prompt", "hi", "--prompt-file", "x"), 2, "two prompts"),
        (("qwen3-8b", "qwen3-4b", "--prompt-file", "/no/such/file"), 2, "cannot read /no/such/file"),
        (("qwen3-8b", "./absent.gguf", "--prompt", "hi"), 2, "there is no file ./absent.gguf"),
        (("qwen3-8b", "qwen3-4b", "--prompt", "hi", "--max-tokens", "0"), 2, "--max-tokens 0 is out of range"),
    ],
)
def test_a_trial_that_cannot_begin(advisor, arguments, code, words):
    assert words in advisor.fails("try", *arguments, code=code)


def test_a_cache_type_that_the_engine_refuses(advisor, tmp_path):
    """Heads 80 wide do not divide into blocks of 32."""
    from advisor.bench.sparse import SparseModel, write_sparse
    from tests.estimate.models import gqa

    path = tmp_path / "narrow.gguf"
    write_sparse(path, SparseModel(architecture=gqa("llama", 1000, 160, 2, 2, 2, 80, 256), preset="F16", context=4096))
    for command in ("inspect", "bench"):
        assert "multiple of 32, the block of q8_0" in advisor.fails(command, str(path), "--kv-type", "q8_0", code=2)
    offered, *_ = advisor.json(
        "recommend", "--task", "chat", "--choices", "microsoft/phi-2", "--quant", "Q4_K_M", "--kv-type", "q8_0",
        "--gpu", "RTX 4090", "--engine", "llama.cpp", "--context", "2048", "--limit", "1",
    )["choices"]  # fmt: skip
    assert offered["kv_type"] == "f16"
