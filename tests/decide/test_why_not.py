from advisor.decide.candidates import Reason
from advisor.decide.counterfactual import Need, need_lines
from advisor.decide.ranking import rank
from advisor.decide.why_not import REASON_WORDS, why_not
from advisor.domain.workload import Budget
from tests.decide.market import Box, Market, entry, question

GB = 1e9
SHELF = Market(entry("small", 4e9, 50), entry("middle", 8e9, 58), entry("large", 70e9, 66, licence="other"))


def first(name, box, **changes):
    ranking = rank(question(model=f"maker/{name}", **changes), SHELF.entries(), SHELF, box, ("llama.cpp",))
    return next(iter((*ranking.picks, *ranking.misses)))


def text(answer):
    return " ".join(answer.lines)


def test_every_reason_has_words():
    assert set(REASON_WORDS) == set(Reason)


def test_a_fact_is_given_with_its_figures():
    answer = why_not(SHELF.all[2], Reason.LICENCE, question(licence="mit"))
    assert "licence other, asked for: mit" in text(answer)
    assert "32768 tokens of 1024" in text(why_not(SHELF.all[0], Reason.CONTEXT, question()))


def test_one_that_works_is_compared_with_the_pick():
    box = Box(memory=64 * GB, bandwidth=500 * GB)
    answer = why_not(SHELF.all[0], Reason.OUTRANKED, question(), own=first("small", box), pick=first("middle", box))
    assert answer.lines[0] == REASON_WORDS[Reason.OUTRANKED]
    assert "of middle Q8_0" in text(answer)
    assert "worse" in text(answer)


def test_outranked_unseen_has_its_true_reason():
    box = Box(memory=64 * GB, bandwidth=20 * GB)
    budget = Budget(max_tpot_s=0.05, stated=True)
    answer = why_not(
        SHELF.all[1], Reason.OUTRANKED, question(budget=budget), own=first("middle", box, budget=budget),
        pick=first("small", box),
    )  # fmt: skip
    assert answer.reason is Reason.SLOW
    assert "misses each token" in text(answer)


def test_the_reason_is_that_of_the_choice_that_is_shown():
    """Most quantizations are too large, the one shown fits and is too slow: the first line says so."""
    box = Box(memory=64 * GB, bandwidth=20 * GB)
    budget = Budget(max_tpot_s=0.05, stated=True)
    own = first("middle", box, budget=budget)
    answer = why_not(SHELF.all[1], Reason.MEMORY, question(budget=budget), own=own, pick=first("small", box))
    assert own.estimate.fits
    assert answer.reason is Reason.SLOW


def test_needs_are_alternatives():
    def need(text, *, alone):
        return Need(lever="budget", field="x", current=None, needed=None, text=text, alone=alone)

    together, one, part = need("both", alone=True), need("a card", alone=True), need("half", alone=False)
    assert need_lines((together, one, part)) == ("needs both", "or a card")
    assert need_lines((part,)) == ("needs, among others, half",)
    assert need_lines(()) == ()
