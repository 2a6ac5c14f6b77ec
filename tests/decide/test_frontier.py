import re
from xml.etree import ElementTree

from advisor.decide.frontier import Axis, frontier
from advisor.decide.ranking import rank
from advisor.domain.workload import Budget
from advisor.report.frontier import frontier_document, frontier_lines, frontier_svg
from tests.decide.market import Box, Market, entry, question

GB = 1e9
SHELF = Market(
    entry("tiny", 0.3e9, 20),
    entry("small", 4e9, 50),
    entry("<b>&middle", 8e9, 58),
    entry("dull", 9e9, 40),
    entry("large", 70e9, 66),
)


def points(axis):
    box = Box(memory=1000 * GB, bandwidth=500 * GB)
    ranking = rank(question(budget=Budget(), limit=9), SHELF.entries(), SHELF, box, ("llama.cpp",))
    return frontier(ranking.picks, axis)


def test_nothing_cheaper_equals_a_point_of_the_frontier():
    for axis in Axis:
        found = points(axis)
        assert [p.cost for p in found] == sorted(p.cost for p in found)
        for p in found:
            better = [q for q in found if q.cost <= p.cost and q.score >= p.score and q is not p]
            assert p.on_frontier is not bool(better)
        assert not next(p for p in found if p.assessment.candidate.system.entry.name == "dull").on_frontier


def test_table_shows_the_frontier_only_and_what_each_step_gains():
    lines = frontier_lines(points(Axis.MEMORY), Axis.MEMORY, 80)
    assert "of 5 models that fit" in lines[0]
    assert not any("dull" in line for line in lines)
    assert len(lines) == 2 + 4
    assert all(len(line) <= 80 for line in lines)
    assert re.search(r"\+\d", lines[-1])


def test_drawing_is_well_formed_with_hostile_names():
    found = points(Axis.LATENCY)
    root = ElementTree.fromstring(frontier_svg(found, Axis.LATENCY, "chat <on> & box"))
    circles = root.findall(".//{http://www.w3.org/2000/svg}circle")
    assert len(circles) == len(found)
    assert all(0 <= float(c.get("cx")) <= 960 and 0 <= float(c.get("cy")) <= 540 for c in circles)
    assert "&middle" in "".join(root.itertext())


def test_nothing_to_draw_is_drawn_as_nothing():
    ElementTree.fromstring(frontier_svg((), Axis.LATENCY, "x"))
    assert frontier_lines((), Axis.LATENCY, 80)[1:] == ["  none"]
    assert frontier_document((), Axis.MEMORY) == {"axis": "memory", "points": []}


def test_one_point_is_enough_for_a_drawing():
    ElementTree.fromstring(frontier_svg(points(Axis.LATENCY)[:1], Axis.LATENCY, "x"))
