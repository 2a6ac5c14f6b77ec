"""From the texts of the question form to a `Request`, and from an answered question to the defaults it shows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from advisor.decide.question import Question
from advisor.domain.units import parse_duration
from advisor.errors import UsageError
from advisor.verbs.question import Request

_COUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKmM]?)")
_STEPS = {"": 1, "k": 1024, "m": 1024**2}

SHOWN_PICKS = 30
"""Models asked for: more than a screen holds, few enough to rank and draw at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input of the form. `kind`: duration, rate or count."""

    name: str
    label: str
    what: str
    """Its name in a message."""
    kind: str
    example: str


FIELDS = (
    Field(name="max_ttft_s", label="First ≤", what="first token", kind="duration", example="800ms or 2s"),
    Field(name="min_tokens_per_s", label="Tok/s ≥", what="tokens/s", kind="rate", example="10"),
    Field(name="max_latency_s", label="Answer ≤", what="whole answer", kind="duration", example="30s or 2m"),
    Field(name="prompt_tokens", label="Prompt", what="prompt", kind="count", example="1024 or 2k tokens"),
    Field(name="output_tokens", label="Output", what="output", kind="count", example="512 tokens"),
    Field(name="context", label="Context", what="context", kind="count", example="8192 or 8k tokens"),
    Field(name="users", label="Users", what="users", kind="count", example="1"),
)
"""Every field in the order of the form."""


def parse_count(text: str, what: str) -> int:
    """`512`, `2k` (2048), `1m`. Raises UsageError unless it is a whole number of at least 1."""
    match = _COUNT.fullmatch(text.strip())
    number = float(match[1]) * _STEPS[match[2].lower()] if match else 0.0
    if number < 1 or number != int(number) or number > 1e12:
        raise UsageError(
            f"{what} `{text.strip()[:20]}` is not understood", hint="give a whole number such as 512 or 2k"
        )
    return int(number)


def parse_rate(text: str, what: str) -> float:
    """Tokens a second. Raises UsageError unless it is a positive number."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        raise UsageError(f"{what} `{text.strip()[:20]}` is not understood", hint="give a positive number such as 10")
    return value


def parse_field(field: Field, text: str) -> float | int | None:
    """The value of one field; None where it is empty. Raises UsageError."""
    if not text.strip():
        return None
    what = field.what
    if field.kind == "duration":
        return parse_duration(text.strip(), what)
    return parse_rate(text, what) if field.kind == "rate" else parse_count(text, what)


def request_from(task: str | None, texts: Mapping[str, str]) -> Request:
    """The request that the form states. Raises UsageError for the first text that is not understood."""
    values = {field.name: parse_field(field, texts.get(field.name, "")) for field in FIELDS}
    return Request(task=task, limit=SHOWN_PICKS, **values)  # type: ignore[arg-type]


def short_duration(limit_s: float | None) -> str:
    """A limit as it would be typed: `800ms`, `2.5s`, `90s`, `5m`; `none` for no limit."""
    if limit_s is None:
        return "none"
    if limit_s < 1:
        return f"{limit_s * 1000:.3g}ms"
    return f"{limit_s / 60:g}m" if limit_s >= 300 and limit_s % 60 == 0 else f"{limit_s:.4g}s"


def defaults_of(question: Question) -> dict[str, str]:
    """What holds in each field that was left empty, as its placeholder."""
    budget, workload = question.budget, question.workload
    rate = "none" if budget.max_tpot_s is None else f"{1 / budget.max_tpot_s:.3g}"
    return {
        "max_ttft_s": short_duration(budget.max_ttft_s),
        "min_tokens_per_s": rate,
        "max_latency_s": short_duration(budget.max_latency_s),
        "prompt_tokens": f"{workload.prompt_tokens}"
        + (f" +{workload.cached_tokens}" if workload.cached_tokens else ""),
        "output_tokens": str(workload.output_tokens),
        "context": str(workload.context),
        "users": str(workload.users),
    }


def question_words(question: Question) -> str:
    """The question in one line, as sizing answers it."""
    w, b = question.workload, question.budget
    limits = [f"first token ≤ {short_duration(b.max_ttft_s)}"] if b.max_ttft_s is not None else []
    limits += [f"tokens/s ≥ {1 / b.max_tpot_s:.3g}"] if b.max_tpot_s is not None else []
    limits += [f"answer ≤ {short_duration(b.max_latency_s)}"] if b.max_latency_s is not None else []
    people = "1 user" if w.users == 1 else f"{w.users} users"
    shape = f"{w.prompt_words}, {w.output_tokens} output tokens"
    return " · ".join([question.task.title, people, shape, *limits])
