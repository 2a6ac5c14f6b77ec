"""Measures this machine: memory read bandwidth of all usable threads, and matrix arithmetic where a fast BLAS is here.

Reading is the C library's `memchr` looking for a byte that is not there, over buffers far larger than the caches, one
a thread and touched by that thread first. Nothing is written, nothing is assumed: the best of several rounds is what
the memory gave. Takes one to three seconds and up to a quarter of the free memory.
"""

import ctypes
import ctypes.util
import mmap
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from advisor.domain.machine import Machine, ProbeNote
from advisor.probes.host import Host
from advisor.probes.text import whole

MIB = 1 << 20
ROUNDS = 5
"""Other programs disturb some rounds; the best one is the memory's own."""
LEAST_BYTES = 256 * MIB
MOST_BYTES = 4096 * MIB
_BLAS = ("openblas", "mkl_rt", "blis")
"""BLAS libraries that use a core fully; the reference one does not and would understate it."""
_SIZE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured, and how in words."""

    read_bytes_per_s: float | None
    read_method: str
    f32_flops: float | None
    f32_method: str


def measure(machine: Machine, host: Host) -> Machine:
    """The machine with measured figures in place of data-sheet ones, and a note where one could not be had."""
    threads = machine.cpu.usable_threads or 1
    size = buffer_bytes(_last_level_cache(host), machine.memory.available_bytes)
    rate = read_bytes_per_s(threads, size)
    flops, how = f32_flops()
    return with_measured(
        machine,
        Measured(
            read_bytes_per_s=rate,
            read_method=f"measured: memchr over {size // MIB} MiB, {threads} threads, best of {ROUNDS}",
            f32_flops=flops,
            f32_method=how,
        ),
    )


def with_measured(machine: Machine, measured: Measured) -> Machine:
    """Measured figures put in their places with their method as the source."""
    memory, cpu, notes = machine.memory, machine.cpu, machine.notes
    if measured.read_bytes_per_s is not None:
        sources = {**memory.sources, "bandwidth_bytes_per_s": measured.read_method}
        memory = replace(memory, bandwidth_bytes_per_s=measured.read_bytes_per_s, sources=sources)
    if measured.f32_flops is not None:
        cpu = replace(cpu, f32_flops=measured.f32_flops, sources={**cpu.sources, "f32_flops": measured.f32_method})
    else:
        hint = "`advisor bench` measures what an engine reaches"
        notes = (*notes, ProbeNote(source="measure", message=measured.f32_method, hint=hint))
    return replace(machine, memory=memory, cpu=cpu, notes=notes)


def buffer_bytes(cache_bytes: int | None, available_bytes: int | None) -> int:
    """All buffers together: four times the last-level caches, within bounds and a quarter of the free memory."""
    wanted = max(LEAST_BYTES, 4 * (cache_bytes or 0))
    room = available_bytes // 4 if available_bytes is not None else LEAST_BYTES
    return max(16 * MIB, min(wanted, MOST_BYTES, room)) // MIB * MIB


def _last_level_cache(host: Host) -> int | None:
    """Bytes of all distinct level-3 caches; None where the kernel does not say."""
    sizes: dict[str, int] = {}
    base = "/sys/devices/system/cpu"
    for name in host.names(base):
        text = host.read(f"{base}/{name}/cache/index3/size") if name[3:].isdigit() else None
        size = whole(text[:-1]) if text and text.endswith("K") else None
        if size is not None:
            sizes[host.read(f"{base}/{name}/cache/index3/shared_cpu_list") or name] = size * 1024
    return sum(sizes.values()) or None


def read_bytes_per_s(threads: int, total_bytes: int) -> float | None:
    """Bytes read per second by all threads together, best round; None where there is no memory for it."""
    share = max(MIB, total_bytes // threads)
    spans: list[list[tuple[float, float]]] = [[] for _ in range(threads)]
    gate = threading.Barrier(threads)
    workers = [threading.Thread(target=_reader, args=(share, gate, spans[i]), daemon=True) for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rounds = list(zip(*spans, strict=False))
    times = [max(end for _, end in spans_) - min(start for start, _ in spans_) for spans_ in rounds]
    return share * threads / min(times) if times and min(times) > 0 else None


def _reader(size: int, gate: threading.Barrier, spans: list[tuple[float, float]]) -> None:
    """One thread: touch the buffer, then search it once a round in step with the others."""
    try:
        with mmap.mmap(-1, size) as buffer:
            view = (ctypes.c_char * size).from_buffer(buffer)
            try:
                _search_rounds(ctypes.addressof(view), size, gate, spans)
            finally:
                del view  # the mapping cannot be closed while it is exported
    except (OSError, MemoryError, threading.BrokenBarrierError):
        gate.abort()


def _search_rounds(address: int, size: int, gate: threading.Barrier, spans: list[tuple[float, float]]) -> None:
    ctypes.memset(address, 1, size)
    search = ctypes.CDLL(None).memchr
    search.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
    search.restype = ctypes.c_void_p
    for _ in range(ROUNDS):
        gate.wait(30)
        start = time.perf_counter()
        search(address, 0, size)
        spans.append((start, time.perf_counter()))


def f32_flops() -> tuple[float | None, str]:
    """FP32 matrix rate of all cores by an installed BLAS, and what was measured; None where there is no fast one."""
    multiply, name = _multiplier()
    if multiply is None:
        return None, "compute was not measured: no fast BLAS library is installed"
    multiply()
    times: list[float] = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        multiply()
        times.append(time.perf_counter() - start)
    return 2.0 * _SIZE**3 / min(times), f"measured: {name} sgemm {_SIZE}³, best of {ROUNDS}"


def _multiplier() -> tuple[Callable[[], None] | None, str]:
    """A call that multiplies two square FP32 matrices, and whose it is."""
    names = ["/System/Library/Frameworks/Accelerate.framework/Accelerate"]
    names += [path for name in _BLAS if (path := ctypes.util.find_library(name))]
    for name in names:
        try:
            sgemm = ctypes.CDLL(name).cblas_sgemm
        except (OSError, AttributeError):
            continue
        return _cblas_call(sgemm), name.rpartition("/")[2]
    return None, ""


def _cblas_call(sgemm: Callable[..., object]) -> Callable[[], None]:
    """cblas_sgemm, row-major (101), not transposed (111): C = A·B."""
    a, b, c = ((ctypes.c_float * (_SIZE * _SIZE))() for _ in range(3))
    one, zero, n = ctypes.c_float(1.0), ctypes.c_float(0.0), _SIZE

    def multiply() -> None:
        sgemm(101, 111, 111, n, n, n, one, a, n, b, n, zero, c, n)

    return multiply
