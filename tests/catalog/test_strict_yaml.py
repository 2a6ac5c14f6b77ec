"""The strict reader takes plain data and refuses everything clever, always as BadDocument with file and line."""

import pytest
import yaml

from advisor.catalog import strict_yaml
from advisor.catalog.strict_yaml import parse_yaml, read_yaml
from advisor.errors import BadDocument


def load(text):
    return parse_yaml(text.encode(), "x.yaml").value


def test_scalars_are_yaml_1_2():
    text = "a: no\nb: 1:30\nc: 1_000\nd: 1e3\ne: ~\nf: true\ng: 0x10\nh: 010\ni: '12'\nj: -7\nk: 2025-04-28\nl: .5\nm:"
    assert load(text) == {
        "a": "no",
        "b": "1:30",
        "c": "1_000",
        "d": 1000.0,
        "e": None,
        "f": True,
        "g": "0x10",
        "h": "010",
        "i": "12",
        "j": -7,
        "k": "2025-04-28",
        "l": 0.5,
        "m": None,
    }


def test_long_digits_stay_text():
    assert load("a: " + "9" * 5000) == {"a": "9" * 5000}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: &x 1", "anchors"),
        ("a: &x 1\nb: *x", "anchors"),
        ("b: *x", ""),
        ("a: !!python/object:os.system x", "tags"),
        ("a: !!int 1", "tags"),
        ("<<: {a: 1}", "key must be plain text"),
        ("a: 1\nb: 2\na: 3", "x.yaml:3: duplicate key 'a'"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ('a: "\\e[31m"', "control or invisible"),
        ('a: "\\u202e"', "control or invisible"),
        ('a: "\\0"', "control or invisible"),
        ("? [1, 2]\n: 3", ""),
        ("? {a: 1}\n: 3", ""),
        ("1: 2", "key must be plain text"),
        ("[" * 30 + "]" * 30, "deeper than 24"),
        ("[" * 20000, "x.yaml:1: "),  # libyaml may refuse it before we do
        ("a: 1e999", "number out of range"),
        ("a: [1, 2", "x.yaml:"),
        ("a: 'x", "x.yaml:"),
        ("%YAML 9.9\n---\na: 1", "x.yaml:"),
        ("a: " + "x" * 20000, "longer than"),
    ],
)
def test_refusals_name_the_file(text, reason):
    with pytest.raises(BadDocument) as caught:
        load(text)
    assert caught.value.message.startswith("x.yaml")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


def test_limits_hold(monkeypatch):
    monkeypatch.setattr(strict_yaml, "MAX_NODES", 10)
    with pytest.raises(BadDocument, match="more than 10 nodes"):
        load("[1,2,3,4,5,6,7,8,9,10]")
    monkeypatch.setattr(strict_yaml, "MAX_BYTES", 5)
    with pytest.raises(BadDocument, match="more than 5"):
        load("abcdefgh")


def test_bytes_that_are_not_text():
    for data in (b"\xff\xfe\x00a", b"a: \xc3", b"\x00", "a: \ud800".encode("utf-16-le", "surrogatepass")):
        with pytest.raises(BadDocument):
            parse_yaml(data, "x.yaml")


def test_the_pure_loader_agrees(monkeypatch):
    text = "a: no\nb: [1, 'x', \"y\", 2.5, null]\nc:\n  d: |\n    text\n  e: >-\n    folded\n    more\n"
    fast = load(text)
    monkeypatch.setattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert load(text) == fast


def test_lines_are_known():
    document = parse_yaml(b"a: 1\nb:\n- x: 1\n- x: 2\n  y: 3\n", "x.yaml")
    assert document.line_of(["b", 1, "y"]) == 5
    assert document.line_of(["b", 1, "missing"]) == 4
    assert document.line_of(["nothing"]) == 1


def test_unreadable_file(tmp_path):
    with pytest.raises(BadDocument, match="No such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(BadDocument):
        read_yaml(tmp_path)
