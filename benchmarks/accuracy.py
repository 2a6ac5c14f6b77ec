"""How far predicted tokens per second lie from published ones that the fit has not seen, and how honest intervals are.

    python -m benchmarks.accuracy [--rows FILE ...] [--quick]

Five views: sources left out (a device known from the catalog only), devices left out, models left out on devices whose
rows of other models are known, devices left out but for what a quick benchmark tells of them, and sources left out on
devices with rows by others. Each line: median and 90th percentile of the absolute error, median bias, share of rows
inside p10-p90. Last, how far sources lie from each other. Prompts on processors are predicted for the kernels of their
row's date (see kernels.py).
"""

import argparse
import math
import statistics
import sys
from collections import defaultdict
from dataclasses import replace

from benchmarks.fit_constants import left_out, load, tuned
from benchmarks.fitting import DECODE, Hierarchy
from benchmarks.intervals import Judged, judge
from benchmarks.measurements import PREFILL, Case
from benchmarks.peer_formulas import llmfit, whichllm
from benchmarks.tables import NEVER_FITTED, add_rows_option, tables

DEEP_TOKENS = 16000
NEW_YEARS = 0.3
"""Rows no older than this tell how users of today's engines fare."""


def line(name: str, judged: list[Judged]) -> str:
    """One line of a table."""
    signed = sorted(j.case.seconds / j.seconds - 1 for j in judged)
    absolute = sorted(abs(error) for error in signed)
    median, tail = statistics.median(absolute), absolute[int(0.9 * (len(absolute) - 1))]
    inside = sum(j.inside() for j in judged) / len(judged)
    bias = statistics.median(signed)
    return (
        f"  {name:26s} {len(judged):5d}  {100 * median:5.1f} {100 * tail:6.0f} {100 * bias:+6.1f}  {100 * inside:4.0f}"
    )


def quant_family(quant: str) -> str:
    """Q4, Q8, 16-bit ... of a quantization's name."""
    name = quant.upper()
    for part in ("IQ1", "IQ2", "IQ3", "IQ4", "Q2", "Q3", "Q4", "Q5", "Q6", "Q8", "FP8", "AWQ", "GPTQ", "FP4", "MLX"):
        if part in name:
            return part
    return "16-bit" if "16" in name else name


def table(title: str, judged: list[Judged]) -> list[str]:
    """All breakdowns of one view, decode and prefill."""
    lines = [title, f"  {'':26s} {'n':>5s}  {'med%':>5s} {'p90%':>6s} {'bias%':>6s}  {'in%':>4s}"]
    for phase, name in ((DECODE, "decode"), (PREFILL, "prefill")):
        rows = [j for j in judged if j.case.phase == phase]
        if not rows:
            continue
        lines.append(line(name, rows))
        for label, key in (
            ("vendor", lambda j: j.case.vendor), ("backend", lambda j: j.case.backend),
            ("quant", lambda j: quant_family(j.case.quant)),
            ("kind", lambda j: "MoE" if j.case.moe else "dense"),
            ("devices", lambda j: "several" if j.case.count > 1 else "one"),
            ("depth", lambda j: "16k and more" if j.case.depth >= DEEP_TOKENS else "less"),
            ("engine", lambda j: "of today" if j.case.age_years < NEW_YEARS else "older"),
        ):  # fmt: skip
            groups = defaultdict(list)
            for j in rows:
                groups[key(j)].append(j)
            lines += [line(f"  {label} {value}", found) for value, found in sorted(groups.items())]
    return lines


def peers(judged: list[Judged], reader_shapes) -> list[str]:
    """Median error of decode by the formulas of two other programs on the same rows."""
    lines = ["decode by published formulas, same rows (median %, p90 %)"]
    rows = [j for j in judged if j.case.phase == DECODE]
    ours = [abs(j.case.seconds / j.seconds - 1) for j in rows]
    results = {"advisor": ours}
    for name, formula in (("llmfit", llmfit), ("whichllm", whichllm)):
        results[name] = [abs(formula(j.case, *reader_shapes(j.case.model)) * j.case.seconds - 1) for j in rows]
    for name, values in results.items():
        ordered = sorted(values)
        tail = ordered[int(0.9 * (len(ordered) - 1))]
        lines.append(f"  {name:10s} {100 * statistics.median(ordered):6.1f} {100 * tail:6.0f}")
    return lines


def never_fitted(hierarchy: Hierarchy) -> list[Judged]:
    """Rows that no fit has seen, on devices known from the catalog only."""
    cases, generation_of, _ = load(sorted(NEVER_FITTED.glob("*.csv")))
    judged = []
    for case in cases:
        posterior, spread = hierarchy.known(case.backend, generation_of(case))
        noise, factors = hierarchy.tuned_for(case.backend, generation_of(case))
        one = judge(replace(posterior, noise_sd=noise), case, spread)
        one.spread = factors[case.phase]
        judged.append(one)
    return judged


def repeats(cases: list[Case]) -> list[str]:
    """How well one source's figure predicts another's for the same configuration: no estimate can do better."""
    lines = ["the same configuration published by other sources, as a prediction (median %, p90 %)"]
    for phase, name in ((DECODE, "decode"), (PREFILL, "prefill")):
        alike = defaultdict(list)
        for case in cases:
            if case.phase == phase:
                depth, tokens = round(math.log2(case.depth + 512)), case.tokens // 256
                alike[case.device, case.backend, case.count, case.model, case.quant, depth, tokens].append(case)
        errors = []
        for group in alike.values():
            for case in group:
                others = [other.seconds for other in group if other.source != case.source]
                errors += [abs(case.seconds / statistics.median(others) - 1)] if others else []
        if errors:
            tail = sorted(errors)[int(0.9 * (len(errors) - 1))]
            lines.append(f"  {name:10s} {100 * statistics.median(errors):6.1f} {100 * tail:6.0f}  of {len(errors)}")
    return lines


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_rows_option(parser)
    parser.add_argument("--quick", action="store_true", help="left-out sources only")
    options = parser.parse_args()
    cases, generation_of, unused = load(tables(options.rows))
    print(f"{len(cases)} configurations; {sum(unused.values())} rows left out")
    print("\n".join(f"  {count:4d}  {reason}" for reason, count in unused.most_common()))
    if options.quick:
        hierarchy = Hierarchy(cases, generation_of)
        by_source = left_out(hierarchy, cases, lambda case: case.source)
    else:
        hierarchy, views = tuned(cases, generation_of)
        by_source = views.sources
    print("\n".join(table("sources left out", by_source)))
    crowd = never_fitted(hierarchy)
    print("\n".join(table("crowd-sourced rows of llamafile, never fitted", crowd)))
    print("\n".join(table("sources left out and these", [*by_source, *crowd])[:3]))
    print("\n".join(peers(by_source, _parameters(cases))))
    if not options.quick:
        print("\n".join(table("devices left out", views.devices)))
        print("\n".join(table("models left out, the device's other rows known", views.models)))
        print("\n".join(table("devices left out but for what a quick benchmark tells", views.benched)))
        print("\n".join(table("sources left out, the device's rows by other sources known", views.published)))
    print("\n".join(repeats(cases)))
    return 0


def _parameters(cases):
    """Total and active parameters of a model."""
    from advisor.catalog.source import load_catalog
    from advisor.estimate.tensors import count_parameters

    catalog = load_catalog()
    known = {case.model: count_parameters(catalog.model(case.model).architecture) for case in cases}
    return lambda model: (known[model].total, known[model].active)


if __name__ == "__main__":
    sys.exit(main())
