"""What `advisor recommend` adds when asked: models together, why not, the frontier, the excluded."""

from xml.etree import ElementTree

from tests.cli.test_documents import CARD, check


def test_together_fits_the_memory_and_serves_every_task(advisor):
    document = advisor.json("recommend", "--task", "coding", "--with", "embedding", "--limit", "1", *CARD)
    check(document, "recommendation")
    together = document["together"]
    assert together["fits"]
    assert [m["task"] for m in together["members"]] == ["coding", "embedding"] == together["tasks"]
    assert all(pool["headroom"] >= 0 for pool in together["memory"])
    largest = max(m["memory"]["total"] for m in together["members"])
    assert sum(pool["taken"] for pool in together["memory"]) > largest


def test_no_set_together_is_exit_3(advisor):
    text = advisor.fails("recommend", "--task", "chat", "--with", "reranking", "--license", "mit-0", *CARD, code=3)
    assert "nothing meets" in text or "no set" in text


def test_unknown_task_together_is_refused(advisor):
    advisor.fails("recommend", "--with", "knitting", *CARD, code=2)


def test_why_not_and_excluded(advisor):
    document = advisor.json(
        "recommend",
        "--task",
        "chat",
        "--why-not",
        "whisper-large-v3",
        "--why-not",
        "llama-3.3-70b",
        "--excluded",
        *CARD,
    )
    check(document, "recommendation")
    ears, big = document["why_not"]
    assert ears["reason"] == "not_for_task"
    assert big["text"][1:]
    assert sum(document["rejected"].values()) == len(document["excluded"])
    picked = {pick["model"] for pick in document["picks"]}
    assert not picked & set(document["excluded"])
    assert document["catalog"]["models"] == len(picked) + len(document["excluded"])


def test_nothing_is_added_unasked(advisor):
    document = advisor.json("recommend", "--limit", "1", *CARD)
    assert not {"together", "why_not", "frontier", "excluded"} & set(document)


def test_explain_says_why_not_the_neighbours(advisor):
    done = advisor("recommend", "--task", "chat", "--limit", "1", "--explain", *CARD)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Why not ") >= 1


def test_frontier_as_data_and_drawing(advisor):
    drawing = advisor.folder / "frontier.svg"
    document = advisor.json("recommend", "--limit", "1", "--frontier", "memory", "--svg", str(drawing), *CARD)
    check(document, "recommendation")
    best = [p for p in document["frontier"]["points"] if p["on_frontier"]]
    assert [p["score"] for p in best] == sorted(p["score"] for p in best)
    assert ElementTree.parse(drawing).getroot().tag.endswith("svg")


def test_svg_needs_a_frontier_and_a_folder(advisor):
    advisor.fails("recommend", "--svg", "x.svg", *CARD, code=2)
    advisor.fails("recommend", "--frontier", "latency", "--svg", str(advisor.folder / "no" / "x.svg"), *CARD, code=2)
