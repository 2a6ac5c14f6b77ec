"""`estimate --draft`: the memory and the time of speculative decoding; and what it refuses, each in one line."""

import pytest

from tests.cli.test_documents import check

CARD = ("--gpu", "RTX 5090", "--ram", "64GiB")


def test_a_draft_model_takes_memory_and_gives_time(advisor):
    target = ("estimate", "qwen3-32b:Q4_K_M", "--task", "coding", "--context", "4096", *CARD)
    alone, both = advisor.json(*target), advisor.json(*target, "--draft", "qwen3-0.6b:Q8_0")
    check(both, "estimate")
    assert alone["draft"] is None
    found = both["draft"]
    assert (found["model"], found["acceptance"]) == ("Qwen3 0.6B Q8_0", 0.8)
    assert 1 <= found["drafted_tokens"] <= 8
    assert found["speedup"]["p10"] < found["speedup"]["p50"] < found["speedup"]["p90"]
    extra = both["memory"]["total"] - alone["memory"]["total"]
    assert 639_000_000 < extra < 1_600_000_000
    assert both["memory"]["available"] == alone["memory"]["available"]
    gain = both["speed"]["decode_tps"]["p50"] / alone["speed"]["decode_tps"]["p50"]
    assert gain == pytest.approx(found["speedup"]["p50"], rel=1e-3)


def test_its_own_prediction_blocks(advisor):
    document = advisor.json("estimate", "qwen3.6-27b:Q4_K_M", "--draft", "mtp", *CARD)
    assert document["draft"]["model"] == "prediction blocks"
    assert document["draft"]["speedup"]["p50"] > 1


def test_what_cannot_draft_is_refused(advisor):
    said = advisor.fails("estimate", "qwen3-32b:Q4_K_M", "--draft", "gemma-3-270m", *CARD, code=2)
    assert "262144" in said
    advisor.fails("estimate", "qwen3-32b:Q4_K_M", "--draft", "mtp", *CARD, code=2)
    advisor.fails("estimate", "./model.gguf", code=2)


def test_a_task_with_images_counts_the_projector(advisor):
    target = ("estimate", "gemma-3-4b:Q4_K_M", *CARD)
    text, images = (advisor.json(*target, "--task", task)["memory"]["weights"] for task in ("chat", "vision"))
    assert 500_000_000 < images - text < 1_500_000_000
