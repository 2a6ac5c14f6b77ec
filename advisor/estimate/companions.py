"""What an engine holds beside a model: a vision projector, a draft model, the model's own prediction blocks.

A companion sits on the first accelerator of the placement, or in main memory where there is none, inside the engine's
own process: it brings weights, cache and scratch, and no second driver context.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from advisor.domain.architecture import Architecture
from advisor.domain.estimate import DeviceMemory, Footprint, PartBytes, Placement, PlacementKind
from advisor.domain.machine import Machine
from advisor.estimate.compute_buffer import compute_bytes
from advisor.estimate.constants import Constants, EngineProfile
from advisor.estimate.footprint import Choice, footprint
from advisor.estimate.kv_cache import cells, state_bytes
from advisor.estimate.pools import accelerator_available_bytes, host_available_bytes
from advisor.estimate.tensor_types import aligned, row_bytes, tensor_bytes
from advisor.estimate.tensors import tensor_list
from advisor.estimate.weighing import preset_types

HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """Its bytes on each device ("gpu0", "host")."""

    name: str
    bytes: Mapping[str, PartBytes]

    @property
    def total_bytes(self) -> int:
        """On all devices."""
        return sum(part.total for part in self.bytes.values())


def device_of(placement: Placement) -> str:
    """Where a companion goes."""
    return HOST if placement.kind is PlacementKind.CPU else f"gpu{(placement.devices or (0,))[0]}"


def projector(file_bytes: int, placement: Placement, engine: EngineProfile) -> Companion:
    """A vision projector: its file, and scratch in proportion (see `EngineProfile.projector_scratch`)."""
    scratch = int(file_bytes * engine.projector_scratch)
    part = PartBytes(weights=file_bytes, compute=scratch)
    return Companion(name="vision projector", bytes={device_of(placement): part})


def draft_model(name: str, draft: Choice, placement: Placement, machine: Machine, constants: Constants) -> Companion:
    """A whole model that drafts, with a cache of the same length, all of it on one device."""
    beside = placement
    if placement.kind is not PlacementKind.CPU:
        beside = Placement(
            kind=PlacementKind.GPU, gpu_layers=draft.shape.n_layers + 1, devices=(placement.devices or (0,))[:1]
        )
    memory = footprint(draft, beside, machine, constants)
    parts = {
        d.device: PartBytes(weights=d.weights_bytes, kv_cache=d.kv_cache_bytes, compute=d.compute_bytes)
        for d in memory.devices
    }
    return Companion(name=name, bytes=parts)


def prediction_block_bytes(architecture: Architecture, preset: str) -> int:
    """Bytes of the blocks of multi-token prediction in a file of this preset. Raises KeyError for an unknown preset."""
    base = {t.name for t in tensor_list(architecture)}
    everything = tensor_list(architecture, nextn=True)
    types = preset_types(architecture, everything, preset)
    return sum(aligned(tensor_bytes(t.shape, types[t.name])) for t in everything if t.name not in base)


def prediction_blocks(
    architecture: Architecture, preset: str, choice: Choice, placement: Placement, *, drafted: int
) -> Companion:
    """The model's own prediction blocks: full attention each, and a recurrent state kept for every drafted token."""
    shape, layout = choice.shape, choice.layout
    widest = max(shape.layers, key=lambda kind: kind.k_elements + kind.v_elements)
    row = row_bytes(widest.k_elements, layout.k_type)
    row += row_bytes(widest.v_elements, layout.v_type) if widest.v_elements else 0
    part = PartBytes(
        weights=prediction_block_bytes(architecture, preset),
        kv_cache=architecture.nextn_layers * row * cells(layout) + drafted * state_bytes(shape, layout),
        compute=compute_bytes(shape, layout, choice.engine),
    )
    return Companion(name="prediction blocks", bytes={device_of(placement): part})


def reserve(machine: Machine, companion: Companion, constants: Constants) -> Machine:
    """The machine with what the companion takes no longer available."""
    accelerators = []
    for i, accelerator in enumerate(machine.accelerators):
        taken = companion.bytes.get(f"gpu{i}")
        available = accelerator_available_bytes(accelerator, machine, constants)
        left = accelerator.memory_available_bytes
        if taken is not None and available is not None:
            left = max(0, available - taken.total)
        accelerators.append(replace(accelerator, memory_available_bytes=left))
    taken, available = companion.bytes.get(HOST), host_available_bytes(machine, constants)
    memory = machine.memory
    if taken is not None and available is not None:
        memory = replace(memory, available_bytes=max(0, available - taken.total))
    return replace(machine, accelerators=tuple(accelerators), memory=memory)


def beside(memory: Footprint, companion: Companion, *, reserved: bool = True) -> Footprint:
    """A footprint with the companion: in the room that was reserved for it, or else in what is left."""
    found = []
    for device in memory.devices:
        taken = companion.bytes.get(device.device)
        found.append(device if taken is None else _with(device, taken, reserved))
    known = {device.device for device in memory.devices}
    extra = [
        _with(DeviceMemory(device=name), part, reserved) for name, part in companion.bytes.items() if name not in known
    ]
    return replace(memory, devices=(*found, *extra))


def _with(device: DeviceMemory, taken: PartBytes, reserved: bool) -> DeviceMemory:
    available = device.available_bytes
    if available is not None and reserved:
        available += taken.total
    return replace(
        device, weights_bytes=device.weights_bytes + taken.weights, available_bytes=available,
        kv_cache_bytes=device.kv_cache_bytes + taken.kv_cache, compute_bytes=device.compute_bytes + taken.compute,
    )  # fmt: skip
