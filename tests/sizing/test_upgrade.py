"""Upgrades: what they bring in all, and that the order of buying is the best that its money can have."""

import itertools
import random

import pytest

from advisor.sizing.upgrade import Effect, Seat, basket, purchases, totals

NOTHING = Seat(works=False)


def seat(score: float, sd: float = 1.0, model: str = "m") -> Seat:
    return Seat(works=True, score=score, sd=sd, model=model)


def effect(upgrade: str, usd: float | None, after: Seat, before: Seat = NOTHING, profile: str = "p", hosts: int = 10):
    return Effect(upgrade=upgrade, profile=profile, hosts=hosts, before=before, after=after, usd=usd)


def test_a_host_that_is_unlocked_gains_all_its_quality_one_that_works_the_difference() -> None:
    assert effect("u", 1, seat(60)).points == 60
    assert effect("u", 1, seat(60)).unlocks
    better = effect("u", 1, seat(60, model="b"), seat(50, model="a"))
    assert better.points == 10
    assert not better.unlocks
    interval = better.points_interval
    assert interval.p10 < 10 < interval.p90


def test_the_same_model_errs_alike_before_and_after() -> None:
    finer = effect("u", 1, seat(52, 5, "a"), seat(50, 5, "a"))
    other = effect("u", 1, seat(52, 5, "b"), seat(50, 5, "a"))
    assert finer.surely_helps
    assert not other.surely_helps
    assert purchases([other]) == ()
    assert [step.upgrade for step in purchases([finer])] == ["u"]


def test_totals_are_sums_and_unknown_prices_stay_unknown() -> None:
    card = [effect("card", 500, seat(70)), effect("card", 500, seat(70, model="n"), seat(60), "q", 5)]
    ram = [effect("ram", None, seat(50)), effect("ram", None, seat(40), seat(40), "q", 5)]
    first, second = totals([*ram, *card])
    assert (first.upgrade, first.hosts, first.unlocked, first.usd) == ("card", 15, 10, 7500)
    assert first.points.p50 == pytest.approx(10 * 70 + 5 * 10)
    assert first.usd_per_unlocked == 750
    assert first.usd_per_point == pytest.approx(7500 / 750)
    assert (second.upgrade, second.hosts, second.usd, second.usd_per_unlocked, second.usd_per_point) == (
        "ram", 10, None, None, None,
    )  # fmt: skip


def test_what_has_no_price_is_never_ordered() -> None:
    assert purchases([effect("ram", None, seat(90))]) == ()
    assert purchases([effect("free", 0, seat(90))]) == ()


def test_the_order_goes_from_the_best_value_to_dearer_ones_instead() -> None:
    effects = [
        effect("small", 100, seat(40)),
        effect("large", 1000, seat(80, model="n")),
        effect("poor", 900, seat(45, model="o")),
        effect("small", 100, seat(60), profile="q", hosts=3),
    ]
    steps = purchases(effects)
    assert [(s.profile, s.upgrade, s.instead_of, s.hosts) for s in steps] == [
        ("q", "small", None, 3),
        ("p", "small", None, 10),
        ("p", "large", "small", 10),
    ]
    assert [s.spent_usd for s in steps] == [300, 1300, 10300]
    assert [s.unlocked for s in steps] == [3, 10, 0]
    assert [s.points_per_usd for s in steps] == sorted((s.points_per_usd for s in steps), reverse=True)


def test_a_budget_buys_for_as_many_hosts_as_it_pays_for() -> None:
    effects = [effect("small", 100, seat(40)), effect("large", 1000, seat(80, model="n"))]
    (step,) = purchases(effects, 450)
    assert (step.upgrade, step.hosts, step.usd) == ("small", 4, 400)
    small, large = purchases(effects, 1900)
    assert (small.hosts, large.hosts) == (10, 1)
    assert purchases(effects, 99) == ()


def test_what_was_replaced_is_not_in_the_basket() -> None:
    effects = [
        effect("small", 100, seat(40)),
        effect("large", 1000, seat(80, model="n")),
        effect("small", 100, seat(60), profile="q", hosts=3),
    ]
    bought = basket(purchases(effects, 300 + 1000 + 4 * 900))
    assert [(s.profile, s.upgrade, s.instead_of, s.hosts, s.unlocked, s.usd) for s in bought] == [
        ("q", "small", None, 3, 3, 300),
        ("p", "small", None, 6, 6, 600),
        ("p", "large", None, 4, 4, 4000),
    ]
    assert [s.spent_usd for s in bought] == [300, 900, 4900]
    assert sum(s.points for s in bought) == pytest.approx(sum(s.points for s in purchases(effects, 4900)))
    whole = basket(purchases(effects))
    assert [(s.upgrade, s.hosts) for s in whole if s.profile == "p"] == [("large", 10)]


def best_by_trying_all(effects: list[Effect], budget: float) -> float:
    """Most points within a budget, over every choice for every single host."""
    by_profile: dict[str, list[Effect]] = {}
    for e in effects:
        by_profile.setdefault(e.profile, []).append(e)
    choices = [[None, *listed] for listed in by_profile.values() for _ in range(listed[0].hosts)]
    worth = 0.0
    for picked in itertools.product(*choices):
        bought = [e for e in picked if e is not None]
        if sum(e.usd or 0.0 for e in bought) <= budget:
            worth = max(worth, sum(e.points for e in bought))
    return worth


def test_greedy_is_within_one_host_of_the_best_there_is() -> None:
    dice = random.Random(4)
    for _ in range(150):
        effects = [
            effect(f"u{u}", dice.randrange(50, 900), seat(dice.uniform(20, 90), 0.1, f"m{u}"), profile=f"p{p}", hosts=2)
            for p in range(dice.randint(1, 2))
            for u in range(dice.randint(1, 4))
        ]
        budget = dice.uniform(100, 3000)
        steps = purchases(effects, budget)
        spent, points = sum(s.usd for s in steps), sum(s.points for s in steps)
        assert spent <= budget * (1 + 1e-6)
        best = best_by_trying_all(effects, budget)
        assert points <= best + 1e-6
        largest = max(e.points for e in effects)
        assert points >= best - largest - 1e-6
        without_limit = purchases(effects)
        assert sum(s.points for s in without_limit) == pytest.approx(best_by_trying_all(effects, 1e9))
