"""A machine written as a document comes back as it was; anything else in a file is refused in one line."""

import json
import random
from dataclasses import fields, replace

import pytest

from advisor.domain.machine import Accelerator, CoreCluster, Cpu, Disk, EngineFound, HostMemory, Machine, ProbeNote
from advisor.errors import BadDocument
from advisor.probes.document import machine_from, read_machine
from advisor.report.machine import machine_document

FULL = Machine(
    name="box",
    origin="probed",
    os="linux",
    os_version="Debian 12",
    cpu=Cpu(name="A CPU", physical_cores=8, instruction_sets=("avx2",), f32_flops=1.5e12, sources={"name": "x"}),
    memory=HostMemory(total_bytes=2**36, available_bytes=2**35, swap_bytes=0, bandwidth_bytes_per_s=8.96e10),
    accelerators=(
        Accelerator(index=0, name="RTX", vendor="nvidia", memory_total_bytes=25757220864, notes=("a", "b")),
        Accelerator(index=1, name="RTX", vendor="nvidia", usable=False, sources={"name": "nvml"}),
    ),
    disks=(Disk(path="/models", free_bytes=1, total_bytes=2),),
    engines=(EngineFound(name="ollama", running=True),),
    on_battery=False,
    notes=(ProbeNote(source="s", message="m", hint="h"),),
    sources={"os": "/etc/os-release"},
)


@pytest.mark.parametrize("machine", [FULL, Machine(name="bare", origin="stated")], ids=["full", "bare"])
def test_round_trip_is_lossless(machine, tmp_path):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine_document(machine)))
    assert read_machine(path) == replace(machine, origin="file")


def filled(cls, dice):
    """Every field set to something of its kind: nothing may be lost on the way."""
    values = {}
    for field in fields(cls):
        kind, word = str(field.type), dice.choice(("nvml", "RTX 4090", "0000:01:00.0", "Größe ≤ 3", "a, b; c: d"))
        if field.name in ("accelerators", "disks", "engines", "notes") and cls is Machine:
            part = {"accelerators": Accelerator, "disks": Disk, "engines": EngineFound, "notes": ProbeNote}[field.name]
            values[field.name] = tuple(filled(part, dice) for _ in range(dice.randrange(3)))
        elif field.name in ("cpu", "memory"):
            values[field.name] = filled({"cpu": Cpu, "memory": HostMemory}[field.name], dice)
        elif field.name == "clusters":
            values[field.name] = tuple(filled(CoreCluster, dice) for _ in range(dice.randrange(3)))
        elif "Mapping" in kind:
            values[field.name] = {word: "x"}
        elif "tuple" in kind:
            values[field.name] = (word, "y")
        elif "None" in kind and dice.random() < 0.2:
            values[field.name] = None
        else:
            plain = {"int": dice.randrange(1 << 45), "float": dice.uniform(0, 1e15), "bool": dice.random() < 0.5}
            values[field.name] = next(
                (v for name, v in plain.items() if kind.startswith((name, f"<class '{name}"))), word
            )
    return cls(**values)


def test_any_machine_comes_back(tmp_path):
    dice, path = random.Random(7), tmp_path / "machine.json"
    for _ in range(200):
        machine = filled(Machine, dice)
        machine = replace(machine, accelerators=tuple(replace(d, index=i) for i, d in enumerate(machine.accelerators)))
        path.write_text(json.dumps(machine_document(machine), ensure_ascii=False), encoding="utf-8")
        assert read_machine(path) == replace(machine, origin="file")


def test_schema_comes_first():
    assert next(iter(machine_document(FULL))) == "schema"


def with_change(place, value):
    document = json.loads(json.dumps(machine_document(FULL)))
    *parents, last = place
    target = document
    for part in parents:
        target = target[part]
    target[last] = value
    return document


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), "advisor.machine/2"),
        (("memory", "total_bytes"), -1),
        (("memory", "total_bytes"), 2**63),
        (("memory", "total_bytes"), "64"),
        (("memory", "bandwidth_bytes_per_s"), -0.1),
        (("accelerators",), [{}]),
        (("accelerators",), {"0": {}}),
        (("accelerators", 0, "vendor"), 7),
        (("engines",), [{"name": "x"}] * 2000),
        (("cpu",), None),
        (("name",), ["x"]),
    ],
)
def test_bad_values_are_one_line(place, value):
    with pytest.raises(BadDocument) as caught:
        machine_from(with_change(place, value), "m.json")
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith("m.json")
    assert caught.value.hint


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b'{"schema": "advisor.machine/1"}',
        b"[" * 200_000,
        b"nan",
        b'{"a": NaN}',
    ],
)
def test_no_document_at_all(raw, tmp_path):
    path = tmp_path / "m.json"
    path.write_bytes(raw)
    with pytest.raises(BadDocument) as caught:
        read_machine(path)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_what_powershell_writes_is_read(encoding, tmp_path):
    """`advisor probe --json > machine.json` is UTF-16 with a mark there, or UTF-8 with one."""
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    path = tmp_path / "machine.json"
    path.write_bytes(mark + json.dumps(machine_document(FULL)).encode(encoding))
    assert read_machine(path) == replace(FULL, origin="file")


@pytest.mark.parametrize("raw", ["{}", "[]", "null", '{"schema": 3}'])
def test_a_document_without_a_schema_is_not_called_none(raw, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(raw)
    with pytest.raises(BadDocument, match=r"is no advisor.machine/1 document$"):
        read_machine(path)


def test_too_large_and_missing(tmp_path):
    path = tmp_path / "m.json"
    path.write_bytes(b" " * (9 << 20))
    with pytest.raises(BadDocument, match="larger"):
        read_machine(path)
    with pytest.raises(BadDocument, match="cannot read"):
        read_machine(tmp_path / "none.json")


def test_hostile_text_is_cleaned():
    machine = machine_from(with_change(("accelerators", 0, "name"), "RTX\x1b[31m 4090\u202e\x07\n evil"))
    assert machine.accelerators[0].name == "RTX 4090 evil"
    notes = machine_from(with_change(("accelerators", 0, "notes"), ["x\x1b]0;title\x07y"])).accelerators[0].notes
    assert all(text.isprintable() for text in notes)


def test_indices_are_positions():
    machine = machine_from(with_change(("accelerators", 1, "index"), 7))
    assert [d.index for d in machine.accelerators] == [0, 1]
