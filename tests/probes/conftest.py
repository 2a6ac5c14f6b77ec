"""Fixtures of the probes: a fake NVIDIA driver compiled once a session, and reconstructed machines as folder trees."""

import shutil
import subprocess
from pathlib import Path

import pytest

from advisor.probes.nvidia_child import ask_nvml
from tests.probes.probe_trees import materialise

HERE = Path(__file__).parent
SONAME = "-Wl,-soname,libnvidia-ml.so.1"
"""The name inside the library must be the driver's own, or the loader does not take it for it."""
SCENARIOS = HERE / "fakenvml" / "scenarios"


def build(folder, *flags):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the fake NVIDIA driver with")
    if not Path("/proc/self").exists():
        pytest.skip("the fake NVIDIA driver is a Linux library")
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fvisibility=hidden", "-shared", "-fPIC", SONAME]
    target = folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, *options, *flags, "-o", target, HERE / "fakenvml" / "fake_nvml.c"], check=True)
    return folder


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """Folder of the fake driver's library."""
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="session")
def old_driver(tmp_path_factory):
    """The same without the calls that drivers before 2022 lack."""
    return build(tmp_path_factory.mktemp("nvml-old"), "-DFAKE_NVML_OLD_DRIVER")


@pytest.fixture
def nvml(driver, monkeypatch):
    """Asks the real pynvml, in the real child, a scenario of the fake driver."""

    def ask(scenario, *, library=driver, limit_s=20.0):
        path = SCENARIOS / f"{scenario}.nvml" if "/" not in scenario else Path(scenario)
        assert path.exists()
        monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
        monkeypatch.setenv("FAKE_NVML_SCENARIO", str(path))
        return ask_nvml(limit_s)

    return ask


@pytest.fixture
def tree(tmp_path):
    """Makes a host of a reconstructed machine."""

    def make(machine):
        return materialise(tmp_path / "root", machine)

    return make


def pytest_collection_modifyitems(config, items):
    """Fuzzing by the million runs only where it is asked for."""
    if "long" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("long") and HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="minutes to hours: run with -m long"))
