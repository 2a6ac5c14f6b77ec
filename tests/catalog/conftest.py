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
