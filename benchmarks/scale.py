"""What a recommendation costs in process, on this catalog and on one ten times as large.

    python -m benchmarks.scale [--times N] [--factor K]

The larger catalog holds every model K times under names of its own, each copy a little better or worse than the first,
so that nothing ties. CPU seconds of this process, the least of N runs; estimates are counted, since a clock on a shared
machine lies.
"""

import argparse
import random
import sys
import time
from dataclasses import replace

from advisor.decide.ranking import rank
from advisor.verbs.estimator import MachineEstimator
from advisor.verbs.question import Request, build_question
from advisor.verbs.recommend import recommend_on
from advisor.verbs.selection import MachineSelection
from advisor.verbs.workspace import Workspace

MACHINES = (
    ("this machine", MachineSelection()),
    ("RTX 4090, 64 GiB", MachineSelection(gpus=("RTX 4090",), ram="64GiB")),
    ("2x RTX 3090, 128 GiB", MachineSelection(gpus=("2x RTX 3090",), ram="128GiB")),
    ("M2 Ultra", MachineSelection(hardware="M2 Ultra")),
)
TASKS = ("chat", "coding", "embedding")
SCATTER = 3.0
"""Points by which the copies of a model differ."""
MARK = "#"


class Manifold:
    """A shelf with every entry of another `factor` times."""

    def __init__(self, shelf, factor: int) -> None:
        self.shelf = shelf
        source = random.Random(1)
        self._entries = [copy(e, i, source) for e in shelf.entries() for i in range(factor)]
        self.default_quants = shelf.default_quants

    def entries(self):
        """All copies."""
        return self._entries

    def sizes(self, model_id: str):
        """Those of the first copy."""
        return self.shelf.sizes(model_id.partition(MARK)[0])

    def size(self, model_id: str, quant: str, form: str = "gguf"):
        """That of the first copy."""
        return self.shelf.size(model_id.partition(MARK)[0], quant, form)


def copy(entry, index: int, source: random.Random):
    """The entry itself, then copies with other names and scores."""
    if index == 0:
        return entry
    shift = source.uniform(-SCATTER, SCATTER)
    quality = {
        mode: {task: (min(max(score + shift, 1.0), 99.0), sd, grade) for task, (score, sd, grade) in tasks.items()}
        for mode, tasks in entry.quality.items()
    }
    return entry._replace(id=f"{entry.id}{MARK}{index}", quality=quality)


class Counting:
    """The product's estimator, which counts; copies are estimated as the model that they are copies of."""

    def __init__(self, inner: MachineEstimator) -> None:
        self.inner, self.mixed, self.calls = inner, inner.mixed, 0

    def cannot_fit(self, candidate):
        """As the product says."""
        return self.inner.cannot_fit(candidate)

    def __call__(self, candidate, workload, kv_type):
        """As the product says."""
        self.calls += 1
        entry = candidate.system.entry
        plain = entry._replace(id=entry.id.partition(MARK)[0])
        return self.inner(replace(candidate, system=replace(candidate.system, entry=plain)), workload, kv_type)


def least(action, times: int) -> float:
    """CPU milliseconds of the quickest of several runs."""
    found = []
    for _ in range(times):
        started = time.process_time()
        action()
        found.append(time.process_time() - started)
    return 1000 * min(found)


def ranked(question, shelf, machine, workspace, times: int) -> tuple[float, int]:
    """Milliseconds and estimates of one ranking."""
    counting = Counting(MachineEstimator(machine, workspace))
    engines = counting.inner.engines
    entries = shelf.entries()
    spent = least(lambda: rank(question, entries, shelf, counting, engines), times)
    return spent, counting.calls // times


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=5, help="runs of which the least counts")
    parser.add_argument("--factor", type=int, default=10, help="copies of every model")
    options = parser.parse_args()
    workspace = Workspace()
    catalog = workspace.catalog
    large = Manifold(catalog, options.factor)
    names = f"{'answer':>9s} {'rank':>9s} {'estimates':>9s} {'rank':>9s} {'estimates':>9s} {'ratio':>6s}"
    print(f"  {'':22s} {'':10s} {len(catalog.entries()):>19d} models {len(large.entries()):>12d} models")
    choices = [sum(len(s.quants) for e in shelf.entries() if (s := shelf.sizes(e.id))) for shelf in (catalog, large)]
    print(f"  {'':22s} {'':10s} {choices[0]:>18d} choices {choices[1]:>11d} choices")
    print(f"  {'':22s} {'':10s} {names}")
    worst = 0.0
    for name, selection in MACHINES:
        machine = workspace.machine(selection)
        for task in TASKS:
            question = build_question(Request(task=task), catalog)
            whole = least(lambda: recommend_on(question, machine, workspace), options.times)  # noqa: B023 - used at once
            few, looked = ranked(question, catalog, machine, workspace, options.times)
            many, looked_many = ranked(question, large, machine, workspace, options.times)
            worst = max(worst, many / few)
            print(
                f"  {name:22s} {task:10s} {whole:6.1f} ms {few:6.1f} ms {looked:9d} "
                f"{many:6.1f} ms {looked_many:9d} {many / few:6.1f}"
            )
    print(f"  {options.factor} times the catalog costs at most {worst:.1f} times the time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
