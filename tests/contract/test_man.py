"""The manual: lint clean, and it names every command, common flag and exit code."""

import shutil
import subprocess
from pathlib import Path

import pytest

from advisor.cli.main import COMMANDS

MAN = Path(__file__).parents[2] / "man"
PAGES = sorted(MAN.glob("*.[15]"))


def test_pages_are_there():
    assert {p.name for p in PAGES} >= {"advisor.1", "advisor-catalog.5"}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_page_is_lint_clean(page):
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", str(page)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_command_is_described():
    text = (MAN / "advisor.1").read_text()
    assert [name for name in COMMANDS if f"Cm {name}" not in text] == []


def test_exit_codes_are_those_of_the_error_tree():
    from advisor import errors

    codes = {c.exit_code for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.AdvisorError)}
    text = (MAN / "advisor.1").read_text()
    assert all(f".It {code}\n" in text for code in codes | {0, 130})
