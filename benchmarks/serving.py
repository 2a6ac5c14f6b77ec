"""How well the step-time formula predicts published time per output token under load.

    python benchmarks/serving.py serving_measurements.csv

Rows name a GPU, a model, a precision, lengths and a concurrency. Prints the median error by GPU, as shipped and with
one GPU left out (a common factor for the engine, fitted on the other GPUs). Without the file: one line, and done.
"""

import csv
import math
import statistics
import sys
from pathlib import Path

import yaml

from advisor.catalog.source import load_catalog
from advisor.errors import AdvisorError
from advisor.estimate.shaping import shape_of
from advisor.estimate.weighing import weight_profile
from advisor.sizing.capacity import mean_step
from advisor.sizing.constants import ServingConstants, Usage
from advisor.sizing.demand import Demand, Targets
from advisor.sizing.serving import Replica, served_of, step_terms

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
QUANTS = {"fp16": "F16", "bf16": "F16", "fp8": "Q8_0", "mxfp4": "MXFP4", "q8_0": "Q8_0", "q4_0": "Q4_0"}


def predict(row, catalog, constants, served):
    """Seconds per output token of one row, or None where something is unknown."""
    name = MODELS.get(row["model"], row["model"])
    key = (name, QUANTS.get(row["precision"], row["precision"]))
    if key not in served:
        model = catalog.resolve(name)
        known = model.architecture is not None
        served[key] = (
            served_of(shape_of(model.architecture), weight_profile(model.architecture, key[1])) if known else None
        )
    model = served[key]
    if model is None or not row["tpot_ms_mean"]:
        return None  # unknown architecture, or a row without this figure
    engine = "llama.cpp" if "llama.cpp" in row["engine"] else "vllm"
    gpu = catalog.hardware.machine(catalog.hardware.find(row["gpu"])).accelerators[0]
    count = int(row["n_gpus"])
    link = constants.links["nvswitch" if (gpu.link_bytes_per_s or 0) >= 200e9 else "pcie"]
    replica = Replica(
        devices=count,
        memory_bytes=count * gpu.memory_available_bytes,
        bandwidth_bytes_per_s=gpu.bandwidth_bytes_per_s,
        flops=gpu.f16_flops,
        link=link,
        engine=constants.engines[engine],
    )
    isl, osl, batch = int(row["isl"]), int(row["osl"]), int(row["concurrency"])
    demand = Demand(
        users=1,
        usage=Usage(active=1, requests_per_minute=1, peak=1),
        prompt_tokens=isl,
        output_tokens=osl,
        targets=Targets(),
    )
    if row["load"] == "static-batch":
        return step_terms(model, replica, batch, batch * model.cache_of(demand.mean_tokens)).total_s
    return mean_step(model, replica, demand, batch).total_s


def main(path):
    if not path or not Path(path).is_file():
        print("serving: no table of load tests given, nothing measured")
        return 0
    constants = ServingConstants.from_mapping(yaml.safe_load((ROOT / "catalog" / "serving.yaml").read_text()), {})
    catalog, served, logs = load_catalog(), {}, {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            try:
                seconds = predict(row, catalog, constants, served)
            except (AdvisorError, KeyError, TypeError, ValueError) as error:
                print(f"skipped {row['id']}: {error}", file=sys.stderr)
                continue
            if seconds:
                key = (row["gpu"], "llama.cpp" if "llama.cpp" in row["engine"] else "vllm")
                logs.setdefault(key, []).append(math.log(seconds * 1000 / float(row["tpot_ms_mean"])))
    for (gpu, engine), values in sorted(logs.items()):
        others = [v for (g, e), vs in logs.items() if e == engine and g != gpu for v in vs]
        factor = statistics.median(others) if others else 0.0
        errors = sorted(abs(math.expm1(v)) for v in values)
        held = statistics.median(abs(math.expm1(v - factor)) for v in values)
        print(
            f"{gpu} ({engine}): n {len(values)}, time per output token median error {statistics.median(errors):.1%}, "
            f"p90 {errors[int(0.9 * len(errors))]:.1%}, bias {math.expm1(statistics.mean(values)):+.1%}, "
            f"left out {held:.1%}{'' if others else ' (no other GPU with this engine)'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
