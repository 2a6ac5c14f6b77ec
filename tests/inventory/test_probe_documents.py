"""Documents of probes: equal hosts meet, each counts once as last seen, nothing hostile gets in or stops the rest."""

import copy
import json
import random
from io import BufferedReader, BytesIO

import pytest

from advisor.domain.machine import Machine
from advisor.inventory.gather import gather
from advisor.inventory.probe_documents import taken_apart
from advisor.probes.assemble import probe_machine
from advisor.report.machine import machine_document

GIB = 1024**3


def varied(document, dice):
    """The same hardware on another day: other name, disk and free memory, a BIOS that keeps some MiB more."""
    other = copy.deepcopy(document)
    memory = other["memory"]
    memory["total_bytes"] -= dice.randrange(100 << 20)
    memory["available_bytes"] = dice.randrange(memory["total_bytes"])
    for device in other["accelerators"]:
        device["memory_available_bytes"] = dice.randrange(device["memory_total_bytes"])
        device["memory_total_bytes"] -= dice.randrange(20 << 20)
        device["pci_address"] = f"0000:{dice.randrange(256):02x}:00.0"
    other["disks"] = [{"path": f"/home/{dice.random()}", "free_bytes": dice.randrange(1 << 40), "sources": {}}]
    return {**other, "name": f"host-{dice.randrange(1 << 60)}", "engines": [], "os_version": str(dice.random())}


def test_equal_hosts_meet_whatever_the_day(read, document):
    dice = random.Random(1)
    laptops = [varied(document("a", ram=15.6), dice) for _ in range(10)]
    desktops = [varied(document("b", ram=31.2, gpu="RTX 3060"), dice) for _ in range(10)]
    inventory = read(*laptops, *desktops)
    assert len(inventory.hosts) == 20
    assert len({host.machine.name for host in inventory.hosts}) == 2
    assert len({repr(host.machine) for host in inventory.hosts}) <= 4  # at the edge of a step


def test_free_memory_is_that_of_an_idle_host_less_a_reserve(read, document):
    busy = document("busy", ram=16)
    busy["memory"]["available_bytes"] = 1 * GIB
    (host,) = read(busy).hosts
    assert host.machine.memory.available_bytes == 14 * GIB
    (host,) = read(busy, reserve_bytes=6 * GIB).hosts
    assert host.machine.memory.available_bytes == 10 * GIB
    limited = document("limited", ram=16)
    limited["memory"]["limit_bytes"] = 8 * GIB
    (_, host) = read(busy, limited).hosts
    assert host.machine.memory.available_bytes == 6 * GIB


def test_the_newest_document_of_a_host_counts(read, document):
    dates = ("2026-11-01T00:00:00Z", "2026-11-03T12:00:00+02:00", "2026-11-02", "not a date")
    inventory = read(
        *(document("PC-1" if i % 2 else "pc-1", ram=8 * (i + 1), probed_at=d) for i, d in enumerate(dates))
    )
    (host,) = inventory.hosts
    assert host.machine.memory.total_bytes == 16 * GIB
    assert inventory.documents == 4
    assert inventory.duplicates == 3
    assert "other hardware" in " ".join(inventory.notes)


def test_hosts_without_a_name_of_their_own_are_not_one(read, document):
    inventory = read(*(document(name) for name in ("host", "localhost", "", "host")))
    assert len(inventory.hosts) == 4
    assert len({host.id for host in inventory.hosts}) == 4
    assert not any(host.named for host in inventory.hosts)


def test_this_machine_can_be_read_back(read, hardware):
    machine = probe_machine(None)
    (host,) = read(machine_document(machine)).hosts
    assert host.machine.cpu.name == machine.cpu.name
    assert host.machine.memory.total_bytes <= (machine.memory.total_bytes or 0)


@pytest.mark.parametrize("joined", ["\n", "\n\n", " ", ",\n"])
def test_documents_one_after_another(hardware, document, joined):
    text = joined.join(json.dumps(document(f"h{i}")) for i in range(5))
    inventory = gather(["-"], hardware, stdin=BufferedReader(BytesIO(text.encode())))
    assert [host.id for host in inventory.hosts] == [f"h{i}" for i in range(5)]
    assert not inventory.rejected
    pretty = joined.join(json.dumps(document(f"h{i}"), indent=1) for i in range(5))
    inventory = gather(["-"], hardware, stdin=BufferedReader(BytesIO(pretty.encode())))
    assert len(inventory.hosts) == 5


def test_a_list_and_a_folder_in_folders(read, document):
    inventory = read(
        files={
            "all.json": json.dumps([document("a"), document("b")]),
            "deeper/still/c.json": json.dumps(document("c")),
            "utf16.json": json.dumps(document("d")).encode("utf-16"),
            "bom.json": b"\xef\xbb\xbf" + json.dumps(document("e")).encode(),
            ".hidden.json": "no",
            ".git/x.json": "no",
        }
    )
    assert sorted(host.id for host in inventory.hosts) == ["a", "b", "c", "d", "e"]
    assert not inventory.rejected


HEAD = b'{"schema":"advisor.machine/1","name":"x","origin":"probed",'
HOSTILE = {
    "nothing": b"",
    "blank": b"\n \n",
    "noise": bytes(random.Random(2).randrange(256) for _ in range(4096)),
    "deep list": b"[" * 200_000,
    "deep object": b'{"a":' * 200_000,
    "not a number": HEAD + b'"memory":{"total_bytes":NaN}}',
    "infinite": HEAD + b'"memory":{"total_bytes":1e999}}',
    "negative": HEAD + b'"memory":{"total_bytes":-5}}',
    "endless": HEAD + b'"memory":{"total_bytes":' + b"9" * 9999 + b"}}",
    "huge": HEAD + b'"memory":{"total_bytes":99999999999999999999}}',
    "a name that is none": b'{"schema":"advisor.machine/1","name":{"a":1},"origin":"probed"}',
    "a date that is none": HEAD + b'"probed_at":[1]}',
    "memory that is none": HEAD + b'"memory":[]}',
    "free that is none": HEAD + b'"memory":{"available_bytes":"9"}}',
    "disks that are none": HEAD + b'"disks":[7]}',
    "cards that are none": HEAD + b'"accelerators":["RTX"]}',
    "another schema": b'{"schema":"advisor.sizing/1","options":[]}',
    "a number": b"17",
    "a truncated one": b'{"schema":"advisor.machine/1","name":"x',
    "a record of nothing": b'{"schema":"advisor.record/1"}',
    "many cards": json.dumps(
        {"schema": "advisor.machine/1", "name": "x", "origin": "probed", "accelerators": [{}] * 5000}
    ).encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_host_is_named_and_the_rest_goes_on(read, document, what):
    inventory = read(document("sound"), files={"wrong.json": HOSTILE[what], "z.json": json.dumps(document("last"))})
    assert [host.id for host in inventory.hosts] == ["sound", "last"]
    (rejected,) = inventory.rejected
    assert rejected.source.endswith("wrong.json")
    assert 3 <= len(rejected.reason) <= 250
    assert "\n" not in rejected.reason


def test_a_broken_line_does_not_stop_the_others(read, document):
    lines = [json.dumps(document("a")), '{"schema": oh', "[]" * 9, json.dumps(document("b"))]
    inventory = read(files={"fleet.jsonl": "\n".join(lines)})
    assert [host.id for host in inventory.hosts] == ["a", "b"]
    assert [one.source.rpartition(":")[2] for one in inventory.rejected] == ["2", "3"]


def test_spoiled_documents_are_refused_as_they_are_without_the_short_cut(hardware, document, read):
    """The short cut for equal documents must let nothing in that the full check refuses."""
    from advisor.errors import AdvisorError
    from advisor.inventory.probe_documents import ProbeReader
    from advisor.probes.document import machine_from

    dice = random.Random(3)
    sound = document("sound", gpu="RTX 3060", disks=[{"path": "/x", "free_bytes": 5, "sources": {}}])
    reader = ProbeReader(hardware)
    spoilers = (None, True, -1, 1.5, "text", [], {}, [None], {"a": {}}, 2**70, "\x1b[31m" * 9)
    refused = 0
    for _ in range(400):
        spoiled = copy.deepcopy(sound)
        place, keys = spoiled, list(spoiled)
        while True:
            key = dice.choice(keys)
            inner = place[key]
            if isinstance(inner, dict) and inner and dice.random() < 0.7:
                place, keys = inner, list(inner)
            elif isinstance(inner, list) and inner and isinstance(inner[0], dict) and dice.random() < 0.8:
                place, keys = inner[0], list(inner[0])
            else:
                place[key] = dice.choice(spoilers)
                break
        try:
            expected = machine_from(spoiled)
        except AdvisorError:
            expected = None
        try:
            host = reader.host(spoiled, "here")
        except AdvisorError:
            host = None
        assert (host is None) == (expected is None), {k: v for k, v in spoiled.items() if v != sound[k]}
        refused += host is None
    assert 50 < refused < 350


def test_what_is_taken_apart_leaves_the_document_alone(document):
    original = document("a", gpu="RTX 3060")
    before = copy.deepcopy(original)
    common, own = taken_apart(original)
    assert original == before
    assert own.name == "a"
    assert common["name"] != "a"
    assert isinstance(common, dict)
    assert Machine(name="x", origin="file").memory.total_bytes is None
