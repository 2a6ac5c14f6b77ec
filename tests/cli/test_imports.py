"""The start-up budget: which modules a command may import. A clock on a shared machine lies; this list does not."""

import subprocess
import sys

import pytest

from tests.cli.conftest import ROOT

HEAVY = {
    "textual", "rich", "pydantic", "yaml", "huggingface_hub", "httpx", "httpx2", "pynvml", "psutil", "numpy",
    "xllamacpp", "asyncio", "http.client", "ssl",
}  # fmt: skip

PROGRAM = """
import contextlib, io, sys
from advisor.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    main(sys.argv[1:])
print("\\n".join(sorted(sys.modules)))
"""


def modules(advisor, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        check=True, cwd=ROOT, env=advisor.environment, capture_output=True, text=True,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.fixture
def compiled(advisor):
    assert advisor("recommend", "--json", "--gpu", "RTX 4090").returncode == 0
    return advisor


@pytest.mark.parametrize(
    "arguments",
    [
        ("recommend", "--json"),
        ("recommend", "--json", "--gpu", "RTX 4090"),
        ("estimate", "qwen3-8b", "--json"),
        ("recommend",),
    ],
    ids=" ".join,
)
def test_answers_import_nothing_heavy(compiled, arguments):
    found = modules(compiled, *arguments)
    assert found & HEAVY == set()
    assert not {m for m in found if m.startswith(("advisor.tui", "advisor.hub", "advisor.engines"))}


def test_help_imports_no_command(advisor):
    found = {m for m in modules(advisor, "--help") if m.startswith("advisor.")}
    assert found == {"advisor.cli", "advisor.cli.main", "advisor.cli.streams", "advisor.errors"}
