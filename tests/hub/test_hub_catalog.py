"""`catalog add` and `catalog update` against a local server that speaks the hub's protocol."""

import json
import random

import pytest

from advisor.catalog.source import load_catalog
from advisor.errors import NetworkError, Offline, UnknownName
from advisor.hub.api import _read_listing
from advisor.verbs.catalog_update import add_model, artifact_record, update_model
from tests.hub.fakehub import Content, Fault
from tests.hub.gguf_files import gguf_bytes
from tests.hub.test_hub_inspect import MODEL, tensors

FAMILY = """schema: 1
family: Tiny
vendor: Org
models:
- id: org/tiny
  name: Tiny
  category: llm
  artifacts:
  - {repo: org/tiny-GGUF, format: gguf, source: s001, files: [{quant: Q8_0, path: tiny-Q8_0.gguf, approx_bytes: 1000}]}
  - {repo: org/gone-GGUF, format: gguf, source: s001, files: [{quant: Q8_0, path: gone-Q8_0.gguf}]}
"""


@pytest.fixture
def base(tmp_path):
    family = tmp_path / "base" / "models" / "org" / "tiny.yaml"
    family.parent.mkdir(parents=True)
    family.write_text(FAMILY)
    return tmp_path / "base"


@pytest.fixture
def catalog(base, tmp_path):
    return load_catalog(source=base, cache=tmp_path / "cache")


@pytest.fixture
def content(hub):
    content = Content(gguf_bytes(MODEL, tensors()))
    hub.commit("org/tiny-GGUF", {"tiny-Q8_0.gguf": content})
    return content


def test_a_repository_becomes_a_model(hub, content, catalog, base, tmp_path, patience):
    written = add_model(catalog, "org/tiny-GGUF", tmp_path / "mine", patience=patience)
    assert written.files == 1
    later = load_catalog([tmp_path / "mine"], source=base, cache=tmp_path / "cache")
    model = later.resolve("org/tiny-GGUF")
    assert model.architecture.hidden == 64
    assert model.context.native == 4096
    assert [(a.quant, a.bytes, a.files[0].sha256) for a in model.artifacts] == [("Q8_0", content.size, content.sha256)]
    assert later.shape("org/tiny-GGUF").n_layers == 1


def test_exact_sizes_replace_rounded_ones(hub, content, catalog, base, tmp_path, patience):
    written = update_model(catalog, "tiny", tmp_path / "mine", patience=patience)
    assert list(written.revisions) == ["org/tiny-GGUF"]
    assert list(written.failed) == ["org/gone-GGUF", "org/tiny"]
    model = load_catalog([tmp_path / "mine"], source=base, cache=tmp_path / "cache").model("org/tiny")
    exact = next(a for a in model.artifacts if a.repo == "org/tiny-GGUF")
    assert (exact.bytes, exact.revision) == (content.size, written.revisions["org/tiny-GGUF"])
    assert any(a.repo == "org/gone-GGUF" for a in model.artifacts)


def test_offline_asks_nobody(hub, catalog, tmp_path):
    with pytest.raises(Offline):
        add_model(catalog, "org/tiny-GGUF", tmp_path / "mine", offline=True)
    assert not hub.log
    assert not (tmp_path / "mine").exists()


def test_unknown_repository_writes_nothing(hub, catalog, tmp_path, patience):
    with pytest.raises(UnknownName):
        add_model(catalog, "org/none", tmp_path / "mine", patience=patience)
    assert not (tmp_path / "mine").exists()


def test_a_hub_that_fails_is_one_error(hub, content, catalog, tmp_path, patience):
    hub.faults.api = [Fault("status", arg=500)]
    with pytest.raises(NetworkError, match="could be read"):
        update_model(catalog, "tiny", tmp_path / "mine", patience=patience)
    assert not (tmp_path / "mine").exists()


def test_rate_limits_are_honoured(hub, content, catalog, tmp_path, patience):
    hub.faults.api = [Fault("status", 1, arg=429)]
    assert add_model(catalog, "org/tiny-GGUF", tmp_path / "mine", patience=patience).files == 1


SOUND = {
    "sha": "a" * 40,
    "gated": False,
    "cardData": {"license": "mit"},
    "siblings": [
        {"rfilename": "m-Q4_K_M.gguf", "size": 10, "lfs": {"size": 10, "sha256": "b" * 64}},
        {"rfilename": "m-Q8_0-00001-of-00002.gguf", "size": 10},
    ],
}
SPICE = ["null", "[]", "{}", "-1", '"', "1e99", "..", "\\u202e", ""]


def mutated_listings(rounds, seed):
    """Feed mutated answers through; returns how many were taken for a listing."""
    rng, text, taken = random.Random(seed), json.dumps(SOUND), 0
    for _ in range(rounds):
        mutated = text
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(mutated))
            mutated = mutated[:at] + rng.choice(SPICE) + mutated[at + rng.choice((0, 1, 6)) :]
        try:
            document = json.loads(mutated)
        except (ValueError, RecursionError):
            continue
        try:
            artifact_record(_read_listing("org/m", document))
            taken += 1
        except (NetworkError, UnknownName) as error:
            assert "\n" not in error.message  # noqa: PT017
    return taken


def test_mutated_answers_are_values_or_our_errors():
    assert mutated_listings(3000, seed=5) > 0


@pytest.mark.long
def test_mutated_answers_long():
    assert mutated_listings(300_000, seed=6) > 0
