"""Pieces that several documents share: quantities, footprints, speeds, as the contract writes them."""

from typing import Any

from advisor.decide.efficiency import mean_watts
from advisor.domain.estimate import DeviceMemory, Estimate, Footprint, Placement, Speed
from advisor.domain.quantity import Quantity


def quantity(value: Quantity | None, digits: int = 6) -> dict[str, float] | None:
    """`{"p10", "p50", "p90"}` to `digits` significant digits."""
    if value is None:
        return None
    return {"p10": _round(value.p10, digits), "p50": _round(value.p50, digits), "p90": _round(value.p90, digits)}


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def device_document(device: DeviceMemory) -> dict[str, Any]:
    """Bytes of one device by use."""
    return {
        "device": device.device,
        "weights": device.weights_bytes,
        "kv_cache": device.kv_cache_bytes,
        "compute": device.compute_bytes,
        "overhead": device.overhead_bytes,
        "total": device.total_bytes,
        "available": device.available_bytes,
        "headroom": device.headroom_bytes,
    }


def memory_document(footprint: Footprint) -> dict[str, Any]:
    """Sums over devices, then device by device. `available` and `headroom` are null while one of them is unknown."""
    used = [d for d in footprint.devices if d.total_bytes]
    known = [d.available_bytes for d in used if d.available_bytes is not None]
    available = sum(known) if used and len(known) == len(used) else None
    return {
        "weights": sum(d.weights_bytes for d in used),
        "kv_cache": sum(d.kv_cache_bytes for d in used),
        "compute": sum(d.compute_bytes for d in used),
        "overhead": sum(d.overhead_bytes for d in used),
        "total": footprint.total_bytes,
        "available": available,
        "headroom": None if available is None else available - footprint.total_bytes,
        "reclaimable": footprint.reclaimable_bytes,
        "growth": footprint.growth_bytes,
        "devices": [device_document(d) for d in used],
    }


def speed_document(speed: Speed | None) -> dict[str, Any] | None:
    """Times in seconds and rates per second, each with its interval."""
    if speed is None:
        return None
    return {
        "load_s": quantity(speed.load_s),
        "ttft_s": quantity(speed.ttft_s),
        "tpot_s": quantity(speed.tpot_s),
        "prefill_tps": quantity(speed.prefill_tokens_per_s),
        "decode_tps": quantity(speed.decode_tokens_per_s),
        "latency_s": quantity(speed.latency_s),
        "terms": [{"phase": t.phase, "name": t.name, "seconds": _round(t.seconds, 4)} for t in speed.terms],
    }


def placement_document(placement: Placement) -> dict[str, Any]:
    """Where the weights sit."""
    return {
        "kind": str(placement.kind),
        "gpu_layers": placement.gpu_layers,
        "devices": list(placement.devices),
        "cpu_expert_layers": placement.cpu_expert_layers,
        "tensor_parallel": placement.tensor_parallel,
    }


def energy_document(estimate: Estimate, users: int = 1) -> dict[str, Any]:
    """Joules of one answer, and the mean power (W) while it is written."""
    watts = mean_watts(estimate, users)
    return {
        "joules_per_answer": quantity(estimate.joules_per_answer),
        "watts": None if watts is None else _round(watts, 4),
    }


def estimate_fields(estimate: Estimate, users: int = 1) -> dict[str, Any]:
    """What a pick and an estimate have in common."""
    return {
        "quant": estimate.quant,
        "bits_per_weight": _round(estimate.bits_per_weight, 4),
        "engine": estimate.engine,
        "placement": placement_document(estimate.placement),
        "context": estimate.context,
        "kv_type": estimate.kv_type,
        "flops": {
            "per_output_token": round(estimate.flops.per_output_token),
            "prompt": round(estimate.flops.prompt),
        },
        "memory": memory_document(estimate.footprint),
        "speed": speed_document(estimate.speed),
        "energy": energy_document(estimate, users),
        "basis": str(estimate.basis),
    }
