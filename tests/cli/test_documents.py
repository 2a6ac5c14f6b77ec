"""The JSON of each command that answers is what the contract and the published schema say."""

import pytest
from pydantic import ConfigDict, TypeAdapter, with_config

from advisor.report.documents import DOCUMENTS
from advisor.report.schemas import document_names, document_schema

CARD = ("--gpu", "RTX 4090", "--ram", "64GiB")
PICK = {
    "rank", "model", "name", "repo", "revision", "files", "quant", "bits_per_weight", "engine", "placement", "context",
    "params", "flops", "memory", "speed", "energy", "quality", "meets_budget", "p_meets_budget", "basis", "license",
    "why", "commands",
}  # fmt: skip


def check(document, name):
    shape = with_config(ConfigDict(extra="forbid", strict=True))(DOCUMENTS[name])
    TypeAdapter(shape).validate_python(document)
    assert next(iter(document)) == "schema"
    assert document["schema"] == f"advisor.{name}/1"


def test_recommendation(advisor):
    document = advisor.json("recommend", "--task", "coding", *CARD)
    check(document, "recommendation")
    assert document["request"]["task"] == "coding"
    assert document["catalog"]["models"] >= 480
    first = document["picks"][0]
    assert set(first) >= PICK
    assert first["meets_budget"]
    assert first["memory"]["total"] <= first["memory"]["available"]
    parts = ("weights", "kv_cache", "compute", "overhead")
    assert sum(first["memory"][part] for part in parts) == first["memory"]["total"]
    for times in (first["speed"]["ttft_s"], first["speed"]["decode_tps"]):
        assert times["p10"] <= times["p50"] <= times["p90"]
    assert all(pick["files"] for pick in document["picks"])
    assert [pick["rank"] for pick in document["picks"]] == [1, 2, 3, 4, 5]


def test_nothing_meets_it(advisor):
    document = advisor.json("recommend", "--max-ttft", "1ms", *CARD, code=3)
    check(document, "recommendation")
    assert document["picks"] == []
    assert document["near_misses"]
    assert all(miss["needs"] for miss in document["near_misses"])


def test_what_only_transformers_loads_is_served_from_its_own_repository(advisor):
    document = advisor.json("run", "gpt-neo-1.3b", *CARD)
    assert document["repo"] == "EleutherAI/gpt-neo-1.3B"
    assert document["argv"][:2] == ["transformers", "serve"]


def test_no_command_is_named_that_could_only_fail(advisor):
    document = advisor.json("recommend", "--task", "embedding", "--engine", "transformers", "--ram", "64GiB", *CARD[:2])
    for pick in document["picks"]:
        assert pick["engine"] == "transformers"
        assert pick["commands"]["download"]
        assert pick["commands"]["run"] is pick["commands"]["bench"] is None
    assert document["picks"]


@pytest.mark.parametrize(
    ("flag", "value"), [("--min-quality", "99"), ("--license", "no-such-licence"), ("--context", "20000000")]
)
def test_a_filter_that_rules_everything_out_says_what_to_ask_instead(advisor, flag, value):
    document = advisor.json("recommend", flag, value, *CARD, code=3)
    check(document, "recommendation")
    assert document["near_misses"]
    need = document["near_misses"][0]["needs"][0]
    again = advisor.json("recommend", flag, str(need["needed"]).removesuffix(".0"), *CARD)
    assert document["near_misses"][0]["model"] in {pick["model"] for pick in again["picks"]}


def test_a_near_miss_works_with_the_budget_that_it_asks_for(advisor):
    document = advisor.json("recommend", "--task", "chat", "--min-tps", "2000", *CARD, code=3)
    need = next(n for miss in document["near_misses"] for n in miss["needs"] if n["alone"] and n["lever"] == "budget")
    again = advisor.json("recommend", "--task", "chat", "--max-tpot", f"{need['needed']}s", *CARD)
    assert again["picks"]


def test_estimate(advisor):
    document = advisor.json("estimate", "qwen3-30b-a3b:Q4_K_M", "--context", "32768", "--users", "1", *CARD)
    check(document, "estimate")
    assert document["memory"]["kv_cache"] == 3_221_225_472
    assert document["fits"] is True


@pytest.mark.parametrize(("model", "context"), [("qwen3-8b:Q4_K_M", 4096), ("phi-2:Q4_K_M", 2048)])
def test_a_window_that_a_conversation_can_live_in(advisor, model, context):
    """Without --context: the usual window, or the model's own where that is shorter; `run` serves the same."""
    estimated, served = (advisor.json(command, model, *CARD) for command in ("estimate", "run"))
    assert estimated["context"] == served["context"] == context


def test_comparison(advisor):
    document = advisor.json("compare", "gemma-3-27b-it", "gpt-neox-20b", *CARD)
    check(document, "comparison")
    (difference,) = document["differences"]
    assert difference["larger"].startswith("Gemma")
    assert difference["p_better"] > 0.9
    assert difference["verdict"] == "almost surely better"
    interval = difference["points_interval"]
    assert interval["p10"] < interval["p50"] == difference["points"] < interval["p90"]
    assert "better with probability over 99 %" in difference["text"]


def test_a_comparison_without_a_winner_says_so(advisor):
    text = " ".join(advisor("compare", "Qwen3-4B-Instruct-2507", "gemma-3-12b-it", *CARD).stdout.split())
    assert "there is no telling which is better" in text
    assert "A point is one percent of the scale" in text
    assert "measured on the same weights in another mode or quantization" in text


def test_catalog_and_model(advisor):
    check(advisor.json("catalog", "list", "--task", "coding"), "catalog")
    check(advisor.json("catalog", "show", "qwen3-8b"), "model")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run", ("run", "qwen3-8b", *CARD)),
        ("tasks", ("catalog", "list", "--tasks")),
        ("validation", ("catalog", "validate", "--offline")),
        ("doctor", ("doctor",)),
        ("schemas", ("schema",)),
    ],
)
def test_what_tells_of_the_program_has_a_schema_too(advisor, name, arguments):
    check(advisor.json(*arguments), name)


def test_a_device_is_what_its_schema_says(advisor):
    document = advisor.json("hardware", "show", "RTX 4090")
    schema = document_schema("hardware")
    one = schema["$defs"]["DeviceSpec"]
    assert document["schema"] == "advisor.hardware/1"
    assert {"$ref": "#/$defs/DeviceSpec"} in schema["anyOf"]
    assert set(one["required"]) <= set(document) - {"schema"} <= set(one["properties"])


@pytest.mark.parametrize("name", sorted(document_names()))
def test_schema_of_every_document(name):
    schema = document_schema(name)
    assert schema["$id"] == f"advisor.{name}/1"
    assert "schema" in schema["properties"]


def test_answers_are_deterministic(advisor):
    first, second = (advisor("recommend", "--json", *CARD).stdout for _ in range(2))
    assert first == second


def test_a_picture_and_speech_are_encoded_before_the_first_token(advisor):
    terms = {}
    for task in ("chat", "vision"):
        document = advisor.json(
            "estimate", "qwen3.5-4b:Q4_K_M", "--task", task, "--prompt-tokens", "1200", "--gpu", "RTX 3060"
        )
        terms[task] = {t["name"]: t["seconds"] for t in document["speed"]["terms"] if t["phase"] == "prefill"}
    assert "encoder" not in terms["chat"]
    assert terms["vision"]["encoder"] > 0
    picks = advisor.json("recommend", "--task", "vision", "--gpu", "RTX 3060")["picks"]
    assert all("encoder" in {t["name"] for t in pick["speed"]["terms"]} for pick in picks)
