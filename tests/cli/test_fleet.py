"""`advisor fleet` as a user runs it: JSON of the schema, 80 columns, exit codes, a closed pipe, spreadsheets."""

import csv
import io
import json
import subprocess
import sys

import pytest

from advisor.cli.main import main
from tests.cli.conftest import ROOT
from tests.cli.test_documents import check

CSV = """\
Hostname,Processor,Cores,Memory (GB),Graphics Card,Chassis Type,Last Seen,Owner
pc-1,Intel(R) Core(TM) i7-12700 CPU @ 2.10GHz,12,32,NVIDIA GeForce RTX 3060,Desktop,2026-11-01,x
pc-2,Intel(R) Core(TM) i5-8350U,4,8,Intel(R) UHD Graphics 620,Notebook,2026-11-01,y
=HYPERLINK("http://x"),AMD Ryzen 9 7950X,16,64,Voodoo 3,,,z
pc-|-4,AMD Ryzen 9 7950X,16,,,,,z
"""


@pytest.fixture
def hosts(tmp_path, advisor):
    folder = tmp_path / "hosts"
    folder.mkdir()
    (folder / "devices.csv").write_text(CSV)
    assert advisor("probe", "--output", str(folder / "here.json")).returncode == 0
    (folder / "broken.json").write_text('{"schema": "advisor.machine/1", "name": 5}')
    return folder


def test_json_is_what_the_schema_says(advisor, hosts):
    document = advisor.json("fleet", "eval", str(hosts), "--task", "chat", "--budget", "5000", "--stale-days", "10000")
    check(document, "fleet")
    assert sum(document["verdicts"].values()) == len(document["hosts"]) == 5
    assert document["inventory"]["rejected"][0]["source"].endswith("broken.json")
    assert document["inventory"]["not_understood"] == [{"what": "gpu", "value": "Voodoo 3", "hosts": 1}]
    assert sum(profile["hosts"] for profile in document["profiles"]) == 5
    profiles = {profile["profile"]: profile for profile in document["profiles"]}
    for host in document["hosts"]:
        profile = profiles[host["profile"]]
        if host["verdict"] == "meets":
            choice = profile["choices"][host["choice"]]
            assert choice["model"] == host["model"]
            assert choice["speed"]["decode_tps"]["p10"] < choice["speed"]["decode_tps"]["p90"]
        else:
            assert host["blocked_by"]
    by_name = {host["host"]: host for host in document["hosts"]}
    assert by_name["pc-|-4"]["verdict"] == "unknown"
    assert by_name["pc-1"]["stale"] is False
    assert by_name["pc-|-4"]["stale"] is None
    order = document["upgrades"]["order"]
    assert order
    assert order[-1]["spent_usd"] <= 5000
    assert {offer["price"] is None for offer in document["upgrades"]["offers"]} == {True, False}
    assert all(o["usd_per_point"] is None for o in document["upgrades"]["offers"] if o["price"] is None)


def test_text_fits_80_columns_and_names_what_was_left_out(advisor, hosts):
    done = advisor("fleet", "eval", str(hosts), "--limit", "4")
    assert done.returncode == 0, done.stderr
    long = [line for line in done.stdout.splitlines() if len(line) > 80]
    assert all(str(hosts) in line for line in long), long  # a path is never broken
    for words in (
        "5 hosts",
        "meets the request",
        "broken.json",
        "Voodoo 3",
        "columns left out: Owner",
        "What to buy first",
    ):
        assert words in " ".join(done.stdout.split())
    quiet = advisor("fleet", "eval", str(hosts), "-q", "--no-upgrades").stdout
    assert "Voodoo" not in quiet
    assert "upgrade" not in quiet


def test_a_spreadsheet_takes_no_name_for_a_formula(advisor, hosts):
    done = advisor("fleet", "eval", str(hosts), "--format", "csv", "--no-upgrades")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert len(rows) == 5
    assert '\'=HYPERLINK("http://x")' in {row["host"] for row in rows}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    markdown = advisor("fleet", "eval", str(hosts), "--format", "markdown", "--no-upgrades").stdout
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(rows) >= 5 + 3 + 6
    assert {line.count("|") for line in rows if line.count("|") > 3} == {6}


def test_one_model_for_scripts(advisor, hosts):
    document = advisor.json(
        "fleet", "eval", str(hosts / "devices.csv"), "--model", "qwen3-32b", "--min-tps", "400", "--no-upgrades", code=3
    )
    assert document["request"]["model"] == "Qwen/Qwen3-32B"
    assert document["upgrades"] is None
    assert document["verdicts"]["meets"] == 0
    assert set(document["blocked_by"]) == {"bandwidth", "memory", "memory_unknown"}
    assert any(profile["needs"] for profile in document["profiles"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such-folder",), "no-such-folder"),
        (("README.md",), "README.md"),
        ((), "Missing argument"),
        (("-",), "stdin is empty"),
        (("README.md", "--budget", "-1"), "--budget"),
        (("README.md", "--budget", "5", "--no-upgrades"), "--budget"),
        (("README.md", "--stale-days", "-1"), "--stale-days"),
        (("README.md", "--reserve", "lots"), "--reserve"),
        (("README.md", "--limit", "0"), "--limit"),
        (("README.md", "--model", "no-such-model-9x"), "no-such-model-9x"),
        (("README.md", "--json", "--format", "csv"), "--format"),
        (("README.md", "--format", "xlsx"), "xlsx"),
    ],
)
def test_bad_input_is_one_clear_line(advisor, monkeypatch, capsys, arguments, words):
    for name, value in advisor.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO())))
    assert main(["fleet", "eval", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) <= 2


def test_without_its_command_there_is_help(advisor):
    done = advisor("fleet")
    assert done.returncode == 2
    assert "eval" in done.stderr
    assert "error:" not in done.stderr


def test_standard_input_and_a_closed_pipe(advisor, hosts):
    text = (hosts / "here.json").read_text()
    command = [sys.executable, "-m", "advisor", "fleet", "eval", "-", "--no-upgrades", "--json"]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, cwd=ROOT, env=advisor.environment, check=True
    )
    assert json.loads(done.stdout)["inventory"]["hosts"] == 1
    program = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=advisor.environment,
    )
    program.stdout.close()
    _, errors = program.communicate(text.encode())
    assert errors == b""
