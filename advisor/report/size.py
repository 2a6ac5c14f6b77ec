"""`advisor.sizing/1`, and the same for people."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from advisor.decide.question import Question
from advisor.domain.quantity import Quantity
from advisor.domain.units import format_duration, format_size
from advisor.sizing.constants import ServingConstants
from advisor.sizing.demand import Demand
from advisor.sizing.purchase import Option, Sizing
from advisor.sizing.serving import cache_room_bytes

SCHEMA = "advisor.sizing/1"
REASONS = {
    "no_accelerator": "it has no accelerator, and sizing plans for those",
    "no_model": "no model that is asked for runs there with such an engine",
    "no_model_fits": "no model that does the task fits",
    "too_slow": "too slow even for one user",
    "too_many_machines": "more than 16 machines would be needed",
    "over_budget": "over the budget",
    "price_unknown": "price not known, so not within the budget: give quotes with --catalog FILE",
    "no_accelerator_figures": "bandwidth or compute is not known",
    "fails_in_simulation": "misses the limits when arrivals are random",
    "outranked": "works, but others are better",
}
BINDING = {
    "memory": "memory for the KV cache",
    "sequences": "the engine's number of sequences",
    "bandwidth": "memory bandwidth",
    "compute": "compute",
    "interconnect": "the link between GPUs",
    "engine": "the engine's own time per step",
}


def request_document(question: Question, demand: Demand, budget_usd: float | None) -> dict[str, Any]:
    """The request with every default filled in."""
    return {
        "task": question.task.name,
        "users": demand.users,
        "active_share": demand.usage.active,
        "requests_per_minute_per_active_user": demand.usage.requests_per_minute,
        "peak_over_mean": demand.usage.peak,
        "requests_per_s": demand.requests_per_s,
        "prompt_tokens": question.workload.prompt_tokens,
        "cached_tokens": question.workload.cached_tokens,
        "output_tokens": demand.output_tokens,
        "cached_share": demand.prefix_hit,
        "thinking_tokens": question.workload.thinking_tokens,
        "context": demand.window or None,
        "max_ttft_s": demand.targets.max_ttft_s,
        "max_tpot_s": demand.targets.max_tpot_s,
        "max_latency_s": demand.targets.max_latency_s,
        "budget": "stated" if question.budget.stated else "task",
        "budget_usd": budget_usd,
        "model": question.model,
        "quant": question.quant,
        "license": question.licence,
        "kv_type": question.kv_type,
        "limit": question.limit,
    }


def _quantity(quantity: Quantity) -> dict[str, float]:
    return {"p10": quantity.p10, "p50": quantity.p50, "p90": quantity.p90}


def _p95(option: Option) -> tuple[float, float, float]:
    """Simulated at the demand; without a simulation, of the closed form at the planned load."""
    capacity = option.layout.capacity
    return option.p95 or (capacity.ttft_s, capacity.tpot_s, capacity.latency_s)


def _price_document(option: Option) -> dict[str, Any] | None:
    price = option.offer.price
    if price is None:
        return None
    return {**asdict(price), "total_usd": option.count * price.usd, "machines": option.count}


def option_document(option: Option, rank: int) -> dict[str, Any]:
    """One purchase."""
    capacity, replica, candidate = option.layout.capacity, option.layout.replica, option.candidate
    devices = option.offer.devices
    return {
        "rank": rank,
        "machine": option.offer.spec.id,
        "name": option.offer.spec.name,
        "count": option.count,
        "accelerators": [d.name for d in devices],
        "model": candidate.model_id,
        "quant": candidate.quant,
        "mode": candidate.system.mode,
        "engine": option.layout.engine,
        "devices_per_replica": replica.devices,
        "replicas_per_machine": option.layout.replicas,
        "quality": {"score": candidate.score, "sd": candidate.sd, "grade": candidate.system.grade.value},
        "users_held": _quantity(option.users_held),
        "headroom": option.headroom,
        "utilization": option.utilization,
        "binding": capacity.binding,
        "requests_per_s": option.count * option.layout.requests_per_s,
        "concurrent_sequences": {"planned": capacity.decoding, "most": capacity.max_decoding},
        "p95": dict(zip(("ttft_s", "tpot_s", "latency_s"), _p95(option), strict=True)),
        "memory": {
            "weights": round(option.model.resident_bytes),
            "kv_cache_room": round(cache_room_bytes(option.model, replica)),
            "kv_cache_free": round(option.free_cache_bytes),
            "available": round(replica.memory_bytes),
        },
        "energy": None if option.energy is None else asdict(option.energy),
        "price": _price_document(option),
        "within_budget": option.within_budget,
        "basis": "estimated",
        "simulated": option.p95 is not None,
        "confidence": option.offer.spec.confidence,
    }


def sizing_document(
    *,
    question: Question,
    demand: Demand,
    budget_usd: float | None,
    sizing: Sizing,
    machines: int,
    constants: ServingConstants,
) -> dict[str, Any]:
    """`size --json`."""
    return {
        "schema": SCHEMA,
        "request": request_document(question, demand, budget_usd),
        "machines_considered": machines,
        "constants": constants.version,
        "options": [option_document(o, i + 1) for i, o in enumerate(sizing.options)],
        "rejected": dict(sizing.rejected),
        "nearest": [{"machine": machine, "reason": reason} for machine, reason in sizing.nearest],
    }


def _price_text(option: Option) -> str:
    price = option.offer.price
    if price is None:
        return "price unknown: give quotes with --catalog FILE"
    whole = "" if price.complete else ", without the rest of the machine"
    return f"{option.count * price.usd:,.0f} USD ({price.kind}, {price.date}{whole})"


def _headroom_text(option: Option) -> str:
    """Beyond tenfold, in times: nobody reads +24401 %."""
    return f"headroom {option.headroom:+.0%}" if option.headroom < 9 else f"{option.headroom + 1:,.0f} times the users"


def _energy_text(option: Option) -> str:
    energy = option.energy
    if energy is None:
        return "power unknown"
    return f"{energy.peak_w:,.0f} W at the peak, {energy.kwh_per_year:,.0f} kWh a year (estimated)"


def _option_lines(option: Option, rank: int, width: int) -> list[str]:
    capacity, candidate = option.layout.capacity, option.candidate
    held = option.users_held
    mode = f", {candidate.system.mode}" if candidate.system.mode in ("thinking",) else ""
    split = option.layout
    spread = f"{split.replicas} x {split.replica.devices} GPU" if len(option.offer.devices) > 1 else ""
    lines = [
        f"{rank}. {option.count} x {option.offer.spec.name}",
        f"{candidate.model_id} {candidate.quant}{mode} with {split.engine}"
        + (f" ({spread})" if spread else "")
        + f", quality {candidate.score:.0f} ± {candidate.sd:.0f}",
        f"holds {held.p50:,.0f} users ({held.p10:,.0f} to {held.p90:,.0f}), "
        f"{_headroom_text(option)}, bound by {BINDING.get(capacity.binding, capacity.binding)}",
        "95 % of requests: first token {}, {} a token, answer {}".format(*map(format_duration, _p95(option))),
        f"weights {format_size(option.model.resident_bytes)}, "
        f"{format_size(max(0.0, option.free_cache_bytes))} of KV cache free",
        f"{_energy_text(option)}; {_price_text(option)}",
    ]
    wrapped = [lines[0][:width]]
    for line in lines[1:]:
        wrapped += textwrap.wrap(line, width, initial_indent="   ", subsequent_indent="   ")
    return wrapped


def _rate_text(per_s: float) -> str:
    return f"{per_s:.2g}" if per_s < 100 else f"{per_s:,.0f}"


def _window_text(demand: Demand) -> str:
    cached = f", {demand.prefix_hit:.0%} of a prompt cached" if demand.prefix_hit else ""
    return cached + (f", a window of {demand.window:,} reserved for each" if demand.window else "")


def _limits_text(demand: Demand) -> str:
    limits = (
        ("first token", demand.targets.max_ttft_s),
        ("token", demand.targets.max_tpot_s),
        ("answer", demand.targets.max_latency_s),
    )
    return ", ".join(f"{name} within {format_duration(s)}" for name, s in limits if s is not None) or "no limits"


def _rejected_text(rejected: Mapping[str, int]) -> str:
    return "; ".join(f"{count}: {REASONS.get(reason, reason)}" for reason, count in rejected.items())


def sizing_text(
    *,
    question: Question,
    demand: Demand,
    sizing: Sizing,
    machines: int,
    constants: ServingConstants,
    width: int = 100,
    quiet: bool = False,
) -> str:
    """Options best first, with what was assumed."""
    usage = demand.usage
    head = (
        f"{demand.users:,} user{'s' if demand.users > 1 else ''}, {question.task.title}: "
        f"{_rate_text(demand.requests_per_s)} requests/s at the peak "
        f"({usage.active:.0%} active, {usage.requests_per_minute:g} a minute each, peak {usage.peak:g} x mean), "
        f"{question.workload.prompt_words} and {demand.output_tokens} answer tokens{_window_text(demand)}; "
        f"{_limits_text(demand)}"
    )
    lines = textwrap.wrap(head, width)
    for i, option in enumerate(sizing.options):
        lines += ["", *_option_lines(option, i + 1, width)]
    if not sizing.options:
        none = f"none of {machines} machines meets this" if machines != 1 else "the machine does not meet this"
        lines += ["", none]
    if sizing.rejected and not quiet:
        of = f"{machines} machine{'s' if machines != 1 else ''}"
        lines += ["", *textwrap.wrap(f"not offered, of {of}: {_rejected_text(sizing.rejected)}", width)]
    if not quiet:
        planning = constants.planning
        note = (
            f"planned at {planning.utilization:.0%} of what saturates a machine; capacity is estimated: "
            f"±{planning.capacity_error_known:.0%} where load tests were published (vLLM on NVIDIA data-centre cards), "
            "up to a factor of two elsewhere"
        )
        lines += ["", *textwrap.wrap(note, width)]
    return "\n".join(lines)
