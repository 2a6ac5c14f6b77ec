"""The Ollama adapter against a local server that speaks its protocol."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from advisor.engines.ollama import Ollama
from advisor.engines.protocol import MeasurePlan, Phase
from advisor.errors import EngineError, UsageError

TAG = "some:4b"
FINAL = {
    "done": True, "prompt_eval_count": 10, "prompt_eval_duration": 500_000_000, "eval_count": 5,
    "eval_duration": 200_000_000, "load_duration": 1_000_000_000,
}  # fmt: skip


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def answer(self, *chunks, status=200):
            data = b"".join(json.dumps(c).encode() + b"\n" for c in chunks)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.server.seen.append((self.path, None))
            self.answer(
                {
                    "/api/version": {"version": "0.9\x1b[31m"},
                    "/api/tags": {"models": [{"name": TAG}]},
                    "/api/ps": {"models": [{"name": n} for n in self.server.loaded]},
                }[self.path]
            )

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.seen.append((self.path, body))
            self.answer(*([{"done": True}] if "keep_alive" in body else self.server.chunks))

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.seen, http.loaded, http.chunks = [], [], [{"response": "a"}, FINAL]
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


def ollama(server):
    return Ollama(f"http://127.0.0.1:{server.server_address[1]}")


def test_a_measurement_and_nothing_left_loaded(server):
    seen = []
    result = ollama(server).measure(MeasurePlan(tag=TAG, prompt_tokens=10, output_tokens=5), seen.append)
    assert len(result.samples) == 3
    assert result.samples[0].prefill_tokens_per_s == pytest.approx(20.0)
    assert result.samples[0].decode_tokens_per_s == pytest.approx(20.0)
    assert result.load_s == 1.0
    assert "\x1b" not in result.engine_version
    assert seen[-1].phase is Phase.RUN_DONE
    assert server.seen[-1][1] == {"model": TAG, "keep_alive": 0, "stream": False}
    assert not any("pull" in path for path, _ in server.seen)


def test_a_model_that_was_loaded_before_stays(server):
    server.loaded.append(TAG)
    ollama(server).measure(MeasurePlan(tag=TAG))
    assert all((body or {}).get("keep_alive") is None for _, body in server.seen)


def test_what_somebody_else_uses_is_not_evicted(server):
    server.loaded.append("other:70b")
    with pytest.raises(EngineError, match="is serving other:70b"):
        ollama(server).measure(MeasurePlan(tag=TAG))
    assert not any(path == "/api/generate" for path, _ in server.seen)


def test_what_is_not_there_is_not_pulled(server):
    with pytest.raises(UsageError, match="has no model"):
        ollama(server).measure(MeasurePlan(tag="absent"))
    assert not any(path == "/api/generate" for path, _ in server.seen)


@pytest.mark.parametrize(
    "chunks",
    [[], [{"response": "a"}], [{"done": True}], [FINAL | {"eval_duration": 0}], [{"error": "boom"}], ["text"]],
)
def test_answers_that_make_no_sense(server, chunks):
    server.loaded.append(TAG)
    server.chunks = chunks
    with pytest.raises(EngineError):
        ollama(server).measure(MeasurePlan(tag=TAG))


def test_only_this_machine_is_measured():
    with pytest.raises(UsageError):
        Ollama("http://example.com:11434")


def test_nobody_listens(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(EngineError, match="does not answer"):
        ollama(server).version()
