"""The tables in benchmarks/published say what was run so that all of it is understood, and no impossible rate."""

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from advisor.catalog.source import load_catalog
from advisor.estimate.constants import Constants
from advisor.estimate.cpu_rates import threads_used
from benchmarks.fit_constants import FOLDER
from benchmarks.measurements import DECODE, Cases, micro_batch_of, number, rows_of
from benchmarks.set_aside import impossible, told
from benchmarks.tables import PUBLISHED, people

TABLES = sorted(PUBLISHED.glob("*.csv"))
ROUNDED = 1.02
"""Rates and data sheets are rounded."""
OVER_THE_SHEET = 1.3
"""Memory of a processor may run faster than its data sheet says, where the table does not tell its speed, and a token
embedding that is only looked up counts as read here."""


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture(scope="module")
def constants():
    plain = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in ("calibration.yaml", "engines.yaml")]
    return Constants.from_mapping(*plain)


def read(catalog, constants, paths):
    reader = Cases(catalog, constants)
    return reader.read(paths), reader.left_out


def faults(path: Path, sources) -> list[str]:
    """What a table's rows lack, in words."""
    found = []
    for number_of, row in enumerate(rows_of(path), 2):
        where = f"{path.name}, line {number_of}"
        if row["source_id"] != path.stem or row["source_id"] not in sources:
            found.append(f"{where}: the source is the file's name and stands in sources.yaml")
        if not (row["source_ref"] and row["date"] and row["hardware_name"] and row["backend"]):
            found.append(f"{where}: place, date, device or engine missing")
        if not any(number(row[column]) > 0 for column in ("pp_tps", "tg_tps")):
            found.append(f"{where}: no rate")
    return found


def test_every_row_names_its_source():
    sources = yaml.safe_load((PUBLISHED / "sources.yaml").read_text("utf-8"))
    assert TABLES
    assert [fault for path in TABLES for fault in faults(path, sources)] == []
    assert sorted(sources) == [path.stem for path in TABLES]
    assert all(entry["title"] and entry["url"] and entry["date"] for entry in sources.values())


def repeats(paths, known) -> list[tuple[str, str]]:
    """Pairs of people of which one repeats most of the other's broken rates, as rows that are published twice do."""
    rates = defaultdict(set)
    for path in paths:
        for row in rows_of(path):
            told = {(column, number(row[column])) for column in ("pp_tps", "tg_tps") if number(row[column]) % 1}
            rates[known.get(path.stem, path.stem)] |= {(row["hardware_name"], row["quant"], *one) for one in told}
    pairs = combinations(sorted(rates), 2)
    return [(a, b) for a, b in pairs if len(rates[a] & rates[b]) > max(2, min(len(rates[a]), len(rates[b])) / 2)]


def test_nobody_s_rows_stand_under_two_names(tmp_path):
    assert repeats(TABLES, people()) == []
    copies = [tmp_path / name for name in ("first.csv", "second.csv")]
    for copy in copies:
        copy.write_text("hardware_name,quant,pp_tps,tg_tps\n" + "".join(f"a card,Q8_0,,{n}.5\n" for n in range(3)))
    assert repeats(copies, {}) == [("first", "second")]
    assert repeats(copies, {"second": "first"}) == []


def test_every_row_is_understood(catalog, constants):
    cases, left_out = read(catalog, constants, TABLES)
    assert dict(left_out) == {}
    assert cases


def roof(case):
    """Bytes a second that memory can give at most."""
    return case.bandwidth * (OVER_THE_SHEET if case.backend == "cpu" else ROUNDED)


def beyond_the_memory(catalog, cases):
    """Decode steps that would read their weights faster than the memory gives them.

    Of models with embeddings of their own in each layer most bytes are only looked up: they tell nothing here.
    """
    steps = (case for case in cases if case.phase == DECODE and not catalog.model(case.model).architecture.ple_dim)
    return [
        f"{case.source}: {case.model} {case.quant} on {case.device}"
        for case in steps
        if case.file_bytes * case.active_share / case.seconds > roof(case)
    ]


def test_no_rate_beyond_the_memory(catalog, constants):
    cases, _ = read(catalog, constants, TABLES)
    assert beyond_the_memory(catalog, cases) == []


def test_faults_are_seen(catalog, constants, tmp_path):
    head = "source_id,source_ref,date,hardware_name,n_gpus,backend,model,quant,n_gen,tg_tps\n"
    table = tmp_path / "here.csv"
    table.write_text(
        head + "here,a place,2026,GeForce RTX 3090,1,llama.cpp CUDA,Llama-3.1-8B-Instruct,Q8_0,128,200\n"
        "there,,2026,No such card,1,llama.cpp CUDA,Llama-3.1-8B-Instruct,Q8_0,128,0\n"
        "here,a place,2026,No such card,1,llama.cpp CUDA,Llama-3.1-8B-Instruct,Q8_0,128,9\n"
        "here,a place,2026,i7-12700,1,llama.cpp CPU,Llama-3.1-8B-Instruct,Q8_0,128,20\n"
    )
    assert len(faults(table, {"here": {}})) == 3
    cases, left_out = read(catalog, constants, [table])
    assert len(beyond_the_memory(catalog, cases)) == 1
    assert sum(left_out.values()) == 2, "a card too fast, and one that nobody knows"


def test_one_person_s_sources_are_left_out_together(catalog, constants, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text(
        "source_id,source_ref,date,hardware_name,n_gpus,backend,model,quant,n_gen,tg_tps\n"
        "kyuz0_mi50_single,a,2026,MI50,1,llama.cpp ROCm,Llama-2-7B,Q4_0,128,60\n"
        "kyuz0_mi50,b,2026,MI50,1,llama.cpp ROCm,Llama-2-7B,Q8_0,128,50\n"
    )
    cases, left_out = read(catalog, constants, [table])
    assert ({case.source for case in cases}, len(cases), sum(left_out.values())) == ({"kyuz0_mi50"}, 2, 0)


def test_what_a_source_says_of_single_rows_is_heard():
    row = {"source_id": "lotto_4x3090", "source_ref": "runs/gemma4-depth/no-spec/2026", "backend": "vllm"}
    assert "the deeper the cache" in told(row)
    assert told({**row, "source_ref": "runs/gemma4-depth/spec"}) is None


@pytest.mark.parametrize(("weights_s", "seen"), [(0.9, False), (1.0, True)])
def test_no_accelerator_is_faster_than_its_memory(weights_s, seen):
    assert (impossible(weights_s, 1.0) is not None) == seen


@pytest.mark.parametrize(("notes", "linked"), [("two cards, NVLink bridge", True), ("TP2, no NVLink", False)])
def test_cards_that_could_be_bridged_are_as_the_row_says(catalog, constants, notes, linked):
    reader = Cases(catalog, constants)
    row = {"notes": notes, "hw_kind": "nvidia", "threads": "", "mem_bandwidth_gb_s": ""}
    machine = reader._machine(reader.catalog.hardware.find("RTX 3090"), "vllm", 2, row)
    assert [bool(device.link_bytes_per_s) for device in machine.accelerators] == [linked, linked]


def test_a_server_that_reads_no_gguf_tells_nothing_of_one(catalog, constants, tmp_path):
    table = tmp_path / "here.csv"
    table.write_text(
        "source_id,source_ref,date,hardware_name,n_gpus,backend,model,quant,n_gen,tg_tps\n"
        "here,a place,2026,GeForce RTX 3090,1,vllm CUDA,Llama-3.1-8B-Instruct,Q4_K_M,128,50\n"
        "here,a place,2026,GeForce RTX 3090,1,vllm CUDA,Llama-3.1-8B-Instruct,AWQ,128,90\n"
    )
    cases, left_out = read(catalog, constants, [table])
    assert [case.quant for case in cases] == ["AWQ"]
    assert sum(left_out.values()) == 1


def test_threads_and_memory_of_a_row_are_the_machines(catalog, constants):
    reader = Cases(catalog, constants)
    row = {"notes": "", "hw_kind": "cpu", "threads": "6", "mem_bandwidth_gb_s": "57.6", "hardware_name": "i7-12700"}
    spec = reader.catalog.hardware.find("i7-12700")
    stated = reader._machine(spec, "cpu", 1, row)
    assert threads_used(stated.cpu) == 6
    assert stated.memory.bandwidth_bytes_per_s == 57.6e9
    silent = reader._machine(spec, "cpu", 1, {**row, "threads": "", "mem_bandwidth_gb_s": ""})
    assert threads_used(silent.cpu) == 8, "fast cores, as engines choose"
    assert silent.memory.bandwidth_bytes_per_s == spec.bandwidth_bytes_per_s


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, 512),
        ({"notes": "-b 256"}, 256),
        ({"notes": "-b 4096 -ub 1024"}, 1024),
        ({"source_ref": "results/model__rocm__fa1__longctx32768.log", "backend": "llama.cpp ROCm"}, 2048),
        ({"source_ref": "results/model__vulkan_radv__fa1__longctx32768.log", "backend": "llama.cpp Vulkan"}, 512),
    ],
)
def test_a_row_says_how_many_tokens_were_read_at_once(stated, expected):
    assert micro_batch_of(defaultdict(str, stated), 512) == expected


def test_a_row_without_flash_attention_is_read_with_its_scores_in_memory(catalog, constants, tmp_path):
    names = "source_id,source_ref,date,hardware_name,n_gpus,backend,flash_attn,model,quant,n_prompt,depth,pp_tps,notes"
    common = "somebody,somewhere,2026-05,GeForce RTX 3090,1,llama.cpp CUDA,{},Llama-3.1-8B,Q4_K_M,8192,0,{},"
    cases = []
    for setting in ("0,2500", "1,3900", "0,2500\n1,3900"):
        rows = [common.format(*pair.split(",")) for pair in setting.split("\n")]
        path = tmp_path / "somebody.csv"
        path.write_text("\n".join([names, *rows]) + "\n", encoding="utf-8")
        found, left_out = read(catalog, constants, [path])
        assert not left_out, left_out
        cases += found
    scores = [case.parts[0].prefill[2] for case in cases]
    assert scores[0] > 0.0
    assert scores[1:] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "cores"), [("AWS m6i", 48), ("AWS m7a", 96), ("AWS Graviton4", 96), ("EPYC 9654", 96)]
)
def test_virtual_processors_of_some_clouds_are_two_to_a_core(catalog, constants, name, cores):
    reader = Cases(catalog, constants)
    row = {"notes": "", "hw_kind": "cpu", "threads": "96", "mem_bandwidth_gb_s": "", "hardware_name": name}
    assert reader._machine(catalog.hardware.find(name), "cpu", 1, row).cpu.physical_cores == cores
