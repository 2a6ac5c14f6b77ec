"""Catalogs from an organisation's server: used when signed, refused with one line under every attack, old one kept."""

import dataclasses
import json

import pytest
from pydantic import TypeAdapter

from advisor.catalog.source import load_catalog, user_overlays
from advisor.errors import AdvisorError, BadDocument, NetworkError, Offline, UsageError, VerificationFailed
from advisor.report.catalog_update import signed_document
from advisor.report.update_documents import UPDATE_DOCUMENTS
from advisor.verbs.catalog_signed import update_all_signed, update_signed
from tests.hub.signed_server import SignedServer, keys

BASE = """schema: 1
family: Tiny
vendor: Org
models:
- {id: org/tiny, name: Tiny, category: llm}
"""
FIRST = b"schema: 1\nmodels:\n- {id: org/tiny, note: first}\n"
SECOND = b"schema: 1\nmodels:\n- {id: org/tiny, note: second}\n"


@pytest.fixture
def server():
    server = SignedServer()
    server.publish({"acme.yaml": FIRST})
    yield server
    server.close()


@pytest.fixture
def base(tmp_path, monkeypatch):
    family = tmp_path / "base" / "models" / "org" / "tiny.yaml"
    family.parent.mkdir(parents=True)
    family.write_text(BASE)
    monkeypatch.setattr("advisor.catalog.source.source_folder", lambda: tmp_path / "base")
    monkeypatch.setenv("ADVISOR_ORG_CATALOG", str(tmp_path / "none"))
    return tmp_path / "base"


@pytest.fixture
def given(tmp_path, server):
    path = tmp_path / "root.json"
    path.write_bytes(server.root)
    return path


@pytest.fixture
def update(tmp_path, server, base, patience):
    """Ask the server for news; the shipped data folder is `tmp_path / data`."""
    return lambda **options: update_signed(server.url, tmp_path / "data", patience=patience, **options)


@pytest.fixture
def note(tmp_path, base):
    """What the catalog in use says of the model, read without the server."""

    def read():
        overlays = user_overlays(tmp_path / "config", tmp_path / "data")
        return load_catalog(overlays, source=base, cache=tmp_path / "cache").model("org/tiny").note

    return read


def test_a_signed_catalog_is_used_and_updated(server, update, given, note, tmp_path, patience):
    assert note() is None
    first = update(root=given)
    assert (first.version, first.models, first.changed, note()) == (1, 1, True, "first")
    assert update().changed is False
    server.publish({"acme.yaml": SECOND})
    [second] = update_all_signed(tmp_path / "data", patience=patience)
    assert (second.version, second.changed, note()) == (2, True, "second")
    document = signed_document([second])
    TypeAdapter(UPDATE_DOCUMENTS["catalog-signed"]).validate_python(document)


def test_an_unchanged_file_is_not_fetched_again(server, update, given):
    update(root=given)
    server.publish({"acme.yaml": FIRST, "more/denied.yaml": b"schema: 1\ndeny: {licences: [none]}\n"})
    server.asked.clear()
    update()
    assert [path for path in server.asked if path.startswith("/targets")] != []
    assert not any("acme" in path for path in server.asked)


def test_the_trust_root_is_needed_once(server, update, given):
    with pytest.raises(UsageError, match="trust root"):
        update()
    update(root=given)
    given.unlink()
    update()


def test_a_file_that_is_no_trust_root(update, tmp_path):
    (tmp_path / "bad.json").write_text('{"signed": {"_type": "targets"}}')
    with pytest.raises(UsageError, match="not a trust root"):
        update(root=tmp_path / "bad.json")


def test_rotated_keys_are_followed(server, update, given, note):
    update(root=given)
    old, server.keys = server.keys, keys()
    server.publish_root(by=[*old["root"], *server.keys["root"]])
    server.publish({"acme.yaml": SECOND})
    update()
    assert note() == "second"


def rollback(server):
    kept = dict(server.served)
    server.publish({"acme.yaml": SECOND})
    yield "older"
    server.served = {**server.served, "/metadata/timestamp.json": kept["/metadata/timestamp.json"]}


def frozen(server):
    yield "expired"
    server.publish({"acme.yaml": SECOND}, expires={"timestamp": -1})


def expired_targets(server):
    yield "expired"
    server.publish({"acme.yaml": SECOND}, expires={"targets": -1})


def mixed(server):
    """The new timestamp and snapshot with the old list of files, under the new name."""
    yield "not the one that was signed"
    old = server.served[f"/metadata/{server.versions['targets']}.targets.json"]
    server.publish({"acme.yaml": SECOND})
    server.served[f"/metadata/{server.versions['targets']}.targets.json"] = old


def wrong_key(server):
    yield "not signed by the keys"
    server.keys = {**server.keys, "timestamp": keys()["timestamp"]}
    server.publish({"acme.yaml": SECOND})


def wrong_targets_key(server):
    yield "not signed by the keys"
    server.keys = {**server.keys, "targets": keys()["targets"]}
    server.publish({"acme.yaml": SECOND})


def one_of_two_root_keys(server):
    yield "not signed by the keys"
    old, server.keys = server.keys, keys()
    server.publish_root(by=[old["root"][0], *server.keys["root"]])
    server.publish({"acme.yaml": SECOND})


def _spoil(server, change):
    server.publish({"acme.yaml": SECOND})
    for path, data in server.served.items():
        if data == SECOND:
            server.served[path] = change(data)


def altered_file(server):
    yield "not the one that was signed"
    _spoil(server, lambda data: data.replace(b"second", b"SECOND"))


def longer_file(server):
    yield "longer"
    _spoil(server, lambda data: data + b"#" * 100_000)


def endless_timestamp(server):
    yield "longer"
    server.served["/metadata/timestamp.json"] = b" " * 100_000


def nonsense(server):
    yield "not acceptable"
    server.served["/metadata/timestamp.json"] = b"<html>captive portal</html>"


def leaving_the_folder(server):
    yield "names a file"
    server.publish({"../../escape.yaml": SECOND})


def not_a_catalog(server):
    yield "is not accepted: .*acme.yaml:1"
    server.publish({"acme.yaml": b"commands: [rm]\n"})


def of_a_newer_form(server):
    yield "is not accepted"
    server.publish({"acme.yaml": b"schema: 2\nmodels: []\n"})


ATTACKS = [
    rollback, frozen, expired_targets, mixed, wrong_key, wrong_targets_key, one_of_two_root_keys, altered_file,
    longer_file, endless_timestamp, nonsense, leaving_the_folder, not_a_catalog, of_a_newer_form,
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_attacks_are_refused_and_the_old_catalog_stays(attack, server, update, given, note, tmp_path):
    update(root=given)
    steps = attack(server)
    reason = next(steps)
    if attack is rollback:
        update()
    before = note()
    next(steps, None)
    with pytest.raises(VerificationFailed, match=reason) as refused:
        update()
    assert refused.value.exit_code == 4
    assert "\n" not in refused.value.message
    assert note() == before
    assert not list(tmp_path.rglob("escape.yaml"))


@pytest.mark.parametrize("attack", [frozen, wrong_key, altered_file], ids=lambda attack: attack.__name__)
def test_a_first_catalog_that_is_refused_leaves_nothing_in_use(attack, server, update, given, note):
    list(attack(server))
    with pytest.raises(VerificationFailed):
        update(root=given)
    assert note() is None
    with pytest.raises(UsageError, match="trust root"):
        update()


def test_a_new_root_file_starts_over_only_when_all_of_it_holds(server, update, given, note, tmp_path):
    update(root=given)
    stranger = SignedServer()
    stranger.close()
    other = tmp_path / "other.json"
    other.write_bytes(stranger.root)
    with pytest.raises(VerificationFailed):
        update(root=other)
    assert note() == "first"
    assert update().version == 1


def test_without_the_server_the_old_catalog_stays(server, update, given, note):
    update(root=given)
    server.served.clear()
    with pytest.raises(NetworkError, match="no signed catalog"):
        update()
    server.close()
    with pytest.raises(NetworkError):
        update()
    assert note() == "first"


def test_offline_asks_nobody(server, update, given):
    server.asked.clear()
    with pytest.raises(Offline):
        update(root=given, offline=True)
    assert server.asked == []


@pytest.mark.parametrize("url", ["http://example.org/c", "ftp://example.org", "/etc", "https://u:p@example.org/c"])
def test_addresses_that_are_not_used(url, tmp_path):
    with pytest.raises(UsageError):
        update_signed(url, tmp_path / "data")


def test_a_damaged_pointer_is_said_and_mended(server, update, given, note, tmp_path):
    update(root=given)
    [pointer] = (tmp_path / "data").rglob("source.json")
    for text in ("{", json.dumps({"url": 1}), pointer.read_text().replace("files-", "../files-")):
        pointer.write_text(text)
        with pytest.raises(BadDocument, match="damaged"):
            note()
        update(root=given)
        assert note() == "first"


def test_files_changed_on_disk_are_fetched_again(server, update, given, note, tmp_path):
    done = update(root=given)
    (done.path / "acme.yaml").write_bytes(SECOND)
    update()
    assert note() == "first"
    assert dataclasses.replace(done, changed=False) == update()


def test_without_the_extra_one_line_says_what_to_install(update, given, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tuf.ngclient", None)
    with pytest.raises(AdvisorError, match="python-tuf") as missing:
        update(root=given)
    assert "model-advisor[update]" in (missing.value.hint or "")
