"""The tables of benchmarks/published: each row names a source, and what it names is understood."""

import pytest
import yaml

from advisor.catalog.source import load_catalog
from advisor.estimate.constants import Constants
from advisor.estimate.cpu_rates import threads_used
from benchmarks.fit_constants import FOLDER
from benchmarks.measurements import DECODE, Cases, rows_of
from benchmarks.tables import PUBLISHED

MEASURED_OVER_SHEET = 1.1
"""Memory of a machine runs faster than its data sheet says where the table does not tell its speed."""


@pytest.fixture(scope="module")
def tables():
    return {path.stem: list(rows_of(path)) for path in sorted(PUBLISHED.glob("*.csv"))}


@pytest.fixture(scope="module")
def reader():
    plain = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in ("calibration.yaml", "engines.yaml")]
    return Cases(load_catalog(), Constants.from_mapping(*plain))


def test_every_table_is_of_a_named_source(tables):
    sources = yaml.safe_load((PUBLISHED / "sources.yaml").read_text("utf-8"))
    assert set(tables) == set(sources)
    assert list(sources) == sorted(sources)
    for name, rows in tables.items():
        assert {"title", "url", "date", "license", "note"} == set(sources[name])
        assert sources[name]["url"].startswith("https://")
        assert rows
        assert {row["source_id"] for row in rows} == {name}
        assert all(row["source_ref"] and row["date"] for row in rows)


def test_every_row_is_understood(tables, reader):
    cases = reader.read([PUBLISHED / f"{name}.csv" for name in tables])
    assert not reader.left_out, reader.left_out
    rates = sum(bool(row[c]) for rows in tables.values() for row in rows for c in ("pp_tps", "tg_tps"))
    assert sum(case.rows for case in cases) == rates


def test_no_rate_is_above_what_memory_gives(tables, reader):
    """A decode step reads all active weights once."""
    for case in reader.read([PUBLISHED / f"{name}.csv" for name in tables]):
        assert case.seconds > 0
        if case.phase == DECODE and case.bandwidth:
            least = case.file_bytes * case.active_share * 0.85 / case.bandwidth
            assert case.seconds * MEASURED_OVER_SHEET > least, (case.source, case.device, case.model, case.quant)


def test_threads_and_memory_of_a_row_are_the_machines(reader):
    row = {"notes": "", "hw_kind": "cpu", "threads": "6", "mem_bandwidth_gb_s": "57.6"}
    spec = reader.catalog.hardware.find("i7-12700")
    stated = reader._machine(spec, "cpu", 1, row)
    assert threads_used(stated.cpu) == 6
    assert stated.memory.bandwidth_bytes_per_s == 57.6e9
    silent = reader._machine(spec, "cpu", 1, {**row, "threads": "", "mem_bandwidth_gb_s": ""})
    assert threads_used(silent.cpu) == 8, "fast cores, as engines choose"
    assert silent.memory.bandwidth_bytes_per_s == spec.bandwidth_bytes_per_s
