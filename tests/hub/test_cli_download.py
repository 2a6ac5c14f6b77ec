"""`advisor download` and `advisor inspect` as programs: what goes where, consent, exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub.fakehub import Content, Fault
from tests.hub.gguf_files import gguf_with_payload

ROOT = Path(__file__).parents[2]
REPO = "org/model-GGUF"


def advisor(*arguments, **environment):
    """Without a terminal on any stream."""
    return subprocess.run(
        [sys.executable, "-m", "advisor", *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True,
        env={**os.environ, **environment}, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """One compiled catalog for all programs started here, and for all workers of a session."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "advisor-cache"


@pytest.fixture(autouse=True)
def shared_cache(compiled, monkeypatch):
    monkeypatch.setenv("ADVISOR_CACHE", str(compiled))


def test_without_consent_nothing_is_fetched(hub, published, tmp_path):
    done = advisor("download", REPO)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: downloading 1.9 MiB into {tmp_path / 'models'} needs your consent: add --yes"
    ]
    assert hub.served_bytes() == 0
    assert not (tmp_path / "models").exists()


def test_only_the_path_goes_to_stdout(hub, published, weights):
    done = advisor("download", f"{REPO}:q4_k_m", "--yes")
    assert done.returncode == 0
    assert Path(done.stdout.removesuffix("\n")).read_bytes() == weights
    for shown in ("1.9 MiB", "free on disk", "apache-2.0", "verified"):
        assert shown in done.stderr
    assert "\x1b" not in done.stderr
    again = advisor("download", REPO, "--offline")
    assert (again.returncode, again.stdout, again.stderr) == (0, done.stdout, "")


def test_quiet_is_silent_and_json_is_one_document(hub, published, weights):
    done = advisor("download", REPO, "--yes", "--quiet", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document)[:2] == ["schema", "dry_run"]
    assert (document["schema"], document["verified"]) == ("advisor.download/1", True)
    assert document["fetched_bytes"] == document["files"][0]["bytes"] == len(weights)


def test_a_dry_run_writes_nothing(hub, published, tmp_path):
    done = advisor("download", REPO, "--dry-run", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["path"], document["dry_run"]) == (0, None, True)
    assert document["missing_bytes"] == document["total_bytes"]
    assert "to fetch" in advisor("download", REPO, "--dry-run").stdout
    assert not (tmp_path / "models").exists()


def test_a_file_that_fails_verification_is_exit_4(hub, tmp_path):
    data = gguf_with_payload(bytes(50_000))
    hub.commit(REPO, {"model-Q4_K_M.gguf": Content(data)})
    hub.faults.storage = [Fault("corrupt")]
    done = advisor("download", REPO, "--yes", "--quiet")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("error: model-Q4_K_M.gguf has the wrong sha256")
    assert not list((tmp_path / "models").rglob("*.gguf"))


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (["download"], 2, "name a model"),
    (["download", "org/absent", "--yes"], 2, "the hub has no org/absent"),
    (["download", f"{REPO}:Q9_K", "--yes"], 2, "did you mean Q4_K_M"),
    (["download", "gpt-neo-13b", "--yes"], 2, "gpt-neox-20b"),
    (["download", REPO, "--offline"], 1, "--offline"),
    (["download", REPO, "--revision", "../x"], 2, "is not a revision"),
    (["download", "--remove", REPO, "--yes"], 2, "nothing downloaded"),
    (["inspect", "org/absent"], 2, "the hub has no org/absent"),
    (["inspect", "absent.gguf"], 2, "no file"),
])  # fmt: skip
def test_errors_are_one_line_and_a_hint(hub, published, arguments, code, says):
    done = advisor(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_list_and_remove(hub, published, tmp_path):
    advisor("download", REPO, "--yes")
    assert advisor("download", "--list").stdout.startswith(f"{REPO}:Q4_K_M")
    assert json.loads(advisor("download", "--list", "--json").stdout)["downloads"][0]["quant"] == "Q4_K_M"
    assert advisor("download", "--remove", REPO).returncode == 2
    assert advisor("download", "--remove", REPO, "--yes").returncode == 0
    assert advisor("download", "--list").stdout == "nothing downloaded yet\n"


def test_an_interrupt_is_exit_130_keeps_the_part_and_can_be_dropped(hub, published, tmp_path):
    hub.faults.storage = [Fault("stall", arg=60)]
    command = [sys.executable, "-m", "advisor", "download", REPO, "--yes", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(1200):
        if list((tmp_path / "models").rglob("*.part")) and hub.served_bytes() > 900_000:
            break
        time.sleep(0.025)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert json.loads(advisor("download", "--list", "--json").stdout)["unfinished_bytes"] > 900_000
    assert advisor("download", "--remove", "unfinished", "--yes").returncode == 0
    assert advisor("download", "--list").stdout == "nothing downloaded yet\n"


def test_inspect_prints_the_document(hub, published):
    done = advisor("inspect", REPO, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["schema"], document["types"][0]["type"]) == (0, "advisor.inspection/1", "I8")


def test_the_token_is_nowhere_to_be_seen(hub, published, tmp_path):
    hub.required_token = "hf_canary0123456789"
    done = advisor("download", REPO, "--yes", "--verbose", HF_TOKEN="hf_canary0123456789")
    assert done.returncode == 0
    assert "hf_canary" not in done.stdout + done.stderr
    for path in (tmp_path / "models").rglob("*"):
        assert path.is_dir() or b"hf_canary" not in path.read_bytes()
