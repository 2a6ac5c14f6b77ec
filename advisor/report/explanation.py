"""The `explanations` of a recommendation: the arithmetic of each pick, as data and for people."""

from collections.abc import Iterator, Sequence
from typing import Any

from advisor.decide.explanation import Explained

TITLES = {
    "memory": "Memory",
    "work": "Operations",
    "prefill": "Reading the prompt",
    "decode": "One output token",
    "quality": "Quality",
}


def explanations_document(explained: Sequence[Explained]) -> list[dict[str, Any]]:
    """Every pick: its steps, and where the time goes."""
    return [
        {
            "rank": one.rank,
            "model": one.model_id,
            "quant": one.quant,
            "steps": [
                {
                    "about": step.about,
                    "name": step.name,
                    "text": step.text,
                    "value": float(f"{step.value:.6g}"),
                    "unit": step.unit,
                    "source": step.source,
                }
                for step in one.steps
            ],
            "time": {phase: {name: round(share, 4) for name, share in shares} for phase, shares in one.shares.items()},
        }
        for one in explained
    ]


def explanation_lines(explained: Sequence[Explained]) -> Iterator[str]:
    """The arithmetic of the first pick; those of the others are in the JSON."""
    if not explained:
        return
    first = explained[0]
    yield f"Arithmetic of #1, {first.model_id} {first.quant}:"
    for about, title in TITLES.items():
        steps = [step for step in first.steps if step.about == about]
        if steps:
            yield f"  {title}"
        for step in steps:
            yield f"    {step.name}: {step.text}"
            yield f"      ({step.source})"
