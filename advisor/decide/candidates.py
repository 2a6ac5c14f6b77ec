"""Which systems (weights, thinking mode, quantization, engine) come into question, and which are out and why.

A system's utility does not depend on the machine: expected quality on the task, less a part of its uncertainty, less
what a score that was not measured on the task and what size and work must make up for. These settle what the scores
alone leave open: of two within their uncertainty the measured one comes first, then the smaller and faster. And since
the order is the same on every machine, more memory, bandwidth or time can only add choices, never worsen the best.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from advisor.decide.efficiency import goes_on
from advisor.decide.loading import engine_for, file_format, formats_of, quants_for
from advisor.decide.quality import below_floor, system_quality
from advisor.decide.question import Question
from advisor.domain.entry import CatalogEntry
from advisor.domain.model import Grade, Tuning
from advisor.domain.sizes import ModelSizes, QuantSize
from advisor.estimate.formats import in_format

DOUBT_WEIGHT = 0.5
"""Share of a score's standard deviation taken off: evidence beats hope, but a good unmeasured model can still win."""
POINTS_PER_DOUBLING = 0.5
"""Points of quality that a doubling of the weights must buy; also that a doubling of the work per answer must buy.
Below the noise of one benchmark (1–2 points), above nothing: of two equals the smaller and faster wins."""
POINTS_OF_EVIDENCE: Mapping[Grade, float] = {
    Grade.MEASURED: 0.0,
    Grade.SIBLING: 1.4,
    Grade.IMPUTED: 1.5,
    Grade.PRIOR: 2.3,
}
"""Points that a score of a lesser grade must promise beyond a measured one: with these and its doubt, a choice comes
before a measured one where it is better with a probability of 80 %, and what is less sure is a tie. For the least
deviation of each grade (`quality.LEAST_SD`): 0.84 times that of the difference, less the difference of the doubts."""


UNPROVEN_PENALTY = 100.0
"""Points off a model of which no result at all is published: below every model with one, so it comes only when none of
those works."""
BASE_PENALTY = 400.0
"""Points off weights that were never taught to answer: they continue a text, so every model that was taught comes
before them, one without results or in too few bits too."""
TOOLS_DOUBT = 10.0
"""Points off, where a task takes tool calls, a model that no source says can make them: of 39 such models with results
on tau2-bench 18 finish less than a fifth of its jobs, so half of what their score expects (20 to 40) is in doubt."""
FLOOR_PENALTY = 200.0
"""Points off a quantization too coarse for its model's size: below every other choice of a taught model, so it
comes only when none fits."""
NATIVE_BITS = {"MXFP4": 4.6}
"""Mean bits per weight of weights that were published in such a format: that quantization loses nothing."""


class Reason(StrEnum):
    """Why a model or a choice of it is not offered."""

    NOT_FOR_TASK = "not_for_task"
    NO_QUALITY = "no_quality_known"
    LICENCE = "licence"
    NOT_DOWNLOADABLE = "not_downloadable"
    NO_ENGINE = "no_engine"
    CONTEXT = "context_too_short"
    DERIVATIVE = "derivative"
    QUALITY = "below_min_quality"
    TIER = "above_tier"
    ENERGY = "too_much_energy"
    POWER = "too_much_power"
    ARCHITECTURE = "architecture_unknown"
    MEMORY = "memory"
    SLOW = "too_slow"
    SPEED_UNKNOWN = "speed_unknown"
    OUTRANKED = "outranked"


class Shelf(Protocol):
    """What is needed of the catalog."""

    def entries(self) -> Sequence[CatalogEntry]:
        """Every model."""
        ...

    def sizes(self, model_id: str) -> ModelSizes | None:
        """Bytes by quantization, as `formats.in_format` names it; None while the architecture is unknown."""
        ...

    def size(self, model_id: str, quant: str, form: str = "gguf") -> QuantSize | None:
        """Bytes of one quantization in a file format; None when they cannot be known."""
        ...

    @property
    def default_quants(self) -> Collection[str]:
        """Quantizations that are considered unless one is named."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A model in one thinking mode, before a quantization is chosen."""

    entry: CatalogEntry
    mode: str
    base_score: float
    base_sd: float
    grade: Grade
    thinking_tokens: int
    proven: bool = True
    """Some benchmark's result is known of the model, if on another task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A system with its quantization. Scores in points (0–100)."""

    system: System
    quant: str
    engine: str
    size: QuantSize
    active_bytes: float
    """Bytes read for one token."""
    score: float
    sd: float
    utility: float

    @property
    def model_id(self) -> str:
        """The hub id."""
        return self.system.entry.id


def _fits_task(entry: CatalogEntry, question: Question) -> bool:
    task = question.task
    if entry.category not in task.categories:
        return False
    needs_modality = task.modality != "text" and task.modality not in entry.modalities
    return not needs_modality


def _licence_allows(entry: CatalogEntry, licence: str) -> bool:
    if licence == "any":
        return True
    if licence == "commercial":
        return entry.commercial is True
    return (entry.licence or "").lower() == licence.lower()


def native_bits_of(entry: CatalogEntry) -> float:
    """Bits per weight as published: less than 16 where the original weights were trained in a narrow format."""
    published = entry.published.get("gguf", ())
    return next((bits for name, bits in NATIVE_BITS.items() if name in published), 16.0)


SAME_WEIGHTS = 0.1
"""Share by which files of one model differ at most that hold the same experts in a frame re-quantized."""


def _as_published(entry: CatalogEntry, found: dict[str, QuantSize]) -> dict[str, QuantSize]:
    """Without quantizations that save next to nothing against the narrow format of publication: Q2_K of MXFP4."""
    own = next((name for name in NATIVE_BITS if name in found and name in entry.published.get("gguf", ())), None)
    if own is None:
        return found
    least, most = ((1.0 + sign * SAME_WEIGHTS) * found[own].file_bytes for sign in (-1, 1))
    return {quant: size for quant, size in found.items() if quant == own or not least < size.file_bytes < most}


def screen(entry: CatalogEntry, question: Question, offered: Sequence[str]) -> Reason | None:
    """Why a model is out before any arithmetic; None when it stays."""
    if question.model is None and not entry.official and not question.derivatives:
        return Reason.DERIVATIVE
    engine = engine_for(entry, offered, question.quant)
    checks = (
        (_fits_task(entry, question), Reason.NOT_FOR_TASK),
        (entry.downloadable, Reason.NOT_DOWNLOADABLE),
        (_licence_allows(entry, question.licence), Reason.LICENCE),
        (engine is not None, Reason.NO_ENGINE),
        (bool(quants_for(entry, engine or "")), Reason.NOT_DOWNLOADABLE),
        (_holds_context(entry, question), Reason.CONTEXT),
        (any(question.task.name in tasks for tasks in entry.quality.values()), Reason.NO_QUALITY),
    )
    return next((reason for ok, reason in checks if not ok), None)


def _holds_context(entry: CatalogEntry, question: Question) -> bool:
    """Whether the window is one that the model is known to have; where none was stated, an unknown one will do."""
    if entry.context_max is None:
        return not question.context_stated
    return entry.context_max >= question.least_context


def systems(entry: CatalogEntry, question: Question) -> Iterator[System]:
    """Each thinking mode that has a score for the task."""
    for mode, tasks in entry.quality.items():
        found = tasks.get(question.task.name)
        if found is None:
            continue
        score, sd, grade = found
        thinks = mode == "thinking" or (mode == "default" and entry.thinking == "always")
        yield System(
            entry=entry,
            mode=mode,
            base_score=score,
            base_sd=sd,
            grade=Grade(grade),
            thinking_tokens=question.workload.thinking_tokens if thinks else 0,
            proven=_is_proven(entry),
        )


def _is_proven(entry: CatalogEntry) -> bool:
    return any(grade != Grade.PRIOR for tasks in entry.quality.values() for _, _, grade in tasks.values())


def utility(score: float, sd: float, grade: Grade, weight_bytes: float, work: float) -> float:
    """Points: quality less doubt, less what evidence, size and work per answer (bytes read) must make up for."""
    size = math.log2(max(weight_bytes, 1.0) / 2**30)
    effort = math.log2(max(work, 1.0) / 2**40)
    return score - DOUBT_WEIGHT * sd - POINTS_OF_EVIDENCE[grade] - POINTS_PER_DOUBLING * (size + effort)


def answer_tokens(system: System, question: Question) -> int:
    """Tokens written for one answer, thinking included; none where the work is vectors or scores."""
    return question.workload.output_tokens + system.thinking_tokens


def penalty(system: System, question: Question) -> float:
    """Points off every choice of a system, for what is not known of it or was never taught."""
    entry, needed = system.entry, question.task.capability
    points = 0.0 if system.proven else UNPROVEN_PENALTY
    points += BASE_PENALTY if entry.tuning == Tuning.BASE else 0.0
    return points + (TOOLS_DOUBT if needed is not None and needed not in entry.capabilities else 0.0)


def utility_bound(system: System, question: Question) -> float:
    """No candidate of the system is worth more: no loss, no doubt, and one bit per weight."""
    params = float(system.entry.total_params or 1)
    active = float(system.entry.active_params or params)
    most = utility(system.base_score, 0.0, system.grade, params / 8, answer_tokens(system, question) * active / 8)
    return most - penalty(system, question)


def candidates(system: System, question: Question, shelf: Shelf, offered: Sequence[str]) -> Iterator[Candidate]:
    """One candidate for each published quantization (or the one asked for) whose bytes are known."""
    entry = system.entry
    sizes = shelf.sizes(entry.id)
    engine = engine_for(entry, offered, question.quant)
    if sizes is None or engine is None:
        return
    if question.quant:
        asked = shelf.size(entry.id, question.quant, file_format(engine, question.quant) or "gguf")
        found = {} if asked is None else {question.quant: asked}
    else:
        published = quants_for(entry, engine)
        usual = [quant for quant in published if quant in shelf.default_quants] or published
        names = {quant: in_format(quant, formats_of(engine)[:1]) for quant in usual}
        found = _as_published(entry, {q: sizes.quants[name] for q, name in names.items() if name in sizes.quants})
    for quant, size in found.items():
        yield _candidate(system, question, quant, engine, (sizes, size))


def unwanted(candidate: Candidate, question: Question) -> Reason | None:
    """Why a candidate is out before it is estimated; None when it stays."""
    if question.min_quality is not None and candidate.score < question.min_quality:
        return Reason.QUALITY
    if question.tier is not None and not goes_on(candidate.size.file_bytes, question.tier):
        return Reason.TIER
    return None


def _candidate(
    system: System, question: Question, quant: str, engine: str, bytes_of: tuple[ModelSizes, QuantSize]
) -> Candidate:
    entry, (sizes, size) = system.entry, bytes_of
    params = float(entry.total_params or sizes.total_params)
    native_bits = native_bits_of(entry)
    score, sd = system_quality(
        system.base_score,
        system.base_sd,
        system.grade,
        question.task.name,
        params,
        size.bits_per_weight,
        moe=sizes.expert_share > 0,
        native_bits=native_bits,
        quant=quant,
    )
    last = FLOOR_PENALTY if below_floor(params, size.bits_per_weight, native_bits=native_bits) else 0.0
    active = sizes.active_bytes(size)
    tokens = answer_tokens(system, question)
    return Candidate(
        system=system,
        quant=quant,
        engine=engine,
        size=size,
        active_bytes=active,
        score=score,
        sd=sd,
        utility=utility(score, sd, system.grade, size.file_bytes, tokens * active) - last - penalty(system, question),
    )
