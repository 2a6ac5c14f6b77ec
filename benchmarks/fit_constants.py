"""Writes the fitted part of catalog/calibration.yaml: priors by backend and generation, posteriors of single devices.

    python -m benchmarks.fit_constants [--rows FILE ...] [--leave-out SOURCE ...] [--write]

The tables are those of benchmarks/published and any named. Everything above `backends:` and below it in the file is
kept as it stands.
"""

import argparse
import math
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.estimate.calibration import PARAMETERS, Posterior
from benchmarks.after_bench import after_bench
from benchmarks.fitting import DECODE, NOISE, PREFILL, Hierarchy, fit, generic, without
from benchmarks.intervals import Judged, judge, value_for
from benchmarks.measurements import Case, Cases
from benchmarks.tables import add_rows_option, tables

FOLDER = Path(__file__).parents[1] / "catalog"
MINIMUM = 2
"""Configurations a device needs for a posterior of its own."""

ENOUGH = 20
"""Predictions that a noise or spread of its own is found from."""

WIDEST = 12.0
"""Most that the variance between devices is raised: a backend with few devices would get no usable interval."""

NARROWEST = 0.25
"""Least that it is lowered: devices and generations nobody has measured remain."""


def load(rows: list[Path]):
    """Cases of these tables, and how a case's generation is told."""
    import yaml

    from advisor.catalog.source import load_catalog
    from advisor.estimate.constants import Constants

    plain = [yaml.safe_load((FOLDER / name).read_text("utf-8")) for name in ("calibration.yaml", "engines.yaml")]
    constants = Constants.from_mapping(*plain)
    reader = Cases(load_catalog(), constants)
    cases = reader.read(rows)
    return cases, (lambda case: constants.generation(case.architecture)), reader.left_out


def by_device(cases: list[Case]) -> dict[tuple[str, str], list[Case]]:
    """Cases of each backend on each device."""
    groups = defaultdict(list)
    for case in cases:
        groups[(case.backend, case.device)].append(case)
    return groups


def other_models(hierarchy: Hierarchy, cases: list[Case]) -> list[Judged]:
    """Each model on each device, predicted from that device's rows of other models."""
    judged = []
    for members in by_device(cases).values():
        for model in sorted({case.model for case in members}):
            known = [case for case in members if case.model != model]
            if len(known) < MINIMUM:
                continue
            posterior = hierarchy.device_posterior(members[0], known)
            judged += [judge(posterior, case) for case in members if case.model == model]
    return judged


def other_sources(hierarchy: Hierarchy, cases: list[Case]) -> list[Judged]:
    """Each source on each device, predicted from the device's rows by others: so what is shipped meets new rows."""
    judged: list[Judged] = []
    rests: dict[tuple[str, str], Hierarchy] = {}
    for (backend, _), members in by_device(cases).items():
        for source in sorted({case.source for case in members}):
            known = [case for case in members if case.source != source]
            if len(known) < MINIMUM:
                continue
            if (backend, source) not in rests:
                others = [case for case in hierarchy.cases[backend] if case.source != source]
                rests[backend, source] = without(hierarchy, others, backend)
            posterior = rests[backend, source].device_posterior(members[0], known)
            judged += [judge(posterior, case) for case in members if case.source == source]
    return judged


def left_out(hierarchy: Hierarchy, cases: list[Case], of) -> list[Judged]:
    """Each group (`of` a case: its source, its device) predicted by its class, fitted without the group."""
    judged = []
    groups = defaultdict(list)
    for case in cases:
        groups[(case.backend, of(case))].append(case)
    for (backend, name), members in groups.items():
        rest = without(hierarchy, [case for case in hierarchy.cases[backend] if of(case) != name], backend)
        for case in members:
            posterior, spread = rest.known(backend, rest.generation_of(case))
            judged.append(judge(posterior, case, spread))
    return judged


@dataclass(frozen=True, slots=True)
class Views:
    """Predictions of rows that took no part in them."""

    sources: list[Judged]
    """Sources left out, the device known from the catalog only."""
    devices: list[Judged]
    """Devices left out."""
    models: list[Judged]
    """Models left out, the device's rows of other models known."""
    published: list[Judged]
    """Sources left out, the device's rows by other sources known."""
    benched: list[Judged]
    """Devices left out but for what a quick benchmark tells of them."""


def tuned(cases: list[Case], generation_of) -> tuple[Hierarchy, Views]:
    """A hierarchy whose noise and spreads give honest intervals, and the left-out predictions they were found from.

    Noise is that of rows on devices with rows of their own, by the same sources and by others; spread is what devices
    known from the catalog only need beyond it.
    """
    hierarchy = Hierarchy(cases, generation_of)
    views = Views(
        left_out(hierarchy, cases, lambda case: case.source), left_out(hierarchy, cases, lambda case: case.device),
        other_models(hierarchy, cases), other_sources(hierarchy, cases), [],
    )  # fmt: skip
    for backend, cases_of in hierarchy.cases.items():
        vendors = {case.vendor for case in cases_of}
        for vendor in ("", *sorted(vendors)) if len(vendors) > 1 else ("",):
            tune(hierarchy, views, backend, vendor)
    return hierarchy, replace(views, benched=after_bench(hierarchy, cases))


def tune(hierarchy: Hierarchy, views: Views, backend: str, vendor: str) -> None:
    """Noise and spread of a backend, or of its devices by one vendor: drivers differ more than shaders do."""
    chosen = []
    for phase in (DECODE, PREFILL):
        noise, spread = NOISE[phase], 1.0
        if vendor:
            noise, spread = hierarchy.noise[backend, ""][phase], hierarchy.spread[backend, ""][phase]
        known = [pick(view, backend, phase, vendor) for view in (views.models, views.published)]
        fresh = [pick(view, backend, phase, vendor) for view in (views.sources, views.devices)]
        chosen.append(tuned_phase(known, fresh, noise, spread))
    hierarchy.noise[backend, vendor] = tuple(noise for noise, _ in chosen)
    hierarchy.spread[backend, vendor] = tuple(spread for _, spread in chosen)


def pick(judged: list[Judged], backend: str, phase: int, vendor: str = "") -> list[Judged]:
    """Those of one backend and phase, and of one vendor's devices where it is named."""
    return [j for j in judged if j.case.backend == backend and j.case.phase == phase and vendor in ("", j.case.vendor)]


def tuned_phase(
    known: list[list[Judged]], fresh: list[list[Judged]], noise: float, spread: float
) -> tuple[float, float]:
    """Noise and spread of one backend and phase: `known` devices have rows of their own, `fresh` ones do not.

    Where too few rows tell, they are what is given.
    """
    enough = [group for group in known if len(group) >= ENOUGH]
    noise = value_for("noise", enough, 0.03, 1.2) if enough else noise
    for j in (j for group in (*known, *fresh) for j in group):
        j.noise = noise
    enough = [group for group in fresh if len(group) >= ENOUGH]
    spread = value_for("spread", enough, NARROWEST, WIDEST) if enough else spread
    for j in (j for group in fresh for j in group):
        j.spread = spread
    return noise, spread


def pairs(posterior: Posterior) -> str:
    """Median factor and log standard deviation of each parameter, as YAML."""
    fields = [
        f"{name}: [{math.exp(m):.3g}, {math.sqrt(posterior.covariance[i][i]):.2g}]"
        for i, (name, m) in enumerate(zip(PARAMETERS, posterior.mean, strict=True))
    ]
    fields.append("noise_sd: [" + ", ".join(f"{x:.3g}" for x in posterior.noise_sd) + "]")
    return "{" + ", ".join(fields) + "}"


def backends_yaml(hierarchy: Hierarchy) -> list[str]:
    """The section `backends:`."""
    lines = ["backends:", "  generic:", f"    prior: {pairs(generic())}"]
    for backend in sorted(hierarchy.backends):
        lines += [f"  {backend}:", f"    prior: {pairs(hierarchy.shipped(backend, ''))}"]
        generations = sorted(g for b, g in hierarchy.generations if b == backend)
        lines += ["    generations:"] if generations else []
        lines += [f"      {g}: {pairs(hierarchy.shipped(backend, g))}" for g in generations]
    return [*lines, "  link:", "    prior: {weights: [1.1, 0.3], op: [1.0, 0.5], noise_sd: [0.2, 0.25]}"]


def devices_yaml(hierarchy: Hierarchy, cases: list[Case]) -> list[str]:
    """The section `devices:`: what the published rows of each device say."""
    lines = ["devices:"]
    for (backend, device), members in sorted(by_device(cases).items()):
        single = [case for case in members if case.count == 1]
        if len(single) < MINIMUM:
            continue
        found = hierarchy.device_posterior(single[0], single)
        sources = sorted({case.source for case in single})
        covariance = ", ".join("[" + ", ".join(f"{v:.3g}" for v in row) + "]" for row in found.covariance)
        lines += [
            f"  - device: {device!r}".replace("'", '"'),
            f"    backend: {backend}",
            f"    observations: {len(single)}",
            "    mean: [" + ", ".join(f"{m:.4g}" for m in found.mean) + "]",
            "    noise_sd: [" + ", ".join(f"{x:.3g}" for x in found.noise_sd) + "]",
            f"    covariance: [{covariance}]",
            f"    source: {', '.join(sources)}",
        ]
    return lines


def rewrite(text: str, sections: list[str]) -> str:
    """The file with its sections `backends:` and `devices:` replaced."""
    kept, skipping = [], False
    for line in text.splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            skipping = line.startswith(("backends:", "devices:"))
        if not skipping:
            kept.append(line)
    return "\n".join([*kept, *sections]) + "\n"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_rows_option(parser)
    parser.add_argument("--leave-out", action="append", default=[])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    cases, generation_of, _ = load(tables(options.rows))
    cases = [case for case in cases if case.source not in options.leave_out]
    hierarchy, _ = tuned(cases, generation_of)
    sections = [*backends_yaml(hierarchy), *devices_yaml(hierarchy, cases)]
    if options.write:
        path = FOLDER / "calibration.yaml"
        path.write_text(rewrite(path.read_text("utf-8"), sections), "utf-8")
    else:
        print("\n".join(sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())


__all__ = ["by_device", "fit", "left_out", "load", "other_models", "tune", "tuned"]
