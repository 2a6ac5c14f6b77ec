"""`advisor size` and `advisor hardware` from the command line, on the catalog as shipped."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from advisor.cli.main import main
from advisor.report.sizing_documents import SIZING_DOCUMENTS


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole module: compiling the catalog takes seconds."""
    return tmp_path_factory.mktemp("advisor")


@pytest.fixture(autouse=True)
def _own_folders(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADVISOR_CACHE", "ADVISOR_DATA", "ADVISOR_CONFIG", "ADVISOR_MODELS"):
        monkeypatch.setenv(name, str(folders / name.lower()))


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(list(args))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def sized(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    code, out, err = run(capsys, "size", "--no-simulation", "--json", *args)
    assert code == 0, err
    document: dict[str, Any] = json.loads(out)
    return document


def test_chat_for_a_team(capsys: pytest.CaptureFixture[str]) -> None:
    document = sized(capsys, "--task", "chat", "--users", "50")
    assert next(iter(document)) == "schema"
    assert document["schema"] == "advisor.sizing/1"
    assert document["request"]["users"] == 50
    TypeAdapter(SIZING_DOCUMENTS["sizing"]).validate_python(document)
    assert document["machines_considered"] >= 12
    assert [o["rank"] for o in document["options"]] == [1, 2, 3, 4, 5]
    for option in document["options"]:
        held = option["users_held"]
        assert held["p10"] < held["p50"] < held["p90"]
        assert held["p50"] >= 50
        assert option["headroom"] >= 0
        assert option["binding"]
        assert option["quality"]["score"] > 0
        assert option["memory"]["weights"] < option["memory"]["available"]
        assert option["p95"]["tpot_s"] <= document["request"]["max_tpot_s"]


def test_more_users_never_need_fewer_machines(capsys: pytest.CaptureFixture[str]) -> None:
    machine = ("--hardware", "generic/workstation-1x-rtx-4090", "--model", "qwen3-8b")
    few, many = (sized(capsys, "--task", "rag", "--users", n, *machine)["options"][0] for n in ("10", "400"))
    assert few["count"] <= many["count"]
    assert many["users_held"]["p50"] >= 400


def test_a_stated_machine_and_a_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--task", "coding", "--users", "5", "--gpu", "2x RTX 3090", "--ram", "64GiB", "--model", "qwen3-8b")
    code, out, err = run(capsys, "size", "--json", *args)
    assert code == 0, err
    (option,) = json.loads(out)["options"]
    assert option["simulated"]
    assert option["model"].lower() == "qwen/qwen3-8b"
    assert len(option["accelerators"]) == 2
    code, text, _ = run(capsys, "size", *args)
    assert code == 0
    assert "holds" in text
    assert "bound by" in text


def test_a_quote_by_overlay_decides_about_the_budget(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    quotes = tmp_path / "hardware" / "quotes.yaml"
    quotes.parent.mkdir()
    quotes.write_text(
        "devices:\n"
        "  - id: generic/server-1x-l40s\n"
        "    prices:\n"
        '      - {usd: 12000, date: "2026-11-01", kind: quote, source: our supplier}\n'
    )
    base = ("--task", "chat", "--users", "20", "--limit", "40", "--catalog", str(tmp_path))
    within = sized(capsys, *base, "--budget", "13000")
    assert "generic/server-1x-l40s" in {o["machine"] for o in within["options"]}
    quoted = next(o for o in within["options"] if o["machine"] == "generic/server-1x-l40s")
    assert quoted["price"]["source"] == "our supplier"
    assert quoted["within_budget"] is True
    below = sized(capsys, *base, "--budget", "11000")
    assert "generic/server-1x-l40s" not in {o["machine"] for o in below["options"]}


def test_habits_that_are_stated_replace_those_of_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    machine = ("--gpu", "L40S", "--model", "qwen3-8b", "--task", "rag", "--users", "40")
    usual = sized(capsys, *machine)
    stated = sized(capsys, *machine, "--active", "0.5", "--per-minute", "2", "--peak", "3", "--cached", "0.75")
    request = stated["request"]
    assert request["requests_per_s"] == pytest.approx(40 * 0.5 * 2 / 60 * 3)
    assert (request["active_share"], request["peak_over_mean"], request["cached_share"]) == (0.5, 3, 0.75)
    assert usual["request"]["cached_share"] == 0
    cached = sized(capsys, *machine, "--cached", "0.75")
    held = [document["options"][0]["users_held"]["p50"] for document in (usual, cached)]
    assert held[1] >= held[0]
    text = run(capsys, "size", "--no-simulation", *machine, "--cached", "0.75")[1]
    assert "75% of a prompt cached" in " ".join(text.split())


def test_servers_run_vllm_and_only_its_load_tests_make_a_capacity_sure(capsys: pytest.CaptureFixture[str]) -> None:
    def of(*args: str) -> tuple[str, float]:
        (option,) = sized(capsys, "--model", "qwen3-32b", "--task", "rag", "--users", "20", *args)["options"]
        return option["engine"], option["users_held"]["p90"] / option["users_held"]["p50"]

    assert of("--hardware", "8x H200 server, 2 TB") == ("vllm", pytest.approx(1.25))
    assert of("--gpu", "H100 SXM5 80GB") == ("vllm", pytest.approx(1.25)), "stated by its card alone"
    assert of("--gpu", "H100 SXM5 80GB", "--engine", "llama.cpp") == ("llama.cpp", pytest.approx(1.6))
    assert of("--gpu", "Instinct MI300X")[1] == pytest.approx(1.6)


def test_nothing_meets_it_exits_3_with_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    args = ("size", "--no-simulation", "--json", "--task", "chat", "--users", "10", "--max-tpot", "1us")
    code, out, err = run(capsys, *args)
    assert code == 3
    document = json.loads(out)
    assert document["options"] == []
    assert document["rejected"]
    assert document["nearest"]
    assert "error: " in err


@pytest.mark.parametrize(
    "args",
    [
        ("size", "--task", "chat", "--users", "0"),
        ("size", "--task", "chat", "--budget", "-5"),
        ("size", "--task", "chat", "--budget", "nan"),
        ("size", "--task", "no-such-task"),
        ("size", "--task", "embedding"),
        ("size", "--cpu-only"),
        ("size", "--active", "0"),
        ("size", "--per-minute", "-1"),
        ("size", "--peak", "0.5"),
        ("size", "--cached", "1"),
        ("size", "--engine", "mlx"),
        ("size", "--task", "chat", "--model", "no-such-model-9x"),
        ("size", "--task", "chat", "--gpu", "RTX 9999"),
        ("hardware", "show", "RTX 9999"),
        ("hardware", "list", "--kind", "toaster"),
    ],
)
def test_bad_input_is_one_clear_line(capsys: pytest.CaptureFixture[str], args: tuple[str, ...]) -> None:
    code, out, err = run(capsys, *args)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_hardware_show_and_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "hardware", "show", "a100 80gb pcie", "--json")
    assert code == 0
    assert json.loads(out)["id"] == "nvidia/a100-pcie-80gb"
    code, out, _ = run(capsys, "hardware", "list", "--kind", "soc", "--json")
    TypeAdapter(SIZING_DOCUMENTS["hardware"]).validate_python(json.loads(out))
    code, out, _ = run(capsys, "hardware", "list", "--kind", "machine")
    assert code == 0
    assert "DGX Spark" in out
    code, out, _ = run(capsys, "hardware", "show", "DGX Spark")
    assert "273 GB/s" in out


def test_an_engine_that_is_asked_for_is_the_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    base = ("--task", "chat", "--users", "20", "--limit", "40")
    gpus = sized(capsys, *base, "--engine", "vllm")
    assert {option["engine"] for option in gpus["options"]} == {"vllm"}
    assert gpus["rejected"]["no_model"] > 0
    assert {option["engine"] for option in sized(capsys, *base, "--engine", "ollama")["options"]} == {"llama.cpp"}
    amd = sized(capsys, *base, "--engine", "llama.cpp rocm")
    assert 0 < amd["machines_considered"] < gpus["machines_considered"]
    assert all(
        "Radeon" in name or "Instinct" in name or "Ryzen" in name for o in amd["options"] for name in o["accelerators"]
    )


def test_a_stated_window_is_reserved_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    base = ("--task", "chat", "--users", "200", "--model", "qwen3-8b:Q4_K_M", "--gpu", "RTX 4090")
    usual, long = (sized(capsys, *base, *more) for more in ((), ("--context", "32768")))
    assert usual["request"]["context"] is None
    assert long["request"]["context"] == 32768
    few, many = usual["options"][0], long["options"][0]
    assert many["concurrent_sequences"]["most"] < few["concurrent_sequences"]["most"] / 5
    assert many["users_held"]["p50"] < few["users_held"]["p50"]


def test_a_stated_card_has_its_price(capsys: pytest.CaptureFixture[str]) -> None:
    (option,) = sized(capsys, "--users", "5", "--gpu", "2x RTX 3090")["options"]
    assert option["price"]["complete"] is False
    assert option["price"]["usd"] == 2 * 1499


def test_too_many_users_is_not_too_slow(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "size", "--no-simulation", "--json", "--users", "1000000", "--gpu", "RTX 3060")
    assert code == 3
    assert json.loads(out)["rejected"] == {"too_many_machines": 1}


def test_a_machine_without_accelerators_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "size", "--no-simulation", "--json", "--cpu", "i9-14900K")
    assert code == 3
    assert json.loads(out)["rejected"] == {"no_accelerator": 1}
