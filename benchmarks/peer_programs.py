"""What llmfit itself picks in a scenario: the program as published is run, with the scenario's device stated to it.

A hardware profile of llmfit holds memory, bandwidth and compute of one unified memory; a graphics card is stated as
such, since a profile of a card is ignored where the host has none. The rows of `llmfit fit` are its ranking. As in
peer_choices.py the user walks down it, past models that were not measured, to the first whose own predicted rate meets
what is asked, and takes the first one where none does. llmfit names one quantization a model: where that one was not
measured, the measured one nearest in bits stands in for it.
"""

import json
import math
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from advisor.decide.candidates import Candidate
from benchmarks.scenarios import OUTPUT_TOKENS, Scenario

BITS = {"Q2_K": 3.0, "Q3_K_M": 3.9, "Q4_K_M": 4.85, "Q5_K_M": 5.7, "Q6_K": 6.6, "Q8_0": 8.5, "BF16": 16.0, "F16": 16.0}
USUAL_BITS = 4.85
ROWS = 50_000
PATIENCE_S = 300


class Llmfit:
    """Runs the program at `path`; each device and memory once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = Path(tempfile.mkdtemp(prefix="peer-"))
        self.rows = cache(self._rows)

    def choose(self, scenario: Scenario, truth) -> Candidate | None:
        """Its first row that was measured and is quick enough by its own figures."""
        case = scenario.bench.cases[0]
        bandwidth = None if case.vendor == "cpu" else case.bandwidth
        by_model: dict[str, list[Candidate]] = {}
        for candidate in truth.candidates:
            by_model.setdefault(candidate.model_id.lower(), []).append(candidate)
        ranked = [row for row in self.rows(scenario.memory_bytes, bandwidth) if row[0] in by_model]
        needed = OUTPUT_TOKENS / (scenario.max_latency_s or math.inf)
        if scenario.max_tpot_s:
            needed = 1.0 / scenario.max_tpot_s
        row = next((r for r in ranked if r[2] >= needed), ranked[0] if ranked else None)
        return None if row is None else _nearest(by_model[row[0]], row[1])

    def _rows(self, memory_bytes: float, bandwidth: float | None) -> list[tuple[str, str, float]]:
        """Model, quantization and predicted tokens a second, best first."""
        gib = memory_bytes / 2**30
        argv = [str(self.path), "--json", "--ram", f"{gib:.0f}G"]
        if bandwidth is not None:
            rate = bandwidth / 1e9
            hardware = {
                "total_ram_gb": gib, "unified_memory": True, "gpu_memory_bandwidth_gbps": rate,
                "ddr_bandwidth_gbps": rate,
            }  # fmt: skip
            profile = {"schema_version": 1, "name": "stated", "hardware": hardware}
            profile["match"] = {"gpu_name_contains": "stated"}
            file = self.folder / "stated.json"
            file.write_text(json.dumps(profile))
            argv = [str(self.path), "--json", "--profile", str(file)]
        done = subprocess.run(
            [*argv, "fit", "-n", str(ROWS)], capture_output=True, timeout=PATIENCE_S, check=True, cwd=self.folder,
            env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        models = json.loads(done.stdout)["models"]
        return [(m["name"].lower(), m["best_quant"] or "", m["estimated_tps"] or 0.0) for m in models]


def _nearest(found: list[Candidate], quant: str) -> Candidate:
    """The measured choice of the quantization named, else the nearest in bits; without thinking."""
    bits = BITS.get(quant, USUAL_BITS)
    plain = [c for c in found if c.system.mode != "thinking"] or found
    return min(plain, key=lambda c: (c.quant != quant, abs(c.size.bits_per_weight - bits)))
