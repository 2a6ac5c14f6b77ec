"""Questions to programs, kernel and libraries, each bounded; and what is measured."""

import os
import struct
import sys
import time

import pytest

from advisor.domain.machine import Cpu, HostMemory, Machine
from advisor.probes import bandwidth, drm_regions, dxgi
from advisor.probes.assemble import probe
from advisor.probes.child import run_bounded
from advisor.probes.live import LiveHost
from tests.probes.probe_trees import GIB, meminfo, pci, x86

# children


def test_a_child_is_killed_with_its_children(tmp_path):
    mark = tmp_path / "mark"
    script = f"(sleep 3; touch {mark}) & echo early; sleep 60"
    answer = run_bounded(["/bin/sh", "-c", script], timeout_s=0.5, limit_bytes=100)
    assert (answer.code, answer.failure, answer.out) == (None, "timeout", "early\n")
    time.sleep(3.2)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("argv", "failure"), [(["/no/such/program"], "missing"), (["/etc/passwd"], "refused"), (["a\0b"], "refused")]
)
def test_programs_that_cannot_start(argv, failure):
    assert run_bounded(argv, timeout_s=1, limit_bytes=10).failure == failure


def test_output_is_bounded_and_decoded():
    code = "import sys; sys.stdout.buffer.write(b'\\xff' + b'x' * 1000)"
    answer = run_bounded([sys.executable, "-c", code], timeout_s=20, limit_bytes=50)
    assert len(answer.out) == 50
    code = "import sys; sys.stdout.buffer.write('ä'.encode('utf-16'))"
    assert run_bounded([sys.executable, "-c", code], timeout_s=20, limit_bytes=50).out == "ä"


# questions to kernel and libraries


def xe_kernel(regions):
    """Answers as the xe driver does: first the size, then the regions."""
    reply = struct.pack("=II", len(regions), 0)
    reply += b"".join(
        struct.pack("=HHIQQQQ6Q", kind, 0, 4096, total, used, 0, 0, *[0] * 6) for kind, total, used in regions
    )

    def ioctl(descriptor, request, argument):
        assert request == drm_regions.XE_QUERY
        _, query, size, address, *_ = struct.unpack("=QIIQQQ", argument)
        assert query == drm_regions.XE_MEM_REGIONS
        if size == 0:
            struct.pack_into("=I", argument, 12, len(reply))
        else:
            import ctypes

            ctypes.memmove(address, reply, size)
        return 0

    return ioctl


def test_xe_regions():
    found = drm_regions.xe_regions(3, xe_kernel([(0, 64 * GIB, 1), (1, 12 * GIB, 5)]))
    assert found == [{"class": 0, "total": 64 * GIB, "used": 1}, {"class": 1, "total": 12 * GIB, "used": 5}]


def i915_kernel(regions):
    import ctypes

    reply = struct.pack("=I3I", len(regions), 0, 0, 0)
    reply += b"".join(struct.pack("=HHIQQ8Q", kind, 0, 0, size, free, *[0] * 8) for kind, size, free in regions)

    def ioctl(descriptor, request, argument):
        assert request == drm_regions.I915_QUERY
        count, _, item = struct.unpack("=IIQ", argument)
        query, length, _, address = struct.unpack("=QiIQ", ctypes.string_at(item, 24))
        assert (count, query) == (1, drm_regions.I915_MEMORY_REGIONS)
        if length == 0:
            ctypes.memmove(item + 8, struct.pack("=i", len(reply)), 4)
        else:
            ctypes.memmove(address, reply, length)
        return 0

    return ioctl


def test_i915_regions():
    found = drm_regions.i915_regions(3, i915_kernel([(0, 16 * GIB, GIB), (1, 6 * GIB, 4 * GIB)]))
    assert found == [{"class": 0, "total": 16 * GIB, "used": 15 * GIB}, {"class": 1, "total": 6 * GIB, "used": 2 * GIB}]


def test_request_numbers_follow_from_the_layouts():
    """_IOWR('d', 0x40 + n, struct): direction 3, size, 'd' (asm-generic/ioctl.h)."""
    assert 3 << 30 | struct.calcsize("=QIIQQQ") << 16 | ord("d") << 8 | 0x40 == drm_regions.XE_QUERY
    assert 3 << 30 | struct.calcsize("=IIQ") << 16 | ord("d") << 8 | 0x79 == drm_regions.I915_QUERY


def test_a_node_that_cannot_be_opened():
    assert drm_regions.read_regions("xe /no/such/node") is None
    assert drm_regions.read_regions("nouveau /dev/null") is None
    assert drm_regions.read_regions("xe /dev/null") is None


def test_dxgi_description():
    description = dxgi.AdapterDescription(description="Radeon", vendor_id=0x1002, dedicated_video=32 * GIB, luid_low=7)
    assert dxgi.plain(description)["dedicated_bytes"] == 32 * GIB
    assert dxgi.plain(description)["luid"] == "00000000:00000007"
    assert dxgi.ask_dxgi() is None or sys.platform == "win32"


def test_live_host_reads_this_machine():
    host = LiveHost()
    assert host.ask("disk_space", "/")[1] > 0
    assert host.ask("module", "json") is True
    assert host.ask("module", "no_such_module_anywhere") is False
    assert host.ask("listening", "127.0.0.1:1") is False
    assert host.ask("unheard of") is None
    assert host.run([sys.executable, "-c", "print(1)"], 20).out == "1\n"
    assert host.run(["no-such-program-anywhere"], 1).failure == "missing"
    assert host.read("/no/such\0file") is None


def test_live_listening():
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert LiveHost().ask("listening", f"127.0.0.1:{server.getsockname()[1]}") is True


@pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux's own count")
def test_live_threads_agree_with_the_scheduler():
    machine = probe(None, LiveHost()).machine
    assert machine.cpu.usable_threads <= len(os.sched_getaffinity(0))


# measuring


def test_read_rate_is_of_this_world():
    rate = bandwidth.read_bytes_per_s(2, 32 << 20)
    assert 1e8 < rate < 1e13


@pytest.mark.parametrize(
    ("cache", "available", "expected"),
    [
        (None, None, 256 << 20),
        (None, 4 * GIB, 256 << 20),
        (384 << 20, 64 * GIB, 1536 << 20),
        (2 * GIB, 256 * GIB, 4 * GIB),
        (None, 0, 16 << 20),
    ],
)
def test_buffers(cache, available, expected):
    assert bandwidth.buffer_bytes(cache, available) == expected


def test_measured_figures_take_the_place_of_the_data_sheets():
    machine = Machine(name="x", origin="probed", memory=HostMemory(bandwidth_bytes_per_s=1e11), cpu=Cpu(f32_flops=1e12))
    measured = bandwidth.Measured(
        read_bytes_per_s=5e10, read_method="measured: m", f32_flops=None, f32_method="no BLAS"
    )
    result = bandwidth.with_measured(machine, measured)
    assert (result.memory.bandwidth_bytes_per_s, result.memory.sources["bandwidth_bytes_per_s"]) == (
        5e10,
        "measured: m",
    )
    assert result.cpu.f32_flops == 1e12
    assert result.notes[0].message == "no BLAS"


def test_catalogue_fills_gaps_only(tree):
    from types import SimpleNamespace

    from advisor.domain.device import DeviceKind, DeviceSpec

    spec = DeviceSpec(
        id="x", name="Radeon X", kind=DeviceKind.GPU, vendor="amd", architecture="RDNA9", f16_flops=1e14,
        memory_bytes=32 * GIB, bandwidth_bytes_per_s=1e12,
    )  # fmt: skip
    asked = []

    def by_pci(pci_id, *, memory_bytes=None, revision=None):
        asked.append((pci_id, memory_bytes, revision))
        return spec

    lookup = SimpleNamespace(by_pci=by_pci, by_name=lambda name: None, shares_memory=lambda pci_id: None)
    card = pci(
        "0000:03:00.0", "1002:744c", driver="amdgpu", revision="0xc8", more={"mem_info_vram_total": str(20 * GIB)}
    )
    (device,) = probe(lookup, tree(x86() | meminfo(8, 4) | card)).machine.accelerators
    assert (device.memory_total_bytes, device.sources["memory_total_bytes"]) == (20 * GIB, "sysfs amdgpu")
    assert (device.bandwidth_bytes_per_s, device.sources["bandwidth_bytes_per_s"]) == (1e12, "catalog: pci id")
    assert (device.name, device.architecture) == ("Radeon X", "RDNA9")
    assert asked[-1] == ("1002:744c", 20 * GIB, "c8")
