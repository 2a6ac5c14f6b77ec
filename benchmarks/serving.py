"""How well the step-time formula predicts published runs under load: time per output token, and tokens a second.

    python -m benchmarks.serving serving_measurements.csv

Rows name a GPU, a model, a precision, lengths and a concurrency; those in published_load are read as well. Prints the
median error by GPU, as shipped and with one GPU left out (a common factor for the engine, fitted on the other GPUs).
"""

import csv
import math
import statistics
import sys
from pathlib import Path

import yaml

from advisor.catalog.source import load_catalog
from advisor.errors import AdvisorError
from advisor.estimate.formats import in_format
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from advisor.sizing.capacity import mean_step, rate_at
from advisor.sizing.constants import ServingConstants, Usage
from advisor.sizing.demand import Demand, Targets
from advisor.sizing.purchase import replica_of
from advisor.sizing.serving import max_sequences, served_of, step_terms

ROOT = Path(__file__).parents[1]
MODELS = {
    "meta-llama3-8b-instruct": "meta-llama/Meta-Llama-3-8B-Instruct",
    "meta-llama3-70b-instruct": "meta-llama/Meta-Llama-3-70B-Instruct",
    "gpt-oss-20b-GGUF": "openai/gpt-oss-20b",
    "gpt-oss-120b-GGUF": "openai/gpt-oss-120b",
    "Qwen3-Coder-30B-A3B-Instruct-Q8_0-GGUF": "Qwen/Qwen3-Coder-30B-A3B-Instruct",
    "Qwen2.5-Coder-7B-Q8_0-GGUF": "Qwen/Qwen2.5-Coder-7B-Instruct",
    "gemma-3-4b-it-qat-GGUF (Q4_0)": "google/gemma-3-4b-it",
}
"""Names in load tests, where they differ from hub ids."""
QUANTS = {"fp16": "F16", "bf16": "BF16", "fp8": "FP8", "awq": "AWQ", "mxfp4": "MXFP4", "q8_0": "Q8_0", "q4_0": "Q4_0"}


def predict(row, catalog, constants, served):
    """Seconds per output token of one row and output tokens a second; None for what it does not tell."""
    engine = "llama.cpp" if "llama.cpp" in row["engine"] else "vllm"
    name = MODELS.get(row["model"], row["model"])
    key = (name, in_format(QUANTS[row["precision"]], catalog.constants.engine(engine).formats))
    if key not in served:
        architecture = catalog.resolve(name).architecture
        served[key] = served_of(shape_of(architecture), weight_profile(architecture, key[1])) if architecture else None
    model = served[key]
    if model is None:
        return None, None
    gpu = catalog.hardware.machine(catalog.hardware.find(row["gpu"])).accelerators[0]
    replica = replica_of([gpu] * int(row["n_gpus"]), constants.engines[engine], constants, model.multiplied)
    model = model.split(replica.width)
    isl, osl, batch = int(row["isl"]), int(row["osl"]), int(row["concurrency"])
    demand = Demand(
        users=1,
        usage=Usage(active=1, requests_per_minute=1, peak=1),
        prompt_tokens=isl,
        output_tokens=osl,
        targets=Targets(),
    )
    if row["load"] == "static-batch":
        return step_terms(model, replica, batch, batch * model.cache_of(demand.mean_tokens)).total_s, None
    held = min(batch, max_sequences(model, replica, demand.mean_tokens))
    return mean_step(model, replica, demand, held).total_s, rate_at(model, replica, demand, held) * osl


def compare(paths, catalog, constants):
    """Logarithms of predicted over measured by measure, GPU and engine."""
    served, logs = {}, {}
    for row in (row for path in paths for row in csv.DictReader(path.read_text("utf-8").splitlines())):
        try:
            seconds, rate = predict(row, catalog, constants, served)
        except (AdvisorError, KeyError, TypeError, ValueError) as error:
            print(f"skipped {row['id']}: {error}", file=sys.stderr)
            continue
        key = (row["gpu"], "llama.cpp" if "llama.cpp" in row["engine"] else "vllm")
        if seconds and row["tpot_ms_mean"]:
            logs.setdefault(("time per output token", *key), []).append(
                math.log(seconds * 1000 / float(row["tpot_ms_mean"]))
            )
        if rate and row["out_tok_s"]:
            logs.setdefault(("tokens a second", *key), []).append(math.log(rate / float(row["out_tok_s"])))
    return logs


def main(path):
    paths = sorted((Path(__file__).parent / "published_load").glob("*.csv"))
    paths += [Path(path)] if path and Path(path).is_file() else []
    catalog = load_catalog()
    shares = {name: engine.utilization for name, engine in catalog.constants.engines.items()}
    plain = yaml.safe_load((ROOT / "catalog" / "serving.yaml").read_text("utf-8"))
    logs = compare(paths, catalog, ServingConstants.from_mapping(plain, shares))
    for (measure, gpu, engine), values in sorted(logs.items()):
        others = [v for (m, g, e), vs in logs.items() if (m, e) == (measure, engine) and g != gpu for v in vs]
        factor = statistics.median(others) if others else 0.0
        errors = sorted(abs(math.expm1(v)) for v in values)
        held = statistics.median(abs(math.expm1(v - factor)) for v in values)
        print(
            f"{gpu} ({engine}): n {len(values)}, {measure} median error {statistics.median(errors):.1%}, "
            f"p90 {errors[int(0.9 * len(errors))]:.1%}, bias {math.expm1(statistics.mean(values)):+.1%}, "
            f"left out {held:.1%}{'' if others else ' (no other GPU with this engine)'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
