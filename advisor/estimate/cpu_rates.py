"""What a processor reaches: threads used, memory bandwidth (known or honestly bounded), and cost of each storage type.

Decoding on few cores is bound by unpacking weights, not by memory: each storage type has a rate per thread, and low-bit
types are several times slower per byte than 4-bit ones. A thread's rate follows its core's clock and vector units;
engines deal out most work evenly, so that the slowest core of a team decides.
"""

import math
from functools import lru_cache
from typing import NamedTuple

from advisor.domain.machine import CoreCluster, Cpu, Machine
from advisor.estimate.constants import Constants
from advisor.estimate.tensor_types import BLOCKS, TYPE_NAMES
from advisor.estimate.weights import TypeBytes

_PLAIN = BLOCKS["q4_0"].weights / BLOCKS["q4_0"].bytes
"""Weights in a byte of the type whose rate all have where there are no dot products."""
_ARM = frozenset(("sve", "i8mm", "dotprod", "neon"))
_OLD_X86 = frozenset(("avx", "other"))
_CLOCKS = (2e8, 1e10)
"""Hz: what a file says beyond these is no core's clock."""


class CpuPower(NamedTuple):
    """What one machine's processor offers an engine."""

    threads: float
    """Reference cores at full speed that all threads together are worth."""
    bandwidth_bytes_per_s: float
    """What decoding reaches of it, all threads together."""
    raw_bandwidth_bytes_per_s: float
    known: bool
    """The memory's bandwidth is known rather than bounded by threads and instruction set."""
    scale: float
    """Speed of a core relative to the reference core, were clock and vector units the same."""
    arm: bool
    gemm_scale: float = 1.0
    """The same at reading prompts, where many columns are multiplied at once."""
    wait_us: float = 0.0
    """What waiting for each other adds to a kernel."""
    cores: int = 0
    """Threads that run, whatever each is worth."""
    avx2: bool = True
    """Or not an x86."""
    dots: bool = True
    """There are instructions for dot products of bytes. Without them multiplying takes so long that weights of all
    types are unpacked meanwhile: a Raspberry Pi 4 reads prompts at 9 to 12 tokens a second in six of them."""

    @property
    def speed(self) -> float:
        """Speed of all threads together, in reference cores."""
        return self.threads * self.scale


class TypeCost(NamedTuple):
    """Seconds to read and multiply all weights once, and the FLOPs a second of prompt reading."""

    dense_s: float
    experts_s: float
    gemm_flops: float
    expert_cost: float
    """Time of an expert's FLOP while a prompt is read, against that of a dense weight's."""


def threads_used(cpu: Cpu) -> int | None:
    """Threads an engine should use: performance cores, else physical ones, at most what is allowed; or the app's."""
    if cpu.app_threads:
        return cpu.app_threads
    cores = cpu.performance_cores or cpu.physical_cores or cpu.usable_threads or cpu.logical_cores
    if cores is None:
        return None
    return max(1, min(cores, cpu.usable_threads or cores))


def cpu_power(machine: Machine, constants: Constants) -> CpuPower | None:
    """What the processor offers; None where not even the number of cores is known."""
    threads = threads_used(machine.cpu)
    if threads is None:
        return None
    cpu = constants.cpu
    isa = best_isa(tuple(machine.cpu.instruction_sets), tuple(cpu.scale_by_isa))
    arm = isa in _ARM
    share = cpu.bandwidth_share_arm if arm else cpu.bandwidth_share
    raw = machine.memory.bandwidth_bytes_per_s
    known = raw is not None
    if raw is None:
        raw = min(threads * cpu.bandwidth_by_isa[isa], cpu.bandwidth_ceiling_bytes_per_s) / share
    full = cpu.full_speed_threads
    crowded = 1.0 if threads <= full else (threads / full) ** (cpu.thread_exponent - 1.0)
    decode, prompt = team_worth(machine.cpu.clusters, threads, arm, constants)
    return CpuPower(
        decode * crowded, raw * share, raw, known, cpu.scale_by_isa[isa], arm,
        cpu.gemm_scale_by_isa[isa] * prompt / decode, cpu.thread_wait_us * (threads - 1), threads,
        isa not in _OLD_X86, isa != "neon",
    )  # fmt: skip


@lru_cache(maxsize=1024)
def team_worth(clusters: tuple[CoreCluster, ...], threads: int, arm: bool, constants: Constants) -> tuple[float, float]:
    """Reference cores that a team of threads is worth at decoding and at reading prompts, on its fastest cores.

    Of what is dealt out evenly, each core does the same and all wait for the slowest; the rest is taken in pieces, by
    whichever core is free.
    """
    known = [cluster for cluster in clusters if cluster.cores > 0] or [CoreCluster(cores=1)]
    rates = [_core_rates(cluster, arm, constants) for cluster in known]
    even = constants.cpu.even_share
    worth = []
    for phase in (0, 1):
        total, slowest, left = 0.0, 0.0, threads
        for rate, cores in sorted(((r[phase], c.cores) for r, c in zip(rates, known, strict=True)), reverse=True):
            if left > 0:
                total, slowest, left = total + rate * min(cores, left), rate, left - cores
        total += slowest * max(0, left)
        worth.append(1.0 / (even / (threads * slowest) + (1.0 - even) / total))
    return worth[0], worth[1]


def _core_rates(cluster: CoreCluster, arm: bool, constants: Constants) -> tuple[float, float]:
    """A core's rate at decoding and at reading prompts, against the reference core's.

    The rate follows the clock, and the vector units only by a power: loads and the unpacking of weights keep wide ones
    waiting.
    """
    cpu = constants.cpu
    assumed_kind, assumed_hz = cpu.unknown_core["arm" if arm else "x86"]
    kind = (cluster.kind or "").lower()
    operations = cpu.core_operations.get(kind) or cpu.core_operations[assumed_kind]
    hz = cluster.max_hz or 0.0
    clock = (hz if _CLOCKS[0] <= hz <= _CLOCKS[1] else assumed_hz) / cpu.reference_hz
    decode, prompt = (clock * (n / cpu.reference_operations) ** cpu.operations_exponent for n in operations)
    return decode, prompt


@lru_cache(maxsize=256)
def best_isa(instruction_sets: tuple[str, ...], known: tuple[str, ...]) -> str:
    """The first of the known instruction sets (best first) that the processor has, or "other"."""
    have = {name.lower().replace("-", "_").replace(".", "_") for name in instruction_sets}
    if not have:
        return "avx2" if "avx2" in known else "other"
    return next((name for name in known if name in have), "other")


def prompt_rates(power: CpuPower, constants: Constants) -> tuple[float, float]:
    """FLOPs a second of attention and of recurrent states while a prompt is read, all threads together."""
    return power.speed * constants.cpu.prompt_attention_flops, power.speed * constants.cpu.state_flops


@lru_cache(maxsize=65536)
def type_cost(types: tuple[TypeBytes, ...], power: CpuPower, constants: Constants) -> TypeCost:
    """Time of all weights on this processor: each type is bound by memory and by its threads.

    Where the two are far apart the slower one decides; where they are near, threads that wait for memory unpack nothing
    meanwhile. The root of the sum of squares predicts left-out sources better than the larger one.
    """
    dense = experts = 0.0
    cpu = constants.cpu
    gemv = {**cpu.gemv_bytes_per_s, **(cpu.gemv_arm_bytes_per_s if power.arm else {})}
    gemm = {
        **cpu.gemm_flops, **(cpu.gemm_arm_flops if power.arm else {}), **({} if power.avx2 else cpu.gemm_avx_flops),
    }  # fmt: skip
    weights, work = [0.0, 0.0], [0.0, 0.0]
    for index, dense_bytes, expert_bytes, output_bytes in types:
        name = TYPE_NAMES[index]
        weights_a_byte = BLOCKS[name].weights / BLOCKS[name].bytes
        one, many = gemv.get(name, gemv["q4_0"]), gemm.get(name, gemm["q4_0"])
        if not power.dots:
            one, many = gemv["q4_0"] * _PLAIN / weights_a_byte, gemm["q4_0"]
        rate = one * power.speed
        per_byte = math.hypot(1.0 / power.bandwidth_bytes_per_s, 1.0 / rate)
        dense += (dense_bytes + output_bytes) * per_byte
        experts += expert_bytes * per_byte
        for kind, held in enumerate((dense_bytes, expert_bytes)):
            weights[kind] += held * weights_a_byte
            work[kind] += held * weights_a_byte / many
    flops = weights[0] / work[0] if work[0] else gemm["q4_0"]
    expert_cost = flops * work[1] / weights[1] if weights[1] else 1.0
    return TypeCost(dense, experts, flops * power.threads * power.gemm_scale, expert_cost)
