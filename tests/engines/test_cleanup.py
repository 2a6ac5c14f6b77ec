"""Nothing outlives a measurement: however the program or its engine ends, no process and no folder is left."""

import os
import queue
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from advisor.engines.supervise import EngineProcess
from advisor.errors import EngineError, OutOfMemory

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"])
print(os.getpid(), child.pid, os.getcwd(), flush=True)
time.sleep(300)
"""  # noqa: E501


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pids, within_s=15.0):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def vanished(folder, within_s=5.0):
    deadline = time.monotonic() + within_s
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not Path(folder).exists()


def python(code, **options):
    return EngineProcess([sys.executable, "-c", code], name="the test engine", **options)


def test_a_stubborn_engine_and_its_child_end_with_the_block():
    with python(STUBBORN) as process:
        engine, child, folder = process.next_line(20).split()
        assert Path(folder).is_dir()
    assert gone([int(engine), int(child)])
    assert not Path(folder).exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_program_itself_is_killed(number, tmp_path):
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent(f"""
        import sys, time
        from advisor.engines.supervise import EngineProcess
        with EngineProcess([sys.executable, "-c", {STUBBORN!r}], name="the test engine") as process:
            print(process.next_line(20), flush=True)
            time.sleep(300)
        """)
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as program:
        engine, child, folder = program.stdout.readline().split()
        program.send_signal(number)
        program.wait(20)
    assert gone([int(engine), int(child)])
    assert vanished(folder)


def test_the_kernel_would_take_the_engine_first():
    with python("import time; print(open('/proc/self/oom_score_adj').read().strip(), flush=True); time.sleep(60)") as p:
        # the helper raises the score right after the start: the engine may have read it before
        p.next_line(20)
        assert Path(f"/proc/{p.pid}/oom_score_adj").read_text().strip() == "800"


def test_no_token_reaches_the_engine(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canarycanarycanary")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    with python("import os; print(sorted(os.environ))") as process:
        names = process.next_line(20)
    assert "HF_TOKEN" not in names
    assert "AWS" not in names
    assert "PATH" in names


def test_silence_is_seen():
    with python("import time; time.sleep(60)") as process, pytest.raises(queue.Empty):
        process.next_line(0.2)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", OutOfMemory, "ran out of memory"),
        ("import os; os.abort()", EngineError, "internal check"),
        (
            "import sys; print('ggml: failed to allocate buffer', file=sys.stderr); sys.exit(1)",
            OutOfMemory,
            "ran out of memory",
        ),
        (
            "import sys; print('error: unknown model architecture: x\\x1b[31m', file=sys.stderr); sys.exit(3)",
            EngineError,
            "code 3",
        ),
    ],
)
def test_each_end_has_its_own_words(code, kind, words):
    with python(code) as process:
        assert process.next_line(20) is None
        failure = process.failure()
    assert type(failure) is kind
    assert words in failure.message
    assert "\x1b" not in failure.message


def test_a_program_that_is_not_there():
    with EngineProcess(["/nonexistent/engine"], name="the test engine") as process:
        assert process.next_line(20) is None
        assert "could not be started" in process.failure().message


def test_an_engine_that_grows_beyond_its_limit_is_ended():
    code = "x = bytearray(300 << 20); print('grown', flush=True); import time; time.sleep(120)"
    with python(code, memory_limit_bytes=100 << 20) as process:
        while process.next_line(30) is not None:
            pass
        failure = process.failure()
    assert isinstance(failure, OutOfMemory)
    assert "more than the 0.1 GiB allowed" in failure.message
    assert process.peak_memory_bytes > 100 << 20


def test_diagnostics_are_bounded():
    code = "import sys\nfor i in range(40000): print('x' * 100, i, file=sys.stderr)"
    with python(code) as process:
        assert process.next_line(60) is None
        process.failure()
        kept = process.diagnostics()
    assert len(kept) <= 1 << 20
    assert kept.rstrip().endswith("39999")
