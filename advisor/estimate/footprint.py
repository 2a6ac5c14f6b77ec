"""Memory of one choice, device by device: weights, cache, scratch and overhead as the engine would allocate them.

llama.cpp puts the last layers on the accelerators and keeps the input embedding in host memory; a tied output head is a
second copy there. Experts can stay on the host layer by layer, the first layers first.
"""

import math
from dataclasses import dataclass, replace

from advisor.domain.estimate import DeviceMemory, Footprint, Placement, PlacementKind
from advisor.domain.machine import Machine
from advisor.domain.workload import Workload
from advisor.estimate.arena import ALONE, DEVICE
from advisor.estimate.compute_buffer import (
    boundary_bytes,
    compute_bytes,
    head_bytes,
    host_buffer_bytes,
    output_bytes,
    pipeline_bytes,
)
from advisor.estimate.constants import Constants, EngineProfile
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.pools import accelerator_available_bytes, host_available_bytes, within_share
from advisor.estimate.shape import ModelShape
from advisor.estimate.weights import WeightProfile


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be placed: a model's shape and weights, an engine and the cache it would lay out."""

    shape: ModelShape
    weights: WeightProfile
    engine: EngineProfile
    layout: CacheLayout


def cache_layout(workload: Workload, engine: EngineProfile, kv_type: str = "f16") -> CacheLayout:
    """The cache an engine lays out for a workload; `kv_type` is one type, or K and V as "q8_0/f16"."""
    k_type, _, v_type = kv_type.partition("/")
    users = max(1, workload.users)
    return CacheLayout(
        context=max(1, workload.context) * users,
        sequences=max(users, engine.default_sequences),
        unified=engine.unified_cache,
        micro_batch=engine.micro_batch,
        k_type=k_type,
        v_type=v_type or k_type,
        padding=engine.cache_padding,
        full_window=not engine.window_cache,
        flash_attention=engine.flash_attention,
    )


def footprint(choice: Choice, placement: Placement, machine: Machine, constants: Constants) -> Footprint:
    """Bytes on each accelerator of the placement and on the host, with what is available there."""
    if placement.kind is PlacementKind.CPU:
        return _on_cpu(choice, machine, constants)
    choice = _with_attention(_with_micro_batch(choice, placement, machine))
    spans = device_spans(choice, placement, machine, constants)
    devices: list[DeviceMemory] = []
    unified = 0
    for index, first, last in spans:
        accelerator = machine.accelerators[index]
        free = accelerator_available_bytes(accelerator, machine, constants)
        available = within_share(free, accelerator, choice.engine.utilization)
        place = ("later" if devices else "first") if is_pipeline(placement, len(spans)) else ""
        memory = _on_device(choice, placement, (index, first, last), place, (accelerator.backend or "", available))
        devices.append(memory)
        unified += max(0, memory.total_bytes - (accelerator.carve_out_bytes or 0)) if accelerator.unified else 0
    host = host_available_bytes(machine, constants)
    left = None if host is None else host - unified
    devices.append(_on_host(choice, placement, spans, left))
    mapped = choice.weights.file_bytes if choice.engine.maps_file and choice.weights.format == "gguf" else 0
    return Footprint(
        devices=tuple(devices), reclaimable_bytes=max(0, mapped - devices[-1].weights_bytes),
        growth_bytes=growth_bytes(choice),
    )  # fmt: skip


def _with_micro_batch(choice: Choice, placement: Placement, machine: Machine) -> Choice:
    """The choice with the micro-batch its engine takes on devices of that size."""
    engine = choice.engine
    if not engine.large_micro_batch:
        return choice
    devices = [machine.accelerators[i] for i in placement.devices or (0,)]
    small = [
        device
        for device in devices
        if (device.memory_total_bytes or 0) < engine.large_device_bytes
        or any(part in device.name.lower() for part in engine.small_batch_devices)
    ]
    return choice if small else replace(choice, layout=replace(choice.layout, micro_batch=engine.large_micro_batch))


def _with_attention(choice: Choice) -> Choice:
    """The choice with the attention that its engine has for the model."""
    if not (choice.engine.unfused_softcap and choice.shape.softcapped):
        return choice
    engine = replace(choice.engine, flash_attention=False)
    return replace(choice, engine=engine, layout=replace(choice.layout, full_window=True))


def is_pipeline(placement: Placement, devices: int) -> bool:
    """Whether micro-batches flow through several accelerators that hold everything; llama.cpp needs no less for it."""
    return (
        devices > 1
        and placement.kind is PlacementKind.GPU
        and placement.tensor_parallel == 1
        and not placement.cpu_expert_layers
    )


def first_gpu_layer(placement: Placement, n_layers: int) -> int:
    """Index of the first layer on an accelerator. `gpu_layers` counts the output head as one, as llama.cpp does."""
    return max(n_layers + 1 - placement.gpu_layers, 0)


def device_spans(
    choice: Choice, placement: Placement, machine: Machine, constants: Constants
) -> list[tuple[int, int, int]]:
    """Accelerator, first layer and end of its layers; the head counts as layer `n_layers`. Split by free memory."""
    n = choice.shape.n_layers
    first = first_gpu_layer(placement, n)
    devices = placement.devices or (0,)
    if len(devices) == 1 or placement.tensor_parallel > 1:
        return [(index, first, n + 1) for index in devices]
    free = [accelerator_available_bytes(machine.accelerators[i], machine, constants) or 1 for i in devices]
    spans, start, reached = [], first, 0
    for index, share in zip(devices, free, strict=True):
        reached += share
        end = first + math.ceil((n + 1 - first) * reached / sum(free))
        spans.append((index, start, end))
        start = end
    return spans


def _on_device(
    choice: Choice, placement: Placement, span: tuple[int, int, int], place: str, where: tuple[str, int | None]
) -> DeviceMemory:
    """Bytes of layers first to last - 1 on one accelerator; the output head is layer `n_layers`.

    `place` says where in a pipeline it stands; "" in none.
    """
    shape, weights, engine, layout = choice.shape, choice.weights, choice.engine, choice.layout
    index, first, last = span
    backend, available = where
    part = weights.between(first, min(last, shape.n_layers))
    on_host = weights.between(first, min(placement.cpu_expert_layers, last)).experts
    held = part.dense + part.experts - on_host
    if last > shape.n_layers:
        held += weights.head_bytes + weights.other_bytes
        held += 0 if engine.duplicates_tied or weights.tied else weights.embedding_bytes
    counts = shape.counts_between(first, min(last, shape.n_layers))
    cache = cache_bytes(shape, layout, counts, devices=placement.tensor_parallel) + state_bytes(shape, layout, counts)
    compute = _device_compute(choice, first, place, backend) + _staging_bytes(choice, placement)
    if placement.tensor_parallel > 1:
        held, cache, compute = (size // placement.tensor_parallel for size in (held, cache, compute))
    overhead = engine.context_bytes.get(backend, engine.context_bytes.get("", 0)) + engine.graph_bytes
    return DeviceMemory(
        device=f"gpu{index}", weights_bytes=held, kv_cache_bytes=cache, compute_bytes=compute,
        overhead_bytes=overhead, available_bytes=available,
    )  # fmt: skip


def _device_compute(choice: Choice, first: int, place: str, backend: str) -> int:
    """Scratch of one accelerator from layer `first` on, with what a pipeline adds."""
    shape, layout, engine = choice.shape, choice.layout, choice.engine
    if first and not place and engine.offloads:
        if first >= shape.n_layers:
            return head_bytes(shape, layout)
        return boundary_bytes(shape, layout, engine, first, backend=backend)
    held = DEVICE if engine.duplicates_tied else ALONE
    compute = compute_bytes(shape, layout, engine, backend=backend, place=held)
    return compute + (pipeline_bytes(shape, layout, engine, place) if place else 0)


def _staging_bytes(choice: Choice, placement: Placement) -> int:
    """Room for the experts of one layer that are copied in while a prompt is read (two of their three matrices)."""
    if placement.cpu_expert_layers == 0:
        return 0
    return max((kind.experts for kind in choice.weights.layers), default=0) * 2 // 3


def _on_host(
    choice: Choice, placement: Placement, spans: list[tuple[int, int, int]], available: int | None
) -> DeviceMemory:
    """What stays in main memory beside accelerators: embedding, layers left over, experts, buffers, the process."""
    shape, weights, engine, layout = choice.shape, choice.weights, choice.engine, choice.layout
    first = spans[0][1]
    part = weights.between(0, first)
    held = part.dense + part.experts
    held += weights.between(first, min(placement.cpu_expert_layers, shape.n_layers)).experts
    if engine.duplicates_tied:
        held += weights.embedding_bytes
    counts = shape.counts_between(0, first)
    cache = cache_bytes(shape, layout, counts) + state_bytes(shape, layout, counts) if first else 0
    compute = _host_compute(choice, first) if first else host_buffer_bytes(shape, layout, engine)
    if is_pipeline(placement, len(spans)):
        compute += pipeline_bytes(shape, layout, engine, "host")
    return DeviceMemory(
        device="host",
        weights_bytes=held,
        kv_cache_bytes=cache,
        compute_bytes=compute,
        overhead_bytes=process_bytes(choice),
        available_bytes=available,
    )


def _on_cpu(choice: Choice, machine: Machine, constants: Constants) -> Footprint:
    """Everything in main memory. Repacked tensors are a private copy; their pages of the file can be dropped."""
    shape, weights, engine, layout = choice.shape, choice.weights, choice.engine, choice.layout
    whole = weights.between(0, shape.n_layers)
    repacked = whole.dense_repacked + whole.experts_repacked if engine.repacks else 0
    memory = DeviceMemory(
        device="host",
        weights_bytes=weights.tensor_bytes,
        kv_cache_bytes=cache_bytes(shape, layout) + state_bytes(shape, layout),
        compute_bytes=_host_compute(choice, shape.n_layers),
        overhead_bytes=process_bytes(choice),
        available_bytes=host_available_bytes(machine, constants),
    )
    return Footprint(
        devices=(memory,), reclaimable_bytes=repacked if engine.maps_file else 0, growth_bytes=growth_bytes(choice)
    )


def _host_compute(choice: Choice, layers: int) -> int:
    """Scratch of layers that run on the processor, and the logits that are handed over."""
    shape, layout, engine = choice.shape, choice.layout, choice.engine
    return compute_bytes(shape, layout, engine, layers=layers) + output_bytes(shape, layout)


def growth_bytes(choice: Choice) -> int:
    """Main memory that fills up while serving: past prompts, and snapshots of what cannot be cut back token by token.

    A snapshot holds the window caches and recurrent states of one slot; full caches need none.
    """
    shape, engine, layout = choice.shape, choice.engine, choice.layout
    context = layout.context // layout.sequences
    one = replace(layout, sequences=1, context=context)
    growth = engine.prompt_cache_bytes
    if engine.prompt_caches:
        growth += engine.prompt_caches * (cache_bytes(shape, one) + state_bytes(shape, one))
    kept = min(engine.checkpoints, context // engine.checkpoint_tokens)
    if not kept:
        return growth
    windowed = [n if kind.cache == "W" else 0 for kind, n in zip(shape.layers, shape.counts, strict=True)]
    snapshot = (cache_bytes(shape, one, windowed) if any(windowed) else 0) + state_bytes(shape, one)
    return growth + layout.sequences * kept * snapshot


def process_bytes(choice: Choice) -> int:
    """The engine's own process: libraries, and the vocabulary."""
    return choice.engine.process_bytes + choice.engine.vocab_bytes * choice.shape.vocab
