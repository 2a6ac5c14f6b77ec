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
    advisor.fails("recommend", "--frontier", "latency", "--svg", str(advisor.folder / "no" / "x.svg"), *CARD, code=1)


def test_all_choices_of_a_model(advisor):
    document = advisor.json("recommend", "--task", "chat", "--choices", "qwen3-8b", "--limit", "1", *CARD)
    check(document, "recommendation")
    choices = document["choices"]
    assert {c["model"] for c in choices} == {"Qwen/Qwen3-8B"}
    assert {c["mode"] for c in choices} == {"thinking", "non-thinking"}
    assert len({c["quant"] for c in choices}) > 5
    assert {c["placement"]["kind"] for c in choices} >= {"gpu", "cpu"}
    assert [c["meets_budget"] for c in choices] == sorted((c["meets_budget"] for c in choices), reverse=True)


def test_explain_holds_the_arithmetic_as_data(advisor):
    document = advisor.json("recommend", "--task", "chat", "--explain", "--limit", "1", *CARD)
    check(document, "recommendation")
    (explanation,) = document["explanations"]
    seconds = sum(s["value"] for s in explanation["steps"] if s["about"] == "decode")
    tpot = document["picks"][0]["speed"]["tpot_s"]["p50"]
    assert abs(seconds / tpot - 1) < 1e-3
    assert all(step["source"] for step in explanation["steps"])
    text = advisor("recommend", "--task", "chat", "--explain", *CARD).stdout
    assert "Arithmetic of #1" in text
    assert "× " in text


def test_filters_for_energy_power_and_class(advisor):
    document = advisor.json("recommend", "--tier", "edge", "--max-watts", "150", "--max-energy", "900", *CARD)
    check(document, "recommendation")
    assert document["request"]["tier"] == "edge"
    for pick in document["picks"]:
        assert pick["tier"] == "edge"
        assert pick["privacy"] == "local"
        assert pick["energy"]["watts"] <= 150
        assert pick["energy"]["joules_per_answer"]["p90"] <= 900
    text = advisor("recommend", "--tier", "edge", *CARD).stdout
    assert any(line.startswith("#") and "Energy" in line for line in text.splitlines())
    advisor.fails("recommend", "--tier", "moon", *CARD, code=2)
    advisor.fails("recommend", "--max-watts", "-1", *CARD, code=2)
