"""The results file: what is stored comes back, damage is noticed, and a newer file is left alone."""

import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.bench.record import from_text, to_text
from advisor.bench.result import BenchResult, Prediction
from advisor.bench.store import open_store
from advisor.domain.architecture import Architecture, Attention, AttentionKind, LinearAttention, Moe
from advisor.domain.quantity import Quantity
from advisor.engines.protocol import RunSample
from advisor.errors import StoreError

SAMPLE = RunSample(
    prompt_tokens=128, output_tokens=16, depth=128, ttft_s=0.5, prefill_s=0.49, decode_s=0.3, waiting=0.01
)
RESULT = BenchResult(
    machine="00ff00ff00ff00ff", engine="embedded", engine_version="1", backend="cpu", threads=2,
    model="org/model", quant="Q4_K_M", prompt_tokens=128, output_tokens=16, depth=0,
    samples=(SAMPLE, replace(SAMPLE, decode_s=0.31)), load_s=1.5, peak_memory_bytes=400 << 20, file_bytes=250 << 20,
    complete=True, tags=("noisy",), measured_at="2026-11-22T12:00:00+00:00",
    architecture=Architecture(
        gguf_arch="llama", n_layers=2, hidden=64, vocab=100, layers="FS",
        attention=Attention(kind=AttentionKind.GQA, n_heads=4, n_kv_heads=2, k_dim=16, v_dim=16, window=8,
                            kv_heads_by_layer=(2, 0)),
        linear=LinearAttention(kind="mamba2", conv=4), moe=Moe(n_experts=8, n_used=2, ffn=32),
    ),
    predicted=Prediction(basis="estimated", ttft_s=Quantity(0.1, 0.2, 0.3), peak_memory_bytes=1,
                         prefill_tokens_per_s=Quantity(1, 2, 3), decode_tokens_per_s=Quantity(4, 5, 6)),
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "results.db"


def test_a_result_comes_back_whole(path):
    with open_store(path) as store:
        assert store.add(RESULT) == 1
    with open_store(path) as store:
        assert store.results() == (RESULT,)
        assert store.results(machine=RESULT.machine, engine="embedded") == (RESULT,)
        assert store.results(machine="another") == ()
        assert not store.notices


def test_only_the_owner_may_read(path):
    with open_store(path) as store:
        store.add(RESULT)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_host_name_is_stored(path):
    with open_store(path) as store:
        store.add(RESULT)
    assert os.uname().nodename.encode() not in b"".join(p.read_bytes() for p in path.parent.iterdir())


def test_a_damaged_file_is_put_aside(path):
    with open_store(path) as store:
        store.add(RESULT)
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with open_store(path) as store:
        assert "damaged" in store.notices[0]
        assert store.results() == ()
        assert store.add(RESULT) == 1
    assert len(list(path.parent.glob("results.db.corrupt-*"))) == 1


def test_a_row_with_a_changed_value_is_left_out(path):
    with open_store(path) as store:
        store.add(RESULT)
        store.add(replace(RESULT, model="org/other"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE results SET body = replace(body, '0.31', '0.13') WHERE id = 1")
    connection.close()
    with open_store(path) as store:
        assert [r.model for r in store.results()] == ["org/other"]


def test_a_newer_file_is_only_read(path):
    with open_store(path) as store:
        store.add(RESULT)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with open_store(path) as store:
        assert "newer" in store.notices[0]
        assert store.add(RESULT) is None
        assert store.results() == (RESULT,)


def test_a_folder_in_the_way_is_one_clear_error(path):
    path.mkdir(parents=True)
    with pytest.raises(StoreError):
        open_store(path)


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tests.bench.test_store import RESULT
from advisor.bench.store import open_store
with open_store(Path(sys.argv[1])) as store:
    for _ in range(1000):
        print(store.add(RESULT), flush=True)
"""


def test_acknowledged_rows_survive_a_kill(path):
    root = Path(__file__).parents[2]
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(root)], stdout=subprocess.PIPE, text=True, cwd=root
        ) as writer:
            for _ in range(20):
                last = int(writer.stdout.readline())
            writer.kill()
    with open_store(path) as store:
        assert len(store.results()) >= last
        assert not store.notices


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            RunSample,
            prompt_tokens=st.integers(1, 10**6),
            output_tokens=st.integers(1, 10**6),
            depth=st.integers(0, 10**6),
            ttft_s=st.floats(1e-6, 1e6),
            prefill_s=st.floats(1e-6, 1e6),
            decode_s=st.floats(0, 1e6),
            waiting=st.none() | st.floats(0, 1),
        ),
        max_size=5,
    ),
    st.text(max_size=40),
)
def test_text_and_back(samples, model):
    result = replace(RESULT, samples=tuple(samples), model=model)
    assert from_text(to_text(result)) == result


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"samples": 3}', to_text(RESULT)[:-1]])
def test_foreign_text_is_a_store_error(text):
    with pytest.raises(StoreError):
        from_text(text)
