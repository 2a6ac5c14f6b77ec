"""Which engine measures or answers, and what is said where there is none."""

import pytest

from advisor.engines import choice
from advisor.engines.embedded import EmbeddedEngine
from advisor.errors import EngineError


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(EmbeddedEngine, "installed", staticmethod(lambda: False))


@pytest.mark.parametrize(
    ("stated", "words"), [(None, "no engine .* is installed"), ("llama-server", "llama-server is not installed")]
)
@pytest.mark.parametrize("chosen", [choice.choose_for_file, choice.choose_for_answer])
def test_what_is_missing_is_said_once(nothing_installed, chosen, stated, words):
    with pytest.raises(EngineError, match=words) as caught:
        chosen((), stated)
    assert "model-advisor[bench]" in (caught.value.hint or "")
