"""Every scenario of the fake driver through the real nvidia-ml-py ctypes path, in the real child."""

import json
import time
from pathlib import Path

import pytest

from advisor.domain.machine import HostMemory
from advisor.probes.nvidia_child import ask_nvml
from advisor.probes.nvidia_devices import is_unified, read_nvml

GIB = 1 << 30
HERE = Path(__file__).parent
SCENARIOS = HERE / "fakenvml" / "scenarios"
HOST = HostMemory(total_bytes=128515170304, available_bytes=100 * GIB)
"""119.69 GiB, what a DGX Spark has."""


@pytest.fixture
def found(nvml):
    def read(scenario, memory=HOST, **options):
        return read_nvml(nvml(scenario, **options), memory)

    return read


def one(findings):
    assert len(findings.sightings) == 1
    return findings.sightings[0].device


def test_every_scenario_is_named_here():
    text = "".join(
        (HERE / name).read_text()
        for name in ("test_probe_nvml.py", "test_probe_faults.py", "test_probe_faults_limits.py")
    )
    assert [p.stem for p in SCENARIOS.glob("*.nvml") if f'"{p.stem}"' not in text] == []


def test_every_scenario_says_where_it_comes_from():
    assert [p.name for p in SCENARIOS.glob("*.nvml") if not p.read_text().startswith("# ")] == []


def test_rtx4090(found):
    device = one(found("rtx4090"))
    assert device.name == "NVIDIA GeForce RTX 4090"
    assert device.memory_total_bytes == 25757220864
    assert device.memory_available_bytes == 25757220864 - 468713472 - 1073741824
    assert device.bandwidth_bytes_per_s == pytest.approx(1008.096e9)
    assert device.compute_capability == "8.9"
    assert device.pci_id == "10de:2684"
    assert device.pci_address == "0000:01:00.0"
    assert device.power_limit_w == 450
    assert device.pcie_bytes_per_s == pytest.approx(31.5e9, rel=0.01), "generation 4, not the idle card's 1"
    assert device.driver == "580.65.06"
    assert device.usable
    assert any("750 MiB" in note for note in device.notes)


def test_rtx5090(found):
    device = one(found("rtx5090"))
    assert device.bandwidth_bytes_per_s == pytest.approx(1792e9, rel=0.001)
    assert device.compute_capability == "12.0"


def test_two3090_nvlink(found):
    first, second = (s.device for s in found("two3090_nvlink").sightings)
    assert first.link_bytes_per_s == 4 * 14062e6
    assert first.pci_address != second.pci_address
    assert second.memory_available_bytes == 25757220864 - 300000000 - 22000000000
    assert second.link_bytes_per_s is None, "this card's speed field is refused: unknown, not zero"


def test_zero_devices(found):
    findings = found("zero_devices")
    assert findings.sightings == ()
    assert findings.notes == ()


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("driver_not_loaded", "not loaded"), ("mismatch", "updated"), ("unknown_error", "container")],
)
def test_driver_that_does_not_start(found, scenario, words):
    findings = found(scenario)
    assert findings.sightings == ()
    assert words in findings.notes[0].message
    assert findings.notes[0].hint


def test_jetson_orin(found):
    device = one(found("jetson_orin"))
    assert device.unified
    assert device.memory_total_bytes == HOST.total_bytes
    assert device.memory_available_bytes == HOST.available_bytes
    assert device.bandwidth_bytes_per_s is None


@pytest.mark.parametrize(
    ("name", "capability", "unified"),
    [
        ("", "7.2", True), ("", "8.7", True), ("", "11.0", True), ("", "12.1", True),
        ("Orin (nvgpu)", None, True), ("NVIDIA Thor", None, True), ("NVIDIA GB10", None, True), ("Xavier", None, True),
        ("NVIDIA GH200 480GB", "9.0", False), ("NVIDIA GeForce RTX 5090", "12.0", False), ("", None, False),
    ],
)  # fmt: skip
def test_chips_without_a_memory_of_their_own(name, capability, unified):
    """Told by the capability or by the name: a driver may refuse either."""
    assert is_unified(name, capability) is unified


def test_vgpu_is_marked_as_shared(found):
    device = one(found("vgpu"))
    assert device.shared_with
    assert device.memory_total_bytes == 4 * GIB


def test_old_driver_lacks_calls(found, old_driver):
    device = one(found("rtx4090", library=old_driver))
    assert device.memory_total_bytes == 25757220864, "by the first version of the call"
    assert device.bandwidth_bytes_per_s is None, "no bus width there"
    assert device.usable


def test_hang_is_killed_and_said(found):
    start = time.monotonic()
    findings = found("hang", limit_s=2.0)
    assert time.monotonic() - start < 30, "the driver sleeps for a minute"
    assert findings.sightings == ()
    assert "did not answer" in findings.notes[0].message


def test_hang_keeps_what_came_before(found):
    for limit_s in (2.0, 8.0, 25.0):  # a busy machine may need longer to start the child at all
        findings = found("hang_second", limit_s=limit_s)
        if findings.sightings:
            break
    assert [s.device.pci_address for s in findings.sightings] == ["0000:41:00.0"]
    assert "1 device answered before" in findings.notes[0].message


def test_no_driver_at_all(monkeypatch, tmp_path):
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    answer = ask_nvml(20)
    if answer["lines"] and answer["lines"][0]["kind"] != "init_error":
        pytest.skip("this machine has an NVIDIA driver")
    findings = read_nvml(answer, HOST)
    assert findings.sightings == ()
    assert "not installed" in findings.notes[0].message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os; os.abort()", "failed"),
        ("raise SystemExit(3)", "exit 3"),
        ("print('stub library, do not link')", None),
        ("import sys; sys.stdout.buffer.write(bytes(range(256)) * 99)", None),
        ("print('[' * 100000)", None),
        ('print(\'{"kind": "device", "index": 0}\\n{"kind": "dev\')', None),
    ],
    ids=["abort", "exit", "banner", "binary", "deep", "cut"],
)
def test_child_of_any_kind_is_survived(tmp_path, body, words):
    program = tmp_path / "child.py"
    program.write_text(body)
    findings = read_nvml(ask_nvml(20, program=str(program)), HOST)
    assert words is None or words in findings.notes[0].message
    assert all(s.device.memory_total_bytes is None for s in findings.sightings)


def test_a_line_cut_off_by_the_kill_loses_only_itself(tmp_path):
    program = tmp_path / "child.py"
    good = '{"kind": "device", "index": 0, "name": "NVIDIA L4", "memory": {"total": 24000000000, "free": 1}}'
    program.write_text(f"print('banner')\nprint({good!r})\nprint('{{\"kind\": \"dev')\n")
    (sighting,) = read_nvml(ask_nvml(20, program=str(program)), HOST).sightings
    assert (sighting.device.name, sighting.device.memory_total_bytes) == ("NVIDIA L4", 24000000000)


def test_banner_of_a_library_is_not_the_answer(tmp_path, driver, monkeypatch):
    """What a library prints on stdout must not reach the answers."""
    from advisor.probes import nvidia

    program = tmp_path / "child.py"
    program.write_text(
        f"import os, runpy, sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
        f"runpy.run_path({nvidia.__file__!r}, run_name='__main__')\n"
    )
    (tmp_path / "pynvml.py").write_text("import os\nos.write(1, b'BANNER\\n')\nraise ImportError('stub')\n")
    answer = ask_nvml(20, program=str(program))
    assert answer["lines"][0]["error"] == "ModuleMissing"
    assert "BANNER" in answer["stderr"]
    assert json.dumps(answer)
