"""The embedded engine's adapter against children that misbehave: the real one is measured in tests/bench."""

import subprocess
import sys
import threading

import pytest

from advisor.engines.embedded import EmbeddedEngine
from advisor.engines.protocol import MeasurePlan, Phase
from advisor.errors import EngineError, OutOfMemory, UsageError

RUN = {
    "event": "run", "run": 1, "prompt_tokens": 8, "output_tokens": 5, "ttft_s": 0.5, "prefill_s": 0.4, "decode_s": 0.2,
    "waiting": 0.01, "peak_memory_bytes": 1000,
}  # fmt: skip
HELLO = {"event": "hello", "version": "1.2", "backend": "cpu"}
LOADED = {"event": "loaded", "seconds": 1.5, "peak_memory_bytes": 900}


@pytest.fixture
def measure(stand_in):
    """Run the adapter over a child made of the given events and lines of Python."""

    def run(*events, code="", stop=None, **changes):
        seen = []
        plan = MeasurePlan(path=stand_in(events, code), **{"silence_timeout_s": 0.5, **changes})
        return EmbeddedEngine().measure(plan, seen.append, stop), seen

    return run


def test_events_become_a_measurement(measure):
    result, seen = measure(HELLO, LOADED, RUN, RUN | {"run": 2, "decode_s": 0.4}, {"event": "done"}, repetitions=2)
    assert result.engine_version == "1.2"
    assert result.load_s == 1.5
    assert [s.decode_tokens_per_s for s in result.samples] == [20.0, 10.0]
    assert result.samples[0].prefill_tokens_per_s == pytest.approx(20.0)
    assert result.peak_memory_bytes >= 1000
    assert result.complete
    assert [p.phase for p in seen][-1] is Phase.RUN_DONE
    assert seen[-1].tokens_per_s == 10.0


def test_silence_after_loading_is_an_error(measure):
    with pytest.raises(EngineError, match="silent"):
        measure(HELLO, LOADED, code="time.sleep(60)")


def test_a_load_that_takes_too_long(measure):
    with pytest.raises(EngineError, match="loading took more than"):
        measure(HELLO, code="time.sleep(60)", load_timeout_s=0.4)


def test_time_up_keeps_what_was_measured(measure):
    tick = {"event": "progress", "phase": "decode", "tokens": 1}
    code = f"while True: print(json.dumps({tick!r}), flush=True); time.sleep(0.02)"
    result, _ = measure(HELLO, LOADED, RUN, code=code, total_timeout_s=1.0, silence_timeout_s=30)
    assert len(result.samples) == 1
    assert not result.complete


def test_a_stop_keeps_what_was_measured(measure):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    result, _ = measure(HELLO, LOADED, RUN, code="time.sleep(60)", stop=stop, silence_timeout_s=30)
    assert len(result.samples) == 1
    assert not result.complete


def test_a_stop_before_the_first_run_is_an_interruption(measure):
    stop = threading.Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        measure(HELLO, LOADED, code="time.sleep(60)", stop=stop)


def test_a_child_that_is_killed_ran_out_of_memory(measure):
    with pytest.raises(OutOfMemory):
        measure(HELLO, LOADED, code="os.kill(os.getpid(), 9)")


def test_a_child_that_crashes(measure):
    with pytest.raises(EngineError, match="crashed"):
        measure(HELLO, LOADED, code="os.kill(os.getpid(), 11)")


def test_what_the_child_says_is_cleaned(measure):
    with pytest.raises(EngineError) as caught:
        measure(HELLO, {"event": "error", "message": "bad \u001b]0;x\u0007 \u202e thing"})
    assert "\x1b" not in caught.value.message
    assert "\u202e" not in caught.value.message


@pytest.mark.parametrize("line", ["garbage", "[1]", "{"])
def test_foreign_lines(measure, line):
    if line == "[1]":
        measure(HELLO, LOADED, RUN, code=f"print('{line}', flush=True); print('{{\"event\": \"done\"}}', flush=True)")
        return
    with pytest.raises(EngineError, match="no event"):
        measure(HELLO, LOADED, code=f"print('{line}', flush=True); time.sleep(5)")


def test_only_files_are_measured(tmp_path):
    with pytest.raises(UsageError):
        EmbeddedEngine().measure(MeasurePlan(path=tmp_path / "absent.gguf"))


def test_it_is_found_without_being_imported():
    program = "import sys; from advisor.engines.embedded import EmbeddedEngine as E; E.installed(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert "xllamacpp" not in done.stdout.split()
