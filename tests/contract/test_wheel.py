"""The wheel holds everything: built, installed into a fresh environment, used from there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A fresh environment with the wheel itself; its dependencies are lent by the running one."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True)
    here = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    site = next(folder.glob("lib/python*/site-packages"))
    for entry in here.iterdir():
        if "advisor" not in entry.name.lower() and entry.suffix != ".pth" and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    return folder


def run(environment, *args, tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    env |= {"ADVISOR_DATA": str(tmp_path / "data"), "ADVISOR_CACHE": str(tmp_path / "cache")}
    return subprocess.run(
        [str(environment / "bin" / "advisor"), *args],
        check=False,
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
    )


def test_wheel_ships_catalog_and_manual(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert any(n.startswith("advisor/catalog/data/compiled/") for n in names)
    assert any(n.startswith("advisor/catalog/data/source/models/") for n in names)
    assert any(n.endswith("share/man/man1/advisor.1") for n in names)
    assert not any("tests/" in n for n in names)


def test_recommend_from_the_wheel(environment, tmp_path):
    done = run(environment, "recommend", "--json", "--gpu", "RTX 4090", "--ram", "64GiB", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "advisor.recommendation/1"
    assert document["picks"]


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_finds_the_page(environment, tmp_path):
    env = os.environ | {"MANPATH": str(environment / "share" / "man")}
    done = subprocess.run(["man", "-w", "advisor"], check=False, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith(str(environment))
