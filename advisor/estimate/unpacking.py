"""What unpacking weights costs an accelerator beside reading them: more for types that hold more weights in a byte.

Decoding multiplies each weight once, so that a byte of 2-bit weights takes more arithmetic than a byte of 16-bit ones,
and codebooks take a look-up besides. Costs are relative to Q4_K, which most published rows were measured with.
"""

from functools import lru_cache
from typing import NamedTuple

from advisor.estimate.constants import Constants, of_backend
from advisor.estimate.tensor_types import BLOCKS, TYPE_NAMES
from advisor.estimate.weights import TypeBytes

_USUAL = BLOCKS["q4_K"].weights / BLOCKS["q4_K"].bytes


class Unpacking(NamedTuple):
    """Time to read and multiply a byte, against the same in Q4_K."""

    dense: float
    experts: float


@lru_cache(maxsize=65536)
def unpacking(types: tuple[TypeBytes, ...], constants: Constants, backend: str) -> Unpacking:
    """The mean over the types that a model's weights are stored in."""
    share, slow = of_backend(constants.unpacking, backend), constants.slow_experts.get(backend, {})
    dense = experts = all_dense = all_experts = 0.0
    for index, dense_bytes, expert_bytes, output_bytes in types:
        name = TYPE_NAMES[index]
        block = BLOCKS[name]
        cost = 1.0 + share * (block.weights / block.bytes - _USUAL)
        cost *= constants.codebooks.get(name, 1.0)
        dense += (dense_bytes + output_bytes) * cost
        experts += expert_bytes * cost * slow.get(name, 1.0)
        all_dense += dense_bytes + output_bytes
        all_experts += expert_bytes
    return Unpacking(dense / all_dense if all_dense else 1.0, experts / all_experts if all_experts else 1.0)


@lru_cache(maxsize=65536)
def multiplying(types: tuple[TypeBytes, ...], constants: Constants, backend: str, device: str = "") -> Unpacking:
    """Time of a FLOP while a prompt is read, against that with usual types: the mean over all weights.

    `device`: architecture and name, which tell its generation.
    """
    of_generation = constants.prompt_types.get(f"{backend} {constants.generation(device)}", {})
    costs = {**constants.prompt_types.get(backend, {}), **of_generation}
    if not costs:
        return Unpacking(1.0, 1.0)
    dense = experts = all_dense = all_experts = 0.0
    for index, dense_bytes, expert_bytes, _ in types:
        name = TYPE_NAMES[index]
        weights_a_byte = BLOCKS[name].weights / BLOCKS[name].bytes
        dense += dense_bytes * weights_a_byte * costs.get(name, 1.0)
        experts += expert_bytes * weights_a_byte * costs.get(name, 1.0)
        all_dense += dense_bytes * weights_a_byte
        all_experts += expert_bytes * weights_a_byte
    return Unpacking(dense / all_dense if all_dense else 1.0, experts / all_experts if all_experts else 1.0)


@lru_cache(maxsize=65536)
def looked_up(types: tuple[TypeBytes, ...], constants: Constants) -> float:
    """Share of the bytes that lie in codebooks."""
    every = sum(sum(part[1:]) for part in types)
    found = sum(sum(part[1:]) for part in types if TYPE_NAMES[part.type_index] in constants.codebooks)
    return found / every if every else 0.0
