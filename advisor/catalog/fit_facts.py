"""Facts about models as the fit of quality takes them: from their catalog entries and catalog/quality/kinds.yaml."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SUFFIX = re.compile(r"-(instruct|it|chat|hf|base|bf16|thinking|2507|v0\.[0-9])(?=-|$)")
"""Parts of a name that tell versions of one set of weights apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the scaling prior knows of a model. Parameters are counts, `released` is a year with its fraction."""

    model: str
    vendor: str
    family: str
    category: str
    released: float | None
    total_params: float | None
    active_params: float | None
    thinking: str
    base: bool
    """Never taught to answer."""
    purpose: str
    """ocr, extract, function or math for models made for one purpose, code for code models, else empty."""
    images: bool
    training_tokens: float | None
    lineage: str
    """A label shared by models that start from the same weights."""

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes its quality is told in: one, or two where thinking can be switched."""
        return {"toggle": ("thinking", "non-thinking"), "always": ("thinking",)}.get(self.thinking, ("default",))


def year_fraction(text: str) -> float | None:
    """'2025-03-12', '2025-03' or '2025' as a year with its fraction; None for an empty text."""
    if not text:
        return None
    parts = [int(part) for part in text.split("-")]
    month = parts[1] if len(parts) > 1 else 7
    day = parts[2] if len(parts) > 2 else 15
    return parts[0] + (month - 1) / 12 + (day - 1) / 365


def lineage_label(model: str) -> str:
    """A model's name without the parts that tell a base from its tuned versions."""
    return SUFFIX.sub("", model.lower().replace("meta-llama-", "llama-"))


def _purpose(model: str, category: str, kinds: Mapping[str, Any]) -> str:
    listed = next((purpose for purpose, models in kinds["purposes"].items() if model in models), None)
    return listed or ("code" if category == "code" else "")


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def facts_of(record: Mapping[str, Any], kinds: Mapping[str, Any]) -> Facts:
    """One model's facts from its entry (with its file's family and vendor) and the special cases of kinds.yaml."""
    model = record["id"]
    dates = {row["model"]: row["date"] for row in kinds["released"]}
    counts = {row["model"]: row["total"] for row in kinds["params"]}
    params = record.get("params") or {}
    total = _float(counts.get(model, params.get("total")))
    base = kinds["kin"].get(model) or (record.get("lineage") or {}).get("base") or model
    return Facts(
        model=model,
        vendor=record["vendor"],
        family=record["family"],
        category=record["category"],
        released=year_fraction(str(dates.get(model) or record.get("released") or "")),
        total_params=total,
        active_params=total if model in counts else _float(params.get("active")) or total,
        thinking=record.get("thinking") or "never",
        base=record.get("tuning") == "base",
        purpose=_purpose(model, record["category"], kinds),
        images="image" in (record.get("modalities") or ()),
        training_tokens=_float(record.get("training_tokens")),
        lineage=lineage_label(base),
    )
