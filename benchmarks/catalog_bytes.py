"""How well bytes of published GGUF files follow from facts alone: architecture and preset, nothing read from the file.

Every file with exact bytes of a standard preset is compared. Run: python benchmarks/catalog_bytes.py [--worst N]
"""

import argparse
from collections import defaultdict
from dataclasses import replace
from statistics import median

from advisor.catalog.gates import COMPARED, has_one_size
from advisor.catalog.library import Catalog
from advisor.catalog.source import load_catalog
from advisor.estimate.weighing import weight_profile


def predicted(architecture, quant, size):
    """Bytes, with a tied head stored twice where the file is nearer to that."""
    variants = [architecture] + ([] if architecture.tied is False else [replace(architecture, tied=False)])
    return min((weight_profile(a, quant).file_bytes for a in variants), key=lambda b: abs(b - size))


def errors(catalog: Catalog):
    """(relative error, model, quantization, repository) of each file."""
    for entry in catalog.entries():
        model = catalog.model(entry.id)
        architecture = model.architecture
        if architecture is None or not has_one_size(architecture) or architecture.kv_runtime_specific:
            continue
        for artifact in model.artifacts:
            standard = artifact.format in ("gguf", "ollama") and artifact.role == "model" and artifact.quant in COMPARED
            size = artifact.bytes
            if standard and size:
                yield predicted(architecture, artifact.quant, size) / size - 1, model.id, artifact.quant, artifact.repo


def main() -> None:
    """Print the median, the tail, and the worst files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worst", type=int, default=12, metavar="N")
    arguments = parser.parse_args()
    rows = sorted(errors(load_catalog()), key=lambda row: abs(row[0]))
    sizes = [abs(row[0]) for row in rows]
    print(f"{len(rows)} files of {len({row[1] for row in rows})} models")
    print(
        f"median error {median(sizes):.3%}, 90th percentile {sizes[int(0.9 * len(sizes))]:.2%}, worst {sizes[-1]:.1%}"
    )
    by_quant = defaultdict(list)
    for error, _, quant, _ in rows:
        by_quant[quant].append(abs(error))
    for quant, values in sorted(by_quant.items()):
        print(f"  {quant:<8} {len(values):4d} files, median {median(values):.3%}")
    for error, model, quant, repo in rows[-arguments.worst :]:
        print(f"  {error:+.2%}  {model}  {quant}  {repo}")


if __name__ == "__main__":
    main()
