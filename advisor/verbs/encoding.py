"""Choices that look at images or listen: the encoder's file beside the model, and its time before the first token."""

from collections.abc import Sequence
from dataclasses import replace

from advisor.domain.estimate import Estimate
from advisor.domain.model import Model
from advisor.domain.workload import Task, Workload
from advisor.estimate.companions import Companion, beside, projector
from advisor.estimate.constants import Constants

_BYTES_PER_WEIGHT = {"F32": 4.0, "F16": 2.0, "BF16": 2.0, "Q8_0": 34 / 32}


def with_projector(found: Sequence[Estimate], model: Model, constants: Constants) -> tuple[Estimate, ...]:
    """Estimates with the encoder's file in what each placement leaves of memory."""
    together = []
    for one in found:
        companion = projector_of(model, one, constants)
        memory = one.footprint if companion is None else beside(one.footprint, companion, reserved=False)
        together.append(replace(one, footprint=memory, fits=memory.fits))
    return tuple(together)


def encoder_flops(model: Model, task: Task, workload: Workload, constants: Constants) -> float:
    """FLOPs of the encoder for one prompt of the task; a longer prompt has more to encode."""
    positions = task.encoder_positions * workload.prompt_tokens / max(1, task.prompt_tokens)
    return 2.0 * encoder_params(model, constants) * positions


def encoder_params(model: Model, constants: Constants) -> float:
    """Weights of the encoder, from its smallest published file; a usual number where no size is known."""
    sizes = [
        (a.bytes or a.approx_bytes or 0) / _BYTES_PER_WEIGHT[a.quant]
        for a in model.artifacts
        if a.role == "mmproj" and a.quant in _BYTES_PER_WEIGHT
    ]
    return min((size for size in sizes if size), default=float(constants.settings["encoder_params"]))


def projector_of(model: Model, found: Estimate, constants: Constants) -> Companion | None:
    """The smallest published projector; None where the file's size is unknown or the engine has it in the weights."""
    engine = constants.engine(found.engine)
    sizes = [size for a in model.artifacts if a.role == "mmproj" and (size := a.bytes or a.approx_bytes)]
    if not sizes or "gguf" not in engine.formats:
        return None
    return projector(min(sizes), found.placement, engine)
