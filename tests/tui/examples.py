"""Hand-made nouns and a session that answers from them: what the app is tested with. All figures are made up."""

import threading
from dataclasses import dataclass, replace
from types import SimpleNamespace

from advisor.decide.assessment import Assessment
from advisor.decide.budget import judge
from advisor.decide.candidates import Candidate, System
from advisor.decide.choice import Choice, Quality
from advisor.decide.counterfactual import Need
from advisor.decide.explanation import why
from advisor.decide.question import Question
from advisor.decide.recommendation import NearMiss, Pick, Recommendation
from advisor.domain.device import DeviceKind, DeviceSpec
from advisor.domain.estimate import (
    DeviceMemory,
    Estimate,
    Flops,
    Footprint,
    Placement,
    PlacementKind,
    Speed,
    TimeTerm,
)
from advisor.domain.machine import Accelerator, Cpu, Disk, EngineFound, HostMemory, Machine
from advisor.domain.model import Context, EvidenceRow, Grade, Licence, Model, Tuning
from advisor.domain.quantity import Basis, Quantity
from advisor.domain.sizes import QuantSize
from advisor.domain.units import GIB
from advisor.domain.workload import Task
from advisor.errors import UsageError
from advisor.tui.session import (
    BenchReport,
    BenchSample,
    DownloadOffer,
    Measured,
    OfferedFile,
    SizingAnswer,
    SizingRow,
)
from advisor.verbs.question import build_budget, build_workload

BITS = {"Q8_0": 8.5, "Q6_K": 6.6, "Q5_K_M": 5.7, "Q4_K_M": 4.85, "Q3_K_M": 3.9, "Q2_K": 2.96}


def task(name, title, prompt, output, ttft, tpot, latency):
    return Task(
        name=name, title=title, prompt_tokens=prompt, output_tokens=output, thinking_tokens=1500, max_ttft_s=ttft,
        max_tpot_s=tpot, max_latency_s=latency, categories=("llm",),
    )  # fmt: skip


TASKS = (
    task("chat", "Chat", 1024, 512, 2.0, 0.1, 60.0),
    task("coding", "Coding", 4096, 1024, 5.0, 0.05, 120.0),
    task("summarization", "Summarization", 16384, 512, 20.0, None, 90.0),
)

WORKSTATION = Machine(
    name="workstation",
    origin="probed",
    os="linux",
    cpu=Cpu(name="AMD Ryzen 9 7950X", physical_cores=16, usable_threads=32),
    memory=HostMemory(total_bytes=int(62.7 * GIB), available_bytes=int(55.2 * GIB), bandwidth_bytes_per_s=83e9),
    accelerators=(
        Accelerator(
            index=0,
            name="RTX 4090",
            vendor="nvidia",
            memory_total_bytes=24 * GIB,
            memory_available_bytes=int(22.9 * GIB),
            bandwidth_bytes_per_s=1008e9,
            backend="cuda",
        ),
    ),
    disks=(Disk(path="/home", free_bytes=412 * GIB),),
    engines=(EngineFound(name="llama.cpp", version="b6210"),),
)
SMALL_SERVER = Machine(
    name="server",
    origin="probed",
    cpu=Cpu(name="AMD EPYC 7B13", usable_threads=2),
    memory=HostMemory(total_bytes=24 * GIB, available_bytes=int(20.1 * GIB), bandwidth_bytes_per_s=20e9),
)


@dataclass(frozen=True)
class Sort:
    """A made-up model: parameters in billions, points, grade."""

    name: str
    total: float
    active: float
    score: float
    sd: float
    grade: Grade
    quant: str = "Q4_K_M"
    thinks: bool = False
    licence: str = "apache-2.0"


MODELS = (
    Sort("Alder 30B A3B", 30.5, 3.3, 78.4, 3.1, Grade.MEASURED),
    Sort("Birch 14B", 14.8, 14.8, 75.1, 3.3, Grade.MEASURED, "Q5_K_M", licence="mit"),
    Sort("Cedar 20B Reasoning", 20.9, 3.6, 74.0, 4.2, Grade.SIBLING, "Q4_K_M", thinks=True),
    Sort("Dogwood 12B Instruct", 12.2, 12.2, 71.3, 3.0, Grade.MEASURED, licence="gemma"),
    Sort("Elm 8B", 8.2, 8.2, 69.0, 3.4, Grade.MEASURED, "Q8_0"),
    Sort("Fir 9B", 9.4, 9.4, 66.2, 6.1, Grade.IMPUTED, "Q6_K"),
    Sort("Ginkgo 4B", 4.0, 4.0, 61.7, 3.6, Grade.MEASURED, "Q8_0", licence="mit"),
    Sort("Hazel 3B", 3.2, 3.2, 55.0, 9.0, Grade.PRIOR, "Q8_0"),
    Sort("Ivy 1.7B", 1.7, 1.7, 48.2, 3.9, Grade.MEASURED, "Q8_0"),
    Sort("Juniper 0.6B", 0.6, 0.6, 37.5, 4.0, Grade.MEASURED, "Q8_0"),
)
TOO_LARGE = (
    Sort("Kauri 70B", 70.6, 70.6, 80.2, 3.0, Grade.MEASURED, "Q4_K_M", licence="llama3.3"),
    Sort("Larch 235B A22B", 235.0, 22.0, 86.0, 3.0, Grade.MEASURED, "Q3_K_M"),
)


def model(sort: Sort) -> Model:
    slug = sort.name.lower().replace(" ", "-")
    return Model(
        id=f"grove/{slug}",
        name=sort.name,
        family="grove",
        vendor="Grove",
        category="llm",
        released="2025-07-21",
        total_params=int(sort.total * 1e9),
        active_params=int(sort.active * 1e9),
        kind="dense" if sort.total == sort.active else "moe",
        context=Context(native=131072),
        licence=Licence(id=sort.licence, commercial=True),
    )


def spread(value: float) -> Quantity:
    return Quantity(value * 0.82, value, value * 1.25)


def footprint(machine: Machine, weights: float, context: int) -> tuple[Placement, Footprint]:
    """Weights on the GPU where they fit, split where they do not, else in main memory."""
    kv = int(context * 98_304)
    compute, overhead = int(0.55 * GIB), int(0.42 * GIB)
    host_room = machine.memory.available_bytes
    gpu = machine.accelerators[0] if machine.accelerators else None
    if gpu is None:
        host = DeviceMemory(
            device="host",
            weights_bytes=int(weights),
            kv_cache_bytes=kv,
            compute_bytes=compute,
            available_bytes=host_room,
        )
        return Placement(kind=PlacementKind.CPU), Footprint(devices=(host,))
    room = (gpu.memory_available_bytes or 0) - kv - compute - overhead
    inside = int(min(weights, room * 0.97))
    kind = PlacementKind.GPU if inside >= weights else PlacementKind.SPLIT
    devices = [
        DeviceMemory(
            device="gpu0", weights_bytes=inside, kv_cache_bytes=kv, compute_bytes=compute, overhead_bytes=overhead,
            available_bytes=gpu.memory_available_bytes,
        ),
        DeviceMemory(
            device="host", weights_bytes=int(weights) - inside, overhead_bytes=int(0.2 * GIB), available_bytes=host_room
        ),
    ]  # fmt: skip
    return Placement(kind=kind, gpu_layers=40, devices=(0,)), Footprint(devices=tuple(devices))


def speed(machine: Machine, sort: Sort, bits: float, share_on_host: float, workload) -> Speed:
    gpu = machine.accelerators[0].bandwidth_bytes_per_s if machine.accelerators else None
    host = machine.memory.bandwidth_bytes_per_s
    active = sort.active * 1e9 * bits / 8
    weights = active * share_on_host / host + (active * (1 - share_on_host) / gpu if gpu else 0.0)
    kv = workload.prompt_tokens * 98_304 / (gpu or host)
    fixed = 0.0011
    tpot = weights + kv + fixed
    compute = workload.prompt_tokens * 2 * sort.active * 1e9 / (120e12 if gpu and share_on_host == 0 else 0.6e12)
    ttft = compute + weights + fixed
    tokens = workload.output_tokens + workload.thinking_tokens
    load = sort.total * 1e9 * bits / 8 / 2.4e9
    return Speed(
        load_s=spread(load),
        ttft_s=spread(ttft),
        tpot_s=spread(tpot),
        prefill_tokens_per_s=spread(ttft / workload.prompt_tokens).inverse(),
        decode_tokens_per_s=spread(tpot).inverse(),
        latency_s=spread(ttft + tokens * tpot),
        terms=(
            TimeTerm(phase="load", name="disk", seconds=load),
            TimeTerm(phase="prefill", name="compute", seconds=compute),
            TimeTerm(phase="prefill", name="weights", seconds=weights),
            TimeTerm(phase="prefill", name="overhead", seconds=fixed),
            TimeTerm(phase="decode", name="weights", seconds=weights),
            TimeTerm(phase="decode", name="KV cache", seconds=kv),
            TimeTerm(phase="decode", name="overhead", seconds=fixed),
        ),
    )


def estimate(sort: Sort, quant: str, machine: Machine, workload) -> Estimate:
    bits = BITS[quant]
    weights = sort.total * 1e9 * bits / 8
    placement, memory = footprint(machine, weights, workload.context)
    on_host = next((d.weights_bytes for d in memory.devices if d.device == "host"), 0) / weights
    return Estimate(
        model=model(sort).id,
        quant=quant,
        engine="llama.cpp",
        placement=placement,
        context=workload.context,
        kv_type="f16",
        bits_per_weight=bits,
        footprint=memory,
        speed=speed(machine, sort, bits, on_host, workload),
        flops=Flops(per_output_token=2e9 * sort.active, prompt=2e9 * sort.active * workload.prompt_tokens),
        joules_per_answer=None,
        basis=Basis.ESTIMATED,
        fits=memory.fits,
    )


def loss(quant: str) -> float:
    return {"Q8_0": 0.0, "Q6_K": 0.1, "Q5_K_M": 0.3, "Q4_K_M": 0.8, "Q3_K_M": 2.4, "Q2_K": 6.5}[quant]


def assessment(sort: Sort, question: Question, machine: Machine, quant: str | None = None) -> Assessment:
    quant = quant or sort.quant
    workload = replace(question.workload, thinking_tokens=1500 if sort.thinks else 0)
    workload = replace(
        workload,
        context=max(workload.context, workload.prompt_tokens + workload.output_tokens + workload.thinking_tokens),
    )
    entry = SimpleNamespace(
        id=model(sort).id, name=sort.name, context_max=131072, total_params=int(sort.total * 1e9), published={},
        tuning=Tuning.INSTRUCT,
    )  # fmt: skip
    system = System(
        entry=entry, mode="thinking" if sort.thinks else "default", base_score=sort.score, base_sd=sort.sd,
        grade=sort.grade, thinking_tokens=workload.thinking_tokens,
    )  # fmt: skip
    weights = int(sort.total * 1e9 * BITS[quant] / 8)
    size = QuantSize(
        bits_per_weight=BITS[quant], file_bytes=weights, tensor_bytes=weights, dense_bytes=weights, expert_bytes=0
    )
    candidate = Candidate(
        system=system, quant=quant, engine="llama.cpp", size=size, active_bytes=sort.active * 1e9 * BITS[quant] / 8,
        score=sort.score - loss(quant), sd=sort.sd, utility=sort.score,
    )  # fmt: skip
    found = estimate(sort, quant, machine, workload)
    verdict = judge(found.speed, question.budget, workload.thinking_tokens)
    return Assessment(candidate=candidate, workload=workload, estimate=found, verdict=verdict)


def question(request) -> Question:
    found = next((t for t in TASKS if t.name == (request.task or "chat")), None)
    if found is None:
        raise UsageError(f"no task is called {request.task}")
    return Question(
        task=found, workload=build_workload(request, found), budget=build_budget(request, found), limit=request.limit
    )


def recommendation(request, machine: Machine = WORKSTATION) -> Recommendation:
    asked = question(request)
    assessed = [(sort, assessment(sort, asked, machine)) for sort in (*MODELS, *TOO_LARGE)]
    good = [(s, a) for s, a in assessed if a.works]
    bad = [(s, a) for s, a in assessed if not a.works]
    if not good and not asked.budget.stated:
        good, bad = [(s, a) for s, a in bad if a.estimate.fits], [(s, a) for s, a in bad if not a.estimate.fits]
    row = EvidenceRow(
        benchmark="arena", task="chat", score=1342, unit="elo", date="2025-09-01", source="https://example.org"
    )
    picks = tuple(
        Pick(rank=i + 1, model=model(s), assessment=a, evidence=(row,),
             why=why(a, tuple(x for _, x in good[i + 1 : i + 2]), asked.task.title))
        for i, (s, a) in enumerate(good)
    )  # fmt: skip
    return Recommendation(
        machine=machine, question=asked, catalog_models=142, catalog_sha256="0" * 64, picks=picks,
        near_misses=tuple(NearMiss(model=model(s), assessment=a, needs=needs(a)) for s, a in bad[:5]),
        rejected={"not_for_task": 41, "memory": 12},
    )  # fmt: skip


def needs(found: Assessment) -> tuple[Need, ...]:
    short = [d for d in found.estimate.footprint.devices if (d.headroom_bytes or 0) < 0]
    texts = [f"{-(d.headroom_bytes or 0) / GIB:.1f} GiB more memory on {d.device}" for d in short]
    texts += [
        f"--{m.limit.replace('_s', '').replace('_', '-')} {m.needed_s:.2g} s instead of {m.allowed_s:g} s"
        for m in found.verdict.misses
    ]
    return tuple(
        Need(lever="memory", field="memory", current=None, needed=None, text=text, alone=len(texts) == 1)
        for text in texts
    )


def choice(sort: Sort, quant: str, asked: Question, machine: Machine) -> Choice:
    a = assessment(sort, asked, machine, quant)
    return Choice(
        machine=machine, question=asked, model=model(sort), mode="default", workload=a.workload, estimate=a.estimate,
        verdict=a.verdict,
        quality=Quality(score=a.candidate.score, sd=sort.sd, grade=sort.grade, base_score=sort.score),
    )  # fmt: skip


DEVICES = tuple(
    DeviceSpec(
        id=name.lower().replace(" ", "-"), name=name, kind=kind, vendor=vendor, memory_bytes=memory * GIB,
        bandwidth_bytes_per_s=bandwidth * 1e9, form=form,
    )
    for name, kind, vendor, memory, bandwidth, form in (
        ("GeForce RTX 4090", DeviceKind.GPU, "nvidia", 24, 1008, "consumer"),
        ("GeForce RTX 3060 12 GB", DeviceKind.GPU, "nvidia", 12, 360, "consumer"),
        ("Radeon RX 7900 XTX", DeviceKind.GPU, "amd", 24, 960, "consumer"),
        ("H100 SXM", DeviceKind.GPU, "nvidia", 80, 3352, "datacenter"),
        ("M4 Max", DeviceKind.SOC, "apple", 64, 546, "laptop"),
        ("Ryzen AI Max+ 395", DeviceKind.SOC, "amd", 128, 256, "laptop"),
        ("DGX Spark", DeviceKind.MACHINE, "nvidia", 128, 273, "workstation"),
    )
)  # fmt: skip


class ExampleSession:
    """Answers from the nouns above. `hold`: work waits for this event, so a test can look at it half way."""

    def __init__(self, machine=WORKSTATION, hold: threading.Event | None = None):
        self.machine = machine
        self.hold = hold
        self.asked = []
        self.selections = []
        self.fail = {}
        self.fresh = None

    def _wait(self):
        if self.hold is not None:
            assert self.hold.wait(20)

    def _maybe_fail(self, name):
        if name in self.fail:
            raise self.fail[name]

    def tasks(self):
        self._maybe_fail("tasks")
        return TASKS

    def here(self, say):
        self._maybe_fail("here")
        say("asking the NVIDIA driver (up to 5 s) …")
        return self.machine

    def refreshed(self, machine):
        self._maybe_fail("refreshed")
        return self.fresh or machine

    def simulated(self, simulation):
        self.selections.append(simulation)
        self._maybe_fail("simulated")
        return replace(SMALL_SERVER, name="simulated", origin="stated", accelerators=WORKSTATION.accelerators)

    def devices(self):
        return DEVICES

    def recommend(self, request, machine):
        self.asked.append(request)
        self._maybe_fail("recommend")
        return recommendation(request, machine)

    def _sort(self, model_id):
        return next(s for s in (*MODELS, *TOO_LARGE) if model(s).id == model_id)

    def ladder(self, model_id, mode, request, machine):
        return tuple(choice(self._sort(model_id), quant, question(request), machine) for quant in BITS)

    def contexts(self, model_id, quant, mode, request, machine):
        sizes = (4096, 8192, 16384, 32768, 65536, 131072)
        return tuple(
            choice(self._sort(model_id), quant, question(replace(request, context=size)), machine) for size in sizes
        )

    def offer(self, target):
        self._maybe_fail("offer")
        files = (
            OfferedFile(path="alder-30b-a3b-q4_k_m-00001-of-00002.gguf", size_bytes=15 * GIB, have_bytes=0),
            OfferedFile(path="alder-30b-a3b-q4_k_m-00002-of-00002.gguf", size_bytes=int(2.3 * GIB), have_bytes=GIB),
        )
        return DownloadOffer(
            target=target, repo="grove/alder-30b-a3b-GGUF", revision="4fd1c9a27b", quant="Q4_K_M", files=files,
            missing_bytes=int(16.3 * GIB), needed_bytes=int(17.3 * GIB), free_bytes=412 * GIB,
            folder="/home/ada/.local/share/advisor/models", licence="apache-2.0",
        )  # fmt: skip

    def download(self, offer, watch):
        for file in offer.files:
            watch.start(file.path, file.size_bytes, file.have_bytes)
            watch.advance(file.size_bytes // 2)
            self._wait()
            watch.advance(file.size_bytes)
            watch.verify(file.size_bytes, file.size_bytes)
            watch.finish(file.path)
        self._maybe_fail("download")
        return f"{offer.folder}/{offer.files[0].path}"

    def bench(self, target, request, watch):
        self._maybe_fail("bench")
        watch.note("loading the model")
        samples = tuple(
            BenchSample(run=i + 1, ttft_s=t, prefill_tokens_per_s=1024 / t, decode_tokens_per_s=d)
            for i, (t, d) in enumerate(((0.101, 187.0), (0.094, 191.5), (0.095, 190.8), (0.097, 189.9)))
        )
        for index, sample in enumerate(samples):
            if index == 2:
                self._wait()
            watch.sample(sample)
        return BenchReport(
            model="Alder 30B A3B", quant="Q4_K_M", engine="llama.cpp", engine_version="b6210", prompt_tokens=1024,
            output_tokens=128, samples=samples,
            figures=(
                Measured(name="first token s", value=0.096, predicted=spread(0.11), smaller_is_better=True),
                Measured(name="prefill tokens/s", value=10660.0, predicted=spread(9300.0)),
                Measured(name="decode tokens/s", value=190.3, predicted=spread(171.0)),
            ),
            peak_memory_bytes=int(18.9 * GIB), predicted_memory_bytes=int(19.4 * GIB),
        )  # fmt: skip

    def size(self, request):
        rows = (
            ("Radeon RX 7900 XTX", 899.0, "Alder 30B A3B", 11, "bandwidth", 118.0, True),
            ("GeForce RTX 4090", 1599.0, "Alder 30B A3B", 14, "bandwidth", 171.0, True),
            ("DGX Spark", 3999.0, "Alder 30B A3B", 9, "compute", 61.0, True),
            ("GeForce RTX 3060 12 GB", 289.0, "Elm 8B", 2, "memory", 38.0, False),
        )
        users = request.users or 1
        return SizingAnswer(
            rows=tuple(
                SizingRow(
                    machine=name, price_usd=price, price_date="2025-11", price_complete="DGX" in name,
                    model=sort, quant="Q4_K_M",
                    users_held=held, binds=binds, headroom_ratio=held / users, ttft_s=0.4, tokens_per_s=rate,
                    score=77.6, meets=meets,
                )
                for name, price, sort, held, binds, rate, meets in rows
            ),
            rejected=(("too_slow", 31), ("memory", 12)),
        )  # fmt: skip
