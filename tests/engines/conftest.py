"""A child process in place of the embedded engine's own."""

import json

import pytest

from advisor.engines import embedded
from advisor.engines.embedded import EmbeddedEngine


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a child that prints the given events, then runs the given code, in the engine's place; a model's path."""
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    monkeypatch.setattr(EmbeddedEngine, "installed", staticmethod(lambda: True))

    def put(events, code):
        child = tmp_path / "child.py"
        child.write_text(
            "import json, os, sys, time\n"
            f"for event in json.loads({json.dumps(events)!r}): print(json.dumps(event), flush=True)\n{code}\n"
        )
        monkeypatch.setattr(embedded, "CHILD", child)
        return model

    return put
