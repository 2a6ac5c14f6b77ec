"""Which upgrade of a fleet buys most: what each brings to each kind of machine, and in which order to buy.

A seat is worth the expected quality of its best choice that meets the request, and nothing while no choice does. So a
host that is unlocked gains all its quality, one that works already the difference. What a price does not say is not
bought: without a price an upgrade is listed and never ordered.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from advisor.domain.quantity import Z90, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What one host is worth. `works`: a choice meets the request; `score` and `sd` are its quality, 0–100."""

    works: bool
    score: float = 0.0
    sd: float = 0.0
    model: str | None = None
    """What it runs."""

    @property
    def points(self) -> float:
        """Its worth."""
        return self.score if self.works else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one upgrade brings to each of `hosts` equal hosts. `usd`: of one host; None: not known."""

    upgrade: str
    profile: str
    hosts: int
    before: Seat
    after: Seat
    usd: float | None = None

    @property
    def unlocks(self) -> bool:
        """The request is met where it was not."""
        return self.after.works and not self.before.works

    @property
    def points(self) -> float:
        """Gained by one host."""
        return self.after.points - self.before.points

    @property
    def points_interval(self) -> Quantity:
        """The same with its uncertainty: errors of one model are the same in both, those of two independent."""
        before_sd = self.before.sd if self.before.works else 0.0
        same = self.before.works and self.before.model == self.after.model
        spread = Z90 * (abs(before_sd - self.after.sd) if same else math.hypot(before_sd, self.after.sd))
        return Quantity(self.points - spread, self.points, self.points + spread)

    @property
    def helps(self) -> bool:
        """It is expected to be worth something."""
        return self.points > 0

    @property
    def surely_helps(self) -> bool:
        """It is worth something with a probability of nine in ten: what money is spent on."""
        return self.points_interval.p10 > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """One upgrade over all hosts that it helps: `usd` for all of them, `points` summed over them."""

    upgrade: str
    hosts: int
    unlocked: int
    points: Quantity
    usd: float | None

    @property
    def usd_per_unlocked(self) -> float | None:
        """Of all that is spent, for each host unlocked."""
        return None if self.usd is None or not self.unlocked else self.usd / self.unlocked

    @property
    def usd_per_point(self) -> float | None:
        """For each point of quality of one seat."""
        return None if self.usd is None or self.points.p50 <= 0 else self.usd / self.points.p50


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One purchase of the order: `hosts` of a kind get an upgrade, `instead_of` the cheaper one of an earlier step."""

    upgrade: str
    profile: str
    instead_of: str | None
    hosts: int
    unlocked: int
    points: float
    usd: float
    """Of all of them; where it comes instead of another, what it costs more."""
    spent_usd: float
    """With all steps before."""

    @property
    def points_per_usd(self) -> float:
        """What the order goes by."""
        return self.points / self.usd


def totals(effects: Iterable[Effect]) -> tuple[Total, ...]:
    """Each upgrade over the hosts that it helps: the cheapest points first, unsure ones and those unpriced last."""
    by_upgrade: dict[str, list[Effect]] = {}
    for effect in effects:
        if effect.helps:
            by_upgrade.setdefault(effect.upgrade, []).append(effect)
    found = [_total(upgrade, listed) for upgrade, listed in by_upgrade.items()]

    def order(total: Total) -> tuple[bool, bool, float, int, float, str]:
        price, unsure = total.usd_per_point, total.points.p10 <= 0
        return (price is None, unsure, price or 0.0, -total.unlocked, -total.points.p50, total.upgrade)

    return tuple(sorted(found, key=order))


def _total(upgrade: str, effects: Sequence[Effect]) -> Total:
    """Errors of one upgrade's effects are taken to go together: the models on other machines are the same ones."""
    prices = [None if e.usd is None else e.usd * e.hosts for e in effects]
    low, middle, high = (
        sum(getattr(e.points_interval, part) * e.hosts for e in effects) for part in ("p10", "p50", "p90")
    )
    return Total(
        upgrade=upgrade,
        hosts=sum(e.hosts for e in effects),
        unlocked=sum(e.hosts for e in effects if e.unlocks),
        points=Quantity(low, middle, high),
        usd=None if any(p is None for p in prices) else sum(p for p in prices if p is not None),
    )


def purchases(effects: Iterable[Effect], budget_usd: float | None = None) -> tuple[Step, ...]:
    """What to buy first: the steps of most points for a dollar, each host upgraded once at most.

    Only what surely helps is bought. Of one kind of machine only upgrades count that no mixture of cheaper and dearer
    ones beats, so that each further step brings less for a dollar than the one before: greedy is then the best that can
    be had for what is spent, but for the last step of a budget, which is bought for as many hosts as it pays for.
    """
    steps = sorted(
        (step for ladder in _ladders(effects) for step in ladder),
        key=lambda s: (-s.points_per_usd, s.usd, s.profile, s.upgrade),
    )
    bought: list[Step] = []
    reached: dict[tuple[str, str | None], int] = {}
    spent = 0.0
    for step in steps:
        reach = step.hosts if step.instead_of is None else reached.get((step.profile, step.instead_of), 0)
        left = math.inf if budget_usd is None else (budget_usd - spent) * (1 + 1e-9)
        count = reach if left == math.inf else min(reach, int(left // step.usd))
        if count < 1:
            continue
        spent += count * step.usd
        reached[step.profile, step.upgrade] = count
        bought.append(
            Step(
                upgrade=step.upgrade,
                profile=step.profile,
                instead_of=step.instead_of,
                hosts=count,
                unlocked=count * step.unlocked,
                points=count * step.points,
                usd=count * step.usd,
                spent_usd=spent,
            )
        )
    return tuple(bought)


def basket(steps: Iterable[Step]) -> tuple[Step, ...]:
    """What is in the end bought by an order: upgrades that a later step replaced are no longer in it.

    Points, dollars and hosts that begin to work are those of the whole way from nothing; `spent_usd` runs along.
    """
    held: dict[tuple[str, str], Step] = {}
    for step in steps:
        before = held.pop((step.profile, step.instead_of), None) if step.instead_of else None
        if before is None:
            held[step.profile, step.upgrade] = step
            continue
        share = step.hosts / before.hosts
        if step.hosts < before.hosts:
            held[before.profile, before.upgrade] = _part(before, 1 - share, before.hosts - step.hosts)
        moved = _part(before, share, step.hosts)
        held[step.profile, step.upgrade] = replace(
            step,
            instead_of=None,
            unlocked=step.unlocked + moved.unlocked,
            points=step.points + moved.points,
            usd=step.usd + moved.usd,
        )
    spent = 0.0
    found = []
    for step in sorted(held.values(), key=lambda s: (-s.points_per_usd, s.usd, s.profile, s.upgrade)):
        spent += step.usd
        found.append(replace(step, spent_usd=spent))
    return tuple(found)


def _part(step: Step, share: float, hosts: int) -> Step:
    return replace(
        step, hosts=hosts, unlocked=round(step.unlocked * share), points=step.points * share, usd=step.usd * share
    )


def _ladders(effects: Iterable[Effect]) -> list[list[Step]]:
    """For each kind of machine the steps of one host from upgrade to upgrade, each steeper than the next."""
    by_profile: dict[str, list[Effect]] = {}
    for effect in effects:
        if effect.surely_helps and effect.usd is not None and effect.usd > 0:
            by_profile.setdefault(effect.profile, []).append(effect)
    return [_ladder(listed) for listed in by_profile.values()]


def _ladder(effects: Sequence[Effect]) -> list[Step]:
    """The upper convex hull over (cost, points), from nothing bought."""
    ladder: list[Step] = []
    cost, worth, held = 0.0, 0.0, None
    unlocked = False
    rest = [e for e in effects if e.usd is not None]
    while rest:
        best = max(rest, key=lambda e: ((e.points - worth) / ((e.usd or 0.0) - cost), e.points, e.upgrade))
        usd = (best.usd or 0.0) - cost
        ladder.append(
            Step(
                upgrade=best.upgrade,
                profile=best.profile,
                instead_of=held,
                hosts=best.hosts,
                unlocked=int(best.unlocks and not unlocked),
                points=best.points - worth,
                usd=usd,
                spent_usd=0.0,
            )
        )
        cost, worth, held, unlocked = best.usd or 0.0, best.points, best.upgrade, unlocked or best.unlocks
        rest = [e for e in rest if (e.usd or 0.0) > cost and e.points > worth]
    return ladder
