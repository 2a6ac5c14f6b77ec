"""Fits the quality of every model from the evidence in the catalog: `python -m advisor.catalog.fit [CATALOG_FOLDER]`.

Reads the models, evidence/*.csv, benchmarks.yaml, tasks.yaml, quality/kinds.yaml and quality/quantization.csv; writes
quality/scores.csv and quality/coefficients.json. Needs NumPy and about a minute; the same input gives the same output.
The product itself only reads what this wrote. coefficients.json names what it was made of (`inputs`), so that a test
tells when evidence, facts or this code changed and the fit was not run again.
"""

import csv
import hashlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.catalog.fit_evidence import Item, Observation, item_of, observations
from advisor.catalog.fit_facts import Facts, facts_of
from advisor.catalog.fit_latent import Cells, Model, abilities, fit
from advisor.catalog.fit_quant import fit_families, fit_losses, read_losses
from advisor.catalog.fit_scores import Ability, Score, TaskRule, can_do, score, task_rules
from advisor.catalog.fit_systems import SYSTEM, beliefs, group_of, has_basis, prior_of
from advisor.catalog.folder import read_folder
from advisor.catalog.strict_yaml import read_yaml

FEWEST_MODELS = 6
"""A benchmark with results of fewer models says nothing about its own loading and is not fitted."""

CLAIMS = {"text": 0.85, "embed": 0.87, "speech": 0.6}
"""Where four fifths of the errors on results left out lie, as a share of what the fit claims: draws 2 and 3 of
benchmarks/quality.py (draw 1 is kept to check the coverage that follows)."""

STEPS = 12
"""Steps of expectation-maximisation; more change no score by a tenth of a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything the fit reads."""

    models: Mapping[str, Facts]
    items: Mapping[str, Item]
    kinds: Mapping[str, str]
    """Kind of task by benchmark."""
    results: Sequence[Observation]
    tasks: Sequence[TaskRule]
    factors: Mapping[str, Sequence[str]]


def read_inputs(folder: Path) -> Inputs:
    """Facts, benchmarks, results and tasks of a catalog folder."""
    raw = read_folder(folder)
    kinds_document = read_yaml(folder / "quality" / "kinds.yaml", "catalog/quality/kinds.yaml").value
    models = {model: facts_of(record, kinds_document) for model, record in raw.models.items()}
    rows = [row for model in sorted(raw.evidence) for row in raw.evidence[model]]
    kinds = {row["benchmark"]: row["task"] for row in rows}
    document = raw.tables["benchmarks"]
    found = {name: item_of(name, document["rules"]) for name in sorted(kinds)}
    items = {name: item for name, item in found.items() if item is not None}
    return Inputs(
        models=models,
        items=items,
        kinds=kinds,
        results=observations(rows, models, items),
        tasks=task_rules(raw.tables["tasks"]),
        factors=document["factors"],
    )


def fitted_results(inputs: Inputs, group: str) -> list[Observation]:
    """The results of one group that enter its fit."""
    ours = [
        result
        for result in inputs.results
        if inputs.items[result.item].group == group
        and group_of(inputs.models[result.model]) == group
        and has_basis(inputs.models[result.model])
    ]
    counts = Counter(item for item, _ in {(result.item, result.model) for result in ours})
    needed = {name for task in inputs.tasks for name, _ in task.reference}
    return [result for result in ours if counts[result.item] >= FEWEST_MODELS or result.item in needed]


def cells_of(results: Sequence[Observation], systems: Sequence[tuple[str, str]], names: Sequence[str]) -> Cells:
    """Results as arrays; repeated results of one system on one benchmark are averaged."""
    import numpy as np

    place = {key: index for index, key in enumerate(systems)}
    column = {name: index for index, name in enumerate(names)}
    together: dict[tuple[int, int], list[Observation]] = defaultdict(list)
    for result in results:
        together[place[(result.model, result.mode)], column[result.item]].append(result)
    keys = sorted(together)
    return Cells(
        system=np.array([key[0] for key in keys]),
        item=np.array([key[1] for key in keys]),
        value=np.array([sum(r.value for r in together[key]) / len(together[key]) for key in keys]),
        variance=np.array([sum(r.variance for r in together[key]) / len(together[key]) ** 2 for key in keys]),
    )


def fit_results(
    inputs: Inputs, group: str, results: Sequence[Observation], steps: int = STEPS
) -> tuple[Model, list[SYSTEM]]:
    """A group's model fitted to some results, and the systems in the order of its abilities."""
    names = sorted({result.item for result in results})
    keys = sorted({(result.model, result.mode) for result in results})
    systems = [(inputs.models[model], mode) for model, mode in keys]
    assumed = beliefs([inputs.items[name] for name in names], inputs.factors[group])
    model = fit(prior_of(systems, group), cells_of(results, keys, names), assumed, steps)
    model.claim = CLAIMS[group]
    return model, systems


def all_abilities(
    inputs: Inputs, group: str, model: Model, fitted: Sequence[SYSTEM]
) -> dict[tuple[str, str], tuple[SYSTEM, Ability]]:
    """Abilities of every system of a group: from its results where it has some, else from the prior."""
    import numpy as np

    own = np.einsum("knln->nkl", model.covariance)
    design = prior_of(fitted, group).design
    known = {
        (system[0].model, system[1]): (
            system,
            Ability(mean=model.theta[index], covariance=own[index], design=design[index]),
        )
        for index, system in enumerate(fitted)
    }
    others = [
        (facts, mode)
        for facts in inputs.models.values()
        if group_of(facts) == group and has_basis(facts)
        for mode in facts.modes
        if (facts.model, mode) not in known
    ]
    if others:
        wanted = prior_of(others, group)
        mean, covariance = abilities(model, prior_of(fitted, group), wanted)
        for index, system in enumerate(others):
            ability = Ability(mean=mean[index], covariance=covariance[index], design=wanted.design[index])
            known[system[0].model, system[1]] = (system, ability)
    return known


def score_group(inputs: Inputs, group: str) -> tuple[Model, list[Score]]:
    """A group's fitted model and the scores of all its systems on the tasks that they can do."""
    results = fitted_results(inputs, group)
    model, fitted = fit_results(inputs, group, results)
    seen: dict[str, list[tuple[Observation, str]]] = defaultdict(list)
    for result in results:
        seen[result.model].append((result, inputs.kinds[result.item]))
    known = all_abilities(inputs, group, model, fitted)
    scores = [
        score(system, task, model=model, items=inputs.items, ability=ability, seen=seen[system[0].model])
        for _, (system, ability) in sorted(known.items())
        for task in inputs.tasks
        if can_do(system[0], task)
    ]
    return model, scores


def fingerprint(inputs: Inputs) -> str:
    """SHA-256 of all that the fit depends on: facts, results, rules, tasks, and the fit's own code."""
    parts = [
        repr(sorted(inputs.models.items())),
        repr(sorted(inputs.items.items())),
        repr(sorted(inputs.kinds.items())),
    ]
    parts += [repr(inputs.results), repr(inputs.tasks), repr(inputs.factors)]
    code = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("fit*.py"))]
    return hashlib.sha256("\n".join([*parts, *code]).encode()).hexdigest()


def coefficients(models: Mapping[str, Model], inputs: Inputs, quantization: Mapping[str, float]) -> dict[str, Any]:
    """What was fitted, as a document: per group its factors, and per benchmark its place, loadings and residual."""
    return {
        "schema": "advisor.quality/1",
        "inputs": fingerprint(inputs),
        "quantization": quantization,
        "groups": {
            group: {
                "factors": list(inputs.factors[group]),
                "benchmarks": {
                    name: {
                        "mean": round(float(model.mean[index] + model.spread[index] * model.intercept[index]), 3),
                        "spread": round(float(model.spread[index]), 3),
                        "loadings": [round(float(value), 3) for value in model.loadings[index]],
                        "slopes": [round(float(value), 3) for value in model.slopes[index]],
                        "residual_variance": round(float(model.residual[index]), 3),
                    }
                    for index, name in enumerate(model.names)
                },
            }
            for group, model in models.items()
        },
    }


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """scores.csv: model, mode, task, score, sd, grade; sorted."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["model", "mode", "task", "score", "sd", "grade"])
        for line in sorted(scores, key=lambda line: (line.model.lower(), line.model, line.mode, line.task)):
            writer.writerow([line.model, line.mode, line.task, f"{line.score:.1f}", f"{line.sd:.1f}", line.grade])


def main(folder: Path) -> None:
    """Fit every group and write the two files; the hash of the scores guards them against edits by hand."""
    inputs = read_inputs(folder)
    models: dict[str, Model] = {}
    scores: list[Score] = []
    for group in inputs.factors:
        models[group], found = score_group(inputs, group)
        scores.extend(found)
    write_scores(folder / "quality" / "scores.csv", scores)
    table = folder / "quality" / "quantization.csv"
    families = {f"bits_{name}": round(kept, 3) for name, kept in fit_families(table).items()}
    quantization = {**fit_losses(read_losses(table)), **families}
    document = coefficients(models, inputs, quantization)
    document["scores"] = hashlib.sha256((folder / "quality" / "scores.csv").read_bytes()).hexdigest()
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    (folder / "quality" / "coefficients.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "catalog")
