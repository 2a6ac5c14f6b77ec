"""Mutated YAML never ends in anything but a value or `BadDocument`."""

import random
from pathlib import Path

import pytest

from advisor.catalog.folder import RawCatalog
from advisor.catalog.overlay import layer_of
from advisor.catalog.overlay_gates import apply_sound
from advisor.catalog.source import source_folder
from advisor.catalog.strict_yaml import parse_yaml
from advisor.errors import BadDocument

SPICE = [
    b"&a ",
    b"*a",
    b"!!python/object/apply:os.system ",
    b"!t ",
    b"<<: ",
    b"---\n",
    b"...\n",
    b"%YAML 1.3\n",
    b"? ",
    b": ",
    b"- ",
    b"[",
    b"]",
    b"{",
    b"}",
    b"'",
    b'"',
    b"|\n",
    b">-\n",
    b"#",
    b"\t",
    b"\n  ",
    b"\x00",
    b"\xff",
    b"\xe2\x80\xae",
    b"\xc2\x85",
    b"1e999",
    b".inf",
    b"0x1F",
    b"9" * 400,
    b"null",
    b"~",
    b"true",
    b"\r",
    b"\\u202e",
    b"[" * 60,
    b"a: " * 40,
]
WHOLE = [
    b"schema: 1\nfamily: F\nvendor: V\nmodels:\n- {id: v/a, name: A, category: llm, params: {total: 10}}\n",
    b"schema: 1\nmodels:\n- id: v/a\n  artifacts:\n"
    b"  - {repo: v/b, format: gguf, source: hub, files: [{quant: Q8_0, path: a.gguf}]}\n",
    b"schema: 1\ndeny:\n  models: ['a/*']\n  vendors: [V]\n  licences: [cc-by-nc-*]\n",
    b"schema: 1\nevidence:\n"
    b"- {model: v/a, benchmark: B, task: chat, score: 71.5, unit: pct, source: us, date: 2026-11-02}\n",
    b"family: Mine\nvendor: Us\ndevices:\n- {id: us/card, name: Card, kind: gpu, memory: 24GiB}\n",
]
"""Small sound files of every kind: most mutations of these reach the checks of form."""


def mutate(data: bytes, rng: random.Random) -> bytes:
    text = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            text[at:at] = rng.choice(SPICE)
        elif kind == 1:
            del text[at : at + rng.randint(1, 40)]
        elif kind == 2 and at < len(text):
            text[at] = rng.randrange(256)
        else:
            start = rng.randrange(len(text) + 1)
            text[at:at] = text[start : start + rng.randint(1, 60)]
    return bytes(text)


def seeds() -> list[bytes]:
    files = sorted((source_folder() / "models").glob("*/*.yaml"))
    return [*WHOLE * 3, *(Path(path).read_bytes()[:3000] for path in files[::16])]


def run(rounds: int, seed: int) -> int:
    rng, pool, accepted = random.Random(seed), seeds(), 0
    for _ in range(rounds):
        data = mutate(rng.choice(pool), rng)
        try:
            apply_sound(RawCatalog(models={"v/a": {"id": "v/a"}}), layer_of(parse_yaml(data, "fuzz.yaml")))
            accepted += 1
        except BadDocument as error:
            assert "\n" not in error.message, data  # noqa: PT017
    return accepted


def test_mutated_files_short():
    assert 0 < run(1500, seed=7) < 1500


@pytest.mark.long
def test_mutated_files_long():
    assert run(1_000_000, seed=11) > 0
