"""Answers to a prompt, from children that misbehave; a real model answers in tests/bench."""

import threading

import pytest

from advisor.engines.answering import Ending, Gathering, Piece, Prompt, request_of
from advisor.engines.embedded_answer import EmbeddedAnswerer
from advisor.engines.protocol import MeasurePlan
from advisor.errors import EngineError, OutOfMemory

HELLO = {"event": "hello", "version": "1.2", "backend": "cpu"}
LOADED = {"event": "loaded", "seconds": 1.5, "peak_memory_bytes": 900}
DONE = {"event": "done"}
TIMINGS = {"prompt_n": 10, "prompt_ms": 100.0, "predicted_n": 3, "predicted_ms": 50.0}


def said(text, seconds=0.2, finish=None, key="content"):
    choice = {"delta": {key: text}, "finish_reason": finish}
    return {"event": "chunk", "seconds": seconds, "chunk": {"choices": [choice], "timings": TIMINGS}}


@pytest.fixture
def ask(stand_in):
    """Let a child made of the given events answer."""

    def run(*events, code="", stop=None, **changes):
        pieces = []
        plan = MeasurePlan(path=stand_in(events, code), output_tokens=8, **{"silence_timeout_s": 0.5, **changes})
        return EmbeddedAnswerer().answer(plan, Prompt(text="hi"), pieces.append, stop=stop), pieces

    return run


def test_chunks_become_an_answer_with_its_times(ask):
    answer, pieces = ask(HELLO, LOADED, said("Red"), said(", blue", 0.3), said("", finish="stop"), DONE)
    assert answer.text == "Red, blue"
    assert [p.text for p in pieces] == ["Red", ", blue"]
    assert (answer.ttft_s, answer.load_s) == (0.2, 1.5)
    assert answer.prefill_tokens_per_s == pytest.approx(100.0)
    assert answer.decode_tokens_per_s == pytest.approx(40.0)
    assert answer.ending is Ending.STOP
    assert answer.peak_memory_bytes >= 900


def test_thinking_is_kept_apart(ask):
    answer, pieces = ask(
        HELLO, LOADED, said("hm", key="reasoning_content"), said("Red"), said("", finish="length"), DONE
    )
    assert (answer.thinking, answer.text, answer.ending) == ("hm", "Red", Ending.LENGTH)
    assert pieces[0] == Piece(text="hm", thinking=True)


HOSTILE = "ok\x1b]0;owned\x07\x1b[2J\x9b31m\u202etxt\r\x00\x08\nnext\tcell\ud800"


def test_what_a_model_writes_cannot_steer_the_terminal(ask):
    answer, pieces = ask(HELLO, LOADED, said(HOSTILE), said("", finish="stop"), DONE)
    streamed = "".join(p.text for p in pieces)
    for text in (answer.text, streamed):
        assert not any(ord(c) < 32 and c not in "\n\t" for c in text)
        assert not any(c in text for c in "\x7f\x9b\u202e\ud800")
        assert "\nnext\tcell" in text
    answer.text.encode()


def test_a_stop_after_the_first_token_keeps_the_answer(ask):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    answer, _ = ask(HELLO, LOADED, said("Red"), code="time.sleep(60)", stop=stop, silence_timeout_s=30)
    assert (answer.text, answer.ending) == ("Red", Ending.INTERRUPTED)


def test_a_stop_before_the_first_token_is_an_interruption(ask):
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        ask(HELLO, LOADED, code="time.sleep(60)", stop=stop)


@pytest.mark.parametrize(
    ("events", "code", "kind", "words"),
    [
        ((HELLO, LOADED), "time.sleep(60)", EngineError, "silent"),
        ((HELLO, LOADED, said("a")), "os.kill(os.getpid(), 11)", EngineError, "crashed"),
        ((HELLO, LOADED), "os.kill(os.getpid(), 9)", OutOfMemory, "memory"),
        ((HELLO, LOADED, DONE), "", EngineError, "before the first token"),
        ((HELLO, LOADED, {"event": "error", "message": "bad \x1b[2J template"}), "", EngineError, "bad .*template"),
        ((HELLO, LOADED, {"event": "chunk", "seconds": 0.1, "chunk": {"choices": [3]}}), "", EngineError, "cannot be"),
    ],
)
def test_children_that_fail(ask, events, code, kind, words):
    with pytest.raises(kind, match=words) as caught:
        ask(*events, code=code)
    assert "\x1b" not in caught.value.message


def test_the_prompt_is_never_rendered_here_nor_seen_in_the_list_of_processes(ask):
    code = "print(json.dumps({'event': 'error', 'message': ' '.join(sys.argv[1:])}))"
    with pytest.raises(EngineError, match=r"plan\.json"):
        ask(HELLO, code=code)
    message = request_of(Prompt(text="<|im_start|>x"), 8)["messages"]
    assert message == [{"role": "user", "content": "<|im_start|>x"}]
    assert request_of(Prompt(text="x", thinking=False), 8)["chat_template_kwargs"] == {"enable_thinking": False}
    assert request_of(Prompt(text="x", chat=False), 8)["prompt"] == "x"


def test_timings_that_are_no_numbers_are_unknown():
    gathered = Gathering(lambda _piece: None)
    gathered.add({"choices": [{"text": "a"}], "timings": {"prompt_n": "many", "predicted_ms": -1}}, 0.1)
    assert (gathered.count("prompt_n"), gathered.seconds("predicted_ms")) == (None, None)
