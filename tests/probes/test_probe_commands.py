"""`advisor probe` and `advisor doctor` as users run them, and records that play a machine back."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.errors import BadDocument
from advisor.probes.assemble import probe
from advisor.probes.document import read_machine
from advisor.probes.record import RecordingHost, ReplayHost
from advisor.probes.redaction import Names, redact
from tests.probes.machines import MACHINES
from tests.probes.probe_trees import Tree, meminfo, pci, x86

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("advisor")


@pytest.fixture(scope="module")
def advisor(folder):
    """Runs a command with every folder of its own."""
    import os

    names = ("ADVISOR_DATA", "ADVISOR_CACHE", "ADVISOR_CONFIG", "ADVISOR_MODELS", "HOME")
    environ = os.environ | {name: str(folder / name.lower()) for name in names}

    def run(*arguments, shell=None):
        if shell:
            line = f"{sys.executable} -m advisor {shell}"
            argv = ["bash", "-c", f"set -o pipefail; {line}"]
        else:
            argv = [sys.executable, "-m", "advisor", *arguments]
        return subprocess.run(argv, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)

    return run


def test_probe_json(advisor):
    done = advisor("probe", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert next(iter(document)) == "schema"
    assert document["schema"] == "advisor.machine/1"
    assert document["memory"]["total_bytes"] > 0
    assert document["cpu"]["usable_threads"] >= 1
    assert document["disks"][0]["free_bytes"] > 0


def test_probe_text_without_a_terminal(advisor):
    done = advisor("probe")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("machine")


def test_measure_says_what_was_measured(advisor):
    document = json.loads(advisor("probe", "--measure", "--json").stdout)
    assert document["memory"]["sources"]["bandwidth_bytes_per_s"].startswith("measured: memchr")
    assert 1e8 < document["memory"]["bandwidth_bytes_per_s"] < 1e13


def test_a_closed_pipe_is_quiet(advisor):
    done = advisor(shell="probe --json | head -1")
    assert (done.stdout.strip(), done.stderr) == ("{", "")


def test_output_is_a_document_that_hardware_reads(advisor, folder):
    path = folder / "machine.json"
    done = advisor("probe", "--output", str(path))
    assert (done.returncode, done.stdout) == (0, "")
    assert "wrote" in done.stderr
    assert read_machine(path).origin == "file"
    assert [p.name for p in folder.glob("*part*")] == []


def test_output_that_cannot_be_written(advisor, folder):
    done = advisor("probe", "--output", str(folder / "none" / "x.json"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 2
    assert "cannot write" in done.stderr


def test_doctor(advisor, folder):
    path = folder / "record.json"
    done = advisor("doctor", "--json", "--record", str(path))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "advisor.doctor/1"
    assert {s["state"] for s in document["sources"]} <= {"answered", "nothing", "failed", "not asked"}
    assert document["machine"]["name"] == "host"
    again = read_machine(path)
    assert again.cpu.name == document["machine"]["cpu"]["name"]
    assert again.memory.total_bytes == document["machine"]["memory"]["total_bytes"]
    text = advisor("doctor").stdout
    for section in ("machine", "sources", "conflicts between sources", "folders", "versions"):
        assert f"\n{section}\n" in "\n" + text


@pytest.mark.parametrize("name", MACHINES)
def test_a_record_plays_the_same_machine(tree, name):
    host = RecordingHost(tree(MACHINES[name][0]))
    live = probe(None, host).machine
    record = json.loads(json.dumps(host.document()))
    again = probe(None, ReplayHost(record)).machine
    assert replace(again, probed_at=None, name="") == replace(live, probed_at=None, name="")


SECRETS = Tree(
    files={
        "/proc/sys/kernel/hostname": "acme-prod-7\n",
        "/proc/self/cgroup": "0::/kubepods/pod3f2a1b4c-1111-2222-3333-444455556666/" + "ab12" * 16 + "\n",
        "/proc/self/mountinfo": "36 32 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
        "50 1 0:9 / /home rw - nfs4 filer.acme:/vol rw\n",
        "/proc/self/status": "Name:\tsecretd\nUid:\t1234\nCpus_allowed_list:\t0-31\n",
        "/home/jane/.ollama/models/x": "",
    },
    environ={
        "HOME": "/home/jane",
        "API_TOKEN": "hush",
        "CUDA_VISIBLE_DEVICES": "GPU-3f2a1b4c-1111-2222-3333-444455556666",
    },
)


def test_a_record_holds_no_secrets(tree):
    host = RecordingHost(tree(x86() | meminfo(8, 4) | pci("0000:01:00.0", "10de:2684") | SECRETS))
    probe(None, host)
    text = json.dumps(host.document())
    for secret in ("acme", "jane", "hush", "API_TOKEN", "secretd", "3f2a1b4c", "ab12ab12", "filer"):
        assert secret not in text, secret


def test_equal_secrets_stay_equal():
    uuid = "3f2a1b4c-1111-2222-3333-444455556666"
    shown = redact(
        f"GPU-{uuid} MIG-{uuid.upper()} GPU-{uuid[:-1]}7 aa:bb:cc:dd:ee:ff 0000:01:00.0 17163091968", Names()
    )
    first, second, third, *rest = shown.split()
    assert first[4:] == second[4:] != third[4:]
    assert rest == ["00:00:00:00:00:00", "0000:01:00.0", "17163091968"]


@pytest.mark.parametrize(
    "record",
    [
        {"schema": "advisor.record/1"},
        {"schema": "advisor.record/1", "platform": 1, "environ": {}, "answers": {}},
        {"schema": "advisor.record/1", "platform": "linux", "environ": [], "answers": {}},
        {
            "schema": "advisor.record/1",
            "platform": "linux",
            "environ": {},
            "answers": {"read": {str(i): "" for i in range(50_001)}},
        },
    ],
    ids=["bare", "platform", "environ", "huge"],
)
def test_bad_records_are_refused(record, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(record))
    with pytest.raises(BadDocument) as caught:
        read_machine(path)
    assert caught.value.hint


@pytest.mark.parametrize(
    "answers", [{}, {"read": [], "ask": 3}, {"ask": {"nvml": [1], "psutil": "x"}, "names": {"/": 3}}]
)
def test_odd_records_are_unknown_machines(answers):
    record = {"schema": "advisor.record/1", "platform": "linux", "environ": {}, "answers": answers}
    machine = probe(None, ReplayHost(record)).machine
    assert machine.memory.total_bytes is None


def test_probe_imports_little(tmp_path):
    """On Linux without a GPU the probe needs no third party and none of the heavy standard modules."""
    code = (
        "import sys\nfrom advisor.probes.assemble import probe_machine\n"
        "from advisor.probes.tree import TreeHost\n"
        "from types import SimpleNamespace\n"
        "catalog = SimpleNamespace(by_name=lambda name, memory_bytes=None: None)\n"
        f"probe_machine(catalog, host=TreeHost({str(tmp_path)!r}))\n"
        "print(' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    heavy = {
        "subprocess",
        "psutil",
        "pynvml",
        "pydantic",
        "socket",
        "json",
        "ctypes",
        "asyncio",
        "tempfile",
        "datetime",
    }
    assert heavy & set(done.stdout.split()) == set()
    assert re.search(r"advisor\.probes\.(nvidia|amd|merge|intel)", done.stdout) is None
