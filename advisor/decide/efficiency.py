"""What a choice asks of the world around it: energy an answer, power, and the class of machine it belongs on."""

from enum import StrEnum

from advisor.domain.estimate import Estimate

GIB = 2**30


class Tier(StrEnum):
    """The smallest class of machine that holds a model's weights with room for a conversation."""

    EDGE = "edge"
    """Phones, single boards, small laptops: 8 GiB of memory."""
    WORKSTATION = "workstation"
    """One desk: a large graphics card, or up to 128 GiB shared with the GPU."""
    SERVER = "server"
    """One rack server of one's own: eight accelerators of 141 GB."""
    CLOUD = "cloud"
    """More than one such server; weights that are not published are only ever there."""


LARGEST_BYTES = ((Tier.EDGE, 5 * GIB), (Tier.WORKSTATION, 84 * GIB), (Tier.SERVER, 960 * GIB))
"""Weights that go into each: of 8 GiB a system keeps a quarter, and of any memory an eighth is left for the context."""
ORDER = tuple(Tier)


def tier_of(file_bytes: float) -> Tier:
    """The class of machine for weights of this size."""
    return next((tier for tier, largest in LARGEST_BYTES if file_bytes <= largest), Tier.CLOUD)


def goes_on(file_bytes: float, tier: Tier) -> bool:
    """Whether weights of this size belong on machines of a class or of one below it."""
    return ORDER.index(tier_of(file_bytes)) <= ORDER.index(tier)


def mean_watts(estimate: Estimate, users: int = 1) -> float | None:
    """Mean power (W) of what computes while `users` answers are written at once; None where the energy is unknown."""
    if estimate.joules_per_answer is None or estimate.speed is None:
        return None
    return estimate.joules_per_answer.p50 * max(users, 1) / estimate.speed.latency_s.p50
