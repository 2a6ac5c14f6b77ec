"""Published tokens per second as cases: what was run, its terms at data-sheet rates, and the seconds it took.

Models and devices are those of the catalog, found by the names in the table; a row whose model, device or quantization
is not understood is counted and left out.
"""

import csv
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from advisor.domain.estimate import Placement, PlacementKind
from advisor.domain.machine import Cpu, HostMemory, Machine
from advisor.domain.workload import Workload
from advisor.errors import AdvisorError
from advisor.estimate.candidate import cache_layout
from advisor.estimate.constants import Constants
from advisor.estimate.cpu_rates import cpu_power, prompt_rates, threads_used
from advisor.estimate.flops import prompt_work
from advisor.estimate.footprint import Choice
from advisor.estimate.formats import in_format
from advisor.estimate.parts import Part, Setting, compute_rate, cpu_class, parts_of
from advisor.estimate.shape import ModelShape
from advisor.estimate.shaping import shape_of
from advisor.estimate.weights import WeightProfile
from benchmarks.kernels import of_date
from benchmarks.prompt_rows import not_a_reading
from benchmarks.set_aside import impossible, slowed, told
from benchmarks.tables import people

DECODE, PREFILL = 0, 1
BACKENDS = (
    ("mlx-vlm", ""), ("mlx", "mlx"), ("vllm", "vllm"), ("exllama", "exllama"), ("rkllm", ""), ("mlc", ""),
    ("cpu", "cpu"), ("sycl", "sycl"), ("rocm", "rocm"), ("vulkan", "vulkan"), ("cuda", "cuda"), ("metal", "metal"),
)  # fmt: skip
BY_VENDOR = {"nvidia": "cuda", "amd": "rocm", "apple": "metal", "intel": "vulkan"}
ENGINES = {"mlx": "mlx", "vllm": "vllm", "exllama": "exllamav2"}
"""Engines with parameters of their own; the rest is llama.cpp on a device's backend."""
QUANTS = {
    "mlx-2bit": "mlx-2bit", "w8a8": "int8", "w4a16_g128": "w4a16", "q4f16": "w4a16", "INT8": "int8",
    "EXL2-4": "exl2-4.0", "EXL2-3": "exl2-3.0", "EXL2-5": "exl2-5.0", "EXL2-2.5": "exl2-2.5",
}  # fmt: skip
MLX_ONLY = ("GPTQ", "NVFP4")
"""On a Mac, Ollama runs these in MLX: llama.cpp has no kernels for the one and no files of the other."""
DATE = re.compile(r"(20\d\d)-?(\d\d)?")
MICRO_BATCH = re.compile(r"(?:ubatch|-ub) (\d+)")
BATCH = re.compile(r"(?<!\S)-b (\d+)")
LONG_CONTEXT_LOG, LONG_CONTEXT_MICRO_BATCH = "__longctx", 2048
"""Logs of kyuz0's scripts with a deep cache: they ask for `-ub 2048` on all but Vulkan (run_benchmarks.sh)."""
NOW = 2026.3
"""Rows older than this tell less of the engines of today."""
SPLIT_NOTED = re.compile(r"sm-(row|layer)")
PRUNED = re.compile(r"\breap\d+", re.IGNORECASE)
"""Notes of a copy with a part of its experts removed: another model than its name says."""
WITHOUT_FLASH_ATTENTION = ("0", "0.0")
HYPERTHREADS = re.compile(r"AWS [a-z](?:[56][ai]|7i)\b")
"""Instances of AWS whose virtual processors are two to a core; those of Graviton and of m7a are cores."""
THREADS_NOTED = re.compile(r"(\d+)(?: physical-core)? threads|threads (\d+)")


@dataclass(slots=True)
class Case:
    """One configuration and phase: a decode step, or the reading of a prompt. `seconds` is the median of its rows."""

    source: str
    device: str
    vendor: str
    backend: str
    architecture: str
    count: int
    model: str
    quant: str
    moe: bool
    depth: float
    phase: int
    tokens: float
    parts: list[Part]
    seconds: float
    file_bytes: float
    active_share: float
    bandwidth: float
    bits: float = 16.0
    """Of the file, for each parameter."""
    plain: bool = True
    """Whether most of the file is read for each token or expert: no tables of embeddings by layer."""
    age_years: float = 0.0
    """How much older than most rows."""
    rows: int = 1
    memory_bytes: float = 0.0
    """Memory of all its devices as the row states it; 0: not stated."""
    peak_bytes: float = 0.0
    """Most memory seen in use; 0: not stated, or by a row without its file's size: some give the use of all servers."""
    key: tuple = field(default_factory=tuple)
    counted: tuple | None = None
    """What `fitting.terms_of` found of it."""


class Timed(NamedTuple):
    """A row's configuration, its seconds, and how its engine was set (see `setting_of`)."""

    case: Case
    seconds: float
    setting: tuple[str, ...]


def setting_of(row) -> tuple[str, ...]:
    """How a row's engine was set: version, backend, flash attention and the split over devices, as stated."""
    split = SPLIT_NOTED.search(row["notes"])
    return row["engine_version"], row["backend"], row["flash_attn"], split[1] if split else ""


def well_set(found: Sequence[Timed]) -> float:
    """Seconds of a configuration that a source gives several rows of: what a well set engine of a usual build takes.

    Rows of one build that differ in how it was set (libraries, drivers, flash attention) are an author's trials of one
    machine: each setting counts with its median, the build with its best setting, since nobody keeps a setting that
    the same table shows to be slower. Builds count alike, and so do rows that name none: those may be different
    people's machines, of which none is the better set one. Against the median of all rows, 303 of 1,901 prompts are
    read faster so, 113 of them by more than a tenth (one machine with ROCm up to 3.2 times, where half of the runs
    went without the library that has kernels for it); of 2,382 answers, 199 and 17.
    """
    builds: dict[str, dict[tuple[str, ...], list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        build = one.setting[0].partition(" ")[0]
        builds[build][one.setting if build else ()].append(one.seconds)
    return statistics.median(min(map(statistics.median, settings.values())) for settings in builds.values())


def backend_of_row(row, vendor):
    """Which parameters a row tells of; None for engines that are not described."""
    text = row["backend"].lower()
    if "mlx" in text:
        text = f"{row['engine_version'].lower()} {text}"
    for part, backend in BACKENDS:
        if part in text:
            found = backend
            break
    else:
        found = BY_VENDOR.get(vendor, "")
    if found == "cuda" and vendor != "nvidia":
        found = BY_VENDOR.get(vendor, "")
    if found == "metal" and (row["quant"].startswith("mlx") or row["quant"] in MLX_ONLY):
        found = "mlx"
    return found or None


def rows_of(path: Path) -> Iterator[defaultdict[str, str]]:
    """The rows of a table; a column that it does not have is empty."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield defaultdict(str, {name: cell or "" for name, cell in row.items() if name})


def number(text, default=0.0):
    """A cell's figure."""
    return float(text) if text not in ("", None) else default


def age_of(date: str) -> float:
    """Years that a row is older than `NOW`, from a date or a part of one."""
    match = DATE.search(date)
    if match is None:
        return 0.5
    month = int(match[2]) if match[2] and 1 <= int(match[2]) <= 12 else 6
    return max(0.0, NOW - int(match[1]) - (month - 0.5) / 12)


def micro_batch_of(row, usual: int) -> int:
    """Tokens read at once, where a row says what was asked for: no more than a batch holds."""
    stated = MICRO_BATCH.search(row["notes"])
    batch = BATCH.search(row["notes"])
    if not stated and LONG_CONTEXT_LOG in row["source_ref"] and "vulkan" not in row["backend"].lower():
        usual = LONG_CONTEXT_MICRO_BATCH
    return min(int(stated[1]) if stated else usual, int(batch[1]) if batch else 1 << 30)


class Cases:
    """Turns rows into cases; remembers shapes, weights and devices, and counts what is left out."""

    def __init__(self, catalog, constants: Constants):
        self.catalog, self.constants = catalog, constants
        self.left_out: Counter[str] = Counter()
        self._shapes: dict[str, ModelShape] = {}
        self._models: dict[str, object] = {}
        self._weights: dict[tuple[str, str], WeightProfile | None] = {}
        self._devices: dict[str, object] = {}
        self._people = people()

    def read(self, paths: Sequence[Path]) -> list[Case]:
        """All cases of these tables, the median where a configuration occurs several times."""
        groups: dict[tuple, list[Timed]] = defaultdict(list)
        for row in (row for path in paths for row in rows_of(path)):
            for phase, column in ((DECODE, "tg_tps"), (PREFILL, "pp_tps")):
                rate = number(row[column])
                case = self._case(row, phase) if rate > 0 else None
                if case is not None and self._possible(case, case.tokens / rate):
                    groups[case.key].append(Timed(case, case.tokens / rate, setting_of(row)))
        return [self._merged(found) for found in groups.values()]

    def _possible(self, case: Case, seconds: float) -> bool:
        """Whether a case's accelerators can have written a token in this time; counted where not."""
        if case.phase != DECODE or case.backend == "cpu":
            return True
        own = [part.decode for part in case.parts if part.posterior.backend != "link"]
        reason = impossible(sum(terms[0] + terms[1] for terms in own), seconds)
        if reason is not None:
            self.left_out[reason] += 1
        return reason is None

    @staticmethod
    def _merged(found: list[Timed]) -> Case:
        seconds = well_set(found)
        case = min(found, key=lambda one: abs(one.seconds - seconds)).case
        case.age_years = statistics.median(one.case.age_years for one in found)
        case.seconds = seconds
        case.rows = len(found)
        case.memory_bytes = max(one.case.memory_bytes for one in found)
        case.peak_bytes = max(one.case.peak_bytes for one in found)
        return case

    def _case(self, row, phase) -> Case | None:
        try:
            spec = self._device(row["hardware_name"])
            model = self._model(row["model"])
        except AdvisorError as error:
            self.left_out[str(error)] += 1
            return None
        if PRUNED.search(row["notes"]):
            self.left_out["pruned: another model than its name says"] += 1
            return None
        backend = backend_of_row(row, spec.vendor.lower())
        if model.architecture is None:
            self.left_out[f"architecture not known: {model.id}"] += 1
            return None
        reason = told(row)
        if reason is not None:
            self.left_out[reason] += 1
            return None
        formats = self.constants.engine(ENGINES.get(backend or "", "llama.cpp")).formats
        weights = self._weight(model, in_format(row["quant"], formats), number(row["file_size_gib"]) * 2**30)
        unread = backend == "vllm" and weights is not None and weights.format not in formats
        if backend is None or weights is None or unread or spec.bandwidth_bytes_per_s is None:
            self.left_out[f"engine or quantization: {row['backend']} {row['quant']}"] += 1
            return None
        reason = slowed(row, spec.power_w, weights.file_bytes) if backend != "cpu" else None
        if reason is not None:
            self.left_out[reason] += 1
            return None
        return self._timed(row, phase, (spec, backend, model, weights))

    def _timed(self, row, phase, what) -> Case | None:
        spec, backend, model, weights = what
        shape, person = self._shape(model), self._people.get(row["source_id"], row["source_id"])
        prompt, generated = number(row["n_prompt"]), number(row["n_gen"], 128) or 128
        depth = number(row["depth"])
        if phase == DECODE and row["source_id"] in ("localmaxxing", "guruswami_nvidia", "guruswami_m3ultra"):
            depth = max(depth, prompt)
        if phase == PREFILL and depth == prompt:
            depth = 0.0  # the depth its answer was written at: the prompt itself was read from an empty cache
        tokens = (prompt or 512) if phase == PREFILL else 1.0
        count = max(1, int(number(row["n_gpus"], 1)))
        machine = self._machine(spec, backend, count, row)
        workload = Workload(
            task="chat", prompt_tokens=int(depth if phase == DECODE else tokens), context=4096,
            output_tokens=int(generated) if phase == DECODE else 0,
        )  # fmt: skip
        setting = self._setting(machine, (shape, weights), backend, workload, row)
        reason = not_a_reading(row, setting) if phase == PREFILL and backend != "cpu" else ""
        if reason:
            self.left_out[reason] += 1
            return None
        parts, _ = parts_of(setting)
        if phase == PREFILL and depth:
            parts = _deeper(parts, shape, tokens, depth, self._attention_rate(machine, backend))
        key = (
            person, spec.name, count, backend, model.id, row["quant"], depth // 64, phase, tokens // 64,
            setting.choice.engine.micro_batch if phase == PREFILL else 0,
        )  # fmt: skip
        architecture, bandwidth = spec.architecture or "", (spec.bandwidth_bytes_per_s or 0.0) * count
        if backend == "cpu":
            power = cpu_power(machine, self.constants)
            architecture = cpu_class(power) if power else ""
            bandwidth = machine.memory.bandwidth_bytes_per_s or 0.0
            key += (machine.cpu.physical_cores, bandwidth)
        share = (shape.active_params / shape.total_params) if shape.total_params else 1.0
        return Case(
            source=person, device=spec.name, vendor="cpu" if backend == "cpu" else spec.vendor.lower(),
            backend=backend, architecture=f"{architecture} {spec.name}", count=count, model=model.id,
            quant=row["quant"], moe=bool(shape.n_experts), depth=depth, phase=phase, tokens=tokens, parts=parts,
            seconds=0.0, file_bytes=weights.file_bytes, active_share=share,
            bandwidth=bandwidth, key=key, bits=8 * weights.file_bytes / max(1, shape.total_params),
            plain=not model.architecture.ple_dim, age_years=age_of(row["date"]),
            memory_bytes=number(row["memory_gb"]) * 2**30 * count,
            peak_bytes=number(row["peak_mem_gb"]) * 2**30 if row["file_size_gib"] else 0.0,
        )  # fmt: skip

    def _setting(self, machine, what, backend, workload, row) -> Setting:
        shape, weights = what
        engine = self.constants.engine(ENGINES.get(backend, "llama.cpp"))
        engine = replace(
            engine, micro_batch=micro_batch_of(row, engine.micro_batch),
            flash_attention=engine.flash_attention and row["flash_attn"] not in WITHOUT_FLASH_ATTENTION,
        )  # fmt: skip
        choice = Choice(shape, weights, engine, cache_layout(workload, engine))
        if backend == "cpu":
            constants = of_date(self.constants, row["date"])
            return Setting(choice, Placement(kind=PlacementKind.CPU), machine, workload, constants)
        n = len(machine.accelerators)
        split = n if backend == "vllm" else 1
        placement = Placement(
            kind=PlacementKind.GPU, gpu_layers=shape.n_layers + 1, devices=tuple(range(n)), tensor_parallel=split
        )
        return Setting(choice, placement, machine, workload, self.constants)

    def _machine(self, spec, backend, count, row) -> Machine:
        from advisor.catalog.machines import accelerator_of

        if backend == "cpu":
            return _processor(spec, row)
        one = replace(accelerator_of(spec, memory_bytes=1 << 40), memory_available_bytes=1 << 40)
        if backend not in ENGINES:
            one = replace(one, backend=backend)
        if "no NVLink" in row["notes"]:
            one = replace(one, link_bytes_per_s=None)
        devices = tuple(replace(one, index=i, unified=False) for i in range(count))
        return Machine(name=spec.name, origin="catalog", cpu=Cpu(physical_cores=16), accelerators=devices)

    def _attention_rate(self, machine: Machine, backend: str) -> float:
        """FLOPs a second that attention to earlier tokens is counted at."""
        if backend != "cpu":
            return compute_rate(machine.accelerators[0], self.constants, backend)
        power = cpu_power(machine, self.constants)
        return prompt_rates(power, self.constants)[0] if power else math.inf

    def _device(self, name):
        if name not in self._devices:
            self._devices[name] = self.catalog.hardware.find(name)
        return self._devices[name]

    def _model(self, name):
        if name not in self._models:
            self._models[name] = self.catalog.resolve(name)
        return self._models[name]

    def _shape(self, model) -> ModelShape:
        if model.id not in self._shapes:
            self._shapes[model.id] = shape_of(model.architecture)
        return self._shapes[model.id]

    def _weight(self, model, quant, file_bytes) -> WeightProfile | None:
        key = (model.id, quant)
        if key not in self._weights:
            found = self.catalog.weights(model.id, QUANTS.get(quant, quant))
            self._weights[key] = found
        found = self._weights[key]
        return found.scaled_to(int(file_bytes)) if found is not None and file_bytes else found


def _processor(spec, row) -> Machine:
    """A machine of this processor with as many cores as the row used threads, and its own memory where that is told."""
    from advisor.catalog.machines import cpu_of

    cpu = cpu_of(spec)
    noted = THREADS_NOTED.search(row["notes"])
    threads = row["threads"] or (noted and (noted[1] or noted[2])) or threads_used(cpu)
    if HYPERTHREADS.search(row["hardware_name"]):
        threads = max(1, int(threads or 2) // 2)
    sets = spec.instruction_sets or (("neon", "dotprod", "i8mm") if row["hw_kind"] == "arm" else ())
    bandwidth = number(row["mem_bandwidth_gb_s"]) * 1e9 or spec.bandwidth_bytes_per_s
    return Machine(
        name=spec.name, origin="catalog", memory=HostMemory(bandwidth_bytes_per_s=bandwidth),
        cpu=Cpu(name=spec.name, physical_cores=int(threads), clusters=cpu.clusters, instruction_sets=sets),
    )  # fmt: skip


def _deeper(parts: list[Part], shape, tokens, depth, flops) -> list[Part]:
    """Prefill terms of a prompt read after `depth` tokens: more attention."""
    more = prompt_work(shape, tokens, depth).attention - prompt_work(shape, tokens).attention
    first = parts[0]
    prefill = (*first.prefill[:6], first.prefill[6] + more / flops, first.prefill[7])
    return [replace(first, prefill=prefill), *parts[1:]]
