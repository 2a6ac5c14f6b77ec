"""Tables of other tools: columns by any common heading, figures by their units, and what is not understood is named."""

import json

import pytest

from advisor.inventory.columns import heading_of, roles_of, size_of, tells_of_machines
from advisor.inventory.form import stated_form

GIB = 1024**3

HEADINGS = {
    "host": ("Hostname", "Device name", "ComputerName", "computer_name", "DNSHostName", "Machine"),
    "cpu": ("CPU", "Processor", "cpu_brand", "Processor Name", "Processor Type"),
    "cores": ("Cores", "NumberOfCores", "cpu_physical_cores", "Physical Cores", "Total Number of Cores"),
    "threads": ("Threads", "NumberOfLogicalProcessors", "cpu_logical_cores", "vCPUs"),
    "ram": ("RAM", "Memory (GB)", "physical_memory", "TotalPhysicalMemory", "Total Physical Memory (GB)", "memory_mb",
            "physicalMemoryInBytes", "Total RAM MB", "ansible_memtotal_mb"),
    "gpu": ("GPU", "Graphics Card", "Video Controller", "Display Adapter", "GPU Name"),
    "vram": ("VRAM", "AdapterRAM", "GPU Memory (MiB)", "Video Memory"),
    "disk_free": ("Free Disk Space", "Free storage", "FreeSpace", "freeStorageSpaceInBytes", "Free Storage GB"),
    "model": ("Model", "hardware_model", "Product Name"),
    "os": ("OS", "Operating System"),
    "form": ("Chassis Type", "Form Factor"),
    "date": ("Last check-in", "lastSyncDateTime", "Last Seen", "timestamp"),
}  # fmt: skip


@pytest.mark.parametrize(("role", "text"), [(role, text) for role, texts in HEADINGS.items() for text in texts])
def test_headings(role, text):
    heading = heading_of(text)
    assert heading is not None
    assert heading.role == role


@pytest.mark.parametrize(
    "text", ["Owner", "Serial", "", "Memory slots", "CPU usage", "GPU driver", "Phone", "\x00", "x" * 500]
)
def test_headings_without_a_meaning(text):
    assert heading_of(text) is None


@pytest.mark.parametrize(
    ("text", "role", "unit", "expected"),
    [
        ("16", "ram", None, 16 * GIB),
        ("16 GB", "ram", None, 16 * GIB),
        ("15,9 GB", "ram", None, 15.9 * GIB),
        ("16384", "ram", None, 16 * GIB),
        ("16,384 MB", "ram", None, 16 * GIB),
        ("16777216", "ram", None, 16 * GIB),
        ("17179869184", "ram", None, 16 * GIB),
        ("1.024", "ram", 1024**3, 1.024 * GIB),
        ("1,024.5", "ram", 1024**2, 1024.5 * 1024**2),
        ("4293918720", "vram", None, 4293918720),
        ("24564", "vram", None, 24564 * 1024**2),
        ("237.5", "disk_free", None, 237.5 * GIB),
        ("lots", "ram", None, None),
        ("-5", "ram", None, None),
        ("0", "ram", None, None),
        ("16 bananas", "ram", None, None),
        ("9" * 400, "ram", None, None),
        ("99999999 TB", "ram", None, None),
        ("NaN", "ram", None, None),
    ],
)
def test_sizes(text, role, unit, expected):
    size, _ = size_of(text, role, unit)
    assert size == (None if expected is None else round(expected))


CSV = """\
Computer,Processor,Number Of Cores,Memory (GB),Graphics Card,AdapterRAM,Free Storage GB,Chassis Type,Last Seen,Owner
pc-1,Intel(R) Core(TM) i7-12700 CPU @ 2.10GHz,12,32,NVIDIA GeForce RTX 3060,4293918720,200,Desktop,2026-11-01,x
pc-2,Intel(R) Core(TM) i5-8350U,4,16,Intel(R) UHD Graphics 620,1073741824,3,Notebook,2026-11-01,y
mac-3,Apple M3 Pro,11,36,,,100,,2026-11-01,z
pc-4,AMD Ryzen 9 7950X,16,?,2x RTX 4090; Voodoo 3,,500,,,
"""


def test_csv(read):
    inventory = read(files={"devices.csv": CSV})
    one, two, mac, four = inventory.hosts
    assert [a.name for a in one.machine.accelerators] == ["GeForce RTX 3060 12GB"]
    assert one.machine.accelerators[0].memory_total_bytes == 12 * GIB  # Windows says 4 GiB
    assert one.machine.memory.total_bytes == 32 * GIB
    assert one.machine.cpu.physical_cores == 12
    assert (one.form, two.form) == ("desktop", "laptop")
    assert two.machine.accelerators == ()
    assert two.disk_free_bytes == 3 * GIB
    assert mac.machine.accelerators[0].unified
    assert mac.machine.os == "darwin"
    assert mac.machine.memory.bandwidth_bytes_per_s == 150e9
    assert len(four.machine.accelerators) == 2
    assert four.machine.memory.total_bytes is None
    assert four.missing == ("memory",)
    assert {(u.what, u.value) for u in inventory.unread} == {("gpu", "Voodoo 3"), ("Memory (GB)", "?")}
    assert "Owner" in " ".join(inventory.notes)
    assert one.source.endswith("devices.csv:2")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_encodings(read, delimiter):
    text = (
        delimiter.join(("Name", "RAM", "CPU"))
        + "\r\n"
        + delimiter.join(("pc-1", "16 GB", "AMD Ryzen 9 7950X"))
        + "\r\n"
    )
    for number, encoding in enumerate(("utf-8", "utf-8-sig", "utf-16", "cp1252")):
        inventory = read(files={f"{number}.txt": text.encode(encoding)})
        assert inventory.hosts[0].machine.memory.total_bytes == 16 * GIB


def test_what_a_source_does_not_tell_stays_unknown(read):
    (host,) = read(files={"a.csv": "hostname,cpu,memory\npc-1,Acme Fastchip 9000,16\n"}).hosts
    assert host.missing == ("cores", "gpu")
    assert host.machine.cpu.physical_cores is None
    assert host.machine.memory.bandwidth_bytes_per_s is None


def test_the_catalog_tells_the_cores_of_processors_that_it_knows(read):
    rows = "hostname,cpu,sockets,memory\na,12th Gen Intel(R) Core(TM) i7-12700,,16\nb,Intel Core i7-12700,,16\n"
    one, two = read(files={"a.csv": rows}).hosts
    assert one.machine.cpu.physical_cores == two.machine.cpu.physical_cores == 12
    assert one.machine.cpu.performance_cores == 8
    assert "cores" not in one.missing


def test_quoted_cells_ragged_rows_and_a_table_of_something_else(read):
    inventory = read(
        files={
            "a.csv": 'hostname,memory,gpu\n"pc,\n1",16,"RTX 3060"\npc-2,16\npc-3,16,none,more,and more\n,,\n',
            "b.csv": "date,amount\n2026-01-01,5\n2026-01-02,6\n",
        }
    )
    assert [host.id for host in inventory.hosts] == ["pc, 1", "pc-2", "pc-3"]
    assert [h.missing for h in inventory.hosts] == [("cores",), ("cores", "gpu"), ("cores",)]
    (rejected,) = inventory.rejected
    assert rejected.source.endswith("b.csv")
    assert "no columns that tell of machines" in rejected.reason


def test_rows_of_json(read):
    osquery = [
        {
            "hostname": "o-1",
            "cpu_brand": "Intel Core i5-8350U",
            "cpu_physical_cores": "4",
            "physical_memory": "17179869184",
        }
    ]
    graph = {"@odata.context": "x", "value": [{"deviceName": "i-1", "physicalMemoryInBytes": 8589934592, "model": "L"}]}
    inventory = read(files={"osquery.json": json.dumps(osquery), "intune.json": json.dumps(graph)})
    sizes = {host.id: host.machine.memory.total_bytes for host in inventory.hosts}
    assert sizes == {"o-1": 16 * GIB, "i-1": 8 * GIB}


def ansible(**changes):
    facts = {
        "ansible_fqdn": "web1.example.org", "ansible_memtotal_mb": 15824, "ansible_processor_cores": 4,
        "ansible_processor_count": 2, "ansible_processor_vcpus": 16, "ansible_system": "Linux",
        "ansible_processor": ["0", "GenuineIntel", "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz"],
        "ansible_form_factor": "Rack Mount Chassis", "ansible_date_time": {"iso8601": "2026-11-02T10:00:00Z"},
        "ansible_mounts": [{"mount": "/", "size_available": 7 * GIB}, {"mount": "/data", "size_available": 90 * GIB}],
    }  # fmt: skip
    return {"ansible_facts": {**facts, **changes}, "changed": False}


def test_facts_of_ansible(read):
    (host,) = read(files={"web1.example.org": json.dumps(ansible())}).hosts
    assert (host.id, host.kind, host.form) == ("web1.example.org", "ansible", "server")
    assert (host.machine.cpu.physical_cores, host.machine.cpu.logical_cores) == (8, 16)
    assert host.machine.cpu.name == "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz"
    assert host.disk_free_bytes == 90 * GIB
    assert host.missing == ("gpu",)
    assert host.probed_at == "2026-11-02T10:00:00Z"


def test_facts_of_ansible_that_are_wrong_or_hold_a_probe(read, document):
    local = ansible(ansible_local={"advisor": document("from-the-probe", gpu="RTX 3060")})
    wrong = ansible(ansible_processor={"a": 1}, ansible_mounts=[3, {"size_available": "x"}], ansible_memtotal_mb=[])
    failed = {"changed": False, "unreachable": True, "msg": "Failed to connect"}
    inventory = read(files={"a": json.dumps(local), "b": json.dumps(wrong), "c": json.dumps(failed)})
    probe, other = inventory.hosts
    assert probe.id == "from-the-probe"
    assert probe.machine.accelerators
    assert other.machine.memory.total_bytes is None
    assert "Failed to connect" in inventory.rejected[0].reason


def test_nodes_of_kubernetes(read):
    labels = {
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.memory": "81920", "kubernetes.io/os": "linux",
    }  # fmt: skip
    capacity = {"cpu": "128", "memory": "1056509616Ki", "ephemeral-storage": "900Gi"}
    nodes = {
        "kind": "List",
        "items": [
            {"kind": "Node", "metadata": {"name": "gpu-1", "labels": labels}, "status": {"capacity": capacity}},
            {
                "kind": "Node",
                "metadata": {"name": "odd", "labels": 5},
                "status": {"capacity": {"cpu": [], "memory": "x"}},
            },
        ],
    }
    gpu, odd = read(files={"nodes.json": json.dumps(nodes)}).hosts
    assert [a.name for a in gpu.machine.accelerators] == ["A100 SXM4 80GB"] * 8
    assert gpu.disk_free_bytes == 900 * GIB
    assert odd.machine.memory.total_bytes is None


def test_forms():
    assert stated_form("Notebook") == stated_form("10") == "laptop"
    assert stated_form("Mini Tower") == stated_form("3") == "desktop"
    assert stated_form("VMware Virtual Platform") == "virtual"
    assert stated_form("") is stated_form("Other") is stated_form(None) is None


def test_a_table_must_tell_of_machines():
    assert tells_of_machines(roles_of(["hostname", "RAM"]))
    assert tells_of_machines(roles_of(["CPU", "RAM"]))
    assert not tells_of_machines(roles_of(["hostname", "date"]))
