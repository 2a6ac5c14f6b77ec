"""Where a model can sit on a machine: all on accelerators, split, experts on the host, or on the CPU alone.

Each placement that is returned fits the memory known to be available, unless nothing fits: then the placement that
comes closest is returned, so that a caller can say what is missing.
"""

from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.machine import Machine
from advisor.domain.workload import Workload
from advisor.estimate.constants import Constants
from advisor.estimate.footprint import Choice, cache_layout, footprint
from advisor.estimate.pools import accelerator_available_bytes
from advisor.estimate.shape import ModelShape
from advisor.estimate.weights import WeightProfile

CPU = Placement(kind=PlacementKind.CPU)


def placements(
    shape: ModelShape,
    weights: WeightProfile,
    machine: Machine,
    workload: Workload,
    *,
    engine: str,
    kv_type: str = "f16",
    constants: Constants,
) -> tuple[Placement, ...]:
    """Placements worth estimating, best expected first; never empty. CPU only for engines that run there."""
    profile = constants.engine(engine)
    choice = Choice(shape, weights, profile, cache_layout(workload, profile, kv_type))
    usable = [a.index for a in machine.usable_accelerators() if a.backend != "npu"]
    indices = _positions(machine, usable)
    found = list(_on_accelerators(choice, machine, constants, indices)) if indices else []
    if profile.offloads and indices and not any(p.kind is PlacementKind.GPU for p in found):
        found += _offloaded(choice, machine, constants, indices)
    nowhere = bool(indices) and not found
    if profile.offloads or not indices:
        found.append(CPU)
    if nowhere and not (found and fits(choice, CPU, machine, constants)):
        shared = machine.accelerators[indices[0]].unified
        found.insert(0, _whole(choice, tuple(indices[:1] if shared else indices)))
    return tuple(found)


def fits(choice: Choice, placement: Placement, machine: Machine, constants: Constants) -> bool:
    """Whether every device with a known size has room."""
    return footprint(choice, placement, machine, constants).fits


def _positions(machine: Machine, usable: list[int]) -> list[int]:
    """Positions in `machine.accelerators`: discrete before shared memory, then the fastest, then the largest."""

    def order(i: int) -> tuple[bool, float, int]:
        a = machine.accelerators[i]
        return a.unified, -(a.bandwidth_bytes_per_s or 0.0), -(a.memory_total_bytes or 0)

    return sorted((i for i, a in enumerate(machine.accelerators) if a.index in usable and a.usable), key=order)


def _whole(choice: Choice, devices: tuple[int, ...], *, tensor_parallel: int = 1) -> Placement:
    return Placement(
        kind=PlacementKind.GPU, gpu_layers=choice.shape.n_layers + 1, devices=devices, tensor_parallel=tensor_parallel
    )


def _on_accelerators(choice: Choice, machine: Machine, constants: Constants, indices: list[int]) -> list[Placement]:
    """The first single device that holds everything, else the fewest discrete ones that do.

    With several alike, a tensor split comes before a layer split where the engine can; one over all of them stands
    beside the single device, since it may be faster.
    """
    discrete = [i for i in indices if not machine.accelerators[i].unified]
    discrete.sort(key=lambda i: -(machine.accelerators[i].memory_total_bytes or 0))
    widest = _tensor_split(choice, machine, tuple(sorted(discrete)))
    over_all = [widest] if widest is not None and fits(choice, widest, machine, constants) else []
    for index in indices:
        if fits(choice, _whole(choice, (index,)), machine, constants):
            return [*over_all, _whole(choice, (index,))]
    for count in range(2, len(discrete) + 1):
        devices = tuple(sorted(discrete[:count]))
        split = _tensor_split(choice, machine, devices)
        options = [p for p in (split, _whole(choice, devices)) if p is not None]
        fitting = [p for p in options if fits(choice, p, machine, constants)]
        if fitting:
            return [*(p for p in over_all if p not in fitting), *fitting]
    return []


def _tensor_split(choice: Choice, machine: Machine, devices: tuple[int, ...]) -> Placement | None:
    """Every layer shared by these devices, where the engine, the devices and the number of heads allow it."""
    count = len(devices)
    alike = len({machine.accelerators[i].name for i in devices}) == 1
    if count < 2 or not (choice.engine.tensor_parallel and alike) or choice.shape.n_heads % count:
        return None
    return _whole(choice, devices, tensor_parallel=count)


def _offloaded(choice: Choice, machine: Machine, constants: Constants, indices: list[int]) -> list[Placement]:
    """Partial placements: fewest experts on the host, then most layers on the accelerators."""
    known = [i for i in indices if accelerator_available_bytes(machine.accelerators[i], machine, constants)]
    discrete = tuple(sorted(i for i in known if not machine.accelerators[i].unified))
    if not discrete:
        return []
    found = []
    if choice.shape.n_experts:
        experts = _least_experts(choice, machine, constants, discrete)
        found += [experts] if experts is not None else []
    if not found:
        split = _most_layers(choice, machine, constants, discrete)
        found += [split] if split is not None else []
    return found


def _least_experts(
    choice: Choice, machine: Machine, constants: Constants, devices: tuple[int, ...]
) -> Placement | None:
    n = choice.shape.n_layers

    def place(count: int) -> Placement:
        return Placement(kind=PlacementKind.EXPERTS_ON_CPU, gpu_layers=n + 1, devices=devices, cpu_expert_layers=count)

    if not fits(choice, place(n), machine, constants):
        return None
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if fits(choice, place(middle), machine, constants):
            high = middle
        else:
            low = middle
    return place(high)


def _most_layers(choice: Choice, machine: Machine, constants: Constants, devices: tuple[int, ...]) -> Placement | None:
    def place(layers: int) -> Placement:
        return Placement(kind=PlacementKind.SPLIT, gpu_layers=layers, devices=devices)

    low, high = 0, choice.shape.n_layers + 1
    while high - low > 1:
        middle = (low + high) // 2
        if fits(choice, place(middle), machine, constants):
            low = middle
        else:
            high = middle
    return place(low) if low else None
