"""How well quality is predicted: `python benchmarks/quality.py [--steps N] [--all-benchmarks]`.

Prints, for vendors left out of the fit, the error of each benchmark predicted from size, date and mode alone and from
1 and 4 other results of the same laboratory; the coverage of 80 % intervals on single results left out; and rank
correlations of the `general` score with the mean measured result, and with each publisher's own order of models while
every result of that publisher is hidden. Takes a few minutes.
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from advisor.catalog.fit import Inputs, all_abilities, fit_results, fitted_results, read_inputs
from advisor.catalog.fit_evidence import Observation, from_scale
from advisor.catalog.fit_latent import abilities, doubt_of, leaning
from advisor.catalog.fit_scores import can_do, score
from advisor.catalog.fit_systems import prior_of

CATALOG = Path(__file__).parents[1] / "catalog"
TABLE = {
    "GPQA Diamond (AA)": (0.106, 0.093, 0.082),
    "SciCode (AA)": (0.089, 0.081, 0.072),
    "IFBench (AA)": (0.109, 0.103, 0.094),
    "AA-LCR": (0.182, 0.169, 0.156),
    "Terminal-Bench Hard (AA)": (0.081, 0.073, 0.069),
    "tau2-bench (AA)": (0.224, 0.215, 0.204),
    "HLE (AA)": (0.052, 0.046, 0.039),
    "MMMU-Pro (AA)": (0.112, 0.099, 0.087),
}
"""Errors of an earlier linear model on the same targets with all their results: the bar."""

OTHERS = (0, 1, 4)
Z80 = 1.2816
LABORATORY = [*TABLE, "CritPt (AA)", "AA-Omniscience accuracy", "GDPval-AA (normalised)"]


def vendor_folds(inputs: Inputs, results: Sequence[Observation], count: int) -> list[set[str]]:
    """Vendors in `count` groups of about equally many results."""
    sizes = Counter(inputs.models[r.model].vendor for r in results if r.item in LABORATORY)
    folds, loads = [set() for _ in range(count)], [0] * count
    for vendor, size in sizes.most_common():
        place = loads.index(min(loads))
        folds[place].add(vendor)
        loads[place] += size
    return folds


class Target:
    """One system's laboratory results, left out, and the abilities predicted without them."""

    def __init__(self, model, mean, covariance, design, results):
        self.model, self.mean, self.covariance, self.design = model, mean, covariance, design
        self.found = {}
        for result in results:
            self.found.setdefault(result.item, []).append(result)

    def place(self, name):
        return self.model.names.index(name)

    def value(self, name):
        return float(np.mean([r.value for r in self.found[name]]))

    def noise(self, name):
        return float(np.mean([r.variance for r in self.found[name]])) / len(self.found[name])

    def told(self, names):
        """Abilities after hearing some of the results."""
        if not names:
            return self.mean, self.covariance
        m, at = self.model, [self.place(name) for name in names]
        loads, spread = m.loadings[at], m.spread[at]
        values = np.array([self.value(name) for name in names])
        noise = np.array([self.noise(name) for name in names]) / spread**2 + m.residual[at]
        surprise = (
            (values - m.mean[at]) / spread
            - m.intercept[at]
            - np.array([leaning(m, i, self.design) for i in at])
            - loads @ self.mean
        )
        gain = self.covariance @ loads.T @ np.linalg.inv(loads @ self.covariance @ loads.T + np.diag(noise))
        return self.mean + gain @ surprise, self.covariance - gain @ loads @ self.covariance

    def predict(self, item, names):
        """Expected 0-1 result, its fit-scale mean, and the deviation of a result on that scale."""
        mean, covariance = self.told(names)
        at, m = self.place(item.name), self.model
        centre = m.mean[at] + m.spread[at] * (m.intercept[at] + m.loadings[at] @ mean + leaning(m, at, self.design))
        loose = m.residual[at] + doubt_of(m, at, mean, self.design)
        spread = m.claim * m.spread[at] * math.sqrt(m.loadings[at] @ covariance @ m.loadings[at] + loose)
        nodes, weights = np.polynomial.hermite_e.hermegauss(9)
        shown = sum(w * from_scale(item, centre + spread * x) for x, w in zip(nodes, weights, strict=True))
        return shown / weights.sum() / 100, centre, math.hypot(spread, math.sqrt(self.noise(item.name)))


def vendors_left_out(inputs: Inputs, keep: Callable[[str], bool], steps: int):
    """Errors and coverage by benchmark and number of other results."""
    results = [r for r in fitted_results(inputs, "text") if keep(r.item)]
    errors, inside = defaultdict(list), defaultdict(list)
    rng = np.random.default_rng(0)
    for fold in vendor_folds(inputs, results, 10):
        train = [r for r in results if inputs.models[r.model].vendor not in fold]
        model, fitted = fit_results(inputs, "text", train, steps)
        own = defaultdict(list)
        for r in results:
            if inputs.models[r.model].vendor in fold and r.item in LABORATORY:
                own[r.model, r.mode].append(r)
        keys = sorted(own)
        wanted = prior_of([(inputs.models[name], mode) for name, mode in keys], "text")
        mean, covariance = abilities(model, prior_of(fitted, "text"), wanted)
        for index, key in enumerate(keys):
            target = Target(model, mean[index], covariance[index], wanted.design[index], own[key])
            judge(inputs, target, errors, inside, rng)
    return errors, inside


def judge(inputs, target, errors, inside, rng):
    """Predict each of a target's results from 0, 1 and 4 of its others."""
    for name in TABLE:
        if name not in target.found:
            continue
        others = sorted(set(target.found) - {name})
        for count in OTHERS:
            for _ in range(1 if count == 0 else 3):
                if len(others) < count:
                    continue
                told = [str(x) for x in rng.choice(others, count, replace=False)]
                shown, centre, spread = target.predict(inputs.items[name], told)
                truth = target.value(name)
                errors[name, count].append(shown - from_scale(inputs.items[name], truth) / 100)
                inside[name, count].append(abs(truth - centre) < Z80 * spread)


def results_left_out(inputs: Inputs, group: str, steps: int, draw: int, share: float = 0.15):
    """Coverage of 80 % intervals on results of (model, benchmark) pairs that were left out; by kind of benchmark."""
    results = fitted_results(inputs, group)
    pairs = sorted({(r.model, r.item) for r in results})
    rng = np.random.default_rng(draw)
    out = {pairs[i] for i in rng.choice(len(pairs), int(share * len(pairs)), replace=False)}
    train = [r for r in results if (r.model, r.item) not in out]
    model, fitted = fit_results(inputs, group, train, steps)
    known = all_abilities(inputs, group, model, fitted)
    inside, errors = defaultdict(list), defaultdict(list)
    for r in results:
        if (r.model, r.item) in out and r.item in model.names:
            _, ability = known[r.model, r.mode]
            target = Target(model, ability.mean, ability.covariance, ability.design, [r])
            shown, centre, spread = target.predict(inputs.items[r.item], [])
            kind = r.item.split(":")[0].split(" ")[0]
            inside[kind].append(abs(r.value - centre) < Z80 * spread)
            errors[kind].append(shown * 100 - from_scale(inputs.items[r.item], r.value))
    return inside, errors


def ranks(values):
    """Ranks of a sequence, ties shared."""
    values = np.asarray(values)
    return np.array([(values < v).sum() + ((values == v).sum() - 1) / 2 for v in values])


def spearman(left, right):
    """Rank correlation."""
    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])


def index_of(inputs: Inputs):
    """Mean measured result of the `general` benchmarks by model (best mode), where at least 7 are measured."""
    reference = dict(next(task for task in inputs.tasks if task.name == "general").reference)
    found = defaultdict(dict)
    for r in inputs.results:
        if r.item in reference:
            found[r.model, r.mode].setdefault(r.item, []).append(from_scale(inputs.items[r.item], r.value))
    best = {}
    for (name, _), results in found.items():
        if len(results) >= 7:
            weight = sum(reference[item] for item in results)
            value = sum(reference[item] * np.mean(values) for item, values in results.items()) / weight
            best[name] = max(best.get(name, 0.0), value)
    return best


def rank_correlations(inputs: Inputs, steps: int):
    """The scores of general tasks against the laboratory's own mean: with its results in the fit, with a third of them
    hidden from it, and fitted without that laboratory."""
    index = index_of(inputs)
    every_result = fitted_results(inputs, "text")
    pairs = sorted({(r.model, r.mode, r.item) for r in every_result if "AA" in r.item})
    hidden = {pairs[i] for i in np.random.default_rng(5).choice(len(pairs), len(pairs) // 3, replace=False)}
    kept = {
        "all results": every_result,
        "a third of it hidden": [r for r in every_result if (r.model, r.mode, r.item) not in hidden],
        "without that laboratory": [r for r in every_result if "AA" not in r.item or r.model not in index],
    }
    for label, results in kept.items():
        model, fitted = fit_results(inputs, "text", results, steps)
        known = all_abilities(inputs, "text", model, fitted)
        seen = defaultdict(list)
        for r in results:
            seen[r.model].append((r, inputs.kinds[r.item]))
        for task in inputs.tasks:
            if task.name not in ("general", "chat", "reasoning", "coding", "agentic-coding", "extraction", "rag"):
                continue
            best = {}
            for (name, _), (system, ability) in known.items():
                if name in index and can_do(system[0], task):
                    found = score(system, task, model=model, items=inputs.items, ability=ability, seen=seen[name])
                    best[name] = max(best.get(name, 0.0), found.score)
            names = sorted(best)
            small = [n for n in names if (inputs.models[n].total_params or 1e15) <= 40e9]
            every = spearman([best[n] for n in names], [index[n] for n in names])
            few = spearman([best[n] for n in small], [index[n] for n in small])
            print(f"{label:26s} {task.name:12s} all {len(names)}: {every:.3f}   up to 40B {len(small)}: {few:.3f}")


HIDDEN = {
    "LMArena": ("LMArena text", "Arena"),
    "LiveBench": ("LiveBench",),
    "benchlm": ("benchlm CHAT", "benchlm MATH", "benchlm CODE"),
    "LLMStats": ("LLMStats",),
}
"""Publishers whose every result is hidden in turn, by the beginnings of their benchmarks' names. The laboratory that
the `general` score is made of is hidden by `rank_correlations`."""

FEWEST_ITEMS = 4
"""A model with fewer results of a publisher has no place in that publisher's index."""


def publisher_index(inputs: Inputs, beginnings: tuple[str, ...]) -> dict[str, float]:
    """A publisher's own order of models, whatever benchmarks each has: model effects of a two-way fit to its results,
    each benchmark in its own spread; a model's best mode."""
    found = defaultdict(list)
    for r in inputs.results:
        if r.item.startswith(beginnings) and inputs.items[r.item].factor != "perception":
            found[(r.model, r.mode), r.item].append(r.value)
    cells = {key: float(np.mean(values)) for key, values in found.items()}
    counts = Counter(system for system, _ in cells)
    cells = {key: value for key, value in cells.items() if counts[key[0]] >= FEWEST_ITEMS}
    items = {name for _, name in cells}
    spread = {n: float(np.std([v for (_, name), v in cells.items() if name == n])) or 1.0 for n in items}
    own, level = dict.fromkeys({system for system, _ in cells}, 0.0), dict.fromkeys(items, 0.0)
    for _ in range(60):
        for effects, others, place in ((level, own, 1), (own, level, 0)):
            sums = defaultdict(list)
            for key, value in cells.items():
                sums[key[place]].append(value / spread[key[1]] - others[key[1 - place]])
            effects.update({name: float(np.mean(values)) for name, values in sums.items()})
    best = {}
    for (name, _), value in own.items():
        best[name] = max(best.get(name, value), value)
    return best


def best_scores(inputs: Inputs, results: Sequence[Observation], steps: int, task_name: str) -> dict[str, float]:
    """A task's score of every model in its best mode, fitted to some results."""
    task = next(task for task in inputs.tasks if task.name == task_name)
    model, fitted = fit_results(inputs, "text", results, steps)
    seen = defaultdict(list)
    for r in results:
        seen[r.model].append((r, inputs.kinds[r.item]))
    best = {}
    for (name, _), (system, ability) in all_abilities(inputs, "text", model, fitted).items():
        if can_do(system[0], task):
            found = score(system, task, model=model, items=inputs.items, ability=ability, seen=seen[name])
            best[name] = max(best.get(name, 0.0), found.score)
    return best


def publishers_left_out(inputs: Inputs, steps: int, detail: bool):
    """The `general` score, fitted without one publisher, against that publisher's order of the same models."""
    every = fitted_results(inputs, "text")
    for publisher, beginnings in HIDDEN.items():
        index = publisher_index(inputs, beginnings)
        scores = best_scores(inputs, [r for r in every if not r.item.startswith(beginnings)], steps, "general")
        names = sorted(set(index) & set(scores))
        small = [n for n in names if (inputs.models[n].total_params or 1e15) <= 40e9]
        both = [
            f"{label} {len(chosen)}: {spearman([scores[n] for n in chosen], [index[n] for n in chosen]):.3f}"
            for label, chosen in (("all", names), ("up to 40B", small))
        ]
        print(f"without {publisher:20s} {'   '.join(both)}")
        if detail:
            ours, theirs = ranks([scores[n] for n in names]), ranks([index[n] for n in names])
            off = sorted(zip(ours - theirs, names, strict=True), key=lambda pair: -abs(pair[0]))[:12]
            print("\n".join(f"      {places:+5.0f} places {name}" for places, name in off))


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--draw", type=int, default=1, help="which results are left out: 1 is in no choice of the fit")
    parser.add_argument("--all-benchmarks", action="store_true", help="train left-out vendors on every benchmark")
    parser.add_argument("--parts", default="vendors,results,ranks,publishers")
    parser.add_argument("--detail", action="store_true", help="name the models that are ranked furthest off")
    options = parser.parse_args()
    inputs = read_inputs(CATALOG)
    if "vendors" in options.parts:
        keep = (lambda item: True) if options.all_benchmarks else (lambda item: item in LABORATORY)
        errors, inside = vendors_left_out(inputs, keep, options.steps)
        print("vendors left out: error / bar (coverage of 80 %) from size, date and mode; + 1 result; + 4 results")
        ratios = []
        for name, bars in TABLE.items():
            cells = []
            for count, bar in zip(OTHERS, bars, strict=True):
                error = float(np.sqrt(np.mean(np.square(errors[name, count]))))
                ratios.append(error / bar)
                flag = " " if error <= bar + 5e-4 else "!"
                cells.append(f"{error:.3f}{flag}/{bar:.3f} ({np.mean(inside[name, count]):.2f})")
            print(f"{name:26s}", "  ".join(cells), len(errors[name, 0]))
        print(f"mean ratio {np.mean(ratios):.3f}")
    if "results" in options.parts:
        for group in inputs.factors:
            inside, errors = results_left_out(inputs, group, options.steps, options.draw)
            both = [x for values in inside.values() for x in values]
            print(f"{group}: 80 % intervals cover {np.mean(both):.3f} of {len(both)} results left out")
            for kind, values in sorted(inside.items(), key=lambda pair: -len(pair[1])):
                print(f"   {kind:16s} {np.mean(values):.2f} of {len(values)}, error {np.std(errors[kind]):.1f} points")
    if "ranks" in options.parts:
        rank_correlations(inputs, options.steps)
    if "publishers" in options.parts:
        publishers_left_out(inputs, options.steps, options.detail)


if __name__ == "__main__":
    main()
