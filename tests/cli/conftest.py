"""Commands run as a user runs them: separate processes in folders of their own, with one compiled catalog for all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.getbasetemp().parent / "compiled-catalog"


class Advisor:
    """`advisor(...)` runs the program; `.json(...)` parses what it printed."""

    def __init__(self, environment, folder):
        self.environment = environment
        self.folder = folder

    def __call__(self, *arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "advisor", *arguments],
            check=False,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            **options,
        )

    def json(self, *arguments, code=0):
        done = self(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def fails(self, *arguments, code):
        """Run what must fail; the one or two lines that say why."""
        done = self(*arguments)
        assert done.returncode == code, (done.returncode, done.stderr)
        lines = done.stderr.strip().splitlines()
        assert 1 <= len(lines) <= 2, done.stderr
        assert lines[0].startswith("error: ")
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def advisor(tmp_path, shared_cache):
    environment = os.environ | {
        "ADVISOR_DATA": str(tmp_path / "data"),
        "ADVISOR_CACHE": str(shared_cache),
        "ADVISOR_CONFIG": str(tmp_path / "config"),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "COLUMNS": "80",
    }
    return Advisor(environment, tmp_path)
