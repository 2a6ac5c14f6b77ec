from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.decide.assessment import assess
from advisor.decide.candidates import Reason
from advisor.decide.counterfactual import needs
from advisor.decide.explanation import quality_line
from advisor.decide.loading import engine_for, quants_for
from advisor.decide.order import Order
from advisor.decide.ranking import may_be_offered, rank, soft_utility
from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.quantity import Quantity
from advisor.domain.workload import Budget
from tests.decide.market import BITS, CHAT, Box, Market, entry, question

GB = 1e9
SHELF = Market(
    entry("tiny", 0.3e9, 20),
    entry("small", 4e9, 50),
    entry("middle", 8e9, 58),
    entry("large", 70e9, 66),
    entry("old-giant", 175e9, 30),
)
OFFERED = ("llama.cpp",)


def ask(box, shelf=SHELF, **changes):
    return rank(question(**changes), shelf.entries(), shelf, box, OFFERED)


def names(ranking):
    return [p.candidate.system.entry.name for p in ranking.picks]


def test_size_alone_wins_nothing():
    assert names(ask(Box(memory=1000 * GB, bandwidth=5000 * GB))) == ["large", "middle", "small", "old-giant", "tiny"]


def test_every_pick_fits_and_meets_the_budget():
    ranking = ask(Box(memory=20 * GB, bandwidth=60 * GB))
    assert names(ranking) == ["middle", "small", "tiny"]
    assert all(p.works for p in ranking.picks)
    assert ranking.rejected[Reason.MEMORY] >= 1


def test_one_row_a_model_and_never_a_needlessly_small_quantization():
    ranking = ask(Box(memory=1000 * GB, bandwidth=5000 * GB))
    assert len(set(names(ranking))) == len(names(ranking))
    assert all(p.candidate.quant != "Q2_K" for p in ranking.picks)


def test_too_few_bits_for_a_size_come_last_and_say_so(monkeypatch):
    """8e9 parameters at 2.9 bits beat 0.3e9 by the score, and are offered below them, with a warning."""
    monkeypatch.setitem(BITS, "Q2_K", 2.9)
    box = Box(memory=3.6 * GB, bandwidth=500 * GB)
    alone = ask(box, Market(entry("middle", 8e9, 58)))
    assert [(p.candidate.system.entry.name, p.candidate.quant) for p in alone.picks] == [("middle", "Q2_K")]
    assert "too few for its size" in quality_line(alone.picks[0], "Chat")
    both = ask(box, Market(entry("middle", 8e9, 58), entry("tiny", 0.3e9, 20)))
    assert names(both)[0] == "tiny"
    assert "too few" not in quality_line(both.picks[0], "Chat")


def test_a_base_model_comes_after_every_taught_one_and_says_so():
    """The better score does not help: weights that continue a text do not answer."""
    box = Box(memory=64 * GB, bandwidth=500 * GB)
    shelf = Market(
        entry("base", 8e9, 80, tuning="base"),
        entry("taught", 1e9, 20, tuning="instruct"),
        entry("unproven", 1e9, 10, grade="prior"),
    )
    ranking = ask(box, shelf)
    assert names(ranking) == ["taught", "unproven", "base"]
    assert "was not taught to answer" in quality_line(ranking.picks[-1], "Chat")
    assert "was not taught to answer" not in quality_line(ranking.picks[0], "Chat")


def test_a_task_of_tools_prefers_models_that_are_known_to_call_them():
    box = Box(memory=64 * GB, bandwidth=500 * GB)
    shelf = Market(entry("unknown", 8e9, 58), entry("calls", 8e9, 52, capabilities=("tools",)))
    assert names(ask(box, shelf)) == ["unknown", "calls"]
    assert names(ask(box, shelf, task=replace(CHAT, capability="tools"))) == ["calls", "unknown"]


def test_a_stated_budget_is_hard_and_a_target_is_not():
    slow = Box(memory=64 * GB, bandwidth=0.5 * GB)
    hard = ask(slow, budget=Budget(max_tpot_s=0.01, stated=True))
    assert hard.picks == ()
    assert hard.misses
    soft = ask(slow, budget=Budget(max_tpot_s=0.01))
    assert soft.picks
    assert not soft.met
    assert names(soft)[0] == "tiny"


def test_a_target_is_met_when_it_is_likelier_met_than_missed():
    """The better model meets it two times in three: a target is met so, a stated limit is not."""
    box, shelf = Box(memory=64 * GB, bandwidth=10 * GB), Market(entry("good", 8e9, 60), entry("poor", 1e9, 40))

    def asked(limit, *, stated=False):
        return ask(box, shelf, budget=Budget(max_tpot_s=limit, stated=stated), quant="Q4_K_M")

    likely = asked(0.52)
    assert [(n, p.verdict.word) for n, p in zip(names(likely), likely.picks, strict=True)] == [
        ("good", "likely"),
        ("poor", "meets"),
    ]
    assert names(asked(0.52, stated=True)) == ["poor"]
    missed = asked(0.473)
    assert names(missed) == ["poor"]
    assert [m.candidate.model_id for m in missed.misses] == ["maker/good"]
    assert missed.met


@pytest.mark.parametrize("stated", [True, False])
def test_a_near_miss_works_with_what_it_says_it_needs(stated):
    box = Box(memory=64 * GB, bandwidth=10 * GB)
    q = question(budget=Budget(max_tpot_s=0.02, stated=stated), limit=1)
    ranking = rank(q, SHELF.entries(), SHELF, box, OFFERED)
    checked = 0
    for miss in ranking.misses:
        for need in needs(miss, q, box):
            if need.field == "max_tpot_s" and need.alone:
                again = question(budget=Budget(max_tpot_s=need.needed, stated=True), model=miss.candidate.model_id)
                assert rank(again, SHELF.entries(), SHELF, box, OFFERED).picks
                checked += 1
    assert checked


def test_every_model_is_a_pick_or_has_a_reason():
    class Gaps(Market):
        def sizes(self, model_id):
            return None if model_id == "maker/middle" else super().sizes(model_id)

    shelf = Gaps(*SHELF.all)
    ranking = ask(Box(memory=20 * GB, bandwidth=60 * GB), shelf, limit=1)
    picked = {p.candidate.model_id for p in ranking.picks}
    assert set(ranking.excluded) | picked == {e.id for e in shelf.all}
    assert ranking.excluded["maker/middle"] is Reason.ARCHITECTURE
    assert sum(ranking.rejected.values()) == len(ranking.excluded)


def test_thinking_pays_for_its_tokens():
    shelf = Market(
        entry("both", 8e9, 58, thinking="toggle", mode="non-thinking"),
        entry("thinker", 8e9, 70, thinking="always", mode="thinking"),
    )
    budget = Budget(max_ttft_s=3.0, max_latency_s=30.0, stated=True)
    assert names(ask(Box(memory=64 * GB, bandwidth=60 * GB), shelf, budget=budget)) == ["both"]
    assert names(ask(Box(memory=64 * GB, bandwidth=5000 * GB), shelf, budget=Budget()))[0] == "thinker"


def test_an_engine_without_published_files_gives_way_to_one_that_has_some():
    vectors = entry(
        "vectors", 1e9, 50, engines=("llama.cpp", "transformers"), published={"safetensors": ("FP8", "BF16",)}
    )  # fmt: skip
    assert engine_for(vectors, ("llama.cpp", "transformers")) == "transformers"
    assert quants_for(vectors, "transformers") == ["BF16"]
    assert engine_for(entry("nothing", 1e9, 50, published={}), ("llama.cpp", "transformers")) == "llama.cpp"


def test_filters_count_their_reasons():
    shelf = Market(
        entry("free", 4e9, 50),
        entry("closed", 4e9, 90, downloadable=False),
        entry("research", 4e9, 60, commercial=False),
        entry("unread", 4e9, 60, commercial=None),
        entry("copy", 4e9, 61, official=False),
        entry("short", 4e9, 55, context_max=512),
        entry("odd", 4e9, 55, engines=("other",)),
        entry("ears", 4e9, 55, category="asr"),
        entry("unknown", 4e9, 55, quality={"default": {"coding": (50.0, 3.0, "measured")}}),
    )
    ranking = ask(Box(memory=64 * GB, bandwidth=500 * GB), shelf, licence="commercial")
    assert names(ranking) == ["free"]
    assert ranking.rejected == {
        Reason.NOT_DOWNLOADABLE: 1,
        Reason.LICENCE: 2,
        Reason.DERIVATIVE: 1,
        Reason.CONTEXT: 1,
        Reason.NO_ENGINE: 1,
        Reason.NOT_FOR_TASK: 1,
        Reason.NO_QUALITY: 1,
    }


def test_an_unstated_window_asks_only_for_what_is_needed():
    shelf = Market(entry("short", 4e9, 55, context_max=900), entry("tiny", 4e9, 55, context_max=512))
    ranking = ask(Box(memory=64 * GB, bandwidth=500 * GB), shelf, context_stated=False)
    assert names(ranking) == ["short"]
    assert ranking.picks[0].estimate.context == 900


def test_a_stated_window_is_not_promised_of_a_model_whose_context_nobody_knows():
    shelf = Market(entry("silent", 4e9, 55, context_max=None))
    box = Box(memory=64 * GB, bandwidth=500 * GB)
    assert ask(box, shelf).rejected == {Reason.CONTEXT: 1}
    assert names(ask(box, shelf, context_stated=False)) == ["silent"]


def test_doubt_costs_but_does_not_forbid():
    shelf = Market(entry("proven", 8e9, 55, sd=2.0), entry("hoped", 8e9, 56, sd=14.0, grade="imputed"))
    assert names(ask(Box(memory=64 * GB, bandwidth=500 * GB), shelf))[0] == "proven"
    shelf = Market(entry("proven", 8e9, 45, sd=2.0), entry("hoped", 8e9, 56, sd=14.0, grade="imputed"))
    assert names(ask(Box(memory=64 * GB, bandwidth=500 * GB), shelf))[0] == "hoped"


def test_a_model_without_any_result_comes_after_all_that_have_one():
    shelf = Market(entry("unseen", 8e9, 80, sd=6.0, grade="prior"), entry("poor", 8e9, 30), entry("poorer", 1e9, 12))
    assert names(ask(Box(memory=64 * GB, bandwidth=500 * GB), shelf)) == ["poor", "poorer", "unseen"]
    elsewhere = entry("seen-elsewhere", 8e9, 80, sd=6.0, grade="prior")
    elsewhere.quality["default"]["coding"] = (70.0, 2.0, "measured")
    assert names(ask(Box(memory=64 * GB, bandwidth=500 * GB), Market(elsewhere, *shelf.all)))[0] == "seen-elsewhere"


def test_ties_go_to_evidence_then_to_the_smaller_and_faster():
    shelf = Market(
        entry("inferred", 8e9, 60.5, sd=3.0, grade="imputed"),
        entry("measured", 8e9, 60, sd=3.0),
        entry("measured-large", 30e9, 61, sd=3.0),
        entry("clearly-better", 30e9, 66, sd=3.0, grade="imputed"),
    )
    order = names(ask(Box(memory=640 * GB, bandwidth=5000 * GB), shelf))
    assert order == ["clearly-better", "measured", "measured-large", "inferred"]


def test_of_two_placements_that_surely_meet_the_budget_the_faster_is_taken():
    class TwoWays(Box):
        """The usual place, twice as fast as another, and its times less certain."""

        def __call__(self, candidate, workload, kv_type):
            (slow,) = super().__call__(candidate, workload, kv_type)
            speed = slow.speed
            half = Quantity(speed.latency_s.p10 / 4, speed.latency_s.p50 / 2, speed.latency_s.p90 * 1.9)
            return slow, replace(slow, speed=replace(speed, latency_s=half))

    shelf, box = Market(entry("good", 8e9, 60)), TwoWays(memory=64 * GB, bandwidth=300 * GB)
    slowest = ask(Box(memory=64 * GB, bandwidth=300 * GB), shelf).picks[0].estimate.speed.latency_s.p50
    (pick,) = ask(box, shelf).picks
    assert pick.verdict.probability > 0.99
    assert pick.estimate.speed.latency_s.p50 == pytest.approx(slowest / 2)


def test_the_search_looks_at_few():
    many = Market(*(entry(f"m{i}", (1 + i) * 1e9, 40 + i * 0.1) for i in range(300)))
    box = Box(memory=10_000 * GB, bandwidth=1e15)
    assert len(ask(box, many).picks) == 5
    assert box.calls < 40


models = st.builds(
    lambda i, params, score, sd, grade: entry(f"m{i}", params, score, sd=sd, grade=grade),
    st.integers(0, 10**6),
    st.floats(1e8, 2e11),
    st.floats(1, 99),
    st.floats(0.5, 15),
    st.sampled_from(["measured", "sibling", "imputed", "prior"]),
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(models, min_size=1, max_size=12, unique_by=lambda e: e.id),
    st.floats(1, 200),
    st.floats(0.5, 300),
    st.integers(1, 5),
)
def test_a_target_finds_what_trying_everything_finds(entries, memory, bandwidth, limit):
    """The search leaves out most choices unseen; what it takes is worth as much as the best of all."""
    shelf, box = Market(*entries), Box(memory=memory * GB, bandwidth=bandwidth * GB)
    asked = question(limit=limit)
    best = {True: {}, False: {}}
    for candidate in Order(asked, shelf.entries(), shelf, OFFERED):
        one = assess(candidate, asked, box)
        if may_be_offered(one, asked):
            alike = best[one.works]
            alike[candidate.model_id] = max(alike.get(candidate.model_id, -1e9), soft_utility(one))
    picks = ask(box, shelf, limit=limit).picks
    expected = best[True] or best[False]
    assert all(pick.works == bool(best[True]) for pick in picks)
    assert [soft_utility(p) for p in picks] == pytest.approx(sorted(expected.values(), reverse=True)[:limit])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(models, min_size=1, max_size=12, unique_by=lambda e: e.id),
    st.floats(1, 200),
    st.floats(1, 3000),
    st.floats(1, 4),
    st.floats(1, 4),
    st.floats(1, 4),
)
def test_more_of_anything_never_worsens_the_best(entries, memory, bandwidth, more_memory, more_bandwidth, more_time):
    shelf = Market(*entries)

    def best(memory_factor, bandwidth_factor, time_factor):
        budget = Budget(max_ttft_s=3 * time_factor, max_tpot_s=0.2 * time_factor, stated=True)
        box = Box(memory=memory * memory_factor * GB, bandwidth=bandwidth * bandwidth_factor * GB)
        picks = ask(box, shelf, budget=budget).picks
        return picks[0].candidate.utility if picks else -1e9

    before = best(1, 1, 1)
    assert best(more_memory, 1, 1) >= before
    assert best(1, more_bandwidth, 1) >= before
    assert best(1, 1, more_time) >= before
    assert best(1, 1, 1) == before


def test_the_best_comes_first_where_no_tokens_are_written():
    """Every candidate then does the same work, and the bound that orders the search must know it."""
    shelf = Market(entry("small", 0.3e9, 60), entry("large", 8e9, 63.5))
    workload = replace(question().workload, output_tokens=0, thinking_tokens=0)
    ranking = ask(Box(memory=64 * GB, bandwidth=5000 * GB), shelf, workload=workload, budget=Budget())
    utilities = [p.candidate.utility for p in ranking.picks]
    assert names(ranking) == ["large", "small"]
    assert utilities == sorted(utilities, reverse=True)


class SplitBox(Box):
    """A box whose fast memory holds little: what spills over runs ten times slower."""

    fast = 5e9

    def __call__(self, candidate, workload, kv_type):
        spills = candidate.size.file_bytes > self.fast
        inner = Box(memory=self.memory, bandwidth=self.bandwidth / (10 if spills else 1))
        (estimate,) = inner(candidate, workload, kv_type)
        kind = PlacementKind.SPLIT if spills else PlacementKind.GPU
        return (replace(estimate, placement=Placement(kind=kind)),)


def test_what_spills_over_says_nothing_of_what_fits_whole():
    shelf = Market(entry("middle", 8e9, 58))
    box = SplitBox(memory=64 * GB, bandwidth=60 * GB, mixed=True)
    (pick,) = ask(box, shelf, budget=Budget(max_ttft_s=3.0, max_tpot_s=0.11, stated=True)).picks
    assert pick.candidate.quant == "Q4_K_M"


def test_thinking_tokens_before_the_first_one_say_nothing_of_models_that_write_none():
    """The thinker comes up first and misses by its thoughts alone; a larger model that answers at once is in time."""
    shelf = Market(entry("thinker", 4e9, 80, thinking="always", mode="thinking"), entry("larger", 40e9, 60))
    budget = Budget(max_ttft_s=2.0, max_tpot_s=0.2, stated=True)
    assert names(ask(Box(memory=640 * GB, bandwidth=500 * GB), shelf, budget=budget)) == ["larger"]


def test_near_misses_come_in_the_order_of_what_they_may_be_expected_to_give():
    shelf = Market(entry("good", 8e9, 60), entry("poor", 7.9e9, 20), entry("hopeless", 80e9, 90))
    box = Box(memory=640 * GB, bandwidth=60 * GB)
    ranking = ask(box, shelf, budget=Budget(max_tpot_s=0.075, stated=True), quant="Q4_K_M")
    assert ranking.picks == ()
    assert [m.candidate.system.entry.name for m in ranking.misses] == ["good", "poor", "hopeless"]
