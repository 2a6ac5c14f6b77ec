"""The devices that take part in one choice, each with its terms and with what is known of its parameters.

A choice runs on accelerators, on the host's processor, and over links between them. Each is one part; their times add.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.machine import Accelerator, Machine
from advisor.domain.workload import Workload
from advisor.estimate.calibration import PARAMETERS, Posterior, Vector
from advisor.estimate.constants import Constants, device_key, of_backend
from advisor.estimate.cpu_rates import CpuPower, cpu_power, prompt_rates, type_cost
from advisor.estimate.footprint import Choice, device_spans, first_gpu_layer
from advisor.estimate.formats import multiplied_in
from advisor.estimate.kv_cache import read_bytes
from advisor.estimate.matrix_rates import matrix_rate
from advisor.estimate.roofline import US, Bytes, Rates, Share, coverage, decode_terms, prefill_terms
from advisor.estimate.unpacking import looked_up, multiplying, unpacking

NOTHING: Vector = (0.0,) * 8
_BACKENDS = {"nvidia": "cuda", "amd": "rocm", "apple": "metal", "intel": "sycl"}
_FEW_THREADS = 24
"""More threads than this are a server's: several memory channels, often several sockets."""
_TWO_CHANNELS_BYTES_PER_S = 1.6e11
"""Memory faster than this has more channels than a desktop's two, whose fastest is LPDDR5X-9600 on 128 bits."""
_IN_FLIGHT = 4
"""Micro-batches that llama.cpp has under way in a chain of devices (GGML_SCHED_MAX_COPIES)."""
_PIPELINE_SHARE = 0.75
"""Of what such a chain would gain if its stages were alike and nothing waited: of 0.65, 0.75 and 0.85 the one at which
left-out models are read best on several cards (2 to 8 of them)."""
_OFFLOAD_TOKENS = 32
"""Prompts of at least this many tokens are read on the GPU even by layers whose weights are on the host."""


@dataclass(frozen=True, slots=True)
class Part:
    """One device's share of a choice: decode and prefill terms, its parameters, extra log variance of each."""

    posterior: Posterior
    decode: Vector
    prefill: Vector
    decode_variance: float = 0.0
    prefill_variance: float = 0.0
    scatter: Vector = NOTHING
    """Log standard deviation of each decode term between models: what the parameters do not know of this one."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A choice on a machine for a workload, with the constants and what runs on the machine have taught."""

    choice: Choice
    placement: Placement
    machine: Machine
    workload: Workload
    constants: Constants
    learned: Sequence[Posterior] = ()

    @property
    def depth(self) -> float:
        """Mean number of tokens in the cache while the answer is written."""
        w = self.workload
        return w.cached_tokens + w.prompt_tokens + (w.thinking_tokens + w.output_tokens) / 2


def backend_of(accelerator: Accelerator) -> str:
    """The backend llama.cpp would use."""
    return accelerator.backend or _BACKENDS.get(accelerator.vendor, "vulkan")


def posterior_for(
    setting: Setting, backend: str, device: str, architecture: str | None, family: str | None = None
) -> Posterior:
    """What is known of a backend on a device: runs here first, then published rows of its family, then its class."""
    for learned in setting.learned:
        if learned.backend == backend and device_key(learned.device) == device_key(device):
            return learned
    return _shipped(setting.constants, backend, family or device, architecture or "")


@lru_cache(maxsize=1024)
def _shipped(constants: Constants, backend: str, device: str, architecture: str) -> Posterior:
    found = constants.device(backend, device)
    return found or constants.prior(backend, constants.generation(f"{architecture} {device}"))


def parts_of(setting: Setting) -> tuple[list[Part], list[str]]:
    """Every part of a choice, and what is unknown in words. No parts: no speed can be told."""
    if setting.placement.kind is PlacementKind.CPU:
        power = cpu_power(setting.machine, setting.constants)
        if power is None:
            return [], ["number of processor cores unknown: no speed estimate"]
        return [_cpu_part(setting, power, Bytes(*_all_bytes(setting)), Share(), whole=True)], _cpu_notes(power)
    parts, notes = [], []
    spans = device_spans(setting.choice, setting.placement, setting.machine, setting.constants)
    if setting.placement.tensor_parallel > 1:
        spans = [min(spans, key=lambda span: setting.machine.accelerators[span[0]].bandwidth_bytes_per_s or 0.0)]
    for span in spans:
        accelerator = setting.machine.accelerators[span[0]]
        if accelerator.bandwidth_bytes_per_s is None:
            return [], [f"memory bandwidth of {accelerator.name} unknown: no speed estimate"]
        if not _computes(accelerator):
            notes.append(f"compute rate of {accelerator.name} unknown: prompt speed bounded from its bandwidth")
        parts.append(_device_part(setting, accelerator, span, len(spans)))
    host, host_notes = _host_parts(setting)
    if host is None:
        return [], host_notes
    return [*parts, *host, *_links(setting, len(spans))], notes + host_notes


def _all_bytes(setting: Setting) -> tuple[float, float]:
    weights = setting.choice.weights
    return weights.dense_bytes + weights.head_bytes + weights.other_bytes, weights.expert_bytes


DENSE = ("vllm",)
"""Parameters of engines that multiply in 16-bit floats unless a device has units for less."""


def compute_rate(accelerator: Accelerator, constants: Constants, engine: str | None = None) -> float:
    """The rate that prompt reading is measured against (FLOP/s). `engine`: parameters of its own, where it has some.

    vLLM: the FP16 rate, of weights with fewer bits too unless the device has units for them (see `matrix_rate`).

    CUDA: a quarter of the INT8 rate where it is known, since quantized kernels multiply in INT8, and the FP16 rates of
    data sheets count accumulation in FP16 for some cards and in FP32 for others; else half the FP16 rate of cards with
    matrix units, which is the same on those that state both. Vulkan and SYCL: the shaders' FP32 rate, which published
    prompt rates follow across vendors, whatever matrix units there are. Else the FP16 rate, else a bound from
    bandwidth.
    """
    backend = backend_of(accelerator)
    if engine in DENSE and accelerator.f16_flops:
        return accelerator.f16_flops
    if accelerator.int8_ops and backend == "cuda":
        return accelerator.int8_ops / 4
    if backend == "cuda" and (accelerator.f16_flops or 0.0) > 1.5 * (accelerator.f32_flops or math.inf):
        return (accelerator.f16_flops or 0.0) / 2
    if accelerator.f32_flops and backend in ("vulkan", "sycl"):
        return accelerator.f32_flops
    return accelerator.f16_flops or (accelerator.bandwidth_bytes_per_s or 0.0) * constants.settings["flops_per_byte"]


def _computes(accelerator: Accelerator) -> bool:
    """Whether any compute rate is known."""
    return bool(accelerator.f16_flops or accelerator.int8_ops or accelerator.f32_flops)


def _rates(accelerator: Accelerator, constants: Constants, backend: str) -> Rates:
    return Rates(accelerator.bandwidth_bytes_per_s or 0.0, compute_rate(accelerator, constants, backend))


def batch_cost(constants: Constants, backend: str, users: int) -> float:
    """Time of a step of `users` sequences against one, interpolated in the logarithm of their number."""
    if users <= 1:
        return 1.0
    table = constants.batch_cost.get(backend) or constants.batch_cost["generic"]
    index, rest = users.bit_length() - 1, users / (1 << (users.bit_length() - 1)) - 1
    if index + 1 >= len(table):
        return table[-1] * users / (1 << (len(table) - 1))
    return table[index] + rest * (table[index + 1] - table[index])


def _device_part(setting: Setting, accelerator: Accelerator, span: tuple[int, int, int], devices: int) -> Part:
    shape, weights, placement = setting.choice.shape, setting.choice.weights, setting.placement
    _, first, last = span
    n = shape.n_layers
    constants, engine = setting.constants, setting.choice.engine
    backend = engine.backend or ("mlx" if weights.format == "mlx" else backend_of(accelerator))
    part = weights.between(first, min(last, n))
    on_host = weights.between(first, min(placement.cpu_expert_layers, last)).experts
    head = weights.head_bytes + weights.other_bytes if last > n else 0
    split = max(1, placement.tensor_parallel)
    held = Bytes((part.dense + head) / split, (part.experts - on_host) / split)
    layers = (min(last, n) - first) / n / split
    rates = _rates(accelerator, constants, backend)
    users = max(1, setting.workload.users)
    cost = unpacking(weights.types, constants, backend)
    decode = decode_terms(
        shape, Bytes(held.dense * cost.dense, held.experts * cost.experts), rates, setting.depth,
        kv_types=_kv_types(setting), flop_bytes=of_backend(constants.attention_bytes, backend), sequences=users,
        unfused=constants.settings["unfused_attention"] if shape.softcapped and backend == "mlx" else 0.0,
        batch_cost=batch_cost(constants, backend, users),
        covered=coverage(shape, users, constants.settings["coverage_slope"]),
        devices=split, share=Share(layers, kernels=layers * split),
    )  # fmt: skip
    read = _prefill_layers(setting, layers)
    prefill = _device_prefill(setting, backend, accelerator, held, Share(read, 1.0 / split, read * split))
    if devices > 1 and placement.tensor_parallel <= 1:
        prefill = _pipelined(prefill, devices, setting)
    unknown = 0.0 if _computes(accelerator) else constants.settings["unknown_flops_sd"] ** 2
    posterior = posterior_for(setting, backend, accelerator.name, accelerator.architecture, accelerator.family)
    scatter = _scatter(constants, looked_up(weights.types, constants))
    return Part(posterior, decode, prefill, _novelty(setting, users), unknown, scatter)


@lru_cache(maxsize=1024)
def _scatter(constants: Constants, in_codebooks: float) -> Vector:
    """How far models lie apart in each decode term, for weights of which this share lies in codebooks."""
    sd = [constants.scatter.get(name, 0.0) for name in PARAMETERS]
    codebooks = in_codebooks * constants.scatter["codebooks"]
    return math.hypot(sd[0], codebooks), math.hypot(sd[1], codebooks), *sd[2:]


def _prefill_layers(setting: Setting, layers: float) -> float:
    """Long prompts are read on the accelerators, whatever layers the host holds."""
    partial = setting.placement.kind is PlacementKind.SPLIT
    if partial and len(setting.placement.devices) <= 1 and setting.workload.prompt_tokens >= _OFFLOAD_TOKENS:
        return 1.0
    return layers


def _prefill_cost(setting: Setting, backend: str, device: Accelerator) -> tuple[float, float]:
    """Time of a FLOP of dense weights and of experts while a prompt is read, against 16 bits."""
    weights = setting.choice.weights
    dense, experts = multiplying(weights.types, setting.constants, backend, f"{device.architecture} {device.name}")
    multiplied, experts_only = multiplied_in(weights.quant, weights.format)
    narrow, wide = matrix_rate(device, multiplied), matrix_rate(device)
    gain = wide / narrow if narrow and wide else 1.0
    return (dense if experts_only and weights.expert_bytes else dense * gain), experts * gain


def _device_prefill(setting: Setting, backend: str, device: Accelerator, held: Bytes, share: Share) -> Vector:
    constants = setting.constants
    return prefill_terms(
        setting.choice.shape, held, _rates(device, constants, backend), max(1, setting.workload.prompt_tokens),
        depth=setting.workload.cached_tokens,
        micro_batch=setting.choice.engine.micro_batch, caches_alone=setting.choice.engine.caches_alone,
        half_rate_tokens=of_backend(constants.half_rate_tokens, backend),
        expert_half_rate_tokens=of_backend(constants.expert_half_rate_tokens, backend),
        launch_cost=of_backend(constants.prompt_launch_cost, backend), reads_ahead=backend in constants.reads_ahead,
        cost=_prefill_cost(setting, backend, device),
        state_cost=of_backend(constants.recurrent_cost, backend),
        flash_attention=setting.choice.engine.flash_attention,
        share=share._replace(experts=share.layers) if len(setting.placement.devices) > 1 else share,
    )  # fmt: skip


def _pipelined(prefill: Vector, devices: int, setting: Setting) -> Vector:
    """Several micro-batches pass through a chain of devices at once.

    llama.cpp has up to `_IN_FLIGHT` of them under way: p micro-batches over m stages take the time of p + m - 1 stages,
    of which `_PIPELINE_SHARE` is reached.
    """
    passes = -(-setting.workload.prompt_tokens // setting.choice.engine.micro_batch)
    stages = min(devices, _IN_FLIGHT)
    gain = max(1.0, _PIPELINE_SHARE * stages * passes / (passes + stages - 1))
    return tuple(x / gain for x in prefill)


def _novelty(setting: Setting, users: int) -> float:
    """Extra log variance of decoding for what the parameters have not seen."""
    shape, settings = setting.choice.shape, setting.constants.settings
    variance = 0.0
    if shape.mla and setting.depth > 2048:
        variance += (settings["novelty_mla_sd"] * 0.3) ** 2
    if not shape.known:
        variance += settings["novelty_unknown_cache_sd"] ** 2
    if users > 1:
        variance += settings["novelty_batch_sd"] ** 2
    if len(setting.placement.devices) > 1:
        variance += settings["novelty_devices_sd"] ** 2
    if setting.placement.kind in (PlacementKind.SPLIT, PlacementKind.EXPERTS_ON_CPU):
        variance += settings["novelty_offload_sd"] ** 2
    return variance


def _kv_types(setting: Setting) -> tuple[str, str]:
    return setting.choice.layout.k_type, setting.choice.layout.v_type


def _cpu_notes(power: CpuPower) -> list[str]:
    return [] if power.known else ["memory bandwidth unknown: bounded from cores and instruction set; run a benchmark"]


def cpu_class(power: CpuPower) -> str:
    """Few or many cores or memory channels, Arm or x86: what tells processors apart that the constants do not name."""
    many = power.cores > _FEW_THREADS or (power.known and power.raw_bandwidth_bytes_per_s > _TWO_CHANNELS_BYTES_PER_S)
    return f"{'many' if many else 'few'}-cores {'arm' if power.arm else 'x86'}"


def _cpu_part(setting: Setting, power: CpuPower, held: Bytes, share: Share, *, whole: bool) -> Part:
    """The processor's part. Its weight terms count the slower of memory and unpacking (see cpu_rates)."""
    shape, weights, constants = setting.choice.shape, setting.choice.weights, setting.constants
    cost = type_cost(weights.types, power, constants)
    dense_all, experts_all = _all_bytes(setting)
    slower = 1.0 if whole else 1.0 / constants.settings["hybrid_share"]
    users = max(1, setting.workload.users)
    scored = sum(
        n * k.attention_flops * k.rows(setting.depth, min(setting.depth, shape.window))
        for k, n in zip(shape.layers, shape.counts, strict=True)
        if k.reads
    )
    cache = max(
        read_bytes(shape, setting.depth, *_kv_types(setting)) / power.bandwidth_bytes_per_s,
        scored / (power.speed * constants.cpu.attention_flops),
    )
    unit = decode_terms(
        shape, Bytes(0.0, 0.0), Rates(power.bandwidth_bytes_per_s, cost.gemm_flops), 0.0, sequences=users, share=share
    )
    decode = (
        cost.dense_s * held.dense / max(1, dense_all) * slower * batch_cost(constants, "cpu", users),
        cost.experts_s * held.experts / max(1, experts_all) * coverage(shape, users) * slower,
        cache * users * share.layers, unit[3] * (1.0 + power.wait_us), *unit[4:],
    )  # fmt: skip
    reads = whole or setting.workload.prompt_tokens < _OFFLOAD_TOKENS
    prefill = _cpu_prefill(setting, power, held, share) if reads else NOTHING
    name = setting.machine.cpu.name or "cpu"
    posterior = posterior_for(setting, "cpu", name, cpu_class(power), setting.machine.cpu.family)
    # runs on this machine have taught its speed, whatever its memory is rated at
    taught = any(posterior is known for known in setting.learned)
    unknown = 0.0 if power.known or taught else constants.cpu.unknown_sd**2
    return Part(posterior, decode, prefill, _novelty(setting, users) + unknown)


def _cpu_prefill(setting: Setting, power: CpuPower, held: Bytes, share: Share) -> Vector:
    """Terms of reading the prompt on the processor: each kind of work at its own rate."""
    constants, choice = setting.constants, setting.choice
    cost = type_cost(choice.weights.types, power, constants)
    attention, state = prompt_rates(power, constants)
    return prefill_terms(
        choice.shape, held, Rates(power.bandwidth_bytes_per_s, cost.gemm_flops), max(1, setting.workload.prompt_tokens),
        depth=setting.workload.cached_tokens, micro_batch=choice.engine.micro_batch,
        half_rate_tokens=constants.half_rate_tokens["cpu"],
        expert_half_rate_tokens=constants.expert_half_rate_tokens["cpu"], share=share,
        cost=(1.0, cost.expert_cost), other_cost=(cost.gemm_flops / attention, cost.gemm_flops / state),
    )  # fmt: skip


def _host_parts(setting: Setting) -> tuple[list[Part] | None, list[str]]:
    """The processor's share of a split choice; None where it cannot be told."""
    weights, placement, shape = setting.choice.weights, setting.placement, setting.choice.shape
    first = first_gpu_layer(placement, shape.n_layers)
    lower = weights.between(0, first)
    experts = weights.between(first, min(placement.cpu_expert_layers, shape.n_layers)).experts
    if not first and not experts:
        return [], []
    power = cpu_power(setting.machine, setting.constants)
    if power is None:
        return None, ["number of processor cores unknown: no speed estimate for a split model"]
    held = Bytes(lower.dense, lower.experts + experts)
    share = Share(first / shape.n_layers, kernels=first / shape.n_layers)
    return [_cpu_part(setting, power, held, share, whole=False)], _cpu_notes(power)


def _links(setting: Setting, devices: int) -> list[Part]:
    """Traffic between devices: hops of a layer split, reductions of a tensor split, round trips to the host."""
    settings, placement, shape = setting.constants.settings, setting.placement, setting.choice.shape
    first = first_gpu_layer(placement, shape.n_layers)
    wait_us, trips = 0.0, placement.cpu_expert_layers + bool(first)
    if placement.tensor_parallel > 1:
        link = setting.machine.accelerators[placement.devices[0]].link_bytes_per_s or 0.0
        linked = link >= settings["link_least_bytes_per_s"]
        wait_us = 2 * shape.n_layers * settings["reduce_us_link" if linked else "reduce_us_pcie"]
    elif devices > 1:
        wait_us = (devices - 1) * settings["hop_us"]
    wait_us += trips * settings["round_trip_us"]
    if not wait_us:
        return []
    decode = (0.0, 0.0, 0.0, wait_us * US, 0.0, 0.0, 0.0, 0.0)
    return [Part(setting.constants.prior("link", ""), decode, _transfer(setting, wait_us))]


def _transfer(setting: Setting, wait_us: float) -> Vector:
    """What a prompt moves over links: a tensor split's sums, or the weights in main memory for each micro-batch."""
    workload, placement, choice = setting.workload, setting.placement, setting.choice
    passes = -(-max(1, workload.prompt_tokens) // choice.engine.micro_batch)
    wait = passes * wait_us * US
    if placement.tensor_parallel > 1:
        return (_reduced_s(setting), 0.0, 0.0, wait, 0.0, 0.0, 0.0, 0.0)
    if workload.prompt_tokens < _OFFLOAD_TOKENS:
        return (0.0, 0.0, 0.0, wait, 0.0, 0.0, 0.0, 0.0)
    first = first_gpu_layer(placement, choice.shape.n_layers)
    lower = choice.weights.between(0, first)
    experts = lower.experts + choice.weights.between(first, placement.cpu_expert_layers).experts
    touched = coverage(choice.shape, min(workload.prompt_tokens, choice.engine.micro_batch))
    accelerator = setting.machine.accelerators[placement.devices[0]]
    rate = accelerator.pcie_bytes_per_s or setting.constants.settings["pcie_bytes_per_s"]
    return (passes * (lower.dense + experts * touched) / rate, 0.0, 0.0, wait, 0.0, 0.0, 0.0, 0.0)


def _reduced_s(setting: Setting) -> float:
    """Time of a tensor split's sums while a prompt is read: 16-bit hidden states, twice a layer, in a ring."""
    placement, shape, settings = setting.placement, setting.choice.shape, setting.constants.settings
    devices = placement.tensor_parallel
    sent_bytes = 2 * shape.n_layers * shape.hidden * 2 * 2 * (devices - 1) / devices
    link = setting.machine.accelerators[placement.devices[0]].link_bytes_per_s or 0.0
    linked = link >= settings["link_least_bytes_per_s"]
    return setting.workload.prompt_tokens * sent_bytes / (link / 2 if linked else settings["reduce_bytes_per_s"])
