"""Standard streams and files as a user may have them: full, closed, in an old code page, a device, a link."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT

PICK = ("recommend", "--gpu", "RTX 4090")

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no /dev/full")


def shell(advisor, command, **environment):
    return subprocess.run(
        ["sh", "-c", command.replace("advisor", f"{sys.executable} -m advisor")],
        check=False, cwd=ROOT, env=advisor.environment | environment, capture_output=True, timeout=300,
    )  # fmt: skip


@needs_dev_full
@pytest.mark.parametrize("arguments", ["recommend --gpu 'RTX 4090'", "schema --json", "--help"])
def test_a_full_disk_is_one_line_and_no_defect(advisor, arguments):
    done = shell(advisor, f"advisor {arguments} > /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: cannot write")
    assert done.stderr.decode().endswith("No space left on device\n")


@needs_dev_full
def test_errors_that_cannot_be_written_keep_their_code(advisor):
    assert shell(advisor, "advisor recommend --task chatt 2> /dev/full").returncode == 2


def test_a_closed_output_is_one_line(advisor):
    done = shell(advisor, "advisor recommend --gpu 'RTX 4090' >&-")
    assert (done.returncode, done.stderr) == (1, b"error: standard output is closed: nothing can be printed\n")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_old_code_page_gets_plain_signs(advisor, encoding):
    done = shell(advisor, "advisor recommend --gpu 'RTX 4090'", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "<= 8.0 s" in done.stdout.decode(encoding)


def test_json_is_utf8_in_every_code_page(advisor):
    done = shell(advisor, "advisor recommend --gpu 'RTX 4090' --json", PYTHONIOENCODING="ascii")
    assert "–" in done.stdout.decode("utf-8")
    assert json.loads(done.stdout)["schema"] == "advisor.recommendation/1"


@pytest.mark.parametrize("option", [("--lock",), ("--frontier", "memory", "--svg")], ids=["lock", "svg"])
def test_a_pipe_is_written_to_and_a_link_followed(advisor, option):
    real, link, pipe = (advisor.folder / name for name in ("real", "link", "pipe"))
    real.write_text("before")
    link.symlink_to(real)
    assert advisor(*PICK, *option, str(link)).returncode == 0
    assert link.is_symlink()
    assert real.read_text() != "before"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as reader:
        assert advisor(*PICK, *option, str(pipe)).returncode == 0
        assert reader.communicate(timeout=60)[0][:1] in "{<"
    assert pipe.is_fifo()


@pytest.mark.parametrize("option", [("--lock",), ("--frontier", "memory", "--svg")], ids=["lock", "svg"])
def test_a_file_that_cannot_be_written(advisor, option):
    done = advisor(*PICK, *option, str(advisor.folder / "none" / "x"))
    assert done.returncode == 1
    assert "error: cannot write" in done.stderr
    assert done.stderr.count("\n") == 2


def test_a_cache_that_cannot_be_written_is_done_without(advisor, tmp_path):
    """A read-only home, or a file where the folder should be: an overlay of prices is still read."""
    quotes, temporary = tmp_path / "quotes.yaml", tmp_path / "temporary"
    quotes.write_text("schema: 1\n")
    temporary.mkdir()
    advisor.environment |= {"ADVISOR_CACHE": "/dev/null", "TMPDIR": str(temporary)}
    assert advisor("hardware", "show", "RTX 4090", "--catalog", str(quotes)).returncode == 0
    assert list(temporary.iterdir()) == []


def test_an_interruption_while_loading_is_no_traceback(advisor):
    """The first thing that is imported stands for all: a user pressed Ctrl-C while it was."""
    code = (
        "import sys, builtins\n"
        "load = builtins.__import__\n"
        "def interrupted(name, *rest):\n"
        "    if name == 'click': raise KeyboardInterrupt\n"
        "    return load(name, *rest)\n"
        "builtins.__import__ = interrupted\n"
        "from advisor.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, env=advisor.environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_the_program_begins_where_interruptions_are_caught():
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"advisor": "advisor.__main__:main"}
