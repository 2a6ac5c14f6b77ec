"""A workspace with the shipped catalog, and hosts made of it as their probes would write them."""

import json

import pytest

from advisor.catalog.machines import Stated
from advisor.inventory.gather import gather
from advisor.report.machine import machine_document
from advisor.verbs.workspace import Workspace

GIB = 1024**3


@pytest.fixture(scope="session")
def workspace():
    return Workspace()


@pytest.fixture(scope="session")
def hardware(workspace):
    return workspace.catalog.hardware


@pytest.fixture(scope="session")
def document(hardware):
    """A probe's document of a stated machine: `document("pc-1", ram=16, gpu="RTX 3060", **changes)`."""

    def make(name, *, ram=16, gpu=None, **changes):
        gpus = (hardware.parse_gpu(gpu),) if gpu else ()
        cpu = hardware.get("generic/generic-dual-channel-ddr4-3200")
        made = machine_document(hardware.stated(Stated(cpu=cpu, gpus=gpus, ram_bytes=round(ram * GIB))))
        made["notes"] = []
        return {**made, "name": name, "origin": "probed", "probed_at": "2026-11-20T08:00:00+00:00", **changes}

    return make


@pytest.fixture
def read(hardware, tmp_path):
    """The inventory of documents, or texts by file name."""

    def gathered(*documents, files=None, **options):
        folder = tmp_path / "hosts"
        folder.mkdir(exist_ok=True)
        for number, item in enumerate(documents):
            (folder / f"{number:03d}.json").write_text(json.dumps(item))
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return gather([str(folder)], hardware, **options)

    return gathered
