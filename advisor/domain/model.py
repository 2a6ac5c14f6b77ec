"""A model as the catalog knows it: facts, published files, licence, lineage and what is known of its quality."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from advisor.domain.architecture import Architecture


class Category(StrEnum):
    """What a model is made for."""

    LLM = "llm"
    CODE = "code"
    VLM = "vlm"
    OMNI = "omni"
    EMBED = "embed"
    RERANK = "rerank"
    ASR = "asr"
    MT = "mt"
    DOMAIN = "domain"
    GUARD = "guard"
    REFERENCE = "reference"
    """Closed or historical; listed for comparison, cannot be downloaded."""


class Thinking(StrEnum):
    """Whether a model writes thinking tokens before its answer."""

    NEVER = "never"
    TOGGLE = "toggle"
    ALWAYS = "always"


class Tuning(StrEnum):
    """What was done with the weights after pre-training."""

    BASE = "base"
    """Nothing: they continue a text and were not taught to answer."""
    INSTRUCT = "instruct"


class Grade(StrEnum):
    """How well a quality score is founded, best first."""

    MEASURED = "measured"
    SIBLING = "sibling"
    """Measured on the same weights in another mode or quantization."""
    IMPUTED = "imputed"
    """Predicted from results on other tasks."""
    PRIOR = "prior"
    """Predicted from size, date and training alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFile:
    """One published file. `sha256` is 64 hex digits."""

    path: str
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Published files that together are one quantization of a model."""

    repo: str
    format: str
    """gguf, mlx, safetensors."""
    quant: str
    files: tuple[ArtifactFile, ...] = ()
    revision: str | None = None
    role: str = "model"
    """model, or mmproj for a vision projector."""
    imatrix: bool | None = None
    approx_bytes: int | None = None
    """A published size known only to about 0.1 GiB."""
    source: str | None = None

    @property
    def bytes(self) -> int | None:
        """Sum of the files' exact sizes, or None while one is unknown."""
        sizes = [f.bytes for f in self.files]
        return sum(s for s in sizes if s is not None) if sizes and None not in sizes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """What the licence allows. `commercial` is None where nobody has read it."""

    id: str | None = None
    commercial: bool | None = None
    gated: bool | None = None
    url: str | None = None
    conditions: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Context lengths in tokens: as trained, as extended (by `method`), as found useful."""

    native: int | None = None
    extended: int | None = None
    method: str | None = None
    effective: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a model's weights come from (hub ids)."""

    base: str | None = None
    relation: str | None = None
    """finetune, distilled, pruned, merged, quantized."""
    teacher: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuality:
    """Expected score on a task's own scale (0–100), for unquantized weights in one mode."""

    score: float
    sd: float
    grade: Grade


UNIT_WORDS = {
    "pct": "%",
    "pct_lower_better": "% (less is better)",
    "wer_pct": "% words wrong",
    "bt_rating": "rating",
    "bleu": "BLEU",
}
"""Units of published results as people write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One published benchmark result, verbatim."""

    benchmark: str
    task: str
    score: float
    unit: str
    date: str | None
    source: str
    mode: str | None = None
    self_reported: bool = False
    quant: str | None = None
    fitted: bool = True
    """The scores of the catalog are made of it; results that an overlay or the hub adds are shown beside them."""

    @property
    def figure(self) -> str:
        """The score with its unit, for people: `81.9 %`."""
        if self.unit == "frac":
            return f"{100 * self.score:.1f} %"
        return f"{self.score:g} {UNIT_WORDS.get(self.unit, self.unit)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One set of original weights; `id` is its hub repository and the key everywhere."""

    id: str
    name: str
    family: str
    vendor: str
    category: Category
    released: str | None = None
    """ISO date, or its first parts."""
    total_params: int | None = None
    active_params: int | None = None
    kind: str | None = None
    """dense, moe, hybrid, hybrid+moe, ssm, encoder, encoder-decoder."""
    architecture: Architecture | None = None
    context: Context = field(default_factory=Context)
    modalities: tuple[str, ...] = ("text",)
    capabilities: tuple[str, ...] = ()
    thinking: Thinking = Thinking.NEVER
    tuning: Tuning | None = None
    languages: tuple[str, ...] = ()
    licence: Licence = field(default_factory=Licence)
    artifacts: tuple[Artifact, ...] = ()
    engines: tuple[str, ...] = ()
    """Engines known to load it: llama.cpp, mlx, vllm, transformers."""
    downloadable: bool = True
    official: bool = True
    """False for derivatives, merges and unofficial copies."""
    lineage: Lineage = field(default_factory=Lineage)
    training_tokens: int | None = None
    aliases: tuple[str, ...] = ()
    domain: str | None = None
    """medical, legal, finance where a model is made for one."""
    note: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    """Source of each fact, by field path."""
    quality: Mapping[str, Mapping[str, TaskQuality]] = field(default_factory=dict)
    """By mode (thinking, non-thinking), then by task."""
