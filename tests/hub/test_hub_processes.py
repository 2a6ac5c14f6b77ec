"""Downloads in processes of their own: killed, stopped, side by side, and against limits of the system."""

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from advisor.errors import DiskFull, StoreError
from advisor.hub.download import download
from advisor.hub.plan import Wanted, plan_download
from advisor.hub.progress import Silent
from tests.hub.fakehub import Content, Fault
from tests.hub.gguf_files import gguf_with_payload

ROOT = Path(__file__).parents[2]
REPO = "org/model-GGUF"
WANTED = Wanted(model="m", repo=REPO)


def start(folder, *options):
    command = [sys.executable, "-m", "tests.hub.one_download", REPO, str(folder), *options]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process):
    """The process's JSON line; nothing may have gone to stderr."""
    out, err = process.communicate(timeout=60)
    assert err == ""
    return json.loads(out.splitlines()[-1])


def wait_until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("waited in vain")


def part_bytes(folder):
    return sum(part.stat().st_size for part in Path(folder).rglob("*.part"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_download_goes_on_where_it_was(how, hub, published, tmp_path, weights):
    hub.rate_bytes_per_s = 4_000_000
    first = start(tmp_path / "models")
    wait_until(lambda: part_bytes(tmp_path / "models") > 0.6 * len(weights))
    first.send_signal(how)
    first.communicate(timeout=60)
    have = part_bytes(tmp_path / "models")
    assert have > 0.6 * len(weights)
    hub.rate_bytes_per_s = None
    result = outcome(start(tmp_path / "models"))
    assert result["fetched_bytes"] == len(weights) - have
    assert Path(result["path"]).read_bytes() == weights


def test_two_processes_fetch_once(hub, published, tmp_path, weights):
    hub.rate_bytes_per_s = 4_000_000
    both = [start(tmp_path / "models") for _ in range(2)]
    results = [outcome(process) for process in both]
    assert sorted(result["fetched_bytes"] for result in results) == [0, len(weights)]
    assert hub.served_bytes() == len(weights)
    assert not list((tmp_path / "models").rglob("*.lock"))


def test_a_stopped_holder_is_named_and_not_waited_for(hub, published, tmp_path, store, patience):
    holder = start(tmp_path / "models", "--hold-lock")
    try:
        assert holder.stdout.readline().strip() == "held"
        holder.send_signal(signal.SIGSTOP)
        plan = plan_download(WANTED, store, patience=patience)
        with pytest.raises(StoreError, match=rf"\(pid {holder.pid}\) .* silent"):
            download(plan, store, patience=patience)
    finally:
        holder.kill()
        holder.communicate()
    download(plan, store, patience=patience)


def test_a_file_size_limit_is_a_full_disk_and_loses_nothing(hub, published, tmp_path, weights):
    result = outcome(start(tmp_path / "models", "--file-size-limit", "1000000"))
    assert result["error"] == "DiskFull"
    assert "kept in" in result["message"]
    assert part_bytes(tmp_path / "models") == 1_000_000
    assert outcome(start(tmp_path / "models"))["fetched_bytes"] == len(weights) - 1_000_000


def test_a_disk_that_fills_up_keeps_what_arrived(hub, published, store, patience, weights, monkeypatch):
    room, write = 700_000, os.write

    def limited(fd, data):
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        room -= (written := write(fd, bytes(data[:room])))
        return written

    monkeypatch.setattr("advisor.hub.part_file.os.write", limited)
    with pytest.raises(DiskFull):
        download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    monkeypatch.undo()
    assert part_bytes(store.root) == 700_000


def test_an_interrupt_from_the_watcher_keeps_the_part(hub, published, store, patience, weights):
    class Interrupting(Silent):
        def advance(self, have_bytes):
            if have_bytes > 1_000_000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(plan_download(WANTED, store, patience=patience), store, patience=patience, progress=Interrupting())
    assert part_bytes(store.root) > 1_000_000
    assert not list(store.root.rglob("*.lock"))


KINDS = ("reset", "end", "stall", "corrupt", "short_length", "page", "wrong_range", "ignore_range", "chunked_cut")


def random_faults(chance):
    picked = [chance.choice(KINDS) for _ in range(chance.randrange(3))]
    return [Fault(kind, 1, chance.random(), 2 if kind == "stall" else 4096) for kind in picked]


def kill_at_random(hub, folder, chance, weights):
    """Kill one to four downloads under random faults, then finish; every visible file is whole at every moment."""
    wanted = hashlib.sha256(weights).hexdigest()
    kills = chance.randint(1, 4)
    for _ in range(kills + 5):
        hub.faults.storage = random_faults(chance)
        process, kills = start(folder), kills - 1
        if kills >= 0:
            limit = hub.served_bytes() + chance.randrange(len(weights))
            wait_until(lambda limit=limit, process=process: hub.served_bytes() > limit or process.poll() is not None)
            process.kill()
        out, err = process.communicate(timeout=60)
        for name in Path(folder).rglob("*.gguf"):
            assert hashlib.sha256(name.read_bytes()).hexdigest() == wanted
        assert err == ""
        if out and "path" in json.loads(out):
            return
    raise AssertionError("never finished")


@pytest.mark.parametrize("seed", range(3))
def test_random_kills_and_faults_never_show_a_wrong_file(seed, hub, published, tmp_path, weights):
    hub.rate_bytes_per_s = 20_000_000
    kill_at_random(hub, tmp_path / "models", random.Random(seed), weights)


@pytest.mark.long
def test_many_random_kills_and_faults_never_show_a_wrong_file(hub, tmp_path):
    chance = random.Random()
    for number in range(300):
        seed = chance.randrange(1 << 32)
        print("seed", seed)
        data = gguf_with_payload(random.Random(seed).randbytes(1_000_000 + seed % 3_000_000))
        hub.commit(REPO, {"model-Q4_K_M.gguf": Content(data)})
        hub.rate_bytes_per_s = 20_000_000
        kill_at_random(hub, tmp_path / str(number), random.Random(seed), data)
