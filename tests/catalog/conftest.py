"""The catalog's own files, compiled once for all tests of this folder."""

from pathlib import Path

import pytest
import yaml

from advisor.catalog.hardware import HardwareCatalog
from advisor.catalog.hardware_schema import compile_hardware

HARDWARE = Path(__file__).parents[2] / "catalog" / "hardware"


@pytest.fixture(scope="session")
def hardware() -> HardwareCatalog:
    """All of catalog/hardware."""
    documents = [yaml.load(p.read_text(), yaml.CSafeLoader) for p in sorted(HARDWARE.rglob("*.yaml"))]
    return HardwareCatalog.from_rows(compile_hardware(documents))


def pytest_collection_modifyitems(config, items):
    """Tests that take minutes run only when they are asked for."""
    if "long" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("long") and "tests/catalog" in str(item.path):
            item.add_marker(pytest.mark.skip(reason="minutes to hours: run with -m long"))
