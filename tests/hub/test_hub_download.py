"""A download from plan to verified file, without faults."""

import json
from dataclasses import replace

import pytest

from advisor.domain.model import Artifact, ArtifactFile, Category, Model
from advisor.errors import DiskFull, Offline, StoreError, UnknownName, UsageError, VerificationFailed
from advisor.hub.download import download
from advisor.hub.plan import Wanted, plan_download, wanted_from_model
from advisor.hub.store import Store
from tests.hub.fakehub import Content
from tests.hub.gguf_files import gguf_with_payload, safetensors_bytes

WANTED = Wanted(model="org/model-GGUF", repo="org/model-GGUF", quant="Q4_K_M")


def test_a_file_arrives_verified_under_its_own_name(hub, published, store, patience, weights):
    plan = plan_download(WANTED, store, patience=patience)
    assert (plan.revision, plan.total_bytes, plan.missing_bytes) == (published, len(weights), len(weights))
    assert not store.root.exists(), "planning writes nothing"
    result = download(plan, store, patience=patience)
    assert result.path == store.root / "org/model-GGUF/model-Q4_K_M.gguf"
    assert result.path.read_bytes() == weights
    assert result.files[0].origin == "hub"
    assert sorted(p.name for p in store.blobs.iterdir()) == [
        plan.files[0].digest.name, plan.files[0].digest.name + ".verified",
    ]  # fmt: skip


def test_the_second_time_needs_no_network(hub, published, store, patience, weights):
    download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    asked = len(hub.log)
    plan = plan_download(WANTED, store, offline=True)
    assert plan.complete
    result = download(plan, store, offline=True)
    assert result.path.read_bytes() == weights
    assert result.files[0].fetched_bytes == 0
    assert len(hub.log) == asked


def test_a_pinned_catalog_listing_needs_no_api_call(hub, published, store, patience, weights):
    file = hub.repos["org/model-GGUF"][published]["model-Q4_K_M.gguf"]
    listed = ArtifactFile(path="model-Q4_K_M.gguf", bytes=len(weights), sha256=file.sha256)
    wanted = Wanted(model="org/model", repo="org/model-GGUF", quant="Q4_K_M", revision=published, files=(listed,))
    download(plan_download(wanted, store, patience=patience), store, patience=patience)
    assert not [request for request in hub.log if request.path.startswith("/api/")]


def test_an_unpinned_catalog_listing_yields_to_the_hub_and_says_so(hub, published, store, patience):
    listed = ArtifactFile(path="model-Q4_K_M.gguf", bytes=1, sha256="0" * 64)
    wanted = Wanted(model="org/model", repo="org/model-GGUF", quant="Q4_K_M", files=(listed,))
    plan = plan_download(wanted, store, patience=patience)
    assert plan.files[0].digest.hex == hub.repos["org/model-GGUF"][published]["model-Q4_K_M.gguf"].sha256
    assert "has changed on the hub" in plan.notes[0]


def test_split_files_come_in_order_and_the_first_is_the_path(hub, store, patience):
    parts = {f"q/big-Q8_0-0000{i}-of-00003.gguf": Content(gguf_with_payload(bytes([i]) * 5000)) for i in (3, 1, 2)}
    hub.commit("org/big-GGUF", parts)
    wanted = Wanted(model="org/big-GGUF", repo="org/big-GGUF", quant="q8_0")
    result = download(plan_download(wanted, store, patience=patience), store, patience=patience)
    assert [f.path[-19:] for f in result.files] == [f"-0000{i}-of-00003.gguf"[-19:] for i in (1, 2, 3)]
    assert result.path.name == "big-Q8_0-00001-of-00003.gguf"
    assert all(file.local_path.exists() for file in result.files)


def test_a_missing_part_is_refused_before_anything_is_fetched(hub, store, patience):
    hub.commit("org/big-GGUF", {"big-Q8_0-00001-of-00002.gguf": Content(gguf_with_payload(b"x" * 64))})
    with pytest.raises(UsageError, match="1 of 2 parts"):
        plan_download(Wanted(model="m", repo="org/big-GGUF"), store, patience=patience)


def test_safetensors_come_with_their_small_texts(hub, store, patience):
    weights = safetensors_bytes({"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}, b"12345678")
    files = {"model.safetensors": Content(weights), "config.json": Content(b"{}", lfs=False),
             "pytorch_model.bin": Content(b"pickle"), "onnx/model.json": Content(b"{}", lfs=False)}  # fmt: skip
    hub.commit("org/plain", files)
    result = download(plan_download(Wanted(model="m", repo="org/plain"), store, patience=patience), store)
    assert {file.path for file in result.files} == {"model.safetensors", "config.json"}
    assert result.path == store.root / "org/plain"
    assert (result.path / "config.json").read_bytes() == b"{}"


def test_a_pickle_is_refused_by_name(hub, store, patience):
    hub.commit("org/plain", {"pytorch_model.bin": Content(b"pickle")})
    with pytest.raises(UsageError, match="are not downloaded"):
        plan_download(Wanted(model="m", repo="org/plain", file="pytorch_model.bin"), store, patience=patience)


def test_a_large_file_without_sha256_is_refused(hub, store, patience):
    hub.commit("org/odd-GGUF", {"odd-Q4_0.gguf": Content(bytes(10_000_001), lfs=False)})
    with pytest.raises(VerificationFailed, match="states no sha256"):
        plan_download(Wanted(model="m", repo="org/odd-GGUF"), store, patience=patience)


def test_a_malformed_file_with_the_right_hash_never_becomes_visible(hub, store, patience):
    hub.commit("org/evil-GGUF", {"evil-Q4_0.gguf": Content(b"GGUF" + bytes(500))})
    plan = plan_download(Wanted(model="m", repo="org/evil-GGUF"), store, patience=patience)
    with pytest.raises(VerificationFailed, match="not a sound file"):
        download(plan, store, patience=patience)
    assert not list(store.root.rglob("*.gguf"))
    assert not list(store.blobs.iterdir())


def test_offline_without_a_copy_is_an_error_of_its_own(hub, published, store):
    with pytest.raises(Offline):
        plan_download(WANTED, store, offline=True)
    assert hub.log == []


def test_an_unknown_quantization_lists_what_there_is(hub, published, store, patience):
    with pytest.raises(UnknownName) as caught:
        plan_download(Wanted(model="m", repo="org/model-GGUF", quant="Q5_K_M"), store, patience=patience)
    assert caught.value.suggestions == ("Q4_K_M",)


def test_room_is_checked_before_the_first_byte(hub, published, store, patience, monkeypatch, weights):
    plan = plan_download(WANTED, store, patience=patience)
    monkeypatch.setattr(type(store), "free_bytes", lambda self: len(weights) + (1 << 30) - 1)
    with pytest.raises(DiskFull, match="needs 1"):
        download(plan, store, patience=patience)
    assert hub.served_bytes() == 0
    monkeypatch.setattr(type(store), "free_bytes", lambda self: len(weights) + (1 << 30))
    download(plan, store, patience=patience)


def test_damage_on_disk_is_found_and_mended(hub, published, store, patience, weights):
    result = download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    blob = result.path.resolve()
    blob.write_bytes(weights[:-1] + b"!")
    plan = plan_download(WANTED, store, patience=patience)
    assert plan.missing_bytes == len(weights)
    assert download(plan, store, patience=patience).path.read_bytes() == weights


def test_a_touched_but_sound_file_is_hashed_again_not_fetched(hub, published, store, patience):
    result = download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    result.path.resolve().touch()
    served = hub.served_bytes()
    again = download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    assert (again.files[0].origin, hub.served_bytes()) == ("store", served)


def test_copies_of_other_tools_are_taken_and_damaged_ones_left_alone(
    hub, published, store, patience, weights, tmp_path
):
    digest = plan_download(WANTED, store, patience=patience).files[0].digest
    cache = tmp_path / "hf/hub/models--org--model-GGUF/blobs" / digest.hex
    ollama = tmp_path / "ollama/blobs" / f"sha256-{digest.hex}"
    for path, data in ((cache, b"!" + weights[1:]), (ollama, weights)):
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    result = download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    assert result.files[0].origin == "ollama"
    assert result.path.read_bytes() == weights
    assert cache.read_bytes()[0:1] == b"!"
    assert hub.served_bytes() == 0


def test_what_was_downloaded_can_be_listed_and_removed(hub, published, store, patience, weights):
    result = download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    (manifest,) = store.read_manifests()
    assert (manifest.repo, manifest.quant, manifest.bytes) == ("org/model-GGUF", "Q4_K_M", len(weights))
    assert store.forget(manifest) >= len(weights)
    assert not result.path.exists()
    assert not list(store.blobs.iterdir())
    assert store.read_manifests() == ()


def test_a_damaged_manifest_is_as_if_it_were_not_there(store):
    store.prepare()
    for index, text in enumerate(("", "[" * 100_000, "{}", json.dumps({"schema": "advisor.manifest/2"}))):
        (store.manifests / f"{index}.json").write_text(text)
    assert store.read_manifests() == ()


def model_with(*artifacts):
    return Model(id="org/m", name="M", family="f", vendor="v", category=Category.LLM, artifacts=artifacts)


def test_the_best_known_gguf_repository_is_chosen_and_foreign_stores_are_not():
    known = ArtifactFile(path="m-Q4_K_M.gguf", bytes=5, sha256="a" * 64)
    model = model_with(
        Artifact(repo="library/m", format="ollama", quant="Q4_K_M"),
        Artifact(repo="org/m-mlx", format="mlx", quant="mlx-4bit"),
        Artifact(repo="a/m-GGUF", format="gguf", quant="Q4_K_M", files=(ArtifactFile(path="m-Q4_K_M.gguf"),)),
        Artifact(repo="b/m-GGUF", format="gguf", quant="Q4_K_M", files=(known,)),
        Artifact(repo="b/m-GGUF", format="gguf", quant="Q8_0", files=(known,)),
    )
    assert wanted_from_model(model, None).repo == "b/m-GGUF"
    assert wanted_from_model(model, "q4_k_m").files == (known,)
    assert wanted_from_model(model, "MLX-4bit").repo == "org/m-mlx"
    with pytest.raises(UnknownName, match="no published Q5_K_M") as caught:
        wanted_from_model(model, "Q5_K_M")
    assert "Q4_K_M" in caught.value.suggestions
    with pytest.raises(UsageError, match="cannot be downloaded"):
        wanted_from_model(replace(model, downloadable=False), None)


def test_a_repository_of_another_format_is_taken_whole(hub, store, patience):
    weights = safetensors_bytes({"w": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}, b"12345678")
    hub.commit("org/m-mlx", {"model.safetensors": Content(weights), "config.json": Content(b"{}", lfs=False)})
    wanted = wanted_from_model(model_with(Artifact(repo="org/m-mlx", format="mlx", quant="mlx-4bit")), "mlx-4bit")
    plan = plan_download(wanted, store, patience=patience)
    assert (plan.quant, len(plan.files)) == ("mlx-4bit", 2)


def test_a_repository_that_leaves_the_folder_is_refused(store):
    listed = (ArtifactFile(path="m.gguf", bytes=5, sha256="a" * 64),)
    for repo in ("../../etc", "/etc/x", "a/b/c", "a\x1b/b"):
        with pytest.raises(UsageError, match="not a hub repository"):
            plan_download(Wanted(model="m", repo=repo, quant="Q4_0", revision="a" * 40, files=listed), store)


def test_a_manifest_with_a_path_out_of_the_folder_is_ignored(hub, published, store, patience):
    download(plan_download(WANTED, store, patience=patience), store, patience=patience)
    (path,) = store.manifests.iterdir()
    path.write_text(path.read_text().replace("model-Q4_K_M.gguf", "../../../x.gguf"))
    assert store.read_manifests() == ()


def test_a_models_folder_that_is_a_file_is_one_clear_error(hub, published, tmp_path, patience):
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file")
    plan = plan_download(WANTED, store, patience=patience)
    with pytest.raises(StoreError, match="cannot be used for models"):
        download(plan, store, patience=patience)
