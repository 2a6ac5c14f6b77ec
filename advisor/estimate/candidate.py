"""One choice, estimated whole: model, quantization, engine and placement in; memory, times, FLOPs and energy out."""

from collections.abc import Sequence

from advisor.domain.estimate import Estimate, Flops, Footprint, Placement
from advisor.domain.machine import Machine
from advisor.domain.quantity import Basis
from advisor.domain.units import format_size
from advisor.domain.workload import Workload
from advisor.estimate.calibration import Posterior
from advisor.estimate.constants import Constants
from advisor.estimate.energy import joules_per_answer
from advisor.estimate.flops import prompt_work, token_work
from advisor.estimate.footprint import Choice, cache_layout, footprint
from advisor.estimate.latency import speed_of
from advisor.estimate.parts import Part, Setting, parts_of
from advisor.estimate.shape import ModelShape
from advisor.estimate.weights import WeightProfile


def estimate(
    *,
    model_id: str,
    shape: ModelShape,
    weights: WeightProfile,
    machine: Machine,
    engine: str,
    placement: Placement,
    workload: Workload,
    constants: Constants,
    kv_type: str = "f16",
    posterior: Posterior | Sequence[Posterior] | None = None,
) -> Estimate:
    """Everything predicted of one choice.

    `posterior` holds what runs on this machine have taught (see calibration); each serves the device and backend it
    names. `kv_type` is one type for keys and values, or two as "q8_0/f16". A device whose bandwidth is unknown has no
    speed; `limits` says so.
    """
    profile = constants.engine(engine)
    choice = Choice(shape, weights, profile, cache_layout(workload, profile, kv_type))
    learned = (posterior,) if isinstance(posterior, Posterior) else tuple(posterior or ())
    setting = Setting(choice, placement, machine, workload, constants, learned)
    memory = footprint(choice, placement, machine, constants)
    parts, notes = parts_of(setting)
    speed = speed_of(setting, parts) if parts else None
    return Estimate(
        model=model_id,
        quant=weights.quant,
        engine=engine,
        placement=placement,
        context=workload.context,
        kv_type=kv_type,
        bits_per_weight=weights.bits_per_weight,
        footprint=memory,
        speed=speed,
        flops=Flops(
            per_output_token=token_work(shape, setting.depth).total,
            prompt=prompt_work(shape, max(1, workload.prompt_tokens), workload.cached_tokens).total,
        ),
        joules_per_answer=joules_per_answer(setting, speed) if speed else None,
        basis=_basis(parts, learned),
        fits=memory.fits,
        limits=(*_shortages(memory), *notes),
    )


def _basis(parts: Sequence[Part], learned: Sequence[Posterior]) -> Basis:
    """Calibrated when every device that works was run on this machine."""
    devices = [part.posterior for part in parts if part.posterior.backend != "link"]
    here = bool(devices) and all(any(p is known for known in learned) for p in devices)
    return Basis.CALIBRATED if here else Basis.ESTIMATED


def _shortages(memory: Footprint) -> list[str]:
    return [
        f"{device.device} needs {format_size(device.total_bytes)}, {format_size(device.available_bytes)} available"
        for device in memory.devices
        if (device.headroom_bytes or 0) < 0
    ]
