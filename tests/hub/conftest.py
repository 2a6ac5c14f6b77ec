"""An imitated hub, an empty store and an environment in which nothing else can be reached."""

import random

import pytest

from advisor.hub.patience import Patience
from advisor.hub.store import Store
from tests.hub.fakehub import Content, FakeHub
from tests.hub.gguf_files import gguf_with_payload

SHORT = Patience(
    connect_s=2.0, read_s=2.0, first_wait_s=0.01, longest_wait_s=0.05, rate_window_s=0.3, lock_silence_s=4.0,
    answer_deadline_s=5.0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Every folder is temporary, no token, no proxy."""
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY",
                 "all_proxy", "NO_PROXY", "no_proxy", "HF_HUB_CACHE", "XDG_CACHE_HOME"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    for kind in ("DATA", "CACHE", "CONFIG", "MODELS"):
        monkeypatch.setenv(f"ADVISOR_{kind}", str(tmp_path / kind.lower()))


@pytest.fixture
def hub(monkeypatch):
    with FakeHub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "models")


@pytest.fixture
def patience():
    return SHORT


@pytest.fixture(scope="session")
def weights():
    """Two megabytes of a sound GGUF file."""
    return gguf_with_payload(random.Random(7).randbytes(2_000_000))


@pytest.fixture
def published(hub, weights):
    """`org/model-GGUF` with one file `model-Q4_K_M.gguf`; the commit."""
    return hub.commit("org/model-GGUF", {"model-Q4_K_M.gguf": Content(weights)})


def pytest_collection_modifyitems(config, items):
    """Tests that take minutes run only when they are asked for."""
    if "long" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("long") and "tests/hub" in str(item.path):
            item.add_marker(pytest.mark.skip(reason="minutes to hours: run with -m long"))
