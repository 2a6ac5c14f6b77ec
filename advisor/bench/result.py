"""The noun of this room: what one benchmark found, complete enough to be stored, shown and learned from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from advisor.bench.conditions import Conditions
from advisor.bench.statistics import Summary, summarize
from advisor.domain.architecture import Architecture
from advisor.domain.quantity import Quantity
from advisor.engines.protocol import RunSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the estimate said before the run, for the same prompt, output and depth."""

    basis: str
    ttft_s: Quantity
    prefill_tokens_per_s: Quantity
    decode_tokens_per_s: Quantity
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """One benchmark. `machine` is a fingerprint without serial numbers; times are UTC in ISO form."""

    machine: str
    engine: str
    engine_version: str | None
    backend: str
    threads: int | None
    gpu_layers: int = 0
    cpu_expert_layers: int = 0
    kv_type: str = "f16"
    model: str
    """Catalog id where known, else the name in the file's header, else the file's stem."""
    quant: str | None
    prompt_tokens: int
    output_tokens: int
    depth: int
    samples: tuple[RunSample, ...]
    load_s: float | None
    peak_memory_bytes: int | None
    file_bytes: int | None
    complete: bool
    fitted: bool = True
    """False: the model did not fit; there are no samples."""
    synthetic: bool = False
    """Random weights in a real shape."""
    tags: tuple[str, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    measured_at: str
    architecture: Architecture | None = None
    shape_row: tuple[Any, ...] | None = None
    weights_row: tuple[Any, ...] | None = None
    """`ModelShape.to_row` and `WeightProfile.to_row`: what a later estimate learns from, without computing it anew."""
    predicted: Prediction | None = None

    @property
    def used(self) -> tuple[RunSample, ...]:
        """Runs that count: the undisturbed ones, else the quieter half, else all where nobody can tell."""
        quiet = tuple(s for s in self.samples if s.is_quiet is not False)
        if len(quiet) >= 2 or len(self.samples) < 3:
            return quiet or self.samples
        by_noise = sorted(self.samples, key=lambda s: s.waiting or 0.0)
        return tuple(by_noise[: (len(by_noise) + 1) // 2])

    @property
    def ttft_s(self) -> Summary | None:
        """Time to first token, model loaded."""
        return summarize(s.ttft_s for s in self.used)

    @property
    def prefill_tokens_per_s(self) -> Summary | None:
        """Prompt tokens a second."""
        return summarize(s.prefill_tokens_per_s for s in self.used)

    @property
    def decode_tokens_per_s(self) -> Summary | None:
        """Output tokens a second after the first."""
        return summarize(s.decode_tokens_per_s for s in self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """One result with what the estimate had said, and what the user should know."""

    result: BenchResult
    error_percent: Mapping[str, float | None]
    stored: bool
    notices: tuple[str, ...] = ()
    others: tuple[BenchResult, ...] = ()
    """Measured in the same go and stored too."""
    layers: int | None = None
    """Layers of the slice that was measured, and of the whole model; None: no slice."""
    all_layers: int | None = None
    whole: Prediction | None = None
    """What the slices say of the whole model."""
