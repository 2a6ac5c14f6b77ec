"""A locked choice: holds where it was made, and says what no longer does elsewhere or later."""

import json

import pytest

BIG = ("--gpu", "RTX 4090", "--ram", "64GiB")
SMALL = ("--cpu-only", "--ram", "4GiB")


@pytest.fixture
def lock(advisor):
    path = advisor.folder / "choice.json"
    assert advisor("recommend", "--task", "coding", *BIG, "--lock", str(path)).returncode == 0
    return path


def test_it_holds_where_it_was_made(advisor, lock):
    document = advisor.json("check", str(lock), *BIG)
    assert document["schema"] == "advisor.check/1"
    assert document["holds"] is True
    assert {f["subject"] for f in document["findings"]} == {"model", "files", "memory", "budget"}


def test_what_thinks_is_held_to_its_thinking(advisor):
    """The answer of the same weights that do not think would come much sooner, and any limit between would hold."""
    lock = advisor.folder / "thinks.json"
    assert advisor("recommend", "--task", "reasoning", *BIG, "--lock", str(lock)).returncode == 0
    document = json.loads(lock.read_text())
    assert document["mode"] == "thinking"
    document["max_latency_s"] = document["latency_s"] / 2
    lock.write_text(json.dumps(document))
    failed = advisor("check", str(lock), *BIG)
    assert "FAIL budget" in failed.stdout
    lock.write_text(json.dumps(document | {"mode": "non-thinking"}))
    assert "FAIL budget" not in advisor("check", str(lock), *BIG).stdout


def test_it_no_longer_fits_a_small_machine(advisor, lock):
    done = advisor("check", str(lock), *SMALL)
    assert done.returncode == 3, done.stderr
    assert "FAIL memory" in done.stdout


def test_changed_files_are_exit_4(advisor, lock):
    document = json.loads(lock.read_text())
    document["files"][0]["path"] = "another.gguf"
    lock.write_text(json.dumps(document))
    done = advisor("check", str(lock), *BIG)
    assert done.returncode == 4
    assert "FAIL files" in done.stdout


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d | {"context": -1},
        lambda d: d | {"task": "juggling"},
        lambda d: d | {"files": "x"},
        lambda d: {k: v for k, v in d.items() if k != "model"},
        lambda d: d | {"surprise": 1},
        lambda d: d | {"schema": "advisor.lock/9"},
    ],
)
def test_a_damaged_lock_is_one_clear_line(advisor, lock, damage):
    lock.write_text(json.dumps(damage(json.loads(lock.read_text()))))
    advisor.fails("check", str(lock), *BIG, code=2)
