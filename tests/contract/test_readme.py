"""README's two commands are one line each, and `.ci/run` runs the second as it stands."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands():
    text = (ROOT / "README.md").read_text()
    return {
        name: body.strip()
        for name, body in re.findall(r"<!-- command: (\w+) -->\n```sh\n(.*?)```", text, flags=re.DOTALL)
    }


def test_both_are_one_line():
    found = commands()
    assert set(found) == {"run", "test"}
    assert all("\n" not in body for body in found.values())
    assert "advisor recommend" in found["run"]
    assert "pytest" in found["test"]


def test_ci_extracts_the_same_line(tmp_path):
    script = (ROOT / ".ci" / "run").read_text()
    extract = next(line for line in script.splitlines() if line.startswith("command=$("))
    done = subprocess.run(
        ["bash", "-c", f'{extract}; printf %s "$command"'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == commands()["test"]
