"""The form of benchmark results in overlays, and of the table of benchmarks that the hub keeps. See `schema`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len
from pydantic import AllowInfNan, ConfigDict, StrictBool

from advisor.catalog.vocabulary import Date, RepoId, Text

Unit = Literal["frac", "pct", "pct_lower_better", "wer_pct", "bleu", "bt_rating", "rating", "points"]
Mode = Literal["thinking", "non-thinking", "reasoning", "non-reasoning"]

_CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceForm:
    """One benchmark result of an overlay, verbatim. `source` says where it was read."""

    __pydantic_config__ = _CLOSED
    model: RepoId
    benchmark: Text
    task: Text
    score: Annotated[float, AllowInfNan(False)]
    unit: Unit
    source: Text
    date: Date | None = None
    locator: Text | None = None
    mode: Mode | None = None
    self_reported: StrictBool = False
    quant: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubBenchmarkForm:
    """One dataset of results: its name here, its kind of work, which of its tasks count."""

    __pydantic_config__ = _CLOSED
    dataset: RepoId
    benchmark: Text
    task: Text
    only: Annotated[list[Text], Len(1, 20)] | None = None
    chance: Annotated[float, Ge(0), Le(100)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubBenchmarksFile:
    """`catalog/hub_benchmarks.yaml`."""

    __pydantic_config__ = _CLOSED
    schema: Literal[1]
    source: Text
    benchmarks: list[HubBenchmarkForm]
