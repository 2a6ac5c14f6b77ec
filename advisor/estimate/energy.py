"""Energy of one answer, from the power limits of the devices that work on it. None where no limit is known."""

from advisor.domain.estimate import PlacementKind, Speed
from advisor.domain.quantity import Quantity
from advisor.estimate.cpu_rates import threads_used
from advisor.estimate.parts import Setting


def joules_per_answer(setting: Setting, speed: Speed) -> Quantity | None:
    """Reading the prompt draws the power limit; decoding, bound by memory, `memory_bound_power_share` of it."""
    watts = _watts(setting)
    if watts is None:
        return None
    share = setting.constants.settings["memory_bound_power_share"]
    decode = max(0, setting.workload.thinking_tokens + setting.workload.output_tokens - 1)
    users = max(1, setting.workload.users)
    ttft, tpot = speed.ttft_s, speed.tpot_s

    def joules(first: float, token: float) -> float:
        return watts * (first + share * decode * token / users)

    return Quantity(joules(ttft.p10, tpot.p10), joules(ttft.p50, tpot.p50), joules(ttft.p90, tpot.p90))


def _watts(setting: Setting) -> float | None:
    placement = setting.placement
    limits = [setting.machine.accelerators[i].power_limit_w for i in placement.devices]
    if placement.kind is PlacementKind.CPU:
        threads = threads_used(setting.machine.cpu)
        return None if threads is None else threads * setting.constants.settings["thread_power_w"]
    known = [limit for limit in limits if limit is not None]
    return sum(known) if limits and len(known) == len(limits) else None
