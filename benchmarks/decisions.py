"""How often a pick breaks its budget, and how many points it leaves on the table, on questions whose answer is known.

    python -m benchmarks.decisions [--rows FILE ...] [--every N] [--confidence P] [--worst N] [--llmfit PROGRAM]

Scenarios (device x task x budget) are built from published measurements: see scenarios.py. For a device, the choices
measured on it say who truly meets a budget. Quality in the truth is the catalog's own expected score of the unquantized
weights on the task less the loss of the quantization: what is judged here is the decision, not the scores.
The advisor sees predictions only. First with every row of the device held back (known from its data sheet and class
alone), then with the rows of the model in question held back (as for devices that catalog/calibration.yaml knows).
Three other programs choose among the same by their published rules: see peer_choices.py. llmfit itself is run where its
program is given: see peer_programs.py. The other two take no machine and rank no model that is not theirs: whichllm
asks the hub for its list, llm-checker prints tags of a catalog of its own.
"""

import argparse
import statistics
import sys
from collections import Counter
from pathlib import Path

from benchmarks.deciding import Facts, Outcome, decide, outcome, truth_of
from benchmarks.held_out import HeldOut
from benchmarks.peer_choices import PEERS
from benchmarks.peer_programs import Llmfit
from benchmarks.scenarios import benches, scenarios
from benchmarks.tables import add_rows_option, tables

BARS = {"violations": 0.03, "median": 2.0, "p90": 6.0}


def load(paths: list[Path]):
    """Cases, how their generation is told, the catalog and the constants."""
    import yaml

    from advisor.catalog.source import load_catalog
    from advisor.estimate.constants import Constants
    from benchmarks.measurements import Cases

    folder = Path(__file__).parents[1] / "catalog"
    plain = [yaml.safe_load((folder / name).read_text("utf-8")) for name in ("calibration.yaml", "engines.yaml")]
    constants, catalog = Constants.from_mapping(*plain), load_catalog()
    return Cases(catalog, constants).read(paths), catalog, constants


def line(name: str, outcomes: list[Outcome]) -> str:
    """One way of choosing: share of broken budgets, of no answer, and regret."""
    answered = [o for o in outcomes if o.choice is not None]
    broken = sum(not o.works for o in answered) / len(outcomes)
    unfit = sum(not o.fits for o in answered) / len(outcomes)
    none = 1 - len(answered) / len(outcomes)
    regrets = sorted(o.regret for o in outcomes)
    tail = regrets[int(0.9 * (len(regrets) - 1))]
    return (
        f"  {name:34s} {len(outcomes):5d} {broken:10.1%} {unfit:8.1%} {none:9.1%} "
        f"{statistics.median(regrets):8.1f} {tail:6.1f} {statistics.mean(regrets):6.1f}"
    )


def breakdown(outcomes: list[Outcome]) -> list[str]:
    """The same by backend, kind of budget and task."""
    lines = []
    for label, key in (
        ("backend", lambda o: o.scenario.bench.backend), ("task", lambda o: o.scenario.task),
        ("limits", lambda o: kind(o.scenario)),
    ):  # fmt: skip
        for value in sorted({key(o) for o in outcomes}):
            lines.append(line(f"  {label} {value}", [o for o in outcomes if key(o) == value]))
    return lines


def kind(scenario) -> str:
    """Which limits a scenario has."""
    names = ("max_ttft_s", "max_tpot_s", "max_latency_s")
    limits = "+".join(n[4:-2] for n in names if getattr(scenario, n))
    return f"{limits}, less memory" if scenario.memory_bytes < scenario.bench.memory_bytes else limits


def worst(outcomes: list[Outcome], count: int) -> list[str]:
    """Where budgets were broken, by device and choice, and the largest regrets."""
    broken: Counter = Counter()
    lost: Counter = Counter()
    for o in outcomes:
        where = f"{o.scenario.bench.device} {o.scenario.bench.backend}"
        if o.choice and not o.works:
            broken[f"{where}: {' '.join(o.choice)}"] += 1
        elif o.regret > BARS["p90"]:
            lost[f"{where}: {kind(o.scenario)}, {'no answer' if o.choice is None else 'a lesser one'}"] += 1
    lines = [f"  broken {n:3d}  {text}" for text, n in broken.most_common(count)]
    return lines + [f"  regret {n:3d}  {text}" for text, n in lost.most_common(count)]


def judged(found, facts: Facts, options):
    """Scenarios that decide something, with their truth. One bench after the other: facts are shared."""
    for index, scenario in enumerate(scenarios(found)):
        if index % options.every:
            continue
        bench = scenario.bench
        elsewhere = [other.choices for other in found if other.backend == bench.backend]
        measured = {k: c for choices in (*elsewhere, bench.choices) for k, c in choices.items()}
        truth = truth_of(scenario, measured, facts, options.confidence)
        if truth.decides:
            yield scenario, truth


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_rows_option(parser)
    parser.add_argument("--every", type=int, default=1, help="take every N-th scenario only")
    parser.add_argument("--confidence", type=float, default=0.9, help="probability of meeting the budget")
    parser.add_argument("--worst", type=int, default=0, help="list the N commonest failures")
    parser.add_argument("--llmfit", type=Path, help="run this program too")
    options = parser.parse_args()
    cases, catalog, constants = load(tables(options.rows))
    held_out = HeldOut(cases, lambda case: constants.generation(case.architecture), constants)
    facts = Facts(catalog, constants)
    results: dict[str, list[Outcome]] = {}
    peers = dict(PEERS)
    if options.llmfit is not None:
        peers["llmfit, the program itself"] = Llmfit(options.llmfit.resolve()).choose
    for scenario, truth in judged(benches(cases), facts, options):
        backend, device = scenario.bench.backend, scenario.bench.device
        ways = {
            "advisor, device held out": lambda m: held_out.of_class(backend, device),  # noqa: B023 - used at once
            "advisor, model held out": lambda m: held_out.of_siblings(backend, device, m),  # noqa: B023
        }
        for name, posterior_of in ways.items():
            results.setdefault(name, []).append(decide(scenario, truth, posterior_of)[0])
        for name, choose in peers.items():
            results.setdefault(name, []).append(outcome(scenario, truth, choose(scenario, truth)))
    print_all(results, options.worst)
    return 0


def print_all(results: dict[str, list[Outcome]], count: int) -> None:
    """The table, then the advisor's breakdown."""
    names = f"{'n':>5s} {'violations':>10s} {'no fit':>8s} {'no answer':>9s} {'regret50':>8s} {'p90':>6s} {'mean':>6s}"
    head = f"  {'':34s} {names}"
    print(head)
    for name, outcomes in results.items():
        print(line(name, outcomes))
    for name in [n for n in results if n.startswith("advisor")]:
        print(name, *breakdown(results[name]), *worst(results[name], count), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
