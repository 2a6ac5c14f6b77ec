"""A benchmark as a document (`advisor.bench/1`) and as text."""

from typing import Any

from advisor.bench.result import BenchReport, BenchResult, Prediction
from advisor.bench.statistics import Summary
from advisor.domain.units import format_duration, format_size
from advisor.engines.protocol import RunSample
from advisor.report.quantities import quantity


def rounded(value: float | None, digits: int = 5) -> float | None:
    """To so many significant digits."""
    return None if value is None else float(f"{value:.{digits}g}")


def _run(sample: RunSample, used: bool) -> dict[str, Any]:
    return {
        "prompt_tokens": sample.prompt_tokens,
        "output_tokens": sample.output_tokens,
        "depth": sample.depth,
        "ttft_s": rounded(sample.ttft_s),
        "prefill_tps": rounded(sample.prefill_tokens_per_s),
        "decode_tps": rounded(sample.decode_tokens_per_s),
        "waiting": rounded(sample.waiting, 3),
        "used": used,
    }


def _spread(summary: Summary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {"low": rounded(summary.low), "high": rounded(summary.high), "relative": rounded(summary.spread, 3)}


def predicted_document(prediction: Prediction | None) -> dict[str, Any] | None:
    """What the estimate said before."""
    if prediction is None:
        return None
    return {
        "basis": prediction.basis,
        "ttft_s": quantity(prediction.ttft_s),
        "prefill_tps": quantity(prediction.prefill_tokens_per_s),
        "decode_tps": quantity(prediction.decode_tokens_per_s),
        "peak_memory": prediction.peak_memory_bytes,
    }


def _other(r: BenchResult) -> dict[str, Any]:
    """A result of the same go, in short."""
    prefill, decode = r.prefill_tokens_per_s, r.decode_tokens_per_s
    return {
        "model": r.model,
        "quant": r.quant,
        "prefill_tps": rounded(prefill.median if prefill else None),
        "decode_tps": rounded(decode.median if decode else None),
        "tags": list(r.tags),
    }


def bench_document(report: BenchReport) -> dict[str, Any]:
    """The contract's fields first; measured figures are medians over the runs, `spread` says how far they differ."""
    r = report.result
    ttft, prefill, decode = r.ttft_s, r.prefill_tokens_per_s, r.decode_tokens_per_s
    return {
        "schema": "advisor.bench/1",
        "engine": r.engine,
        "engine_version": r.engine_version,
        "backend": r.backend,
        "model": r.model,
        "quant": r.quant,
        "threads": r.threads,
        "gpu_layers": r.gpu_layers,
        "kv_type": r.kv_type,
        "runs": [_run(s, s in r.used) for s in r.samples],
        "ttft_s": rounded(ttft.median if ttft else None),
        "prefill_tps": rounded(prefill.median if prefill else None),
        "decode_tps": rounded(decode.median if decode else None),
        "load_s": rounded(r.load_s),
        "peak_memory": r.peak_memory_bytes,
        "spread": {"ttft_s": _spread(ttft), "prefill_tps": _spread(prefill), "decode_tps": _spread(decode)},
        "predicted": predicted_document(r.predicted),
        "error_pct": {name: rounded(value, 3) for name, value in report.error_percent.items()},
        "others": [_other(o) for o in report.others],
        "layers": report.layers,
        "all_layers": report.all_layers,
        "whole": predicted_document(report.whole),
        "machine": r.machine,
        "synthetic": r.synthetic,
        "complete": r.complete,
        "tags": list(r.tags),
        "stored": report.stored,
        "measured_at": r.measured_at,
        "notices": list(report.notices),
    }


def bench_text(report: BenchReport, width: int) -> str:
    """A few lines for a person: what was measured, how steady it was, and how far the estimate was off."""
    r = report.result
    head = f"{r.model} {r.quant or ''}".strip()
    if report.layers is not None:
        head += f", {report.layers} of {report.all_layers} layers, random weights,"
    lines = [f"{head} on {r.engine} {r.engine_version or ''}".rstrip()[:width], _setting(r), ""]
    errors, p = report.error_percent, r.predicted
    rows = [
        ("time to first token", _time(r.ttft_s), format_duration(p.ttft_s.p50) if p else None, "ttft_s"),
        ("prefill", _rate(r.prefill_tokens_per_s), plain_rate(p.prefill_tokens_per_s.p50) if p else None,
         "prefill_tps"),
        ("decode", _rate(r.decode_tokens_per_s), plain_rate(p.decode_tokens_per_s.p50) if p else None, "decode_tps"),
        ("peak memory", format_size(r.peak_memory_bytes), format_size(p.peak_memory_bytes) if p else None,
         "peak_memory"),
    ]  # fmt: skip
    lines += [_row(name, was, said, errors.get(key)) for name, was, said, key in rows]
    return "\n".join([*lines, *_whole_lines(report), *_remarks(report)])


def _whole_lines(report: BenchReport) -> list[str]:
    """What slices say of the whole model."""
    p = report.whole
    if p is None:
        return []
    rows = (("prefill", p.prefill_tokens_per_s), ("decode", p.decode_tokens_per_s))
    head = f"the whole model, all {report.all_layers} layers, as its slices let expect (80 % interval):"
    lines = [f"  {name:<20} {plain_rate(q.p50)} ({plain_rate(q.p10)} to {plain_rate(q.p90)})" for name, q in rows]
    return ["", f"  {head}", *lines]


def _setting(r: BenchResult) -> str:
    where = f"{r.backend}, {r.gpu_layers} layers on the GPU"
    if r.gpu_layers == 0:
        where = f"{r.threads} threads" if r.threads else r.backend
    runs = f"{len(r.used)} of {len(r.samples)} runs"
    return f"{where}, {r.prompt_tokens + r.depth} prompt and {r.output_tokens} output tokens, {runs}"


def _row(name: str, measured: str, predicted: str | None, error: float | None) -> str:
    tail = "" if predicted is None or error is None else f"   estimated {predicted} ({error:+.0f} %)"
    return f"  {name:<20} {measured:<22}{tail}".rstrip()


def _time(summary: Summary | None) -> str:
    return "?" if summary is None else f"{format_duration(summary.median)} ±{100 * summary.spread:.0f} %"


def _rate(summary: Summary | None) -> str:
    return "?" if summary is None else f"{plain_rate(summary.median)} ±{100 * summary.spread:.0f} %"


def plain_rate(tokens_per_s: float) -> str:
    """Tokens a second for a person."""
    return f"{tokens_per_s:.{1 if tokens_per_s < 100 else 0}f} tokens/s"


def _remarks(report: BenchReport) -> list[str]:
    r = report.result
    said = {
        "noisy": "other work disturbed every run; run it again on a quiet machine",
        "battery": "measured on battery: slower than on mains",
        "throttled": "the processor throttled for heat during the runs",
    }
    found = [said[tag] for tag in r.tags if tag in said]
    if not r.complete:
        found.append("ended early: these figures are partial")
    found.append(
        "stored: later estimates on this machine learn from it" if report.stored else "the result was not stored"
    )
    return ["", *(f"  {line}" for line in found)]
