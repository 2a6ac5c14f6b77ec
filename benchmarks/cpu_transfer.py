"""How well a quick benchmark predicts other models here: five architectures with real shapes and random weights.

Run as `python benchmarks/cpu_transfer.py`. It measures the models of `bench --quick`, learns, then measures
each target and prints predicted against measured: from the data sheet, after the quick benchmark, and, with --sliced,
from two slices of the target itself. Nothing is downloaded or stored. Runs that other work disturbed are
marked and left out of the medians: on a busy machine there may be none.
"""

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from advisor.bench.calibrate import learn
from advisor.bench.fingerprint import fingerprint
from advisor.bench.result import BenchResult
from advisor.bench.slicing import first_layers, slice_depths
from advisor.bench.smoke import Subject, run_smoke
from advisor.bench.statistics import error_percent
from advisor.bench.synthetic import write_model
from advisor.domain.architecture import Architecture, Attention, Moe
from advisor.engines.embedded import EmbeddedEngine
from advisor.engines.protocol import MeasurePlan
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from advisor.verbs.bench_quick import MODELS
from advisor.verbs.gguf_identity import Identity
from advisor.verbs.measuring import usable_cores
from advisor.verbs.prediction import estimate_plan
from advisor.verbs.workspace import Workspace

QUANT = "Q4_K_M"


def _attention(heads, kv, width, window=None):
    return Attention(n_heads=heads, n_kv_heads=kv, k_dim=width, v_dim=width, window=window)


TARGETS = {
    "llama-3.2-1b": Architecture(
        gguf_arch="llama", n_layers=16, hidden=2048, vocab=128256, ffn=8192, tied=True, attention=_attention(32, 8, 64)
    ),
    "qwen3-0.6b": Architecture(
        gguf_arch="qwen3", n_layers=28, hidden=1024, vocab=151936, ffn=3072, tied=True, attention=_attention(16, 8, 128)
    ),
    "gemma-3-1b": Architecture(
        gguf_arch="gemma3", n_layers=26, hidden=1152, vocab=262144, ffn=6912, tied=True,
        attention=_attention(4, 1, 256, 512), layers="SSSSSF" * 4 + "SS",
    ),
    "qwen3-moe-8-layers": Architecture(
        gguf_arch="qwen3moe", n_layers=8, hidden=2048, vocab=151936, ffn=0, tied=False,
        attention=_attention(32, 4, 128), moe=Moe(n_experts=128, n_used=8, ffn=768),
    ),
    "qwen2.5-1.5b": Architecture(
        gguf_arch="qwen2", n_layers=28, hidden=1536, vocab=151936, ffn=8960, tied=True, attention=_attention(12, 2, 128)
    ),
}  # fmt: skip


def measure(name, architecture, machine, folder, options):
    identity = Identity(
        model=name, known=False, quant=QUANT, vocab=architecture.vocab, architecture=architecture,
        shape=shape_of(architecture), weights=weight_profile(architecture, QUANT),
    )  # fmt: skip
    path = Path(folder) / "model.gguf"
    plan = MeasurePlan(
        path=path, file_bytes=write_model(path, architecture, QUANT, name=name), threads=usable_cores(machine),
        prompt_tokens=options.prompt_tokens, output_tokens=options.output_tokens, repetitions=options.repetitions,
        vocab=architecture.vocab,
    )  # fmt: skip
    subject = Subject(
        machine=fingerprint(machine), model=name, quant=QUANT, shape=identity.shape, weights=identity.weights
    )
    result = run_smoke(EmbeddedEngine(), plan, replace(subject, synthetic=True))
    path.unlink()
    return result, plan, identity


def from_slices(name, architecture, machine, constants, plan, identity, folder, options):
    parts = [first_layers(architecture, n) for n in slice_depths(architecture, QUANT)]
    slices = [measure(name, part, machine, folder, options)[0] for part in parts]
    said = estimate_plan(plan, identity, machine, constants, learn(machine, "llama.cpp", slices, constants))
    return said, any("noisy" in r.tags for r in slices)


def errors(result: BenchResult, said):
    pairs = (
        (said.speed.decode_tokens_per_s.p50, result.decode_tokens_per_s.median),
        (said.speed.prefill_tokens_per_s.p50, result.prefill_tokens_per_s.median),
    )
    return [error_percent(a, b) for a, b in pairs]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt-tokens", type=int, default=256)
    parser.add_argument("--output-tokens", type=int, default=24)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--sliced", action="store_true", help="measure slices of each target too")
    options = parser.parse_args()
    workspace = Workspace()
    machine, constants = workspace.here, workspace.catalog.constants
    with tempfile.TemporaryDirectory(prefix="advisor-transfer-") as folder:
        known = [measure(name, a, machine, folder, options)[0] for name, a in MODELS]
        blank, learned = (learn(machine, "llama.cpp", r, constants) for r in ((), known))
        quiet: list[list[float]] = []
        cut: list[list[float]] = []
        print(f"{'model':<22}{'decode':>9}{'prior':>8}{'quick':>8}   {'prefill':>9}{'prior':>8}{'quick':>8}")
        for name, architecture in TARGETS.items():
            result, plan, identity = measure(name, architecture, machine, folder, options)
            before, after = (
                errors(result, estimate_plan(plan, identity, machine, constants, what)) for what in (blank, learned)
            )
            decode, prefill = result.decode_tokens_per_s.median, result.prefill_tokens_per_s.median
            noisy = "noisy" in result.tags
            print(
                f"{name:<22}{decode:9.1f}{before[0]:+7.0f}%{after[0]:+7.0f}%   "
                f"{prefill:9.1f}{before[1]:+7.0f}%{after[1]:+7.0f}%{'  disturbed' if noisy else ''}"
            )
            if not noisy:
                quiet.append([abs(x) for x in after])
            if options.sliced:
                said, disturbed = from_slices(name, architecture, machine, constants, plan, identity, folder, options)
                found = errors(result, said)
                print(
                    f"{'  from its slices':<40}{found[0]:+6.0f}%{found[1]:+34.0f}%{'  disturbed' if disturbed else ''}"
                )
                if not noisy and not disturbed:
                    cut.append([abs(x) for x in found])
    disturbed = any("noisy" in r.tags for r in known)
    if not quiet or disturbed:
        print("other work disturbed the runs: no medians")
        return 1
    for name, column in zip(("decode", "prefill"), zip(*quiet, strict=True), strict=True):
        print(f"{name}: median {median(column):.1f} % of {len(column)} models (bar: 12 %)")
    for name, column in zip(("decode", "prefill"), zip(*cut, strict=True), strict=False):
        print(f"{name} from slices: median {median(column):.1f} % of {len(column)} models")
    return 0


if __name__ == "__main__":
    sys.exit(main())
