"""From the benchmark's own nouns to what the app shows, and from the engine's progress to the watch."""

from advisor.bench.result import BenchReport as Found
from advisor.bench.statistics import Summary
from advisor.engines.protocol import Phase, Progress
from advisor.tui.session import BenchReport, BenchSample, BenchWatch, Measured


class Listening:
    """Tells the watch what an engine reports; keeps the runs."""

    def __init__(self, watch: BenchWatch) -> None:
        self._watch = watch
        self.samples: list[BenchSample] = []
        self._prefill: float | None = None
        self._decode: float | None = None

    def __call__(self, progress: Progress) -> None:
        """One report of the engine."""
        if self._watch.stop.is_set():
            return
        self._remember(progress)
        if progress.phase is Phase.RUN_DONE:
            self._finish_run(progress)
            return
        run = f" run {progress.run} of {progress.runs}" if progress.run and progress.runs else ""
        rate = f", {progress.tokens_per_s:.1f} tokens/s" if progress.tokens_per_s else ""
        self._watch.note(f"{progress.phase}{run}{rate}")

    def _remember(self, progress: Progress) -> None:
        if progress.phase is Phase.PREFILL and progress.tokens_per_s:
            self._prefill = progress.tokens_per_s
        if progress.phase is Phase.DECODE and progress.tokens_per_s:
            self._decode = progress.tokens_per_s

    def _finish_run(self, progress: Progress) -> None:
        sample = BenchSample(
            run=progress.run or len(self.samples) + 1,
            ttft_s=None,
            prefill_tokens_per_s=self._prefill,
            decode_tokens_per_s=progress.tokens_per_s or self._decode,
        )
        self._prefill = self._decode = None
        self.samples.append(sample)
        self._watch.sample(sample)


def _median(summary: Summary | None) -> float | None:
    return None if summary is None else summary.median


def report_of(found: Found, seen: list[BenchSample]) -> BenchReport:
    """The report as the app shows it."""
    result = found.result
    said = result.predicted
    samples = tuple(
        BenchSample(
            run=i + 1,
            ttft_s=s.ttft_s,
            prefill_tokens_per_s=s.prefill_tokens_per_s,
            decode_tokens_per_s=s.decode_tokens_per_s,
        )
        for i, s in enumerate(result.samples)
    )
    figures = (
        Measured(
            name="first token s",
            value=_median(result.ttft_s),
            predicted=said.ttft_s if said else None,
            smaller_is_better=True,
        ),
        Measured(
            name="prefill tokens/s",
            value=_median(result.prefill_tokens_per_s),
            predicted=said.prefill_tokens_per_s if said else None,
        ),
        Measured(
            name="decode tokens/s",
            value=_median(result.decode_tokens_per_s),
            predicted=said.decode_tokens_per_s if said else None,
        ),
    )
    return BenchReport(
        model=result.model,
        quant=result.quant,
        engine=result.engine,
        engine_version=result.engine_version,
        prompt_tokens=result.prompt_tokens,
        output_tokens=result.output_tokens,
        samples=samples or tuple(seen),
        figures=figures,
        peak_memory_bytes=result.peak_memory_bytes,
        predicted_memory_bytes=said.peak_memory_bytes if said else None,
        stored=found.stored,
        notes=(*found.notices, *(f"disturbed: {tag}" for tag in result.tags)),
    )
