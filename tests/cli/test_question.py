"""What a question becomes once every default is filled in."""

import pytest

from advisor.errors import UsageError
from advisor.settings import Settings
from advisor.verbs.question import Request, build_question
from advisor.verbs.workspace import Workspace


@pytest.fixture(scope="module")
def catalog():
    return Workspace(Settings()).catalog


def workload(catalog, **asked):
    return build_question(Request(**asked), catalog).workload


def test_an_agent_has_earlier_turns_in_the_window_that_agents_ask_for(catalog):
    usual = workload(catalog, task="agentic-coding")
    assert (usual.prompt_tokens, usual.cached_tokens, usual.context) == (4000, 24000, 65536)
    assert usual.needed_tokens - usual.thinking_tokens <= 32768, "models with such a window can do it too"
    assert workload(catalog, task="chat").cached_tokens == 0


def test_earlier_turns_give_way_to_what_is_stated(catalog):
    asked = {"task": "agentic-coding"}
    assert workload(catalog, **asked, context=16384).cached_tokens == 16384 - 4400
    assert workload(catalog, **asked, prompt_tokens=9000).cached_tokens == 0
    assert workload(catalog, **asked, prompt_tokens=9000, cached_tokens=500).cached_tokens == 500
    assert workload(catalog, task="chat", cached_tokens=10000).context == 10752
    with pytest.raises(UsageError, match="cannot hold 9000 cached"):
        workload(catalog, **asked, context=10000, cached_tokens=9000)


def test_a_target_needs_less_certainty_than_a_stated_limit_unless_one_is_asked_for(catalog):
    def required(**asked):
        return build_question(Request(**asked), catalog).budget.required

    assert required() == 0.5
    assert required(max_ttft_s=2.0) == 0.9
    assert required(confidence=0.8) == required(confidence=0.8, max_ttft_s=2.0) == 0.8
